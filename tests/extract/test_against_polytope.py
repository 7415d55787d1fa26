"""The points of shapes are polytope-python's, except where its error is known.

Known (polytope-python 2.1.20): a disk is a polygon of twelve corners around the true one, so disks are
compared with these; nearest is by degrees, so points are not.
"""

# ruff: noqa: E501 - a shape a line

import json
import os
import subprocess
from pathlib import Path as FilePath

import numpy as np
import pytest

from dte_hpc.extract import shapes
from dte_hpc.extract.countries import country
from dte_hpc.extract.find import find_points
from dte_hpc.grids import grid as grid_of_name

PEERS = FilePath(os.environ.get("DTE_PEERS_PYTHON", FilePath(__file__).parents[2] / ".venv-peers/bin/python"))
ASK = """
import json, sys
import numpy as np, xarray as xr
from polytope_feature.polytope import Polytope, Request
from polytope_feature import shapes as s
lat, lon = np.arange(-90.0, 91, 2), np.arange(0.0, 360, 2)
cube = xr.DataArray(np.zeros((lat.size, lon.size)), dims=("latitude", "longitude"),
                    coords={"latitude": lat, "longitude": lon})
cyclic = {"axis_name": "longitude", "transformations": [{"name": "cyclic", "range": [0, 360]}]}
options = {"axis_config": [cyclic], "compressed_axes_config": ["longitude", "latitude"]}
axes = ["latitude", "longitude"]
def shape(kind, *given):
    if kind == "box":
        return s.Box(axes, given[0], given[1])
    if kind == "disk":
        return s.Disk(axes, given[0], given[1])
    if kind == "polygon":
        return s.Polygon(axes, given[0])
    if kind == "path":
        return s.Path(axes, s.Box(axes, [-w for w in given[1]], given[1]), *given[0])
    return s.Union(axes, *[shape(*one) for one in given[0]])
for one in json.load(sys.stdin):
    tree = Polytope(datacube=cube, options=options).retrieve(Request(shape(*one)))
    leaves = [leaf.flatten() for leaf in tree.leaves]
    points = {(float(a), float(b) % 360) for leaf in leaves if "latitude" in leaf
              for a in np.atleast_1d(leaf["latitude"]) for b in np.atleast_1d(leaf["longitude"])}
    print(json.dumps(sorted(points)))
"""


def corners_of_disk(centre, radius):
    """Return the twelve corners around a disk."""
    angle = np.pi * (2 * np.arange(12) + 1) / 12
    reach = radius / np.cos(np.pi / 12)
    return np.stack([centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)], axis=1)


RING = [[40.3, -5.2], [52.1, -9.4], [58.7, 3.3], [49.9, 11.8], [44.4, 2.2]]
FLIGHT = [[49.1, 2.6], [55.3, -25.7], [41.2, -73.9]]
CASES = {
    "box": (["box", [10.2, 20.1], [40.7, 61.3]], shapes.Box(south=10.2, north=40.7, west=20.1, east=61.3)),
    "box over Greenwich": (["box", [-12.3, -20.4], [33.3, 15.6]], shapes.Box(south=-12.3, north=33.3, west=-20.4, east=15.6)),
    "polygon": (["polygon", RING], shapes.Polygon.of_ring(RING)),
    "disk": (["disk", [48.2, 16.3], [7, 7]], shapes.Polygon.of_ring(corners_of_disk((48.2, 16.3), 7))),
    "path": (["path", FLIGHT, [2.1, 3.4]], shapes.Path(axes=("latitude", "longitude"), points=FLIGHT, inflation=[2.1, 3.4])),
    "union": (
        ["union", [["box", [10.2, 20.1], [40.7, 61.3]], ["polygon", RING]]],
        shapes.Box(south=10.2, north=40.7, west=20.1, east=61.3) | shapes.Polygon.of_ring(RING),
    ),
    "country": (
        ["polygon", max((part[0] for part in country("FR").polygons), key=len).tolist()],
        shapes.Polygon.of_ring(max((part[0] for part in country("FR").polygons), key=len)),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def theirs():
    """The points that polytope-python finds, shape by shape."""
    if not PEERS.exists():
        pytest.skip(f"no Python with polytope-python at {PEERS}; DTE_PEERS_PYTHON names one")
    given = json.dumps([asked for asked, _ in CASES.values()])
    done = subprocess.run(
        [PEERS, "-c", ASK], input=given, capture_output=True, text=True, timeout=300, check=False
    )
    if "No module named" in done.stderr:
        pytest.skip(f"{PEERS} has no polytope-python: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    return dict(zip(CASES, map(json.loads, lines), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_the_points_are_polytopes(theirs, case):
    grid = grid_of_name("2/2")
    latitude, longitude = grid.coordinates_of(find_points(CASES[case][1], grid).indices())
    ours = sorted(zip(latitude.tolist(), longitude.tolist(), strict=True))
    assert ours == [tuple(place) for place in theirs[case]]
    assert ours
