"""Shapes on a field store, against every point of every field."""

import itertools

import numpy as np
import pytest

import dte_hpc.extract.polytope as polytope_feature
from dte_hpc.base.errors import FieldNotFound
from dte_hpc.extract.polytope.shapes import (
    All,
    Box,
    ConvexPolytope,
    Disk,
    Path,
    Point,
    Polygon,
    Select,
    Span,
    Union,
)
from dte_hpc.grids import grid as grid_of_name

GROUND = ["latitude", "longitude"]
LEVELS, STEPS = (300, 500, 850), (0, 3, 6)
OPTIONS = {
    "axis_config": [
        {"axis_name": "step", "transformations": [{"name": "type_change", "type": "int"}]},
        {"axis_name": "levelist", "transformations": [{"name": "type_change", "type": "int"}]},
        {
            "axis_name": "date",
            "transformations": [{"name": "merge", "other_axis": "time", "linkers": ["T", "00"]}],
        },
        {
            "axis_name": "values",
            "transformations": [{"name": "mapper", "type": "octahedral", "resolution": 16, "axes": GROUND}],
        },
        {"axis_name": "latitude", "transformations": [{"name": "reverse", "is_reverse": True}]},
        {"axis_name": "longitude", "transformations": [{"name": "cyclic", "range": [0, 360]}]},
    ],
    "compressed_axes_config": ["longitude", "latitude", "levelist", "step", "date", "param"],
    "pre_path": {"class": "od", "expver": "0001"},
}


@pytest.fixture
def store(made):
    return made.add("O16", levels=LEVELS, steps=STEPS, params=(130, 131)).store


def wave(name, level, step, param):
    """Return what the store of tests/extract/conftest.py is filled with."""
    latitude, longitude = (np.deg2rad(a) for a in grid_of_name(name).coordinates())
    turned = longitude - np.deg2rad(15 * step)
    return 250 + param / 10 + level / 100 + 20 * np.cos(latitude) * np.sin(turned) + 5 * np.sin(3 * latitude)


def plain(*shapes):
    """Return shapes with the keywords that have one value, as Polytope wants them."""
    return [Select("param", ["130"]), *shapes]


def expected(result, name="O16"):
    """Return what was put into the store at a result's points."""
    columns = result.flatten()
    lats, lons = grid_of_name(name).coordinates()
    where = {place: at for at, place in enumerate(zip(lats.tolist(), lons.tolist(), strict=True))}
    index = [where[place] for place in zip(columns["latitude"], columns["longitude"], strict=True)]
    values = np.empty(len(index))
    keys = [columns["levelist"].astype(float), columns["step"].astype(float), columns["param"].astype(int)]
    for level, step, param in set(zip(*(key.tolist() for key in keys), strict=True)):
        here = (keys[0] == level) & (keys[1] == step) & (keys[2] == param)
        values[here] = wave(name, level, step, param)[np.array(index)[here]]
    return values


@pytest.mark.parametrize("options", [None, OPTIONS])
def test_a_flight_reads_the_points_of_its_path(store, options):
    axes = ["latitude", "longitude", "levelist", "step"]
    box = Box(axes, [-4, -4, -100, -1], [4, 4, 100, 1])
    nodes = [(10, 350, 850, 0), (40, 380, 300, 3), (60, 400, 500, 6)]
    result = polytope_feature.Polytope(store, options).retrieve(
        polytope_feature.Request(*plain(Path(axes, box, *nodes)))
    )
    assert np.allclose(result.values.ravel(), expected(result), atol=2e-3)
    lats, lons = grid_of_name("O16").coordinates()
    n_points = 0
    for level in LEVELS:
        for step in STEPS:
            inside = np.zeros(lats.size, bool)
            for turn in (0, 360):
                point = [lats, lons + turn, np.full(lats.size, level), np.full(lats.size, step)]
                for start, end in itertools.pairwise(nodes):
                    first, last = np.zeros(lats.size), np.ones(lats.size)
                    for at, reach in enumerate((4, 4, 100, 1)):
                        way = end[at] - start[at]
                        ends = np.sort(
                            [(point[at] - start[at] + side) / way for side in (-reach, reach)], axis=0
                        )
                        first, last = np.maximum(first, ends[0]), np.minimum(last, ends[1])
                    inside |= first <= last + 1e-12
            n_points += int(inside.sum())
    assert result.n_points == n_points > 10
    assert 0 < result.account.bytes_read < result.account.bytes_whole_fields / 10
    assert len(result.axes) == len(set(result.axes))
    assert result.axes[-2:] == ("latitude", "longitude")


def test_areas_levels_and_steps_multiply(store):
    api = polytope_feature.Polytope(store, OPTIONS)
    shapes = [Select("param", ["t", "u"]), Span("levelist", 400, 900), Select("step", [0, "6"])]
    box = api.retrieve(polytope_feature.Request(*shapes, Box(GROUND, [-20, -30], [10, 30])))
    lats, lons = grid_of_name("O16").coordinates()
    inside = (lats >= -20) & (lats <= 10) & ((lons <= 30) | (lons >= 330))
    assert [factor.n_points for factor in box.factors][-1] == inside.sum()
    assert box.n_points == 2 * 2 * 2 * inside.sum()
    assert np.allclose(box.values.ravel(), expected(box), atol=2e-3)
    array = box.to_xarray().squeeze()
    assert set(array.dims) == {"param", "levelist", "step", "points"}
    spans = [Span("latitude", -20, 10), Span("longitude", -30, 30)]
    assert np.array_equal(api.retrieve(polytope_feature.Request(*shapes, *spans)).values, box.values)
    union = Union(GROUND, Disk(GROUND, [0, 0], [12, 12]), Disk(GROUND, [0, 10], [12, 12]))
    both = api.retrieve(polytope_feature.Request(*shapes, union))
    assert np.allclose(both.values.ravel(), expected(both), atol=2e-3)
    places = set(zip(both.flatten()["latitude"], both.flatten()["longitude"], strict=True))
    assert len(places) == both.factors[-1].n_points


def test_polygons_and_hulls_on_the_ground_agree(store):
    corners = [[50, -20], [30, 40], [-10, 10], [20, -30]]
    api = polytope_feature.Polytope(store)
    rest = plain(All("levelist"), Select("step", [3]))
    polygon, hull = (
        api.retrieve(polytope_feature.Request(*rest, shape(GROUND, corners)))
        for shape in (Polygon, ConvexPolytope)
    )
    assert polygon.n_points > 50
    assert np.array_equal(polygon.values, hull.values)
    wide = [[5, 0], [5, 300], [-5, 300], [-5, 0]]  # edges of 300 degrees are as they are written
    across = api.retrieve(polytope_feature.Request(*rest, Polygon(GROUND, wide)))
    boxed = api.retrieve(polytope_feature.Request(*rest, Box(GROUND, [-5, 0], [5, 300])))
    assert np.array_equal(across.values, boxed.values)


def test_nearest_is_by_great_circle_and_over_the_seam(store):
    api = polytope_feature.Polytope(store, OPTIONS)
    rest = plain(Select("levelist", [500]), Select("step", [0]))
    places = [[1.0, 359.99], [88.0, 10.0], [-89.9, 123.0], [48.86, 2.35]]
    grid = grid_of_name("O16")
    nearest = grid.coordinates_of(grid.nearest(*np.array(places).T))
    result = api.retrieve(polytope_feature.Request(*rest, Point(GROUND, places, method="nearest")))
    columns = result.flatten()
    assert set(zip(columns["latitude"], columns["longitude"], strict=True)) == set(zip(*nearest, strict=True))
    one, other = (
        Select(axis, [value], method="nearest") for axis, value in zip(GROUND, places[0], strict=True)
    )
    alone = api.retrieve(polytope_feature.Request(*rest, one, other)).flatten()
    assert (alone["latitude"][0], alone["longitude"][0]) == (nearest[0][0], nearest[1][0])
    four = api.retrieve(polytope_feature.Request(*rest, Point(GROUND, places[:1], method="nearest", k=4)))
    assert four.n_points == 4
    around = api.retrieve(polytope_feature.Request(*rest, Point(GROUND, places[:1], method="surrounding")))
    assert around.n_points == 4
    assert 0.0 in around.flatten()["longitude"]
    both = [
        Select(axis, [value], method="surrounding") for axis, value in zip(GROUND, places[0], strict=True)
    ]
    assert np.array_equal(api.retrieve(polytope_feature.Request(*rest, *both)).values, around.values)


def test_leaves_are_as_polytope_has_them(store, caplog):
    api = polytope_feature.Polytope(store, OPTIONS)
    rest = plain(Select("levelist", [500, 850]), Select("step", [0]), Select("date", ["20260101T000000"]))
    result = api.retrieve(polytope_feature.Request(*rest, Box(GROUND, [0, 0], [10, 30])))
    rows = np.unique(result.flatten()["latitude"]).size
    assert len(result.leaves) == 2 * rows
    leaf = result.leaves[-1]
    path = leaf.flatten()
    assert path["levelist"] == (850,)
    assert path["longitude"] == leaf.values
    assert leaf.axis.name == "longitude"
    assert path["date"] == (np.datetime64("2026-01-01T00:00:00"),)
    assert leaf.result[1].size == len(leaf.values)
    assert sum(len(leaf.values) for leaf in result.tree.leaves) == result.n_points
    assert len(result.walk()) > len(result.leaves)
    with caplog.at_level("DEBUG"):
        result.pprint()
    assert "levelist=(850,)" in caplog.text


def test_what_is_wrong_is_told(store):
    api = polytope_feature.Polytope(store)
    box = Box(GROUND, [0, 0], [1, 1])
    with pytest.raises(polytope_feature.AxisUnderdefinedError, match="levelist"):
        api.retrieve(polytope_feature.Request(*plain(box, Select("step", [0]))))
    with pytest.raises(polytope_feature.AxisNotFoundError, match="number"):
        api.retrieve(
            polytope_feature.Request(*plain(box, Span("number", 0, 1), All("levelist"), All("step")))
        )
    with pytest.raises(polytope_feature.AxisOverdefinedError, match="step"):
        polytope_feature.Request(Select("step", [0]), Span("step", 0, 3))
    with pytest.raises(polytope_feature.PolytopeError, match="no value '2t'; expected one of 130, 131, t, u"):
        api.retrieve(polytope_feature.Request(Select("param", ["2t"]), box, All("levelist"), All("step")))
    wrong = {**OPTIONS, "axis_config": [{**OPTIONS["axis_config"][3]}]}
    wrong["axis_config"][0]["transformations"] = [
        {"name": "mapper", "type": "octahedral", "resolution": 32, "axes": GROUND}
    ]
    with pytest.raises(polytope_feature.BadGridError, match="points"):
        polytope_feature.Polytope(store, wrong).retrieve(
            polytope_feature.Request(*plain(box, All("levelist"), All("step")))
        )


def test_a_hole_in_the_store_is_named(made):
    store = made.add("O16", levels=LEVELS, steps=(0,)).add("O16", levels=LEVELS[:2], steps=(3,)).store
    api = polytope_feature.Polytope(store)
    box = Box(GROUND, [0, 0], [20, 20])
    with pytest.raises(FieldNotFound, match=r"levelist=850.*step=3|step=3.*levelist=850"):
        api.retrieve(polytope_feature.Request(*plain(box, All("levelist"), All("step"))))
    path = Path(["step", "levelist"], Box(["step", "levelist"], [-1, -10], [1, 10]), [0, 850], [3, 500])
    result = api.retrieve(polytope_feature.Request(*plain(box, path)))
    assert np.allclose(result.values.ravel(), expected(result), atol=2e-3)


@pytest.mark.parametrize("name", ["N32", "2/2", "H8", "H8n", "0.5/0.5/60/-10/40/20"])
def test_every_grid_has_a_ground(made, name):
    store = made.add(name, levels=(500,)).store
    result = polytope_feature.Polytope(store).retrieve(
        polytope_feature.Request(*plain(Disk(GROUND, [50, 3], [6, 9])))
    )
    assert np.allclose(result.values.ravel(), expected(result, name), atol=2e-3)
    lats, lons = grid_of_name(name).coordinates()
    hull = np.array(Disk(GROUND, [50, 3], [6, 9]).points)
    inside = np.zeros(lats.size, bool)
    for turn in (-360, 0, 360):
        sides = [
            (b[0] - a[0]) * (lons + turn - a[1]) - (b[1] - a[1]) * (lats - a[0])
            for a, b in zip(hull, np.roll(hull, -1, axis=0), strict=True)
        ]
        inside |= np.all(np.array(sides) >= -1e-9, axis=0)
    assert result.n_points == inside.sum() > 0


def test_a_shape_between_points_is_empty(store):
    empty = polytope_feature.Polytope(store).retrieve(
        polytope_feature.Request(
            *plain(Disk(GROUND, [0, 2], [0.1, 0.1]), Select("step", [0]), All("levelist"))
        )
    )
    assert empty.n_points == 0
    assert empty.leaves == []
    assert empty.account.bytes_read == 0


def test_a_million_points_of_a_product_are_ranges(made):
    store = made.add("O32", levels=(500,)).store
    result = polytope_feature.Polytope(store).retrieve(
        polytope_feature.Request(*plain(Box(GROUND, [-90, 0], [90, 360])))
    )
    assert result.n_points == grid_of_name("O32").n_points
    assert sum(factor.nbytes for factor in result.factors) < 1000
