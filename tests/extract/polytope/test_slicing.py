"""Points of random shapes in arrays, against brute force over every point."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dte_hpc.extract.polytope as polytope_feature
from dte_hpc.extract.polytope.shapes import (
    All,
    Box,
    ConvexPolytope,
    Disk,
    Ellipsoid,
    Path,
    PathSegment,
    Point,
    Polygon,
    PolygonWithHoles,
    Product,
    Segment,
    Select,
    ShapePath,
    Span,
    Union,
)

NEAR = 1e-7
NAMES = "abcde"


def found(array, *shapes, **options):
    """Return the numbers of the points in shapes, which are their values; each once."""
    result = polytope_feature.Polytope(array, **options).retrieve(polytope_feature.Request(*shapes))
    numbers = result.values.ravel()
    assert np.unique(numbers).size == numbers.size == result.n_points
    columns = result.flatten()
    assert np.array_equal(columns["value"], numbers)
    at = {dim: columns[dim] for dim in array.dims}
    for number, *point in zip(numbers, *at.values(), strict=True):
        assert array.sel(dict(zip(at, point, strict=True))) == number
    return sorted(numbers.tolist())


def in_hull(corners, points):
    unit = np.unique(corners, axis=0)
    rank = np.linalg.matrix_rank(unit - unit[0]) if len(unit) > 1 else 0
    ones = np.column_stack([points, np.ones(len(points))]).T
    inside = np.zeros(len(points), bool)
    for some in itertools.combinations(range(len(unit)), rank + 1):
        simplex = np.column_stack([unit[list(some)], np.ones(rank + 1)]).T
        if np.linalg.matrix_rank(simplex) <= rank:
            continue
        weights = np.linalg.lstsq(simplex, ones, rcond=None)[0]
        exact = np.abs(simplex @ weights - ones).max(axis=0) < NEAR
        inside |= exact & (weights > -NEAR).all(axis=0)
    return inside


def swept(low, high, start, end, points):
    """Return which points a box passes: for one t of [0, 1] they are within it on every axis."""
    first, last = np.zeros(len(points)), np.ones(len(points))
    for at, (begin, stop) in enumerate(zip(start, end, strict=True)):
        gap, way = points[:, at] - begin, stop - begin
        if way == 0:
            last[(gap < low[at] - NEAR) | (gap > high[at] + NEAR)] = -1
            continue
        ends = np.sort([(gap - low[at]) / way, (gap - high[at]) / way], axis=0)
        first, last = np.maximum(first, ends[0]), np.minimum(last, ends[1])
    return first <= last + NEAR


@st.composite
def pieces(draw):
    """Return sizes of a cube, and convex shapes in all of its axes, which may be flat."""
    n_axes = draw(st.integers(2, 5))
    sizes = [draw(st.integers(1, 4)) for _ in range(n_axes)]
    half_steps = st.integers(-1, 8)
    shapes = [
        [[draw(half_steps) / 2 for _ in sizes] for _ in range(draw(st.integers(1, 7)))]
        for _ in range(draw(st.integers(1, 2)))
    ]
    return sizes, shapes


@settings(max_examples=60, deadline=None)
@given(pieces(), st.randoms(use_true_random=False))
def test_convex_shapes_are_their_points(cube, all_points, drawn, random):
    sizes, shapes = drawn
    array = cube(**{name: np.arange(size) for name, size in zip(NAMES, sizes, strict=False)})
    points = all_points(array)
    expected = np.any([in_hull(np.array(corners), points) for corners in shapes], axis=0)
    order = list(range(len(sizes)))
    random.shuffle(order)
    axes = [NAMES[at] for at in order]
    turned = [ConvexPolytope(axes, [[c[at] for at in order] for c in corners]) for corners in shapes]
    assert found(array, Union(axes, *turned)) == np.flatnonzero(expected).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.randoms(use_true_random=False))
def test_paths_and_segments_are_their_hulls(cube, all_points, n_axes, random):
    axes = list(NAMES[:n_axes])
    array = cube(**{name: np.arange(5) for name in axes})
    nodes = [[random.randint(-1, 5) for _ in axes] for _ in range(3)]
    low, high = ([random.choice(ends) for _ in axes] for ends in ((-1.0, -0.5, 0.0), (0.0, 0.5)))
    box = Box(axes, low, high)
    points = all_points(array)
    pairs = list(itertools.pairwise(nodes))
    expected = np.flatnonzero(np.any([swept(low, high, *pair, points) for pair in pairs], axis=0)).tolist()
    assert found(array, Path(axes, box, *nodes)) == expected
    assert found(array, Path(axes, ConvexPolytope(axes, box.vertices), *nodes)) == expected
    segments = [PathSegment(axes, box, *pair) for pair in itertools.pairwise(nodes)]
    assert found(array, Union(axes, *segments)) == expected
    ends = [Box(axes, np.add(low, node).tolist(), np.add(high, node).tolist()) for node in nodes]
    assert found(array, ShapePath(axes, *ends)) == expected
    assert found(array, Union(axes, Segment(axes, *ends[:2]), Segment(axes, *ends[1:]))) == expected
    assert set(found(array, Path(axes, box, *nodes, closed=True))) >= set(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 9), st.integers(0, 10**9))
def test_polygons_are_even_and_odd(cube, all_points, n_corners, seed):
    random = np.random.default_rng(seed)
    array = cube(a=np.arange(7.0) * 100, b=np.arange(8.0) / 100)
    unit = [[random.uniform(-1, 8), random.uniform(-1, 9)] for _ in range(n_corners)]
    holes = (
        [[[random.uniform(1, 6), random.uniform(1, 6)] for _ in range(3)]] if random.random() < 0.5 else []
    )
    points = all_points(array) / [100, 0.01]
    odd = np.zeros(len(points), int)
    for ring in [unit, *holes]:
        for (x, y), (u, v) in zip(ring, [*ring[1:], ring[0]], strict=True):
            crosses = (y > points[:, 1]) != (v > points[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                odd += crosses & (
                    points[:, 0] < x + (points[:, 1] - y) * (u - x) / np.where(v == y, np.nan, v - y)
                )
    scaled = [[[y / 100, x * 100] for x, y in ring] for ring in [unit, *holes]]
    expected = np.flatnonzero(odd % 2).tolist()
    assert found(array, PolygonWithHoles(["b", "a"], scaled[0], scaled[1:])) == expected
    if not holes:
        assert found(array, Polygon(["b", "a"], scaled[0])) == expected


def test_borders_and_flat_shapes_count(cube):
    array = cube(a=np.arange(5), b=np.arange(5))
    assert found(array, Polygon(["a", "b"], [[1, 1], [3, 1], [3, 3], [1, 3]])) == [
        6,
        7,
        8,
        11,
        12,
        13,
        16,
        17,
        18,
    ]
    assert found(array, Polygon(["a", "b"], [[0, 0], [4, 4], [2, 2]])) == [0, 6, 12, 18, 24]
    assert found(array, Polygon(["a", "b"], [[1, 1], [1, 3], [1, 2]])) == [6, 7, 8]
    assert found(array, ConvexPolytope(["a", "b"], [[2, 2]])) == [12]
    assert found(array, ConvexPolytope(["a", "b"], [[0, 4], [4, 0]])) == [4, 8, 12, 16, 20]


def test_ellipses_are_polygons_around_them(cube, all_points):
    array = cube(a=np.arange(9.0), b=np.arange(9.0), c=np.arange(9.0))
    away = (all_points(array) - 4) / [3, 2, 1]
    ball = found(array, Ellipsoid(["a", "b", "c"], [4, 4, 4], [3, 2, 1]))
    assert set(np.flatnonzero(np.square(away).sum(axis=1) <= 1)) <= set(ball)
    assert max(np.square(away[int(at)]).sum() for at in ball) <= 1.26**2
    plane = cube(a=np.arange(9.0), b=np.arange(9.0))
    disk = [np.divmod(int(at), 9) for at in found(plane, Disk(["a", "b"], [4, 4], [3, 3], segments=4000))]
    assert sorted(disk) == [(a, b) for a in range(9) for b in range(9) if (a - 4) ** 2 + (b - 4) ** 2 <= 9]
    assert len(found(plane, Disk(["a", "b"], [4, 4], [3, 3]))) >= len(disk)


def test_requests_are_products_of_their_shapes(cube):
    array = cube(a=np.arange(4), b=np.arange(5)[::-1] * 10.0, c=np.arange(6))
    parts = (Select("a", [0, 2]), Span("b", 15, 30), All("c"))
    whole = array.sel(a=[0, 2], b=[20, 30]).values.ravel()
    assert found(array, *parts) == sorted(whole.tolist())
    assert found(array, Product(*parts)) == sorted(whole.tolist())
    assert found(array, Product(parts[0], parts[2]), parts[1]) == sorted(whole.tolist())
    assert found(array, Box(["c", "a"], [1, 1], [2, 2]), Select("b", [0.0])) == [55, 56, 85, 86]
    assert found(array, Box(["c", "a"], None, [0, 3]), Select("b", [0.0, 5.0])) == [24, 54, 84, 114]
    assert found(array, Point(["a", "c"], [[0, 5], [3, 0], [1.5, 2]]), Select("b", [40])) == [5, 90]
    nothing = polytope_feature.Polytope(array).retrieve(
        polytope_feature.Request(Select("a", [9]), *parts[1:])
    )
    assert nothing.n_points == 0
    assert nothing.leaves == []
    assert nothing.flatten()["value"].size == 0


def test_values_next_to_a_place(cube):
    array = cube(a=np.arange(5) * 10.0, b=np.arange(3))
    one = Select("b", [0])
    assert found(array, Select("a", [14], method="nearest"), one) == [3]
    assert found(array, Select("a", [14], method="nearest", k=3), one) == [0, 3, 6]
    assert found(array, Select("a", [14], method="surrounding"), one) == [3, 6]
    assert found(array, Select("a", [10], method="surrounding"), one) == [0, 3, 6]
    assert found(array, Span("a", 14, 26, method="surrounding"), one) == [3, 6, 9]
    assert found(array, Point(["a", "b"], [[99, 7]], method="nearest")) == [14]
    assert found(array, Box(["a", "b"], [11, 1], [12, 1], method="surrounding")) == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("lower", [-730.0, -10.0, 350.0, 355.0, 1070.0])
def test_cyclic_axes_go_round(cube, lower):
    array = cube(a=np.arange(3), lon=np.arange(0, 360, 10.0))
    options = {
        "axis_config": [{"axis_name": "lon", "transformations": [{"name": "cyclic", "range": [0, 360]}]}]
    }
    expected = [at for at in range(36) if (at * 10 - lower) % 360 <= 25]
    assert found(array, Select("a", [0]), Span("lon", lower, lower + 25), options=options) == expected
    tilted = ConvexPolytope(["lon", "a"], [[lower, 0], [lower + 25, 0], [lower + 10, 2], [lower + 35, 2]])
    rows = [[at for at in range(36) if (at * 10 - lower - 5 * a) % 360 <= 25] for a in range(3)]
    assert found(array, tilted, options=options) == sorted(36 * a + at for a in range(3) for at in rows[a])
    assert len(found(array, All("a"), Span("lon", lower, lower + 500), options=options)) == 108
    assert len(found(array, All("a"), All("lon"), options=options)) == 108


def test_times_durations_and_texts_are_axes(cube):
    times = np.datetime64("2026-01-01T00", "ns") + np.arange(5) * np.timedelta64(6, "h")
    steps = (np.arange(4) * np.timedelta64(3, "h")).astype("timedelta64[ns]")
    array = cube(time=times, step=steps, param=np.array(["t", "u"]), member=np.array(["1", "2", "10"]))
    api = polytope_feature.Polytope(array)
    shapes = [
        Select("time", ["2026-01-01T06:00:00", np.datetime64("2026-01-02")]),
        Span("step", 1, np.timedelta64(6, "h")),
        Select("param", ["u"]),
        Span("member", 2, 10),
    ]
    result = api.retrieve(polytope_feature.Request(*shapes))
    same = array.sel(time=times[[1, 4]], step=steps[1:3], param=["u"], member=["2", "10"])
    assert np.array_equal(result.values, same.values)
    assert result.to_xarray().identical(same)
    with pytest.raises(KeyError, match="texts without an order"):
        api.retrieve(polytope_feature.Request(Span("param", "t", "u"), *shapes[:2], shapes[3]))
    with pytest.raises(polytope_feature.PolytopeError, match="no value 'v'; expected one of t, u"):
        api.retrieve(polytope_feature.Request(Select("param", ["v"]), *shapes[:2], shapes[3]))
    tilted = ConvexPolytope(["step", "time"], [[0, times[0]], [9, times[4]], [9, times[0]]])
    many = api.retrieve(polytope_feature.Request(tilted, Select("param", ["t"]), Select("member", [1])))
    assert many.n_points == sum(24 / 9 * 3 * step / 6 >= at for step in range(4) for at in range(5))


def test_datasets_have_an_axis_of_variables(cube):
    array = cube(a=np.arange(3), b=np.arange(4))
    dataset = array.to_dataset(name="x").assign(y=array + 100)
    api = polytope_feature.Polytope(dataset)
    box = Box(["a", "b"], [0, 1], [1, 2])
    both = api.retrieve(polytope_feature.Request(box))
    assert both.values.tolist() == [[[1, 2], [5, 6]], [[101, 102], [105, 106]]]
    one = api.retrieve(polytope_feature.Request(Select("variable", ["y"]), box))
    assert one.values.tolist() == [[[101, 102], [105, 106]]]
    with pytest.raises(polytope_feature.PolytopeError, match="same of all"):
        polytope_feature.Polytope(dataset.assign(z=array[0]))


def test_merged_axes_are_times(cube):
    array = cube(date=np.array(["20260101", "20260102"]), time=np.array(["0600", "1800"]), step=np.arange(3))
    merge = {"name": "merge", "other_axis": "time", "linkers": ["T", "00"]}
    options = {"axis_config": [{"axis_name": "date", "transformations": [merge]}]}
    span = Span("date", "20260101T120000", np.datetime64("2026-01-02T07"))
    assert found_values(array, options, span, Select("step", [1])) == [4, 7]
    options["axis_config"][0]["transformations"] = [{**merge, "linkers": ["x", "00"]}]
    with pytest.raises(polytope_feature.PolytopeError, match="expected times"):
        found_values(array, options, span)


def found_values(array, options, *shapes):
    result = polytope_feature.Polytope(array, options).retrieve(polytope_feature.Request(*shapes))
    return result.values.ravel().tolist()


@pytest.mark.parametrize(
    ("mapper", "name"),
    [
        ({"type": "octahedral", "resolution": 8}, "O8"),
        ({"type": "regular", "resolution": 9}, "10/10"),
        (
            {"type": "regular", "resolution": 9, "axis_reversed": {"lat": False, "lon": False}},
            "10/10/scan/64",
        ),
        (
            {"type": "local_regular", "resolution": [6, 4], "local": [-30, 30, 10, 30]},
            "5/10/30/10/-30/30/scan/64",
        ),
        ({"type": "healpix", "resolution": 4}, "H4"),
        ({"type": "healpix_nested", "resolution": 4}, "H4n"),
        ({"type": "unstructured", "resolution": 0}, "O8"),
    ],
)
def test_mappers_are_grids(mapper, name):
    import xarray

    from dte_hpc.grids import grid
    from dte_hpc.grids.scanned import scanned

    base, _, flags = name.partition("/scan/")
    lats, lons = (scanned(grid(base), int(flags)) if flags else grid(base)).coordinates()
    if mapper["type"] == "unstructured":
        mapper = {**mapper, "points": np.stack([lats, lons], axis=1).tolist()}
    mapper = {"name": "mapper", "axes": ["lat", "lon"], **mapper}
    options = {"axis_config": [{"axis_name": "values", "transformations": [mapper]}]}
    array = xarray.DataArray(np.arange(2.0 * lats.size).reshape(2, -1), dims=("step", "values"))
    corners = [[-35, -20], [50, 15], [20, 40]]
    inside = np.zeros(lats.size, bool)
    for turn in (0, -360):
        places = np.stack([lats, lons + turn], axis=1)
        inside |= in_hull(np.array(corners, float), places)
    triangle = ConvexPolytope(["lat", "lon"], corners)
    numbers = found_values(array, options, triangle, Select("step", [1]))
    assert sorted(numbers) == (lats.size + np.flatnonzero(inside)).tolist()
    assert found_values(array, options, Polygon(["lat", "lon"], corners), Select("step", [1])) == numbers


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"axis_confg": []}, r"\$.axis_confg"),
        (
            {"axis_config": [{"axis_name": "a", "transformations": [{"name": "turn"}]}]},
            r"transformations\[0\]",
        ),
        (
            {"axis_config": [{"axis_name": "a", "transformations": [{"name": "cyclic", "range": [1, 0]}]}]},
            r"\[0\].range",
        ),
        ({"use_catalogue": True}, "use_catalogue"),
    ],
)
def test_wrong_options_are_told_with_their_place(cube, options, place):
    with pytest.raises(ValueError, match=place):
        polytope_feature.Polytope(cube(a=np.arange(3)), options)


def test_a_box_of_a_million_points_is_a_copy(cube):
    array = cube(a=np.arange(20), b=np.arange(400), c=np.arange(500))
    result = polytope_feature.Polytope(array).retrieve(
        polytope_feature.Request(Box(["a", "b", "c"], [2, 50, 100], [11, 299, 499]))
    )
    assert result.n_points == 1_000_000
    assert sum(factor.nbytes for factor in result.factors) < 200
    assert np.array_equal(result.values, array.values[2:12, 50:300, 100:500])
