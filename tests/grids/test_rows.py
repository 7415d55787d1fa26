"""What every row grid promises: order, bounds, nearest points."""

import pickle

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid, InvalidRequest
from dte_hpc.grids import Grid, RowGrid, grid

NAMES = ["O32", "N32", "F32", "5/5", "0.25/0.25/58/-10/50/2", "5/5/10/350/-90/10", "H8", "H8n"]


def unit(latitude, longitude):
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def chord(found, latitude, longitude):
    """Return the squared chord from each place to every point: the brute force."""
    points = unit(*found.coordinates())
    return np.sum((unit(latitude, longitude)[:, None, :] - points[None]) ** 2, axis=-1)


@pytest.mark.parametrize("name", NAMES)
def test_some_coordinates_are_those_of_all(name):
    found = grid(name)
    assert isinstance(found, RowGrid)
    latitudes, longitudes = found.coordinates()
    some = np.random.default_rng(1).integers(0, found.n_points, (4, 5))
    np.testing.assert_array_equal(found.coordinates_of(some)[0], latitudes[some])
    np.testing.assert_array_equal(found.coordinates_of(some)[1], longitudes[some])
    assert latitudes.shape == longitudes.shape == (found.n_points,)
    if found.wraps:
        assert longitudes.min() >= 0
        assert longitudes.max() < 360


@pytest.mark.parametrize("name", NAMES)
def test_nearest_is_the_least_of_all_great_circles(name):
    found = grid(name)
    random = np.random.default_rng(2)
    latitude = np.concatenate(
        [
            np.degrees(np.arcsin(random.uniform(-1, 1, 250))),
            random.uniform(88, 90, 60),
            random.uniform(-90, -88, 60),
        ]
    )
    longitude = random.uniform(-400, 400, latitude.size)
    longitude[::7] = random.choice([0, 360, -0.01, 359.99, 180, -180], longitude[::7].size)
    distances = chord(found, latitude, longitude)
    index = found.nearest(latitude, longitude)
    np.testing.assert_allclose(
        np.sqrt(distances[np.arange(index.size), index]),
        np.sqrt(distances.min(axis=1)),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_nearest_to_itself(name):
    found = grid(name)
    latitudes, longitudes = found.coordinates()
    index = found.nearest(latitudes, longitudes)
    at_pole = np.abs(latitudes) == 90
    np.testing.assert_array_equal(index[~at_pole], np.arange(found.n_points)[~at_pole])
    np.testing.assert_array_equal(latitudes[index], latitudes)


def test_nearest_at_the_seam():
    found = grid("O1280")
    exact = found.nearest(48.1, 0.0)
    np.testing.assert_array_equal(found.nearest([48.1, 48.1, 48.1], [359.99, -0.01, 360.0]), [exact] * 3)
    assert found.coordinates_of(exact)[1] == 0


def test_ties_are_the_first_point():
    assert grid("5/5").nearest(90, 123.0) == 0
    assert grid("5/5").nearest(-90, 123.0) == 36 * 72
    assert grid("5/5").nearest(0, 2.5) == 18 * 72
    assert grid("F32").nearest(90, 77.0) == 0
    assert grid("F32").nearest(-90, 77.0) == 63 * 128


def test_nearest_keeps_the_shape_and_takes_scalars():
    found = grid("O32")
    assert found.nearest(50, 8).shape == ()
    assert found.nearest([[50.0], [40.0]], [1.0, 2.0, 3.0]).shape == (2, 3)
    assert found.nearest([], []).shape == (0,)


def test_many_places_are_taken_in_chunks(monkeypatch):
    monkeypatch.setattr("dte_hpc.grids.nearest.CHUNK_PAIRS", 16)
    found = grid("O32")
    latitudes, longitudes = found.coordinates()
    np.testing.assert_array_equal(found.nearest(latitudes, longitudes + 0.01), np.arange(found.n_points))


def test_a_local_grid_answers_from_afar():
    found = grid("0.25/0.25/58/-10/50/2")
    latitude, longitude = np.array([-89.0, 89, 54, 54, 0]), np.array([170.0, 100, 20, -30, 176])
    index = found.nearest(latitude, longitude)
    np.testing.assert_array_equal(index, chord(found, latitude, longitude).argmin(axis=1))


@pytest.mark.parametrize("place", [(91, 0), (float("nan"), 0), (0, float("inf"))])
def test_nearest_refuses_what_is_no_place(place):
    with pytest.raises(InvalidRequest, match="latitude"):
        grid("O32").nearest(*place)


@pytest.mark.parametrize("index", [-1, 5248, 10**12])
def test_points_outside_the_grid_are_refused(index):
    with pytest.raises(InvalidGrid, match="5247"):
        grid("O32").coordinates_of([0, index])


def test_points_must_be_integers():
    with pytest.raises(InvalidGrid, match="float64"):
        grid("O32").coordinates_of([0.5])


def test_a_grid_is_made_once_and_survives_pickling():
    assert grid("O32") is grid("O32")
    again = pickle.loads(pickle.dumps(grid("H8n")))
    np.testing.assert_array_equal(again.nearest([10.0], [20.0]), grid("H8n").nearest([10.0], [20.0]))


def test_a_grid_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        grid("O32").latitudes[0] = 1


def test_rows_that_do_not_fit_are_refused():
    good = grid("5/5")
    facts = {
        name: getattr(good, name)
        for name in ("name", "kind", "latitudes", "row_start", "first_longitude", "spacing")
    }
    with pytest.raises(InvalidGrid, match="fit together"):
        RowGrid(**{**facts, "latitudes": good.latitudes[::-1].copy()}, wraps=True)
    with pytest.raises(InvalidGrid, match="rows"):
        RowGrid(**{**facts, "latitudes": np.zeros(0)}, wraps=True)


def test_an_unknown_name_says_what_is_understood():
    with pytest.raises(InvalidGrid, match=r"O320.*H8n.*1/1"):
        grid("eORCA025")
    with pytest.raises(InvalidGrid, match="4096 characters"):
        grid("O" * 5000)


def test_a_row_grid_is_a_grid():
    found: Grid = grid("O32")
    assert found.name == "O32"
