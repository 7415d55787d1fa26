"""How do GribJump and Polytope extract?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import extract_shapes as shapes
import extract_work as facts
import numpy as np
import work
from sample import Sample

SMALL_RING = [[10, 10], [10, 12], [12, 11]]


def fill(sample: Sample, name: str) -> None:
    """Store all fields of one kind, and index them with gribjump-scan."""
    import pyfdb

    _configure(sample)
    store = pyfdb.FDB(work.config_of(sample.work, sample.own / "points"))
    for named, message in facts.fields(sample.work, name):
        store.archive(message, named)
    store.flush()
    import gribjumplib

    home = Path(gribjumplib.__file__).parent
    libraries = ":".join(str(folder) for folder in home.parent.glob("*lib*/lib64"))
    subprocess.run(
        [home / "bin" / "gribjump-scan", f"class=rd,expver={facts.EXPVERS[name]}"],
        check=True,
        stdout=sys.stderr,
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
    )


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


def one_simple(sample: Sample) -> None:
    """100 queries, one after the other, each of one point of one field."""
    _one(sample, "simple")


def one_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _one(sample, "ccsds")


def indexed_simple(sample: Sample) -> None:
    """`size` points of one field, by their indices."""
    _indexed(sample, "simple", 1)


def indexed_ccsds(sample: Sample) -> None:
    """The same in a compressed field."""
    _indexed(sample, "ccsds", 1)


def indexed_all_simple(sample: Sample) -> None:
    """`size` points of every field."""
    _indexed(sample, "simple", facts.facts(sample.work)["n_steps"])


def indexed_all_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _indexed(sample, "ccsds", facts.facts(sample.work)["n_steps"])


def small_simple(sample: Sample) -> None:
    """One point of `size` small fields."""
    _values(sample, "small_simple", sample.size, np.array([1234]))


def small_ccsds(sample: Sample) -> None:
    """The same in compressed fields."""
    _values(sample, "small_ccsds", sample.size, np.array([1234]))


def series(sample: Sample) -> None:
    """One place at every step, from the request to coordinates and values."""
    from polytope_feature.shapes import Point, Select

    place = Point(["latitude", "longitude"], [[48.86, 2.35]], method="nearest")
    _feature(sample, "ccsds", place, Select("step", list(range(facts.facts(sample.work)["n_steps"]))))


def box(sample: Sample) -> None:
    """A box of 40 degrees."""
    from polytope_feature.shapes import Box, Select

    _feature(sample, "ccsds", Box(["latitude", "longitude"], *shapes.BOX), Select("step", [0]))


def polygon(sample: Sample) -> None:
    """A ring of `size` vertices, as large as a country."""
    from polytope_feature.shapes import Polygon, Select

    ring = Polygon(["latitude", "longitude"], shapes.ring(sample.size, 4.0))
    _feature(sample, "ccsds", ring, Select("step", [0]))


def large_polygon(sample: Sample) -> None:
    """A ring of 150 vertices, as large as a continent."""
    from polytope_feature.shapes import Polygon, Select

    _feature(sample, "ccsds", Polygon(["latitude", "longitude"], shapes.ring(150, 16.0)), Select("step", [0]))


def flight(sample: Sample) -> None:
    """A flight through levels and steps."""
    from polytope_feature.shapes import Box, Path

    axes, reach = list(shapes.FLIGHT_AXES), shapes.FLIGHT_REACH
    around = Box(axes, [-half for half in reach], list(reach))
    _feature(sample, "flight", Path(axes, around, *shapes.FLIGHT))


def _one(sample: Sample, name: str) -> None:
    jump = _warm(sample, name)
    told = facts.facts(sample.work)
    requests = [
        (_request(name, number % told["n_steps"]), [(index, index + 1)], told["md5"][name])
        for number, index in enumerate(facts.indices(sample.work, 100).tolist())
    ]
    with sample.clock():
        values = [jump.extract([request]).dump_values()[0] for request in requests]
    sample.result = np.concatenate([np.ravel(found) for found in values])


def _indexed(sample: Sample, name: str, n_fields: int) -> None:
    _values(sample, name, n_fields, facts.indices(sample.work, sample.size))


def _values(sample: Sample, name: str, n_fields: int, wanted: np.ndarray) -> None:
    jump, md5 = _warm(sample, name), facts.facts(sample.work)["md5"][name]
    if wanted.size == sample.size:
        other = _ranges(facts.before(sample.work, sample.size, n_fields))
        jump.extract([(_request(name, step), other, md5) for step in range(n_fields)]).dump_values()
    ranges = _ranges(wanted)
    with sample.clock():
        found = jump.extract([(_request(name, step), ranges, md5) for step in range(n_fields)])
        values = found.dump_values()
    sample.result = np.array([np.concatenate([np.ravel(v) for v in row]) for row in values])


def _ranges(wanted: np.ndarray) -> list[tuple[int, int]]:
    """Return points as ranges, which may not touch: neighbours are one."""
    breaks = np.flatnonzero(np.diff(wanted) > 1)
    start = wanted[np.concatenate([[0], breaks + 1])]
    stop = wanted[np.append(breaks, wanted.size - 1)] + 1
    return list(zip(start.tolist(), stop.tolist(), strict=True))


def _feature(sample: Sample, name: str, shape, *selects) -> None:
    from polytope_feature.polytope import Polytope, Request
    from polytope_feature.shapes import Polygon, Select

    jump, options = _warm(sample, name), _options(sample, name)
    common = _selects(name)
    level = [] if "levelist" in shape.axes() else [Select("levelist", [500])]
    request = Request(shape, *common, *level, *selects)
    first = Polygon(["latitude", "longitude"], SMALL_RING)
    Polytope(datacube=jump, options=options).retrieve(
        Request(first, *common, Select("levelist", [500]), Select("step", [0]))
    )
    with sample.clock():
        tree = Polytope(datacube=jump, options=options).retrieve(request)
        sample.note_answer()
        columns = np.array([row for leaf in tree.leaves for row in _rows(leaf)]).T
    sample.result = columns[:, np.lexsort(columns[:4][::-1])]
    sample.figures["points"] = columns.shape[1]


def _rows(leaf):
    """Yield step, level, latitude, longitude and value of every value under a leaf."""
    place = leaf.flatten()
    each = [np.atleast_1d(np.asarray(place[axis], float)) for axis in ("step", "levelist", "latitude")]
    across = np.atleast_1d(place["longitude"])
    grid = np.meshgrid(*each, across, indexing="ij")
    return zip(*(axis.ravel() for axis in grid), np.ravel(leaf.result), strict=True)


def _selects(name: str):
    import pandas as pd
    from polytope_feature.shapes import Select

    chosen = {
        keyword: value for keyword, value in facts.common(name).items() if keyword not in ("date", "time")
    }
    return [
        *(Select(keyword, [value]) for keyword, value in chosen.items()),
        Select("date", [pd.Timestamp("20260101T000000")]),
    ]


def _options(sample: Sample, name: str) -> dict:
    told = facts.facts(sample.work)
    mapper = {"name": "mapper", "type": "octahedral", "resolution": told["number"]}
    mapper |= {"axes": ["latitude", "longitude"], "md5_hash": told["md5"][name]}
    merge = {"name": "merge", "other_axis": "time", "linkers": ["T", "00"]}
    integer = {"name": "type_change", "type": "int"}
    return {
        "axis_config": [
            {"axis_name": "step", "transformations": [integer]},
            {"axis_name": "levelist", "transformations": [integer]},
            {"axis_name": "date", "transformations": [merge]},
            {"axis_name": "values", "transformations": [mapper]},
            {"axis_name": "latitude", "transformations": [{"name": "reverse", "is_reverse": True}]},
            {"axis_name": "longitude", "transformations": [{"name": "cyclic", "range": [0, 360]}]},
        ],
        "compressed_axes_config": [
            "longitude", "latitude", "levtype", "step", "date", "domain", "expver", "param", "class",
            "stream", "type", "levelist",
        ],
        "pre_path": {"class": "rd", "expver": facts.EXPVERS[name], "levtype": "pl", "stream": "oper"},
    }  # fmt: skip


def _warm(sample: Sample, name: str):
    """One query before the clock: MARS language and the files' indexes are in memory."""
    _configure(sample)
    from pygribjump import GribJump

    jump = GribJump()
    jump.extract([(_request(name, 0), [(5, 6)], facts.facts(sample.work)["md5"][name])]).dump_values()
    return jump


def _request(name: str, step: int) -> dict[str, str]:
    return {**facts.common(name), "levelist": "500", "step": str(step)}


def _configure(sample: Sample) -> None:
    os.environ["FDB_CONFIG"] = json.dumps(work.config_of(sample.work, sample.own / "points"))
