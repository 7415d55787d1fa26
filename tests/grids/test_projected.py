"""Names of projected and rotated grids."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids import grid


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        (
            "Lambert/9x8/2500.0/2500/37.50/348/2/46.5/46.5/6371229/scan/64",
            "lambert/9x8/2500/2500/37.5/-12/2/46.5/46.5/6371229",
        ),
        ("polar-stereographic/9x8/1e3/1/1/1/1/1/6371229", None),
        (
            "polar-stereographic/9x8/1000/1000/60/350/370/60/6371229.00",
            "polar-stereographic/9x8/1000/1000/60/-10/10/60/6371229",
        ),
        (
            "mercator/9x8/1000/1000/10/190/0/6378137x6356752.314",
            "mercator/9x8/1000/1000/10/-170/0/6378137x6356752.314",
        ),
        ("1/1/South-Pole/-30.0/375", "1/1/south-pole/-30/15"),
        ("1.0/1/scan/064/south-pole/-30/15", "1/1/scan/64/south-pole/-30/15"),
    ],
)
def test_names_are_canonical(given, canonical):
    if canonical is None:
        with pytest.raises(InvalidGrid):
            grid(given)
        return
    assert grid(given).name == canonical
    assert grid(canonical).name == canonical


@pytest.mark.parametrize(
    "name",
    [
        "lambert/9x8/2500/2500/37.5/-12/2/30/-30/6371229",
        "lambert/9x8/2500/2500/37.5/-12/2/90/90/6371229",
        "lambert/0x8/2500/2500/37.5/-12/2/30/30/6371229",
        "lambert/9x8/0/2500/37.5/-12/2/30/30/6371229",
        "lambert/9x8/2500/2500/95/-12/2/30/30/6371229",
        "lambert/9x8/2500/2500/37.5/-12/2/30/30/6356752x6378137",
        "lambert/9x8/2500/2500/37.5/-12/2/30/30/6371229/scan/8",
        "polar-stereographic/9x8/1000/1000/60/0/0/0/6371229",
        "mercator/9x8/1000/1000/90/0/0/6371229",
        "mercator/60000x8/10000/1000/0/0/0/6371229",
        "mercator/9x8/1000/0/0/0/0/6371229",
        "lambert/99999x8/2500/2500/37.5/-12/2/30/30/6371229",
        "lambert/9x8/2500/2500/37.5/-12/2/30/30/6371229/south-pole/-30/10",
        "1/1/south-pole/-95/0",
    ],
)
def test_nonsense_is_refused(name):
    with pytest.raises(InvalidGrid):
        grid(name)


@pytest.mark.parametrize("flags", range(0, 256, 16))
def test_a_plane_in_every_scanning_mode_is_one_set_of_points(flags):
    corner = grid("lambert/7x5/90000/70000/37.5/-12/2/46.5/46.5/6371229")
    found = grid(f"{corner.name}/scan/{flags}") if flags != 64 else corner
    assert found.coordinates_of(0)[0] == pytest.approx(37.5)
    every = np.arange(35)
    np.testing.assert_array_equal(found.nearest(*found.coordinates()), every)
    lat, _ = found.coordinates()
    assert (lat[-1] > lat[0] + 1) == bool(flags & 64)
    assert found.candidates(-90, 90, 0, 360).tolist() == every.tolist()
