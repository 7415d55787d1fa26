"""How does dte_hpc extract points?"""

import numpy as np
import work
from sample import Sample

from dte_hpc.base.field import Metadata
from dte_hpc.codecs.layout import EncodedField, read_layout
from dte_hpc.codecs.points import find_block_offsets
from dte_hpc.extract import extract
from dte_hpc.fdb import FDB


def fill(sample: Sample) -> None:
    """Store 100 fields of the octahedral grid twice, simple and compressed; each with an index."""
    with _store(sample) as store:
        for name in work.EXPVERS:
            for named, message in work.keys_and_messages(sample.work, name):
                store.archive(_indexed(named, message))


def _indexed(named: dict[str, str], message: bytes) -> EncodedField:
    """Return a message as our encoder hands it over: with the offsets of its compressed blocks."""
    layout, offsets = read_layout(message), find_block_offsets(message)
    return EncodedField(message=message, layout=layout, block_offsets=offsets, metadata=Metadata(named))


def one_simple(sample: Sample) -> None:
    """100 queries, one after the other, each of one point of one field."""
    _one(sample, "simple")


def one_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _one(sample, "ccsds")


def many_simple(sample: Sample) -> None:
    """One query: 100 scattered points of 100 fields."""
    _many(sample, "simple")


def many_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _many(sample, "ccsds")


def country(sample: Sample) -> None:
    """The points inside an outline, from the request to coordinates and values."""
    store = _warm(sample, "large")
    request = _country(work.outline(sample.work))
    extract(store, _country([[10, 10], [10, 12], [12, 11]]))
    with sample.clock():
        answer = extract(store, request)
    order = np.lexsort((answer.longitude, answer.latitude))
    found = (answer.latitude[order], answer.longitude[order], answer.values[order])
    sample.result = np.stack(found)


def _country(outline: list[list[float]]) -> dict:
    feature = {"type": "polygon", "shape": outline}
    return {**_common("large"), "step": "0", "feature": feature}


def _one(sample: Sample, name: str) -> None:
    store = _warm(sample, name)
    _, places = work.points(sample.work)
    requests = [_series(name, [place], str(step)) for step, place in enumerate(places.tolist())]
    with sample.clock():
        answers = [extract(store, request) for request in requests]
    sample.result = np.concatenate([answer.values for answer in answers])


def _many(sample: Sample, name: str) -> None:
    store = _warm(sample, name)
    _, places = work.points(sample.work)
    request = _series(name, places.tolist(), f"0/to/{work.N_STEPS - 1}")
    with sample.clock():
        answer = extract(store, request)
    sample.result = answer.table


def _warm(sample: Sample, name: str) -> FDB:
    """One query before the clock: code, grid and index are in memory."""
    store = _store(sample)
    extract(store, _series(name, [[10.0, 10.0], [20.0, 20.0]], "0"))
    return store


def _series(name: str, places: list, steps: str) -> dict:
    feature = {"type": "timeseries", "points": places, "time_axis": "step"}
    return {**_common(name), "step": steps, "feature": feature}


def _common(name: str) -> dict[str, str]:
    return {**work.COMMON, "expver": work.EXPVERS[name], "levelist": "500", "param": "130"}


def _store(sample: Sample) -> FDB:
    return FDB(sample.own / "points", schema=sample.work / "schema")
