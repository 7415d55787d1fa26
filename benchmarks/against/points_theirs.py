"""How do GribJump and Polytope extract points?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import work
from sample import Sample


def fill(sample: Sample) -> None:
    """Store 100 fields of the octahedral grid twice, and index them with gribjump-scan."""
    import pyfdb

    _configure(sample)
    store = pyfdb.FDB(work.config_of(sample.work, sample.own / "points"))
    for name in work.EXPVERS:
        for named, message in work.keys_and_messages(sample.work, name):
            store.archive(message, named)
    store.flush()
    _scan()


def _scan() -> None:
    import gribjumplib

    home = Path(gribjumplib.__file__).parent
    libraries = ":".join(str(folder) for folder in home.parent.glob("*lib*/lib64"))
    for expver in work.EXPVERS.values():
        subprocess.run(
            [home / "bin" / "gribjump-scan", f"class=rd,expver={expver}"],
            check=True,
            stdout=sys.stderr,
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
        )


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
    from polytope_feature.polytope import Polytope

    jump = _warm(sample, "large")
    api = Polytope(datacube=jump, options=_options(sample))
    api.retrieve(_country([[10, 10], [10, 12], [12, 11]]))
    request = _country(work.outline(sample.work))
    with sample.clock():
        api = Polytope(datacube=jump, options=_options(sample))
        tree = api.retrieve(request)
        rows = [row for leaf in tree.leaves for row in _rows(leaf)]
        found = np.array(rows).T
    sample.result = found[:, np.lexsort((found[1], found[0]))]


def _rows(leaf):
    place = leaf.flatten()
    return zip(
        np.broadcast_to(place["latitude"], len(place["longitude"])),
        place["longitude"],
        leaf.result,
        strict=True,
    )


def _country(outline):
    from polytope_feature.polytope import Request
    from polytope_feature.shapes import Polygon, Select

    chosen = {**work.COMMON, "expver": work.LARGE[1], "levelist": "500", "param": "130"}
    del chosen["date"], chosen["time"]
    selects = [Select(keyword, [value]) for keyword, value in chosen.items()]
    import pandas as pd

    selects += [Select("date", [pd.Timestamp("20260101T000000")]), Select("step", [0])]
    return Request(Polygon(["latitude", "longitude"], outline), *selects)


def _options(sample: Sample) -> dict:
    mapper = {"name": "mapper", "type": "octahedral", "resolution": work.LARGE[0]}
    mapper |= {"axes": ["latitude", "longitude"], "md5_hash": (sample.work / "large.md5").read_text()}
    merge = {"name": "merge", "other_axis": "time", "linkers": ["T", "00"]}
    integer = {"name": "type_change", "type": "int"}
    return {
        "axis_config": [
            {"axis_name": "step", "transformations": [integer]},
            {"axis_name": "date", "transformations": [merge]},
            {"axis_name": "values", "transformations": [mapper]},
            {"axis_name": "latitude", "transformations": [{"name": "reverse", "is_reverse": True}]},
            {"axis_name": "longitude", "transformations": [{"name": "cyclic", "range": [0, 360]}]},
        ],
        "compressed_axes_config": [
            "longitude", "latitude", "levtype", "step", "date", "domain", "expver", "param", "class",
            "stream", "type", "levelist",
        ],
        "pre_path": {"class": "rd", "expver": work.LARGE[1], "levtype": "pl", "stream": "oper"},
    }  # fmt: skip


def _one(sample: Sample, name: str) -> None:
    jump = _warm(sample, name)
    indices, _ = work.points(sample.work)
    md5 = (sample.work / f"{name}.md5").read_text()
    requests = [
        ({**_common(name), "step": str(step)}, [(index, index + 1)], md5)
        for step, index in enumerate(indices.tolist())
    ]
    with sample.clock():
        values = [jump.extract([request]).dump_values()[0] for request in requests]
    sample.result = np.concatenate([np.ravel(found) for found in values])


def _many(sample: Sample, name: str) -> None:
    jump = _warm(sample, name)
    indices, _ = work.points(sample.work)
    md5 = (sample.work / f"{name}.md5").read_text()
    ranges = [(index, index + 1) for index in indices.tolist()]
    with sample.clock():
        requests = [({**_common(name), "step": str(step)}, ranges, md5) for step in range(work.N_STEPS)]
        values = jump.extract(requests).dump_values()
    sample.result = np.array(values).reshape(work.N_STEPS, len(ranges))


def _warm(sample: Sample, name: str):
    """One query before the clock: MARS language and the files' indexes are in memory."""
    _configure(sample)
    from pygribjump import GribJump

    jump = GribJump()
    md5 = (sample.work / f"{name}.md5").read_text()
    jump.extract([({**_common(name), "step": "0"}, [(5, 6)], md5)]).dump_values()
    return jump


def _configure(sample: Sample) -> None:
    os.environ["FDB_CONFIG"] = json.dumps(work.config_of(sample.work, sample.own / "points"))


def _common(name: str) -> dict[str, str]:
    return {**work.COMMON, "expver": work.EXPVERS[name], "levelist": "500", "param": "130"}
