"""Values between grid points: weights, seams, poles, gaps."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract import extract
from dte_hpc.extract.great_circle import angle_between, unit_vectors
from dte_hpc.extract.interpolate import Interpolation, parse_interpolation, stencil
from dte_hpc.extract.neighbours import nearest_k
from dte_hpc.grids import grid as grid_of_name

RANDOM = np.random.default_rng(4)
PLACES = np.array(
    [[48.1, 359.99], [48.1, -0.01], [90, 3], [-90, 7], [89.99, 100], [0, 180], [12.3, 45.6], [-44.4, 720]]
)


@pytest.mark.parametrize("name", ["O32", "N32", "F32", "H16", "H16n", "2/2"])
def test_bilinear_is_exact_for_what_is_linear(name):
    grid = grid_of_name(name)
    latitude, longitude = grid.coordinates()
    places = np.concatenate(
        [PLACES, np.stack([RANDOM.uniform(-85, 85, 200), RANDOM.uniform(0, 360, 200)], 1)]
    )
    lat, lon = places.T
    around = stencil(Interpolation(method="bilinear"), grid, lat, lon)
    np.testing.assert_allclose(around.weight.sum(axis=1), 1)
    assert (around.weight >= 0).all()
    inside = np.abs(lat) < np.abs(latitude).max()
    np.testing.assert_allclose(around.values(latitude[around.index])[inside], lat[inside], atol=1e-9)
    east = (longitude[around.index] - lon[:, None] + 180) % 360 - 180
    assert np.abs(around.values(east)[inside]).max() < 1e-9


def test_bilinear_agrees_with_the_four_corners():
    grid = grid_of_name("2/2")
    values = RANDOM.normal(size=grid.n_points)
    around = stencil(Interpolation(method="bilinear"), grid, np.array([10.5]), np.array([359.5]))
    at = {(lat, lon): values[grid.nearest(lat, lon)] for lat in (10, 12) for lon in (358, 0)}
    expected = 0.75 * (0.25 * at[10, 358] + 0.75 * at[10, 0]) + 0.25 * (0.25 * at[12, 358] + 0.75 * at[12, 0])
    assert around.values(values[around.index])[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["O32", "H16n", "2/2"])
@pytest.mark.parametrize("k", [1, 4, 9])
def test_the_nearest_k_are_those_of_brute_force(name, k):
    grid = grid_of_name(name)
    every = unit_vectors(*grid.coordinates())
    index, angle = nearest_k(grid, *PLACES.T, k)
    for place, spot in enumerate(unit_vectors(*PLACES.T)):
        away = np.sort(angle_between(every, spot))[:k]
        np.testing.assert_allclose(angle[place], away, atol=1e-12)
        np.testing.assert_allclose(angle_between(every[index[place]], spot), away, atol=1e-12)
        assert len(set(index[place].tolist())) == k


def test_inverse_distance_weights():
    grid = grid_of_name("2/2")
    around = stencil(Interpolation(method="idw", k=2, power=1), grid, np.array([0.0, 4]), np.array([0.5, 6]))
    np.testing.assert_allclose(around.weight, [[0.75, 0.25], [1, 0]])


def test_missing_neighbours_are_left_out():
    grid = grid_of_name("2/2")
    around = stencil(Interpolation(method="bilinear"), grid, np.array([0.5]), np.array([0.5]))
    values = np.where(around.weight > 0.5, 7.0, np.nan)
    assert around.values(values)[0] == pytest.approx(7)
    assert np.isnan(around.values(np.where(around.weight > 0.5, np.nan, 7.0))[0])
    assert np.isnan(around.values(np.full_like(around.weight, np.nan))[0])


@pytest.mark.parametrize(
    "node",
    [
        "cubic",
        3,
        {"method": "idw", "k": 0},
        {"method": "bilinear", "k": 3},
        {"k": 4},
        {"method": "idw", "power": 0},
    ],
)
def test_what_is_no_interpolation_is_refused(node):
    with pytest.raises(InvalidRequest, match=r"^\$\.x"):
        parse_interpolation(node, "$.x")


def test_an_interpolated_series_is_at_the_places_asked_for(made, asked):
    made.add("O32", steps=(0, 3, 6))
    points = [[48.9, 2.4], [0.1, 359.9]]
    feature = {"type": "timeseries", "points": points, "axis": "step", "range": {"start": 0, "end": 6}}
    grid = grid_of_name("O32")
    for method in ("bilinear", {"method": "idw", "k": 5}, "nearest"):
        answer = extract(made.store, asked({**feature, "interpolation": method}, levelist="500"))
        assert answer.index.tolist() == grid.nearest(*np.array(points).T).tolist()
        whole = extract(
            made.store, asked({"type": "boundingbox", "points": [[-90, 0], [90, 360]]}, levelist="500")
        )
        assert answer.table.shape == (3, 2)
        if method == "nearest":
            assert answer.latitude[0] != 48.9
            continue
        assert np.stack([answer.latitude, answer.longitude], axis=1).tolist() == points
        around = stencil(parse_interpolation(method, ""), grid, *np.array(points).T)
        np.testing.assert_allclose(answer.table, around.values(whole.table[:, around.index]))
        assert answer.account.bytes_read < whole.account.bytes_read / 10
    with pytest.raises(InvalidRequest, match="interpolation"):
        extract(
            made.store,
            asked({"type": "circle", "center": [0, 0], "radius": 9, "interpolation": "idw"}, levelist="500"),
        )
