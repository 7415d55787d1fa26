"""HEALPix against ecCodes' iterator and against an independent formula."""

import eccodes
import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid


@pytest.mark.parametrize(("name", "order"), [("H8", "ring"), ("H8n", "nested")])
def test_points_are_where_eccodes_puts_them(name, order, pytestconfig):
    with (pytestconfig.rootpath / "tests/data/healpix_H8.grib2").open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
    eccodes.codes_set(handle, "orderingConvention", order)
    again = eccodes.codes_new_from_message(eccodes.codes_get_message(handle))
    latitudes, longitudes = grid(name).coordinates()
    np.testing.assert_allclose(latitudes, eccodes.codes_get_array(again, "latitudes"), rtol=0, atol=1e-10)
    np.testing.assert_allclose(longitudes, eccodes.codes_get_array(again, "longitudes"), rtol=0, atol=1e-10)
    eccodes.codes_release(again)
    eccodes.codes_release(handle)


def ring_centre(n_side, pixel):
    """Return z and longitude of one pixel: Gorski et al. 2005, equations 2 to 9, pixel by pixel."""
    if pixel >= 12 * n_side**2 - 2 * n_side * (n_side - 1):
        z, longitude = ring_centre(n_side, 12 * n_side * n_side - 1 - pixel)
        return -z, 360 - longitude
    if pixel < 2 * n_side * (n_side - 1):
        half = (pixel + 1) / 2
        ring = int(np.floor(np.sqrt(half - np.sqrt(np.floor(half))))) + 1
        j = pixel + 1 - 2 * ring * (ring - 1)
        return 1 - ring**2 / (3 * n_side**2), 90 / ring * (j - 0.5)
    rest = pixel - 2 * n_side * (n_side - 1)
    ring, j = rest // (4 * n_side) + n_side, rest % (4 * n_side)
    shift = 0.5 if (ring - n_side) % 2 == 0 else 0.0
    return 4 / 3 - 2 * ring / (3 * n_side), 90 / n_side * (j + shift)


@pytest.mark.parametrize("n_side", [1, 2, 3, 4, 7, 16])
def test_ring_centres_equal_the_formula(n_side):
    latitudes, longitudes = grid(f"H{n_side}").coordinates()
    centres = np.array([ring_centre(n_side, pixel) for pixel in range(12 * n_side * n_side)])
    np.testing.assert_allclose(np.sin(np.radians(latitudes)), centres[:, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(longitudes, centres[:, 1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_side", [1, 2, 4, 16, 64])
def test_nested_order_is_a_permutation_and_comes_back(n_side):
    found = grid(f"H{n_side}n")
    ring = np.arange(found.n_points)
    nested = found.from_row_order(ring)
    np.testing.assert_array_equal(np.sort(nested), ring)
    np.testing.assert_array_equal(found.to_row_order(nested), ring)


@pytest.mark.parametrize("n_side", [2, 8, 32])
def test_four_nested_pixels_lie_round_the_centre_of_their_parent(n_side):
    parents = grid(f"H{n_side // 2}n").coordinates()
    children = grid(f"H{n_side}n").coordinates()

    def unit(latitude, longitude):
        lat, lon = np.radians(latitude), np.radians(longitude)
        return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)

    mean = unit(*children).reshape(-1, 4, 3).mean(axis=1)
    mean /= np.linalg.norm(mean, axis=1)[:, None]
    assert np.min(np.sum(mean * unit(*parents), axis=1)) > np.cos(np.radians(60 / n_side / 2))


def test_large_indices_keep_their_bits():
    found = grid("H8192n")
    some = np.array([0, 1, found.n_points - 1, 402_653_183, 123_456_789])
    np.testing.assert_array_equal(found.from_row_order(found.to_row_order(some)), some)


@pytest.mark.parametrize("name", ["H3n", "H0", "H16385", "H", "H8x"])
def test_nonsense_is_refused(name):
    with pytest.raises(InvalidGrid):
        grid(name)
