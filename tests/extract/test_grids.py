"""A field on any kind of grid gives the values that ecCodes decodes, at the points of its grid."""

import eccodes
import numpy as np
import pytest

from dte_hpc.extract import extract
from dte_hpc.grids import grid
from dte_hpc.grids.unstructured import write_points

POINTS = f"unstructured-{'ab' * 16}-1"
NAMES = [
    "O16",
    "F16/scan/64",
    "2/2/70/-20/30/40/scan/192",
    "2/2/70/-20/30/40/scan/32",
    "1/1/10/-20/-20/20/south-pole/-40/10",
    "lambert/60x50/60000/60000/37.5/-12/2/46.5/46.5/6371229",
    "lambert/60x50/60000/60000/60.5/-12/2/46.5/46.5/6371229/scan/0",
    "polar-stereographic/93x82/100000/100000/18.2/-142.9/-111/60/6371229",
    "mercator/60x50/90000/90000/20/-10/40/6371229",
    POINTS,
]


def decoded(message):
    handle = eccodes.codes_new_from_message(message)
    values = eccodes.codes_get_values(handle)
    eccodes.codes_release(handle)
    return values


@pytest.fixture
def anywhere(tmp_path, monkeypatch):
    """The folder of a grid of 3000 points in no order."""
    k = np.random.default_rng(0).permutation(3000)
    write_points(tmp_path, POINTS, np.degrees(np.arcsin(1 - (2 * k + 1) / 3000)), k * 137.50776405 % 360)
    monkeypatch.setenv("DTE_GRIDS", str(tmp_path))


@pytest.mark.parametrize("packing", ["simple", "ccsds"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("anywhere")
def test_values_are_those_of_eccodes(made, asked, name, packing):
    made.add(name, packing=packing, levels=(500,))
    values = decoded(made.store.list({}).message(0))
    lat, lon = grid(name).coordinates()
    middle = [float(lat[lat.size // 3]), float((lon[lat.size // 3] + 180) % 360 - 180)]
    north, east = middle
    ring = [
        [north - 8, east - 9],
        [north + 8, east],
        [north - 5, east + 11],
        [north, east],
        [north - 8, east - 9],
    ]
    features = [
        {"type": "boundingbox", "points": [[north - 9, east - 10], [north + 8, east + 12]]},
        {"type": "polygon", "shape": ring},
        {"type": "position", "points": [middle]},
    ]
    for feature in features:
        shape = {"grid": name} if "unstructured" not in name else {}
        answer = extract(made.store, asked(feature, levelist="500", step="0", **shape))
        assert answer.account.points > 0
        np.testing.assert_array_equal(answer.values, values[answer.index])
        np.testing.assert_array_equal(answer.latitude, lat[answer.index])
        np.testing.assert_array_equal(answer.longitude, lon[answer.index])
