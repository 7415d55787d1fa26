"""Every request that polytope-mars documents or tests is answered, or refused with a sentence.

The table follows https://github.com/ecmwf/polytope-mars (README, docs/user_guide, docs/design, tests; develop of
August 2026) with our own places and values. Where its documentation and its code disagree, the documentation
holds.
"""

# ruff: noqa: E501 - a request a line

import datetime

import numpy as np
import pytest

from dte_hpc.base.errors import DteError, FieldNotFound, InvalidRequest
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.extract import extract
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid as grid_of_name

YESTERDAY = f"{datetime.datetime.now(tz=datetime.UTC) - datetime.timedelta(days=1):%Y%m%d}"
COMMON = {"class": "od", "expver": "0001", "stream": "oper", "type": "fc", "time": "0000"}
SFC = {**COMMON, "levtype": "sfc", "param": "165/167", "date": "20260101"}
PL = {**COMMON, "levtype": "pl", "param": "130", "date": "20260101"}
SCHEMA = """
param: Param; step: Step; date: Date; hdate: Date; time: Time; month: Integer; year: Integer;
[ class, expver, stream=clmn, type [ levtype, grid? [ year, month, param ]]]
[ class, expver, stream=efcl, type [ date, levtype, grid? [ hdate, time, step, param ]]]
"""


def series(**more):
    return {"type": "timeseries", "points": [[10, 20]], "time_axis": "step", **more}


def profile(**more):
    return {"type": "verticalprofile", "points": [[10, 20]], **more}


def flight(points, **more):
    return {"type": "trajectory", "points": points, "inflation": 3, **more}


BOX = {"type": "boundingbox", "points": [[-4, -4], [4, 4]]}
RING = [[-4, 4], [-4, -4], [4, 4], [-4, 4]]
FOUR = [[-4, -4, 1000, 0], [0, 0, 1000, 2], [4, 4, 500, 3]]
SPAN = {"start": 0, "end": 3}

ANSWERED = [
    # timeseries.md, feature_docs.md, README: n_fields, n_points
    ("series over a range", SFC, series(range=SPAN), 8, 1),
    ("its axis by the documented name", SFC, {**series(range=SPAN), "axis": "step"}, 8, 1),
    ("its axis as the README has it", {**SFC, "step": "0/1"}, {"type": "timeseries", "points": [[51, 2]], "axis": "step"}, 4, 1),
    ("its axis by the oldest name", {**SFC, "step": "0/to/2/by/2"}, {"type": "timeseries", "points": [[10, 20]], "axes": "step"}, 4, 1),
    ("step by default", {**SFC, "step": "0"}, {"type": "timeseries", "points": [[10, 20]]}, 2, 1),
    ("a range with an interval", SFC, series(range={**SPAN, "interval": 2}), 4, 1),
    ("a range as a list", SFC, series(range=[0, 1, 3]), 6, 1),
    ("every stored step between two", {**SFC, "step": "0/to/360"}, series(), 8, 1),
    ("time with colons", {**SFC, "time": "00:00:00", "step": "0/1"}, series(), 4, 1),
    ("several points", {**SFC, "step": "0"}, series(points=[[1, 2], [3, 4], [5, 6]]), 2, 3),
    ("axes of the points", {**SFC, "step": "0"}, series(axes=["latitude", "longitude"]), 2, 1),
    ("axes the other way round", {**SFC, "step": "0"}, series(axes=["longitude", "latitude"], points=[[200, 10]]), 2, 1),
    ("axes that name the step too", {**SFC, "step": "0"}, series(axes=["lat", "long", "step"]), 2, 1),
    ("axes that name the step alone", {**SFC, "step": "0"}, series(axes=["step"]), 2, 1),
    ("several times of day", {**SFC, "time": "0000/1200", "step": "0"}, series(), 4, 1),
    ("several dates", {**SFC, "date": "20260101/20260102", "step": "0"}, series(), 4, 1),
    ("a series over dates", {**SFC, "date": "20260101/to/20260102", "time": "0000/to/2300", "step": "0"}, series(time_axis="date"), 8, 1),
    ("dates by one", {**SFC, "date": "20260101/to/20260102/by/1", "step": "0"}, series(time_axis="date"), 4, 1),
    ("dates by seven", {**SFC, "date": "20260101/to/20260107/by/7", "step": "0"}, series(time_axis="date"), 2, 1),
    ("a series over datetimes", {k: v for k, v in {**SFC, "step": "0"}.items() if k not in ("date", "time")},
     series(time_axis="datetime", range={"start": "20260101T000000", "end": "20260102T000000", "interval": "1d"}), 2, 1),
    ("a date before today", {**SFC, "date": "-1", "step": "0"}, series(), 2, 1),
    ("a range of dates before today", {k: v for k, v in {**SFC, "step": "0"}.items() if k != "date"},
     series(time_axis="date", range={"start": -3, "end": -1}), 2, 1),
    ("parameters by their names", {**SFC, "param": "2t/10u", "step": "0"}, series(), 2, 1),
    ("a name that several parameters share", {**SFC, "param": "tp", "step": "1"}, series(), 1, 1),
    ("everything stored", {**SFC, "step": "ALL"}, series(), 8, 1),
    ("a series on levels", {**PL, "step": "0", "levelist": "500/1000"}, series(points=[[38, -9.5], [1, 1]]), 2, 2),
    ("half hours", {**SFC, "step": "0/to/1h/by/1h"}, series(), 4, 1),
    # vertical_profile.md
    ("a profile over a range", {**PL, "step": "0"}, profile(range={"start": 0, "end": 1000}), 3, 1),
    ("a profile with its axis", {**PL, "step": "0"}, profile(axes="levelist", range={"start": 0, "end": 1000}), 3, 1),
    ("a profile with its axis in a list", {**PL, "step": "0", "levelist": "1/to/1000"}, profile(axes=["levelist"]), 3, 1),
    ("every stored level between two", {**PL, "step": "0", "levelist": "1/to/1000"}, profile(), 3, 1),
    ("levels on a stride", {**PL, "step": "0"}, profile(range={"start": 500, "end": 1000, "interval": 500}), 2, 1),
    ("profiles at several points", {**PL, "step": "0/1", "levelist": "all"}, profile(points=[[0, 0], [1, 1]]), 6, 2),
    # boundingbox.md, test_bounding_box_meridian
    ("a box", {**SFC, "step": "0"}, BOX, 2, 25),
    ("a box at several steps", {**SFC, "step": "0/1"}, BOX, 4, 25),
    ("a box through levels", {**PL, "step": "0"},
     {"type": "boundingbox", "points": [[-4, -4, 1000], [4, 4, 850]], "axes": ["lat", "long", "level"]}, 2, 25),
    ("a box by longitude and latitude", {**SFC, "step": "0"}, {**BOX, "points": [[170, -4], [190, 4]], "axes": ["longitude", "latitude"]}, 2, 55),
    ("a box over the antimeridian", {**SFC, "step": "0"}, {**BOX, "points": [[-4, 176], [4, -176]]}, 2, 25),
    ("a box over Greenwich", {**SFC, "step": "0"}, {**BOX, "points": [[-4, 356], [4, 4]]}, 2, 25),
    ("a box by its other corners", {**SFC, "step": "0"}, {**BOX, "points": [[4, 4], [-4, -4]]}, 2, 25),
    ("a box of one meridian", {**SFC, "step": "0"}, {**BOX, "points": [[0, 10], [4, 10]]}, 2, 3),
    ("a box all the way round", {**SFC, "step": "0"}, {**BOX, "points": [[0, 10], [4, 370]]}, 2, 540),
    # polygon.md, test_polygon
    ("a polygon", {**SFC, "step": "0"}, {"type": "polygon", "shape": RING}, 2, 15),
    ("a polygon that is not closed", {**SFC, "step": "0"}, {"type": "polygon", "shape": RING[:-1]}, 2, 15),
    ("several polygons", {**SFC, "step": "0/1"}, {"type": "polygon", "shape": [RING, [[20, 20], [20, 24], [24, 20], [20, 20]]]}, 4, 21),
    ("a polygon with a hole", {**SFC, "step": "0"},
     {"type": "polygon", "shape": [[-4, -4], [-4, 4], [4, 4], [4, -4]], "holes": [[-1, -1], [-1, 1], [1, 1], [1, -1]]}, 2, 24),
    ("more than a thousand vertices", {**SFC, "step": "0"},
     {"type": "polygon", "shape": [[4 * float(np.sin(t)), 4 * float(np.cos(t))] for t in np.linspace(0, 6.283, 2000)]}, 2, 10),
    # circle.md, position.md
    ("a circle", {**SFC, "step": "0"}, {"type": "circle", "center": [[0, 0]], "radius": 2}, 2, 5),
    ("a circle on a level", {**PL, "step": "0"},
     {"type": "circle", "center": [[0, 0, 500]], "radius": 2, "axes": ["latitude", "longitude", "levelist"]}, 1, 5),
    ("a circle in kilometres", {**SFC, "step": "0"}, {"type": "circle", "center": [[0, 0]], "radius": 230, "unit": "km"}, 2, 5),
    ("positions", {**SFC, "step": "0"}, {"type": "position", "points": [[-9.1, 38.8], [51.5, 0.1]]}, 2, 2),
    ("positions by longitude and latitude", {**SFC, "step": "0"}, {"type": "position", "points": [[200, 51]], "axes": ["longitude", "latitude"]}, 2, 1),
    # frame, shapefile.md (as GeoJSON), country
    ("a frame", {**SFC, "step": "0"}, {"type": "frame", "outer_box": [[-4, -4], [4, 4]], "inner_box": [[-2, -2], [2, 2]]}, 2, 24),
    ("a shapefile's contents", {**SFC, "step": "0"},
     {"type": "shapefile", "geojson": {"type": "Polygon", "coordinates": [[[4, -4], [-4, -4], [4, 4], [4, -4]]]}}, 2, 15),
    ("a country", {**SFC, "step": "0"}, {"type": "country", "country": "DEU"}, 2, None),
    ("two countries", {**SFC, "step": "0"}, {"type": "country", "country": ["France", "DE"]}, 2, None),
    # trajectory.md, test_trajectory
    ("a flight by the documented defaults", {**PL}, {"type": "trajectory", "points": FOUR, "padding": [3, 3, 200, 1]}, None, None),
    ("a flight in a box", {**PL}, flight(FOUR, inflate="box", inflation=[3, 3, 200, 1]), None, None),
    ("axes in another order", {**PL},
     flight([[-4, 0, -4, 1000], [4, 3, 4, 500]], axes=["longitude", "step", "latitude", "levelist"], inflation=[3, 1, 3, 200]), None, None),
    ("a path on the ground at two steps", {**PL, "levelist": "500", "step": "0/1"}, flight([[-4, -4], [0, 0], [4, 4]], axis=["lat", "long"]), 2, None),
    ("a path through levels at two steps", {**PL, "step": "0/1"},
     flight([[-4, -4, 1000], [0, 0, 1000], [4, 4, 500]], axis=["lat", "long", "level"], inflation=[3, 3, 100]), None, None),
    ("a path through steps", {**SFC}, flight([[-4, -4, 1], [0, 0, 2], [4, 4, 3]], axes=["latitude", "longitude", "step"]), None, None),
    ("a path by longitude and latitude", {**SFC, "step": "0"}, flight([[-4, 4], [4, -4]], axes=["longitude", "latitude"]), 2, None),
    ("an inflation an axis", {**SFC, "step": "0"}, flight([[-4, 4], [4, -4]], axes=["lat", "lon"], inflation=[3, 6]), 2, None),
    ("a path through datetimes", {k: v for k, v in SFC.items() if k not in ("date", "time")},
     flight([[-4, -4, "20260101T0000"], [4, 4, "20260101T0300"]], axes=["lat", "lon", "datetime"], inflation=[3, 3, 1]), None, None),
    ("a great circle", {**SFC, "step": "0"}, flight([[50, 0], [40, -70]], axes=["lat", "lon"], line="great-circle"), 2, None),
    # ours
    ("a union", {**SFC, "step": "0"}, {"type": "union", "features": [BOX, {"type": "country", "country": "IT"}]}, 2, None),
    ("an intersection", {**SFC, "step": "0"}, {"type": "intersection", "features": [BOX, {"type": "circle", "center": [0, 0], "radius": 2}]}, 2, 5),
    ("a difference", {**SFC, "step": "0"}, {"type": "difference", "features": [BOX, {"type": "circle", "center": [0, 0], "radius": 2}]}, 2, 20),
    ("a corridor", {**SFC, "step": "0"}, {"type": "corridor", "points": [[0, 0], [0, 10]], "radius": 100}, 2, 6),
    # other forms of the request itself
    ("with its format", {**SFC, "step": "0", "format": "covjson"}, BOX, 2, 25),
    ("with the other format", {**SFC, "step": "0", "format": "application/json+covjson"}, BOX, 2, 25),
    ("keywords in capitals and by other names", {"PARAMETER": "2t", "step": 0, **{k: v for k, v in SFC.items() if k != "param"}}, BOX, 1, 25),
]  # fmt: skip

REFUSED = [
    ("both a range and a step", {**SFC, "step": "0/to/3"}, series(range=SPAN), r"\$\.step: overspecified"),
    ("neither a range nor a step", SFC, series(), "underspecified"),
    ("a negative step", SFC, series(range={"start": -1, "end": 3}), r"range\.start"),
    ("no longitude", {**SFC, "step": "0"}, series(axes=["levelist", "latitude"]), r"\$\.feature\.axes"),
    ("one axis", {**SFC, "step": "0"}, series(axes=["latitude"]), r"\$\.feature\.axes"),
    ("an unknown time axis", {**SFC, "step": "0"}, series(time_axis="foobar"), r"\$\.feature\.time_axis"),
    ("points of three numbers", {**SFC, "step": "0"}, series(points=[[1, 2, 3]]), r"points\[0\]"),
    ("no points", {**SFC, "step": "0"}, series(points=[]), r"\$\.feature\.points"),
    ("an unexpected keyword", {**SFC, "step": "0"}, series(bogus="x"), "bogus"),
    ("levels of the surface", {**SFC, "step": "0", "levellist": "500"}, series(), "levelist=500"),
    ("a profile of the surface", {**SFC, "step": "0"}, profile(range={"start": 0, "end": 9}), r"\$\.levtype"),
    ("a profile twice", {**PL, "step": "0", "levelist": "500"}, profile(range={"start": 0, "end": 9}), "overspecified"),
    ("a profile along nothing", {**PL, "step": "0"}, profile(), "underspecified"),
    ("levels of which none is stored", {**PL, "step": "0", "levelist": "1/to/10"}, profile(), "between 1 and 10"),
    ("a box of one corner", {**SFC, "step": "0"}, {**BOX, "points": [[0, 0]]}, "two opposite corners"),
    ("a box south of the pole", {**SFC, "step": "0"}, {**BOX, "points": [[-91, 10], [1, 20]]}, r"points\[0\].*latitude"),
    ("a box through steps", SFC, {**BOX, "axes": ["lat", "long", "step"], "points": [[0, 0, 0], [1, 1, 1]]}, r"axes\[2\]"),
    ("a box with its level twice", {**PL, "step": "0", "levelist": "500"},
     {"type": "boundingbox", "points": [[-4, -4, 1000], [4, 4, 850]], "axes": ["lat", "long", "level"]}, "overspecified"),
    ("a polygon of two vertices", {**SFC, "step": "0"}, {"type": "polygon", "shape": [[0, 0], [1, 1]]}, "three vertices"),
    ("a polygon between grid points", {**SFC, "step": "0"}, {"type": "polygon", "shape": [[0.5, 0.5], [0.5, 1], [1, 1]]}, "no point of grid"),
    ("a hole outside", {**SFC, "step": "0"}, {"type": "polygon", "shape": RING, "holes": [[40, 40], [41, 40], [41, 41]]}, r"holes\[0\]"),
    ("a circle without a radius", {**SFC, "step": "0"}, {"type": "circle", "center": [[0, 0]]}, "radius"),
    ("a circle with its level twice", {**PL, "step": "0", "levelist": "500"},
     {"type": "circle", "center": [[0, 0, 500]], "radius": 2, "axes": ["latitude", "longitude", "levelist"]}, "overspecified"),
    ("a position in time", SFC, {"type": "position", "points": [[1, 2, 3]], "axes": ["lat", "lon", "step"]}, r"axes\[2\]"),
    ("a frame of one box", {**SFC, "step": "0"}, {"type": "frame", "outer_box": [[-4, -4], [4, 4]]}, "inner_box"),
    ("a frame inside out", {**SFC, "step": "0"}, {"type": "frame", "inner_box": [[-4, -4], [4, 4]], "outer_box": [[-2, -2], [2, 2]]}, "inside outer_box"),
    ("a shapefile by its path", {**SFC, "step": "0"}, {"type": "shapefile", "file": "path/to/shape.shp"}, "opens no file"),
    ("well-known text", {**SFC, "step": "0"}, {"type": "wkt", "shape": "POLYGON ((30 10, 40 40, 20 40, 30 10))"}, r"\$\.feature\.type.*polygon"),
    ("a country that is none", {**SFC, "step": "0"}, {"type": "country", "country": "Frrance"}, "France"),
    ("a flight without longitude", PL, flight([[-1, 0], [0, 12]], axis=["lat", "step"]), "latitude and longitude"),
    ("a flight along one axis", PL, flight([[-1], [0]], axes=["latitude"]), "latitude and longitude"),
    ("a flight of one point", PL, flight(FOUR[:1]), "at least two"),
    ("points that lack an axis", PL, flight([[0, 0], [1, 1]]), r"points\[0\]"),
    ("too many inflations", {**SFC, "step": "0"}, flight([[0, 0], [1, 1]], axes=["lat", "lon"], inflation=[1, 2, 3]), "inflation"),
    ("a step beside a step axis", {**PL, "step": "0"}, flight(FOUR), "overspecified"),
    ("a level beside a level axis", {**PL, "levelist": "500"}, flight(FOUR), "overspecified"),
    ("a path without a step", {**PL}, flight([[-4, -4, 1000], [4, 4, 500]], axes=["lat", "long", "level"]), r"\$\.step: underspecified"),
    ("a path without a level", {**PL, "step": "0"}, flight([[-4, -4], [4, 4]], axes=["lat", "long"]), r"\$\.levelist: underspecified"),
    ("a flight away from all levels", PL, flight([[0, 0, 10, 0], [1, 1, 10, 1]]), "levelist between"),
    ("a date of which nothing is stored", {**SFC, "date": "20200101", "step": "0"}, BOX, "20200101"),
    ("one date of three missing", {**SFC, "date": "20260101/to/20260103", "step": "0"}, BOX, "20260103"),
    ("one parameter missing", {**SFC, "param": "165/166/167", "step": "0"}, BOX, "166"),
    ("one step missing", {**SFC, "step": "0/1/9"}, BOX, "step=9"),
    ("a range backwards", SFC, series(range={"start": 3, "end": 0}), "not before"),
    ("a range without an end", SFC, series(range={"start": 3}), r"\$\.feature\.range"),
    ("an unknown parameter", {**SFC, "param": "nonsense", "step": "0"}, BOX, r"\$\.param"),
    ("another format", {**SFC, "step": "0", "format": "grib"}, BOX, r"\$\.format"),
    ("a type that is none", {**SFC, "step": "0"}, {"type": "grid", "points": [[0, 0], [1, 1]]}, r"\$\.feature\.type"),
    ("no type", {**SFC, "step": "0"}, {"points": [[0, 0]]}, r"\$\.feature\.type"),
    ("a feature that is text", {**SFC, "step": "0"}, "invalid", r"\$\.feature"),
]  # fmt: skip


@pytest.fixture(scope="module")
def stocked(made_once):
    """Two days of surface fields and one of levels on a grid of two degrees, and yesterday's."""
    for date in (20260101, 20260102):
        for time in (0, 1200):
            steps = (0, 1, 2, 3) if (date, time) == (20260101, 0) else (0,)
            made_once.add("2/2", levels=(None,), params=(165, 167), steps=steps, date=date, time=time)
    made_once.add("2/2", levels=(None,), params=(165, 167), date=int(YESTERDAY))
    made_once.add("2/2", levels=(None,), params=(228,), steps=(1,), date=20260101)
    return made_once.add("2/2", levels=(500, 850, 1000), params=(130,), steps=(0, 1, 2, 3)).store


@pytest.mark.parametrize(
    ("words", "feature", "fields", "points"), [a[1:] for a in ANSWERED], ids=[a[0] for a in ANSWERED]
)
def test_it_is_answered(stocked, words, feature, fields, points):
    request = {**words, "feature": feature}
    before = repr(request)
    answer = extract(stocked, request)
    assert repr(request) == before
    assert answer.values.size
    assert np.isfinite(answer.values).all()
    assert fields in (None, answer.n_fields)
    assert points is None or np.diff(answer.place_start).tolist() == [points]
    assert answer.to_covjson()["coverages"]


@pytest.mark.parametrize(("words", "feature", "said"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_it_is_refused_with_a_sentence(stocked, words, feature, said):
    with pytest.raises(DteError, match=said) as caught:
        extract(stocked, {**words, "feature": feature})
    assert isinstance(caught.value, InvalidRequest | FieldNotFound)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1200


def test_the_axes_of_a_series_say_which_number_is_which(stocked):
    first = extract(stocked, {**SFC, "step": "0", "feature": series(points=[[10, 20]])})
    other = extract(stocked, {**SFC, "step": "0", "feature": series(points=[[20, 10]], axes=["long", "lat"])})
    assert first.index.tolist() == other.index.tolist()


def test_a_flight_by_datetimes_is_that_by_steps(stocked):
    by_step = flight([[-4, -4, 0], [4, 4, 3]], axes=["lat", "lon", "step"], inflation=[3, 3, 1])
    stamps = flight(
        [[-4, -4, "20260101"], [4, 4, "2026-01-01T03:00"]],
        axes=["lat", "lon", "datetime"],
        inflation=[3, 3, 1],
    )
    first, other = (extract(stocked, {**SFC, "feature": feature}) for feature in (by_step, stamps))
    np.testing.assert_array_equal(first.values, other.values)
    np.testing.assert_array_equal(first.index, other.index)


def test_a_box_inflation_lies_on_both_sides_of_the_path(stocked):
    path = flight([[0, 0], [0, 20]], axes=["lat", "lon"], inflate="box", inflation=[2, 2])
    answer = extract(stocked, {**SFC, "step": "0", "feature": path})
    assert np.unique(answer.latitude).tolist() == [-2, 0, 2]


@pytest.mark.parametrize("bad", [None, [], "text", 3, {"type": []}, {"type": None}, {"type": {"a": 1}}])
def test_what_is_no_feature_is_a_sentence(stocked, bad):
    with pytest.raises(InvalidRequest, match=r"^\$\.feature"):
        extract(stocked, {**SFC, "feature": bad})


@pytest.fixture(scope="module")
def climate(tmp_path_factory):
    """Monthly means of two years, and reforecasts of five dates, as climate-dt and EFAS name them."""
    root = tmp_path_factory.mktemp("climate")
    (root / "schema").write_text(SCHEMA)
    store = FDB(root / "store", schema=root / "schema")
    facts = {"class": "d1", "expver": "0001", "type": "fc", "levtype": "sfc", "param": 167, "grid": "2/2"}
    for year in (2020, 2021):
        for month in range(1, 13):
            put(store, {**facts, "stream": "clmn", "year": year, "month": month}, year + month / 100)
    for hdate in (20250103, 20250101, 20250105, 20250102, 20250104):
        key = {**facts, "stream": "efcl", "date": 20230101, "time": 0, "hdate": hdate, "step": 6}
        put(store, key, hdate - 20250100)
    store.flush()
    return store


def put(store, key, value):
    """Archive a field of one value under a key."""
    values = np.full(grid_of_name("2/2").n_points, float(value))
    metadata = Metadata(
        {"param": 167, "grid": "2/2", "date": 20230101, "time": 0, "step": 0, "levtype": "sfc"}
    )
    store.archive(GribEncoder(Packing(packing="simple")).encode(Field(metadata=metadata, values=values)), key)


def test_a_series_of_months_runs_through_the_years(climate):
    words = {
        "class": "d1",
        "expver": "0001",
        "stream": "clmn",
        "type": "fc",
        "levtype": "sfc",
        "param": "167",
    }
    feature = series(time_axis="month")
    answer = extract(climate, {**words, "year": "2020/2021", "month": "1/to/12", "feature": feature})
    assert answer.time.astype("M8[M]").astype(str).tolist()[:2] == ["2020-01", "2020-02"]
    expected = [year + month / 100 for year in (2020, 2021) for month in range(1, 13)]
    np.testing.assert_allclose(answer.values, expected, rtol=1e-4)
    assert (np.diff(answer.time).astype(int) > 0).all()
    path = flight([[0, 0], [10, 10]], axes=["lat", "lon"])
    answer = extract(climate, {**words, "year": "2020", "month": "1/2/3", "feature": path})
    assert answer.n_fields == 3
    some = {"start": 3, "end": 5}
    answer = extract(climate, {**words, "year": "2020", "feature": series(time_axis="month", range=some)})
    assert answer.n_fields == 3


def test_a_series_of_reforecasts_runs_through_their_dates(climate):
    words = {
        "class": "d1",
        "expver": "0001",
        "stream": "efcl",
        "type": "fc",
        "levtype": "sfc",
        "param": "167",
    }
    hdates = "20250103/20250101/20250105/20250102/20250104"
    words |= {"date": "20230101", "time": "0000", "hdate": hdates, "step": "6"}
    answer = extract(climate, {**words, "feature": series(time_axis="hdate")})
    assert answer.time.astype("M8[D]").astype(str).tolist() == [f"2025-01-0{day}" for day in range(1, 6)]
    np.testing.assert_allclose(answer.values, [1, 2, 3, 4, 5])
