"""Are the k nearest points, found for many places at once, those found place by place?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.extract.find import find_points
from dte_hpc.extract.great_circle import angle_between, unit_vectors
from dte_hpc.extract.neighbours import nearest_k
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Circle
from dte_hpc.grids import grid as grid_of_name
from dte_hpc.grids.unstructured import points

RANDOM = np.random.default_rng(7)
NAMES = [
    "O16",
    "N16",
    "F16/scan/64",
    "5/5",
    "1/1/58/-10/50/7",
    "5/5/90/-180/60/170",
    "H8",
    "H8n",
    "O16/south-pole/-30/15",
    "lambert/30x20/50000/50000/37.5/-12/2/46.5/46.5/6371229",
    "lambert/40x40/400000/400000/-30/-170/100/30/60/6371229",
    "polar-stereographic/30x30/200000/200000/60/-135/-111/60/6371229",
    "mercator/40x30/100000/100000/-20/100/0/6371229",
]
GRIDS = {name: grid_of_name(name) for name in NAMES}
GRIDS["listed"] = points("listed", RANDOM.uniform(-90, 90, 700), RANDOM.uniform(-180, 180, 700))
GRIDS["one place"] = points("one_place", np.full(40, 12.5), np.full(40, 7.0))
GRIDS["few"] = points("few", [10, -90, 90, 10], [0, 5, 9, 360])

LATITUDES = st.one_of(st.sampled_from([-90.0, 90.0, 0.0, 89.999, 58.0]), st.floats(-90, 90))
LONGITUDES = st.one_of(st.sampled_from([0.0, -180.0, 180.0, 360.0, 357.5]), st.floats(-360, 720))


class OfAnotherPackage:
    """A grid of no family of ours: what the protocol says, and no more."""

    def __init__(self, base):
        self.base, self.name, self.kind, self.n_points = base, "plug", "plug", base.n_points
        self.coordinates, self.coordinates_of = base.coordinates, base.coordinates_of
        self.nearest, self.candidates = base.nearest, base.candidates


GRIDS["plug"] = OfAnotherPackage(GRIDS["O16"])


def place_by_place(grid, latitude, longitude, k):
    """The k nearest of a circle that grows: one place at a time."""
    index, angle = np.empty((latitude.size, k), np.int64), np.empty((latitude.size, k))
    for place, spot in enumerate(zip(latitude.tolist(), longitude.tolist(), strict=True)):
        radius = np.sqrt(4 * k / grid.n_points)
        while True:
            km = min(radius, np.pi) * EARTH_RADIUS_KM
            found = find_points(Circle(centre=spot, radius=km, metric="km"), grid)
            if found.n_points >= k or radius >= np.pi:
                break
            radius *= 1.5
        inside = found.indices()
        away = angle_between(unit_vectors(*grid.coordinates_of(inside)), unit_vectors(*map(np.array, spot)))
        order = np.lexsort((inside, away))[:k]
        index[place], angle[place] = inside[order], away[order]
    return index, angle


@pytest.mark.parametrize("name", GRIDS)
@settings(max_examples=8, deadline=None)
@given(places=st.lists(st.tuples(LATITUDES, LONGITUDES), min_size=1, max_size=6), k=st.integers(1, 30))
def test_they_are_those_found_place_by_place(name, places, k):
    grid = GRIDS[name]
    k = min(k, grid.n_points)
    latitude, longitude = np.array(places, float).T
    index, angle = nearest_k(grid, latitude, longitude, k)
    _, expected = place_by_place(grid, latitude, longitude, k)
    np.testing.assert_allclose(angle, expected, rtol=0, atol=1e-12)
    of_index = unit_vectors(*grid.coordinates_of(index))
    np.testing.assert_allclose(
        angle_between(of_index, unit_vectors(latitude, longitude)[:, None]), angle, rtol=0, atol=1e-12
    )
    assert all(len(set(row)) == k for row in index.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_they_are_the_same_points_where_no_two_are_equally_far(name):
    grid = GRIDS[name]
    latitude, longitude = RANDOM.uniform(-90, 90, 30), RANDOM.uniform(0, 360, 30)
    index, angle = nearest_k(grid, latitude, longitude, 7)
    expected, away = place_by_place(grid, latitude, longitude, 7)
    apart = (np.diff(angle, axis=1) > 1e-12).all(axis=1)
    assert apart.any()
    np.testing.assert_array_equal(index[apart], expected[apart])
    np.testing.assert_allclose(angle, away, rtol=0, atol=1e-12)


def test_no_places_have_no_neighbours():
    index, angle = nearest_k(GRIDS["O16"], np.empty(0), np.empty(0), 4)
    assert index.shape == angle.shape == (0, 4)
