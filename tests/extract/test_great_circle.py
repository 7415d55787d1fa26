"""Great circles, corridors, and shapes put together, against brute force over all points."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.countries import country
from dte_hpc.extract.find import find_points
from dte_hpc.extract.great_circle import along_great_circles, angle_between, angle_to_arc, unit_vectors
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Box, Circle, Corridor, Path, Points, Sum
from dte_hpc.grids import grid as grid_of_name

PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 540))


def angle_of(first, last):
    return float(angle_between(unit_vectors(*map(np.float64, first)), unit_vectors(*map(np.float64, last))))


@settings(max_examples=60, deadline=None)
@given(PLACES, PLACES)
def test_the_straight_pieces_follow_the_great_circle(first, last):
    if angle_of(first, last) > np.pi - 1e-6:
        return
    dense = along_great_circles(np.array([first, last]))
    np.testing.assert_allclose(dense[[0, -1]], [first, last])
    nodes = unit_vectors(dense[:, 0], dense[:, 1])
    assert angle_to_arc(nodes, nodes[0], nodes[-1]).max() < 1e-7
    total = angle_between(nodes[:-1], nodes[1:]).sum()
    assert total == pytest.approx(angle_of(first, last), abs=1e-6)
    lat, lon = dense[:, 0], dense[:, 1]
    east = np.diff(lon) - 360 * np.round(np.diff(lon) / 360)
    for share in (0.3, 0.5, 0.9):
        straight = unit_vectors(lat[:-1] + share * np.diff(lat), lon[:-1] + share * east)
        assert np.degrees(angle_to_arc(straight, nodes[0], nodes[-1])).max() < 1.2e-3


def test_other_axes_change_evenly_and_antipodes_are_refused():
    dense = along_great_circles(np.array([[0.0, 0, 100, 0], [0, 90, 200, 6]]))
    assert dense[-1].tolist() == [0, 90, 200, 6]
    np.testing.assert_allclose(dense[:, 2] - 100, dense[:, 1] / 0.9)
    with pytest.raises(InvalidRequest, match="antipode"):
        along_great_circles(np.array([[10.0, 20], [-10, 200]]))


@pytest.mark.parametrize("name", ["O32", "H16n", "1/1"])
@pytest.mark.parametrize(
    ("points", "km"),
    [
        ([[49, 2.5], [41, -73.8]], 120),
        ([[80, 10], [85, -170], [60, 179], [60, -179]], 400),
        ([[-89, 0], [-89, 179]], 300),
        ([[0, 0], [0, 0]], 500),
        ([[0, 0], [10, 100]], 15000),
    ],
)
def test_a_corridor_is_what_brute_force_says(name, points, km):
    grid = grid_of_name(name)
    places = unit_vectors(*grid.coordinates())
    nodes = unit_vectors(*np.array(points, float).T)
    near = np.min([angle_to_arc(places, a, b) for a, b in itertools.pairwise(nodes)], axis=0)
    found = find_points(Corridor(points=points, radius_km=km), grid).indices()
    assert found.tolist() == np.flatnonzero(near * EARTH_RADIUS_KM <= km + 1e-6).tolist()


def test_a_path_along_great_circles_passes_where_a_straight_one_does_not():
    grid = grid_of_name("1/1")
    ends = [[50, 0], [50, 90]]
    straight = find_points(Path(axes=("latitude", "longitude"), points=ends, inflation=0.4), grid)
    bent = find_points(Path.along_great_circles(points=ends, inflation=0.4), grid)
    assert grid.coordinates_of(straight.indices())[0].max() == 50
    assert grid.coordinates_of(bent.indices())[0].max() == 59


def test_shapes_add_up_as_sets():
    grid = grid_of_name("F32")
    france, box, disk = (
        country("FRA"),
        Box(south=40, north=50, west=-5, east=5),
        Circle(centre=(45, 2), radius=4),
    )
    sets = [set(find_points(shape, grid).indices().tolist()) for shape in (france, box, disk)]
    for shape, expected in (
        (france | box | disk, sets[0] | sets[1] | sets[2]),
        (france & box & disk, sets[0] & sets[1] & sets[2]),
        (france - disk, sets[0] - sets[2]),
        (box - (france | disk), sets[1] - (sets[0] | sets[2])),
        (disk | Points(points=[[-30, 100]]), sets[2] | {int(grid.nearest(-30, 100))}),
    ):
        assert set(find_points(shape, grid).indices().tolist()) == expected
        assert expected


def test_a_sum_is_of_shapes_on_the_ground():
    flight = Path(axes=("latitude", "longitude", "step"), points=[[0, 0, 0]], inflation=1)
    box = Box(south=0, north=1, west=0, east=1)
    for parts in ((), (box, flight), (box, 7)):
        with pytest.raises(InvalidRequest, match="expected 1 to"):
            Sum(operation="union", parts=parts)
    with pytest.raises(InvalidRequest, match="put together by"):
        Sum(operation="sum", parts=(box,))
    deep = box
    for _ in range(32):
        deep = deep | box
    with pytest.raises(InvalidRequest, match="nested"):
        deep | box
