"""Gaussian grids against ecCodes and against NumPy's Legendre roots."""

import eccodes
import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid
from dte_hpc.grids.gaussian import classic_lengths, gaussian_latitudes

IN_ECCODES = [32, 48, 80, 96, 128, 160, 200, 256, 320, 400, 512, 640, 1024, 1280, 2000]


def sample(name):
    handle = eccodes.codes_grib_new_from_samples(name)
    message = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return eccodes.codes_new_from_message(message)


@pytest.mark.parametrize("number", IN_ECCODES)
def test_classic_rows_equal_eccodes(number):
    handle = sample(f"reduced_gg_pl_{number}_grib2")
    found = grid(f"N{number}")
    np.testing.assert_array_equal(found.row_lengths, eccodes.codes_get_array(handle, "pl"))
    latitudes = eccodes.codes_get_array(handle, "distinctLatitudes")
    np.testing.assert_allclose(found.latitudes, np.sort(latitudes)[::-1], rtol=0, atol=1e-11)
    eccodes.codes_release(handle)


@pytest.mark.parametrize("number", [16, 24, 64, 576, 800, 1600])
def test_other_classic_rows_are_whole_and_rise_to_the_equator(number):
    lengths = classic_lengths(number)
    assert lengths.size == number
    assert np.all(np.diff(lengths) >= 0)
    assert lengths[-1] <= 4 * number


@pytest.mark.parametrize("number", [1, 2, 3, 7, 32, 50])
def test_latitudes_are_legendre_roots(number):
    roots = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(2 * number)[0]))[::-1]
    np.testing.assert_allclose(gaussian_latitudes(number), roots, rtol=0, atol=1e-11)


def test_every_point_of_a_classic_grid_is_where_eccodes_puts_it():
    handle = sample("reduced_gg_pl_32_grib2")
    latitudes, longitudes = grid("N32").coordinates()
    np.testing.assert_allclose(latitudes, eccodes.codes_get_array(handle, "latitudes"), rtol=0, atol=1e-9)
    np.testing.assert_allclose(longitudes, eccodes.codes_get_array(handle, "longitudes"), rtol=0, atol=1e-9)
    eccodes.codes_release(handle)


def test_every_point_of_an_octahedral_grid_is_where_eccodes_puts_it(pytestconfig):
    with (pytestconfig.rootpath / "tests/data/O32_global.grib2").open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
    latitudes, longitudes = grid("O32").coordinates()
    np.testing.assert_allclose(latitudes, eccodes.codes_get_array(handle, "latitudes"), rtol=0, atol=1e-6)
    np.testing.assert_allclose(longitudes, eccodes.codes_get_array(handle, "longitudes"), rtol=0, atol=1e-6)
    eccodes.codes_release(handle)


def test_sizes():
    assert grid("O1280").n_points == 6_599_680
    assert grid("O2560").n_points == 26_306_560
    assert grid("N320").n_points == 542_080
    assert grid("F32").n_points == 64 * 128


@pytest.mark.parametrize("name", ["N33", "O16001", "N0", "O", "F-2", "O32x"])
def test_unknown_numbers_are_refused(name):
    with pytest.raises(InvalidGrid):
        grid(name)


def test_the_known_classic_grids_are_named():
    with pytest.raises(InvalidGrid, match="N320, N400"):
        grid("N321")
