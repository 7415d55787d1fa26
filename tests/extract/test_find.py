"""What is found, against the same question asked of every point of the grid.

The predicates here are written anew and see only coordinates. A point whose distance to the border is within
rounding (1e-7 degrees) may go either way, but for the tests of borders, which are exact.
"""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.find import find_nearest, find_path, find_points
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Box, Circle, Path, Points, Polygon
from dte_hpc.grids import grid

NAMES = ["O32", "N32", "F32", "5/5", "1/1/58/-10/50/7", "5/5/20/300/-90/10", "H8", "H8n"]
TURNS = 360.0 * np.arange(-3, 4)
MARGIN = 1e-7

names = st.sampled_from(NAMES)
latitudes = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 0.0, 55.0, 90.0]))
longitudes = st.one_of(st.floats(-200, 380), st.sampled_from([-180.0, 0.0, 180.0, 360.0]))
quick = settings(max_examples=80, deadline=None)


def every_turn(name):
    """Return latitude, longitude of every point, longitudes on several turns: (n, 1), (n, n_turns)."""
    lat, lon = grid(name).coordinates()
    return lat[:, None], lon[:, None] + TURNS


def agrees(ranges, depth):
    """Whether ranges hold all points that are inside by more than rounding and none outside by more.

    depth: of each point, how far inside the shape (negative: outside).
    """
    found = np.zeros(depth.size, bool)
    found[ranges.indices()] = True
    return bool(np.all(found[depth > MARGIN]) and not np.any(found[depth < -MARGIN]))


@quick
@given(names, latitudes, latitudes, longitudes, longitudes)
def test_boxes(name, lat_a, lat_b, west, east):
    box = Box(south=min(lat_a, lat_b), north=max(lat_a, lat_b), west=west, east=east)
    lat, lon = every_turn(name)
    reach = east
    while reach < west:
        reach += 360
    inside = np.minimum(lon - west, reach - lon).max(axis=1)
    depth = np.minimum(np.minimum(lat[:, 0] - box.south, box.north - lat[:, 0]), inside)
    assert agrees(find_points(box, grid(name)), depth)


@quick
@given(names, latitudes, longitudes, st.floats(0.01, 200), st.floats(0.01, 200))
def test_ellipses_in_degrees(name, lat, lon, north, east):
    circle = Circle(centre=(lat, lon), radius=(north, east))
    lats, lons = every_turn(name)
    share = ((lats - lat) / north) ** 2 + ((lons - lon) / east) ** 2
    assert agrees(find_points(circle, grid(name)), (1 - share).max(axis=1) * min(north, east, 1))


@quick
@given(names, latitudes, longitudes, st.one_of(st.floats(1, 20015), st.floats(1, 800)))
def test_great_circles(name, lat, lon, radius):
    circle = Circle(centre=(lat, lon), radius=radius, metric="km")
    lats, lons = (np.radians(values) for values in grid(name).coordinates())
    a, b = np.radians(lat), np.radians(lon)
    cross = np.hypot(
        np.cos(lats) * np.sin(lons - b),
        np.cos(a) * np.sin(lats) - np.sin(a) * np.cos(lats) * np.cos(lons - b),
    )
    along = np.sin(a) * np.sin(lats) + np.cos(a) * np.cos(lats) * np.cos(lons - b)
    depth = np.degrees(radius / EARTH_RADIUS_KM - np.arctan2(cross, along))
    assert agrees(find_points(circle, grid(name)), depth)


def ring_parity(ring, lat, lon):
    """Return, of points, whether a ray east along their row crosses a ring an odd number of times."""
    parity = np.zeros(np.broadcast(lat, lon).shape, bool)
    for (lat_a, lon_a), (lat_b, lon_b) in itertools.pairwise(ring):
        if lat_a == lat_b:
            continue
        crosses = (lat_a > lat) != (lat_b > lat)
        at = lon_a + (lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a)
        parity ^= crosses & (lon < at)
    return parity


def border_distance(ring, lat, lon):
    """Return how far points are from a ring's edges, in degrees of the plane."""
    distance = np.full(np.broadcast(lat, lon).shape, np.inf)
    for (lat_a, lon_a), (lat_b, lon_b) in itertools.pairwise(ring):
        square = (lat_b - lat_a) ** 2 + (lon_b - lon_a) ** 2
        t = (
            ((lat - lat_a) * (lat_b - lat_a) + (lon - lon_a) * (lon_b - lon_a)) / square
            if square
            else 0 * lon
        )
        t = np.clip(t, 0, 1)
        gap = np.hypot(lat - lat_a - t * (lat_b - lat_a), lon - lon_a - t * (lon_b - lon_a))
        distance = np.minimum(distance, gap)
    return distance


def polygon_depth(name, rings):
    """Return the depth of every point in one polygon of already unrolled rings."""
    lat, lon = every_turn(name)
    inside = np.zeros(lat.shape[0], bool)
    distance = np.full(lat.shape[0], np.inf)
    for ring in rings:
        closed = [*ring, ring[0]]
        inside ^= np.bitwise_xor.reduce(ring_parity(closed, lat, lon), axis=1)
        distance = np.minimum(distance, border_distance(closed, lat, lon).min(axis=1))
    return np.where(inside, distance, -distance)


@st.composite
def rings(draw, most=12):
    """Rings of any form, self-crossing too, that no two neighbours of are more than 180 degrees apart."""
    lat, lon, width = draw(latitudes), draw(longitudes), draw(st.sampled_from([0.5, 10.0, 85.0]))
    offset = st.floats(-width, width)
    ring = draw(st.lists(st.tuples(offset, offset), min_size=3, max_size=most))
    return [(float(np.clip(round(lat + north, 6), -90, 90)), round(lon + east, 6)) for north, east in ring]


@quick
@given(names, rings(), st.lists(rings(most=5), max_size=2))
def test_polygons_of_any_form_with_holes(name, ring, holes):
    depth = polygon_depth(name, [ring, *holes])
    assert agrees(find_points(Polygon.of_ring(ring, *holes), grid(name)), depth)


@quick
@given(names, rings(), st.lists(st.integers(-2, 2), min_size=12, max_size=12))
def test_the_turn_a_vertex_is_written_on_does_not_matter(name, ring, turns):
    lats, lons = np.transpose(ring)
    area = np.sum(
        (lons - lons[0]) * np.roll(lats - lats[0], -1) - np.roll(lons - lons[0], -1) * (lats - lats[0])
    )
    assume(abs(area) > 1e-6)
    assume(np.all(np.abs(np.diff(lons, append=lons[0])) < 179.9))
    assume(not np.any((np.abs(lats) == 90) & (np.diff(lats, append=lats[0]) == 0)))  # the one exception
    turned = [(lat, lon + 360 * turn) for (lat, lon), turn in zip(ring, turns, strict=False)]
    assert agrees(find_points(Polygon.of_ring(turned), grid(name)), polygon_depth(name, [ring]))


@quick
@given(names, st.lists(rings(most=5), min_size=1, max_size=4))
def test_the_parts_of_a_shape_are_united(name, parts):
    whole = find_points(Polygon(polygons=tuple((ring,) for ring in parts)), grid(name))
    each = find_points(Polygon.of_ring(parts[0]), grid(name))
    for ring in parts[1:]:
        each = each.union(find_points(Polygon.of_ring(ring), grid(name)))
    assert whole == each


@pytest.mark.parametrize("name", ["5/5", "F32", "O32", "H8n"])
@pytest.mark.parametrize("pole", [1, -1])
def test_a_ring_round_a_pole_encloses_it(name, pole):
    around = np.arange(-180, 180, 10.0)
    rim = pole * (60 + 5 * np.sin(np.radians(around * 3)))
    ring = np.column_stack([rim, around])
    lat, lon = grid(name).coordinates()
    edges = np.column_stack([np.append(around, 180), np.append(rim, rim[0])])
    depth = pole * (lat - np.interp((lon + 180) % 360 - 180, edges[:, 0], edges[:, 1]))
    for given_ring in (ring, ring[::-1], np.roll(ring, 7, axis=0), np.add(ring, [0, 360])):
        assert agrees(find_points(Polygon.of_ring(given_ring), grid(name)), depth)
    hole = [(pole * 75, 170), (pole * 75, 190), (pole * 85, 190), (pole * 85, 170)]
    cut = np.minimum(depth, -polygon_depth(name, [hole]))
    assert agrees(find_points(Polygon.of_ring(ring, np.array(hole) - [0, 360]), grid(name)), cut)


@quick
@given(names, st.lists(st.floats(20, 89), min_size=3, max_size=9), longitudes, st.sampled_from([1, -1]))
def test_rings_round_a_pole_of_any_form(name, rim, first, pole):
    around = first + 360 / len(rim) * np.arange(len(rim) + 1)
    edge = pole * np.array([*rim, rim[0]])
    lat, lon = grid(name).coordinates()
    depth = pole * lat - pole * np.interp((lon - first) % 360 + first, around, edge)
    steepness = 1 + np.max(np.abs(np.diff(edge))) * len(rim) / 360
    ring = np.column_stack([edge[:-1], around[:-1]])
    assert agrees(find_points(Polygon.of_ring(ring), grid(name)), depth / steepness)


@pytest.mark.parametrize("pole", [90, -90])
@pytest.mark.parametrize("seam", [-180, 0, 25])
def test_a_cap_cut_open_at_the_date_line_holds_the_pole(pole, seam):
    rim = [(pole * 2 / 3, seam + lon) for lon in (0, 100, 200, 300, 360)]
    for ring in (
        [*rim, (pole, seam + 360), (pole, seam)],
        [rim[0], rim[-1], (pole, seam + 360), (pole, seam)],
    ):
        assert find_points(Polygon.of_ring(ring), grid("5/5")).n_points == 7 * 72
        assert find_points(Polygon.of_ring(ring[::-1]), grid("5/5")).n_points == 7 * 72


@pytest.mark.parametrize("name", ["5/5", "F32", "O32", "H8", "1/1/58/-10/50/7"])
def test_a_box_of_the_whole_circle_is_taken_as_written(name):
    world = Polygon.of_ring([(-90, -180), (90, -180), (90, 180), (-90, 180)])
    assert find_points(world, grid(name)).n_points == grid(name).n_points


def test_borders_count_as_inside():
    found = grid("5/5")
    square = Polygon.of_ring(
        [(10, 350), (10, 10), (-10, 10), (-10, 350)], [(5, 355), (5, 5), (-5, 5), (-5, 355)]
    )
    lat, lon = found.coordinates_of(find_points(square, found).indices())
    east = (lon + 180) % 360 - 180
    expected = [(y, x) for y in range(10, -11, -5) for x in range(-10, 11, 5) if max(abs(x), abs(y)) >= 5]
    assert sorted(zip(lat, east, strict=True)) == sorted(expected)
    diamond = Polygon.of_ring([(10, 0), (0, 10), (-10, 0), (0, -10)])
    lat, lon = found.coordinates_of(find_points(diamond, found).indices())
    assert len(lat) == 13
    assert find_points(Polygon.of_ring([(10, 0), (10, 20), (10, 40)]), found).n_points == 9
    assert find_points(Polygon.of_ring([(10, 0), (10 + 5e-10, 0), (10, 5e-10)]), found).n_points == 1


@quick
@given(
    st.lists(st.tuples(st.integers(-18, 18), st.integers(-10, 10)), min_size=3, max_size=8),
    st.sampled_from([0, 180, 355]),
)
def test_every_point_on_an_edge_between_grid_points_is_inside(ring, middle):
    lat, lon = grid("5/5").coordinates()
    row, column = np.round(lat / 5), np.round(((lon - middle + 180) % 360 - 180) / 5)
    on_border = np.zeros(lat.size, bool)
    for (y, x), (v, u) in itertools.pairwise([*ring, ring[0]]):
        level = (v - y) * (column - x) == (u - x) * (row - y)  # exact: small whole numbers
        between = (np.abs(2 * row - y - v) <= abs(y - v)) & (np.abs(2 * column - x - u) <= abs(x - u))
        on_border |= level & between
    polygon = Polygon.of_ring([(5 * y, middle + 5 * x) for y, x in ring])
    found = find_points(polygon, grid("5/5"))
    assert np.all(found.contains(np.flatnonzero(on_border)))
    inside = np.isin(np.arange(lat.size), found.indices()) & ~on_border
    whole = ring_parity([*ring, ring[0]], row + 1e-9, column)
    np.testing.assert_array_equal(inside, whole & ~on_border)


def test_borders_of_boxes_and_circles_count_as_inside():
    found = grid("5/5")
    assert find_points(Box(south=0, north=10, west=355, east=5), found).n_points == 9
    assert find_points(Box(south=5, north=5, west=5, east=5), found).n_points == 1
    assert find_points(Box(south=-90, north=90, west=0, east=360), found).n_points == found.n_points
    assert find_points(Circle(centre=(0, 0), radius=5), found).n_points == 5
    assert find_points(Circle(centre=(0, 0), radius=0), found).n_points == 1
    one_row = np.radians(5) * EARTH_RADIUS_KM
    assert find_points(Circle(centre=(0, 0), radius=one_row, metric="km"), found).n_points == 5
    assert find_points(Circle(centre=(90, 0), radius=one_row, metric="km"), found).n_points == 144


@pytest.mark.parametrize(("size", "n_points"), [(10, 19226), (20, 72485), (40, 253205), (80, 724400)])
def test_boxes_hold_as_many_points_as_polytope_finds(size, n_points):
    # published in ecmwf/polytope, performance_unstructured/plot_structured_vs_unstructured_slicing.py
    assert find_points(Box(south=0, north=size, west=0, east=size), grid("O1280")).n_points == n_points


def test_a_box_a_hair_short_of_the_whole_circle_is_not_empty():
    assert find_points(Box(south=0, north=0, west=5e-324, east=0), grid("5/5")).n_points == 72


def test_corners_are_taken_in_any_order():
    assert Box.of_corners((10, 20), (-5, 3)) == Box(south=-5, north=10, west=3, east=20)


def test_a_shape_between_the_points_finds_none():
    for shape in (
        Box(south=1, north=2, west=1, east=2),
        Circle(centre=(2.5, 2.5), radius=1),
        Polygon.of_ring([(1, 1), (2, 1), (1, 2)]),
        Path(axes=("latitude", "longitude"), points=[(1, 1), (2, 2)], inflation=0.5),
    ):
        assert len(find_points(shape, grid("5/5"))) == 0


@pytest.mark.parametrize("name", ["O32", "H8n"])
def test_nearest_points_keep_order_and_repeats(name):
    places = [(50.0, 8.0), (-33.0, 359.9), (50.0, 8.0)]
    found = find_nearest(Points(points=places), grid(name))
    assert found[0] == found[2]
    assert found.tolist() == [int(grid(name).nearest(*place)) for place in places]
    assert find_points(Points(points=places), grid(name)).indices().tolist() == sorted(set(found.tolist()))


AXES = [
    ("latitude", "longitude"),
    ("longitude", "latitude", "step"),
    ("levelist", "latitude", "longitude"),
    ("latitude", "longitude", "levelist", "step"),
]
LEVELS = np.array([1000.0, 500, 700])
STEPS = np.array([0.0, 6, 12, 3])


def least_over_segment(kind, gaps, moves, widths):
    """Return, of points, the least over t in [0, 1] of the swept shape's gauge; below 1 is inside.

    gaps (n_points, n_axes): point less start. The gauge of a box is the greatest, of an ellipsoid the root of
    the summed squares, of |gap - t move| / width. It is convex in t: golden sections close in on its least.
    """

    def gauge(t):
        scaled = (gaps - t[:, None] * moves) / widths
        return np.abs(scaled).max(axis=1) if kind == "box" else np.sqrt((scaled**2).sum(axis=1))

    low, high = np.zeros(len(gaps)), np.ones(len(gaps))
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(45):
        left, right = high - golden * (high - low), low + golden * (high - low)
        lower = gauge(left) < gauge(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    return np.minimum(
        np.minimum(gauge((low + high) / 2), gauge(np.zeros(len(gaps)))), gauge(np.ones(len(gaps)))
    )


@st.composite
def paths(draw):
    axes = draw(st.sampled_from(AXES))
    low = {"latitude": -90.0, "longitude": -30.0, "levelist": 250.0, "step": -1.0}
    high = {"latitude": 90.0, "longitude": 60.0, "levelist": 1050.0, "step": 13.0}
    n = draw(st.integers(1, 4))
    unit = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]))
    points = [[low[axis] + draw(unit) * (high[axis] - low[axis]) for axis in axes] for _ in range(n)]
    widths = {"latitude": (0.2, 9), "longitude": (0.2, 9), "levelist": (20, 200), "step": (0.2, 4)}
    return Path(
        axes=axes,
        points=points,
        inflation=[draw(st.floats(*widths[axis])) for axis in axes],
        inflate=draw(st.sampled_from(["box", "round"])),
    )


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["O8", "N16", "10/10", "5/5/20/300/-90/10", "H8", "H8n"]), paths())
def test_paths_are_the_sweep_of_their_shape(name, path):
    lat, lon = grid(name).coordinates()
    lon = np.where(lon > 200, lon - 360, lon)  # the paths lie between -40 and 70 degrees east
    place = {"latitude": lat, "longitude": lon}
    found = {(level, step): ranges for level, step, ranges in find_path(path, grid(name), LEVELS, STEPS)}
    starts = path.points[: max(len(path.points) - 1, 1)]
    moves = np.diff(path.points, axis=0) if len(path.points) > 1 else np.zeros_like(path.points)
    for at_level, level in enumerate(LEVELS):
        for at_step, step in enumerate(STEPS):
            values = {**place, "levelist": np.full_like(lat, level), "step": np.full_like(lat, step)}
            points = np.column_stack([values[axis] for axis in path.axes])
            gauge = np.min(
                [
                    least_over_segment(path.inflate, points - start, move, path.inflation)
                    for start, move in zip(starts, moves, strict=True)
                ],
                axis=0,
            )
            inside = np.zeros(lat.size, bool)
            if (at_level, at_step) in found:
                inside[found[at_level, at_step].indices()] = True
                assert inside.any()
            assert np.all(inside[gauge < 1 - 1e-6])
            assert not np.any(inside[gauge > 1 + 1e-6])


def test_a_path_across_the_date_line_takes_the_short_way():
    path = Path(axes=("latitude", "longitude"), points=[(0, 170), (0, -170)], inflation=2)
    lat, lon = grid("5/5").coordinates_of(find_points(path, grid("5/5")).indices())
    assert sorted(lon) == [170, 175, 180, 185, 190]
    assert set(lat) == {0}


def test_a_path_without_an_axis_touches_all_of_its_values():
    path = Path(axes=("latitude", "longitude", "step"), points=[(0, 0, 0), (0, 10, 6)], inflation=[1, 1, 1])
    pieces = find_path(path, grid("5/5"), levels=[500, 850], steps=[6, 0])
    assert pieces.level.tolist() == [0, 1, 0, 1]
    assert pieces.step.tolist() == [0, 0, 1, 1]
    assert len(pieces) == 4
    assert pieces.n_points == sum(ranges.n_points for _, _, ranges in pieces)
    assert pieces.ranges[0].indices().tolist() == [18 * 72 + 2]
    assert pieces.ranges[2].indices().tolist() == [18 * 72]
    surface = find_path(path, grid("5/5"), steps=[6, 0])
    assert surface.level.tolist() == [0, 0]


def test_a_path_needs_values_for_its_axes():
    path = Path(axes=("latitude", "longitude", "step"), points=[(0, 0, 0), (0, 10, 6)], inflation=1)
    with pytest.raises(InvalidRequest, match="step"):
        find_path(path, grid("5/5"), levels=[500])
    with pytest.raises(InvalidRequest, match="ground"):
        find_points(path, grid("5/5"))
    with pytest.raises(InvalidRequest, match="numbers"):
        find_path(path, grid("5/5"), steps=[float("nan")])


def test_a_shape_of_too_many_pieces_is_refused(monkeypatch):
    monkeypatch.setattr("dte_hpc.extract.strips.MAX_STRIPS", 100)
    zigzag = [(80 * (-1) ** at, at / 10) for at in range(100)]
    with pytest.raises(InvalidRequest, match="at most 100"):
        find_points(Polygon.of_ring(zigzag), grid("O32"))
