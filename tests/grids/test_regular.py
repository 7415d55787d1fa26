"""Regular grids: names, areas, the seam."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid


def test_a_global_grid_has_both_poles_and_no_column_twice():
    found = grid("0.25/0.25")
    assert found.n_points == 721 * 1440
    assert found.latitudes[0] == 90
    assert found.latitudes[-1] == -90
    assert found.wraps


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("1/1", "1/1"),
        ("1.0/1.000", "1/1"),
        ("1/1/90/0/-90/359", "1/1"),
        ("0.25/0.25/58/-10/50/2", "0.25/0.25/58/-10/50/2"),
        ("0.250/.25/58.0/-10/50/+2", "0.25/0.25/58/-10/50/2"),
        ("0.333333/0.333333", "0.333333/0.333333"),
        ("1/1/90/-180/-90/179", "1/1/90/-180/-90/179"),
    ],
)
def test_names_are_canonical_and_come_back(given, canonical):
    found = grid(given)
    assert found.name == canonical
    again = grid(found.name)
    assert again.name == canonical
    np.testing.assert_array_equal(again.latitudes, found.latitudes)
    np.testing.assert_array_equal(again.first_longitude, found.first_longitude)


def test_a_local_grid_has_the_longitudes_of_its_name():
    found = grid("0.25/0.25/58/-10/50/2")
    assert found.n_points == 33 * 49
    assert not found.wraps
    latitudes, longitudes = found.coordinates()
    expected_lat, expected_lon = np.meshgrid(np.linspace(58, 50, 33), np.linspace(-10, 2, 49), indexing="ij")
    np.testing.assert_array_equal(latitudes, expected_lat.ravel())
    np.testing.assert_allclose(longitudes, expected_lon.ravel(), rtol=0, atol=1e-12)


def test_an_area_may_cross_the_seam_and_a_belt_may_close_on_itself():
    assert grid("5/5/10/350/-10/10").row_lengths.tolist() == [5] * 5
    belt = grid("5/5/10/-180/-10/175")
    assert belt.wraps
    assert belt.coordinates()[1].min() == 0
    assert belt.coordinates()[1][0] == 180


def test_thirds_are_thirds():
    found = grid("0.333333/0.333333")
    assert found.n_points == 541 * 1080
    assert found.spacing[0] == 360 / 1080


def test_one_point_is_a_grid():
    assert grid("1/1/50/7/50/7").n_points == 1


@pytest.mark.parametrize(
    "name",
    ["7/7", "1/0.7", "0/1", "0.0001/1", "1/1/50/0/60/10", "1/1/95/0/60/10", "1/1/60/0/50.5/10", "1/1/60/0/50",
     "1/1/60/-180/50/180", "-1/1", "1//1", "nan/1", "1e3/1"],
)  # fmt: skip
def test_nonsense_is_refused(name):
    with pytest.raises(InvalidGrid):
        grid(name)
