"""How does dte_hpc extract?"""

import json
import subprocess
import sys
from pathlib import Path

import extract_shapes as shapes
import extract_work as facts
import numpy as np
from sample import Sample

from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import GribEncoder, Packing
from dte_hpc.codecs.decode import decode, grid_name
from dte_hpc.codecs.layout import EncodedField, read_layout
from dte_hpc.codecs.points import find_block_offsets
from dte_hpc.extract import Account, Options, ReadPolicy, extract, values_at
from dte_hpc.fdb import FDB
from dte_hpc.job.launch import environment, mpiexec

SMALL_RING = [[10, 10], [10, 12], [12, 11]]
BY_CALLS = ReadPolicy(map_files=False)


def fill(sample: Sample, name: str) -> None:
    """Store all fields of one kind, with block offsets as our encoder hands them over."""
    with _store(sample) as store:
        for named, message in facts.fields(sample.work, name):
            layout, offsets = read_layout(message), find_block_offsets(message)
            store.archive(
                EncodedField(message=message, layout=layout, block_offsets=offsets, metadata=Metadata(named))
            )


def one_simple(sample: Sample) -> None:
    """100 queries, one after the other, each of one point of one field."""
    _one(sample, "simple")


def one_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _one(sample, "ccsds")


def indexed_simple(sample: Sample) -> None:
    """`size` points of one field, by their indices."""
    _indexed(sample, "simple", "0")


def indexed_ccsds(sample: Sample) -> None:
    """The same in a compressed field."""
    _indexed(sample, "ccsds", "0")


def indexed_all_simple(sample: Sample) -> None:
    """`size` points of every field."""
    _indexed(sample, "simple", _all(sample))


def indexed_all_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _indexed(sample, "ccsds", _all(sample))


def indexed_simple_by_calls(sample: Sample) -> None:
    """`size` points of one field, each read by a call, so that all reading can be seen from outside."""
    _indexed(sample, "simple", "0", BY_CALLS)


def indexed_ccsds_by_calls(sample: Sample) -> None:
    """The same in a compressed field."""
    _indexed(sample, "ccsds", "0", BY_CALLS)


def indexed_all_simple_by_calls(sample: Sample) -> None:
    """`size` points of every field."""
    _indexed(sample, "simple", _all(sample), BY_CALLS)


def indexed_all_ccsds_by_calls(sample: Sample) -> None:
    """The same in compressed fields."""
    _indexed(sample, "ccsds", _all(sample), BY_CALLS)


def flight_by_calls(sample: Sample) -> None:
    """A flight through levels and steps."""
    _flight(sample, Options(policy=BY_CALLS))


def small_simple(sample: Sample) -> None:
    """One point of `size` small fields."""
    _values(sample, "small_simple", f"0/to/{sample.size - 1}", np.array([1234]))


def small_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _values(sample, "small_ccsds", f"0/to/{sample.size - 1}", np.array([1234]))


def blocks(sample: Sample) -> None:
    """100 scattered points of a field that our encoder compressed with `size` blocks an interval."""
    named, message = next(iter(facts.fields(sample.work, "ccsds")))
    field = Field(metadata=Metadata({**named, "grid": grid_name(message)}), values=decode(message))
    packing = Packing(packing="ccsds", ccsds_rsi=sample.size)
    store, account = FDB(sample.scratch / "blocks", schema=sample.work / "schema"), Account()
    store.archive(GribEncoder(packing).encode(field))
    store.flush()
    found, wanted = store.list({}), facts.indices(sample.work, 100)
    values_at(found, facts.before(sample.work, 100, 1))
    with sample.clock():
        values = values_at(store.list({}), wanted, account=account)
    sample.result = values
    sample.figures |= {"bytes_field": int(found.length[0]), "bytes_table": account.bytes_index}
    sample.figures |= {"bytes_read": account.bytes_read}


def ranks(sample: Sample) -> None:
    """A ring as large as a continent at every step, shared by `size` ranks."""
    program = Path(__file__).with_name("extract_ranks.py")
    command = [mpiexec(), "-n", str(sample.size), sys.executable, program, sample.work, sample.own / "points"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout
    found = json.loads(told.strip().splitlines()[-1])
    sample.seconds = found["seconds"]
    sample.figures["values"] = found["values"]
    sample.result = np.array([found["sum"]])


def series(sample: Sample) -> None:
    """One place at every step, from the request to coordinates and values."""
    feature = {"type": "timeseries", "points": [[48.86, 2.35]], "time_axis": "step"}
    _feature(sample, "ccsds", feature, step=_all(sample))


def box(sample: Sample) -> None:
    """A box of 40 degrees."""
    _feature(sample, "ccsds", {"type": "boundingbox", "points": shapes.BOX})


def polygon(sample: Sample) -> None:
    """A ring of `size` vertices, as large as a country."""
    _feature(sample, "ccsds", {"type": "polygon", "shape": shapes.ring(sample.size, 4.0)})


def large_polygon(sample: Sample) -> None:
    """A ring of 150 vertices, as large as a continent."""
    _feature(sample, "ccsds", {"type": "polygon", "shape": shapes.ring(150, 16.0)})


def flight(sample: Sample) -> None:
    """A flight through levels and steps."""
    _flight(sample)


def _flight(sample: Sample, options: Options | None = None) -> None:
    feature = {
        "type": "trajectory", "points": shapes.FLIGHT, "axes": list(shapes.FLIGHT_AXES),
        "inflation": shapes.FLIGHT_REACH, "inflate": "box",
    }  # fmt: skip
    _feature(sample, "flight", feature, options, step=None, levelist=None)


def _one(sample: Sample, name: str) -> None:
    store = _warm(sample, name)
    wanted = facts.indices(sample.work, 100)
    steps = [str(number % facts.facts(sample.work)["n_steps"]) for number in range(wanted.size)]
    with sample.clock():
        values = [
            values_at(store.list(_request(name, step=step)), wanted[at : at + 1])
            for at, step in enumerate(steps)
        ]
    sample.result = np.concatenate(values).ravel()


def _indexed(sample: Sample, name: str, steps: str, policy: ReadPolicy | None = None) -> None:
    _values(sample, name, steps, facts.indices(sample.work, sample.size), policy)


def _values(
    sample: Sample, name: str, steps: str, wanted: np.ndarray, policy: ReadPolicy | None = None
) -> None:
    store, account = _warm(sample, name), Account()
    found = store.list(_request(name, step=steps))
    if wanted.size == sample.size:
        values_at(found, facts.before(sample.work, sample.size, len(found)), policy=policy)
    with sample.clock():
        found = store.list(_request(name, step=steps))
        values = values_at(found, wanted, account=account, policy=policy)
    sample.result = values[np.argsort(found.column("step").astype(int))]
    sample.figures |= {"values": values.size, "bytes_whole": int(found.length.sum())}
    sample.figures["bytes_read"] = account.bytes_read


def _feature(sample: Sample, name: str, feature: dict, options: Options | None = None, **more: str) -> None:
    store = _warm(sample, name)
    words = _request(name, **{"step": "0", **more}) | {"feature": feature}
    request = {keyword: value for keyword, value in words.items() if value is not None}
    extract(store, _request(name, step="0") | {"feature": {"type": "polygon", "shape": SMALL_RING}})
    with sample.clock():
        answer = extract(store, request, options=options)
        sample.note_answer()
        columns = _columns(answer)
    order = np.lexsort(columns[:4][::-1])
    sample.result = columns[:, order]
    sample.figures["points"] = columns.shape[1]
    sample.figures |= {"values": answer.account.points, "bytes_whole": answer.account.bytes_whole_fields}
    sample.figures["bytes_read"] = answer.account.bytes_read


def _columns(answer) -> np.ndarray:
    """Return step, level, latitude, longitude and value of every value."""
    place = answer.place_of_field
    n_points = np.diff(answer.place_start)[place]
    point = np.concatenate(
        [np.arange(*answer.place_start[at : at + 2]) for at in place.tolist()], dtype=np.int64
    )
    level = np.nan_to_num(np.repeat(answer.level, n_points))
    step = np.repeat(answer.step, n_points)
    return np.stack([step, level, answer.latitude[point], answer.longitude[point], answer.values])


def _warm(sample: Sample, name: str) -> FDB:
    """One query before the clock: code, grid and index are in memory."""
    store = _store(sample)
    place = {"type": "position", "points": [[10.0, 10.0], [20.0, 20.0]]}
    extract(store, _request(name, step="0") | {"feature": place})
    values_at(store.list(_request(name, step="0")), np.array([5]))
    return store


def _request(name: str, **more: str) -> dict:
    return {**facts.common(name), "levelist": "500", **more}


def _all(sample: Sample) -> str:
    return f"0/to/{facts.facts(sample.work)['n_steps'] - 1}"


def _store(sample: Sample) -> FDB:
    return FDB(sample.own / "points", schema=sample.work / "schema")


def fill_simple(sample: Sample) -> None:
    """Store the simply packed series."""
    fill(sample, "simple")


def fill_ccsds(sample: Sample) -> None:
    """Store the compressed series."""
    fill(sample, "ccsds")


def fill_flight(sample: Sample) -> None:
    """Store the levels and steps of the flight."""
    fill(sample, "flight")


def fill_small_simple(sample: Sample) -> None:
    """Store many small fields, simply packed."""
    fill(sample, "small_simple")


def fill_small_ccsds(sample: Sample) -> None:
    """Store many small fields, compressed."""
    fill(sample, "small_ccsds")
