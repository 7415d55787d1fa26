"""Grids of points in files, and their index."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import families, grid
from dte_hpc.grids.sphere_index import SphereIndex
from dte_hpc.grids.unstructured import message_name, points, write_points


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of DTE_GRIDS; the second of two."""
    monkeypatch.setenv("DTE_GRIDS", f"{tmp_path / 'none'}:{tmp_path}")
    families.grid.cache_clear()
    yield tmp_path
    families.grid.cache_clear()


def test_points_are_found_by_their_name(folder):
    lat, lon = np.array([10.0, -20, 30]), np.array([0.0, 359, -170])
    assert write_points(folder, "eORCA1_T", lat, lon) == folder / "eORCA1_T.npy"
    (folder / "alias.npy").symlink_to("eORCA1_T.npy")
    for name in ("eORCA1_T", "alias"):
        found = grid(name)
        assert (found.name, found.n_points, found.kind) == (name, 3, "unstructured")
        np.testing.assert_array_equal(found.coordinates_of([2, 0]), [[30, 10], [-170, 0]])
        assert found.nearest([29, -20], [191, -1.2]).tolist() == [2, 1]
    with pytest.raises(InvalidGrid, match="no point 3"):
        grid("alias").coordinates_of([3])


def test_points_of_a_message_that_are_not_there_are_asked_for(folder):
    name = message_name(bytes(range(16)), 1)
    with pytest.raises(InvalidGrid, match=rf"{name}.npy.*looked in {folder}/none, {folder}"):
        grid(name)
    assert message_name(bytes(16), 1) is message_name(b"\xff" * 16, 1) is None


def test_without_folders_the_error_says_so(monkeypatch):
    monkeypatch.delenv("DTE_GRIDS", raising=False)
    with pytest.raises(InvalidGrid, match="DTE_GRIDS is not set"):
        grid(message_name(bytes(range(16)), 1))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4)),
        np.zeros((2, 0)),
        np.zeros((2, 3), int),
        np.array([[91.0], [0]]),
        np.array([[0], [np.nan]]),
    ],
)
def test_files_of_other_things_are_refused(folder, array):
    np.save(folder / "wrong.npy", array)
    with pytest.raises(InvalidGrid, match="wrong"):
        grid("wrong")


def test_a_file_that_is_no_array_is_refused(folder):
    (folder / "text.npy").write_text("latitude,longitude")
    with pytest.raises(InvalidGrid, match="holds no points"):
        grid("text")
    np.save(folder / "object.npy", np.array([{}, {}], object), allow_pickle=True)
    with pytest.raises(InvalidGrid, match="holds no points"):
        grid("object")


def test_a_name_cannot_leave_the_folder(tmp_path):
    for name in ("../x", "a/b", ".hidden", "x" * 101):
        with pytest.raises(InvalidGrid):
            write_points(tmp_path, name, [0.0], [0.0])


def test_of_points_in_one_place_the_first_is_nearest():
    found = points("twice", [10.0, 50, 50, 50], [0.0, 8, 8, 368])
    assert found.nearest([51], [8.1]).tolist() == [1]


@pytest.mark.parametrize("n", [1, 2, 8, 9, 1000])
def test_the_index_of_few_points(n):
    random = np.random.default_rng(n)
    lat, lon = random.uniform(-90, 90, n), random.uniform(-180, 360, n)
    index = SphereIndex(lat, lon)
    np.testing.assert_array_equal(index.nearest(lat, lon), np.arange(n))
    np.testing.assert_array_equal(index.candidates(-90, 90, 0, 360), np.arange(n))
    for _ in range(50):
        south, west, width = random.uniform(-90, 80), random.uniform(-400, 400), random.uniform(0, 400)
        inside = (lat >= south) & (lat <= south + 10) & ((lon - west) % 360 <= width)
        assert set(np.flatnonzero(inside)) <= set(
            index.candidates(south, south + 10, west, west + width).tolist()
        )
