"""On every kind of grid, what is found of random shapes equals what asking every point finds."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path as FilePath

import numpy as np
import pytest

from dte_hpc.extract.find import find_nearest, find_path, find_points
from dte_hpc.extract.shapes import Path, Points, Polygon
from dte_hpc.grids import grid
from dte_hpc.grids.reduced import reduced_ll_name
from dte_hpc.grids.unstructured import points

_SPEC = importlib.util.spec_from_file_location("brute", FilePath(__file__).with_name("brute.py"))
brute = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(brute)

ROWS = np.array([0, 0, *range(12, 132, 6), *range(132, 12, -6), 0, 0])
NAMES = [
    "O48",
    "N32",
    "F32",
    "1/1",
    "0.5/0.25/58/-10/50/7",
    "5/5/20/300/-90/10/scan/64",
    "0.5/0.5/58/350/50/7/scan/176",
    "2/2/scan/32",
    reduced_ll_name(90, 0, -90, 360, ROWS),
    reduced_ll_name(60, -20, 20, 40, ROWS[2:-2]),
    "1/1/20/-30/-20/30/south-pole/-40/15",
    "O32/south-pole/-30/170/",
    "lambert/150x130/25000/25000/37.5/-12/2/46.5/46.5/6371229",
    "lambert/90x80/60000/60000/-20/150/178/-30/-60/6378137x6356752.314/scan/0",
    "polar-stereographic/93x82/100000/100000/18.2/-142.9/-111/60/6371229",
    "mercator/140x90/90000/90000/-30/140/10/6371229",
    "H16",
    "H16n",
    "icosahedron",
    "coast",
]
NAMES = [name.rstrip("/") for name in NAMES]


def named(name):
    """Return a grid by its name, or one of the two sets of points without one."""
    random = np.random.default_rng(5)
    if name == "icosahedron":  # evenly over the sphere, in no order, with both poles
        k = np.arange(6000)
        lat = np.degrees(np.arcsin(1 - 2 * k / 5999))
        order = random.permutation(k)
        return points(name, lat[order], (k * 137.50776405003785 % 360 - 180)[order])
    if name == "coast":  # in clumps, some on the seam and at a pole, some twice
        middle = np.array([(50, 0), (50.5, 359.5), (-10, 180), (89.9, 20), (-90, 0), (35, 25)])
        spread = random.normal(size=(6, 700, 2)) * [[[1.0, 1.5]]]
        places = (middle[:, None] + spread).reshape(-1, 2)
        places = np.concatenate([places, places[:50]])
        return points(name, np.clip(places[:, 0], -90, 90), places[:, 1])
    return grid(name)


def agree(shape, found, lat, lon):
    """Return points of which shape and predicate say different things: index and depth."""
    depth = brute.depth_of(shape, lat, lon)
    inside = np.zeros(lat.size, bool)
    inside[find_points(shape, found).indices()] = True
    wrong = np.flatnonzero((inside & (depth < -brute.MARGIN)) | (~inside & (depth > brute.MARGIN)))
    return list(zip(wrong.tolist(), depth[wrong].tolist(), strict=True))


def compare(name, n_shapes, seed):
    found = named(name)
    lat, lon = found.coordinates()
    random = np.random.default_rng(seed)
    around = np.stack([lat, lon], axis=1)
    n_inside = 0
    for number in range(n_shapes):
        kind = brute.KINDS[number % len(brute.KINDS)]
        shape = brute.random_shape(kind, random, around)
        assert agree(shape, found, lat, lon) == [], (name, seed, number, kind, shape)
        n_inside += find_points(shape, found).n_points > 0
    assert n_inside > n_shapes / 3


@pytest.mark.parametrize("name", NAMES)
def test_fifty_random_shapes(name):
    compare(name, 50, 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_two_thousand_random_shapes(name):
    compare(name, 2000, 2)


@pytest.mark.parametrize("name", NAMES)
def test_nearest_is_the_least_of_all(name):
    found = named(name)
    lat, lon = found.coordinates()
    random = np.random.default_rng(3)
    places = np.stack(
        [np.degrees(np.arcsin(random.uniform(-1, 1, 50))), random.uniform(-400, 400, 50)], axis=1
    )
    some = random.integers(0, lat.size, 50)
    near = np.stack([lat[some], lon[some]], axis=1) + random.normal(scale=0.3, size=(50, 2))
    edge = [
        (90, 0),
        (-90, 77),
        (48.1, 359.99),
        (48.1, -0.01),
        (48.1, 360),
        (0, 180),
        (89.99, 180),
        (-89.99, 1),
    ]
    places = np.concatenate([places, near, edge])
    places[:, 0] = np.clip(places[:, 0], -90, 90)
    chosen = find_nearest(Points(points=places), found)
    apart = np.linalg.norm(
        brute.vectors(places[:, 0], places[:, 1])[:, None] - brute.vectors(lat, lon)[None], axis=-1
    )
    np.testing.assert_allclose(
        apart[np.arange(len(places)), chosen], apart.min(axis=1), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("name", ["5/5", "F16", "2/1/58/-10/50/6", "H8", "10/10/90/-180/-90/170"])
def test_points_of_rows_in_no_order_are_found_as_the_rows_are_borders_too(name):
    rows = grid(name)
    lat, lon = rows.coordinates()
    random = np.random.default_rng(4)
    order = random.permutation(rows.n_points)
    scattered = points("shuffled", lat[order], lon[order] + 360 * random.integers(-1, 2, rows.n_points))
    whole = np.round(np.stack([lat, lon], axis=1))
    for number in range(160):
        shape = brute.random_shape(brute.KINDS[number % len(brute.KINDS)], random, whole)
        if number % 2 and hasattr(shape, "polygons"):
            shape = type(shape)(
                polygons=tuple(tuple(np.round(ring) for ring in rings) for rings in shape.polygons)
            )
        expected = find_points(shape, rows).indices()
        assert sorted(order[find_points(shape, scattered).indices()].tolist()) == expected.tolist(), shape


@pytest.mark.parametrize("name", ["O16", "coast", "O16/south-pole/-90/0"])
def test_a_path_through_levels_and_steps_on_scattered_points(name):
    found = named(name)
    lat, lon = found.coordinates()
    path = Path(
        axes=("latitude", "longitude", "levelist", "step"),
        points=[(49, -3, 1000, 0), (51, 3, 500, 6), (36, 24, 300, 12)],
        inflation=[3, 3, 120, 2],
    )
    levels, steps = [300.0, 1000, 500], [12.0, 0, 6]
    pieces = find_path(path, found, levels, steps)
    told = {(level, step): ranges for level, step, ranges in pieces}
    every = np.linspace(0, 1, 20_001)
    for at_level, level in enumerate(levels):
        for at_step, step in enumerate(steps):
            least = np.full(lat.size, np.inf)
            for start, end in zip(path.points[:-1], path.points[1:], strict=True):
                along = start + every[:, None] * (end - start)
                here = (abs(along[:, 2] - level) <= 120) & (abs(along[:, 3] - step) <= 2)
                for place in along[here][::20]:
                    gap = np.abs([lat - place[0], (lon - place[1] + 180) % 360 - 180]).max(axis=0)
                    least = np.minimum(least, gap / 3)
            inside = np.zeros(lat.size, bool)
            if (at_level, at_step) in told:
                inside[told[at_level, at_step].indices()] = True
            assert np.all(inside[least < 1 - 1e-9])
            assert not np.any(inside[least > 1.01])
    assert pieces.n_points > 5


POLYTOPE = """
import json, sys
import numpy as np, xarray as xr
from polytope_feature.polytope import Polytope, Request
from polytope_feature.shapes import Box, Polygon
lat, lon = np.arange(-90.0, 91, 2), np.arange(0.0, 360, 2)
cube = xr.DataArray(np.zeros((lat.size, lon.size)), dims=("latitude", "longitude"),
                    coords={"latitude": lat, "longitude": lon})
cyclic = {"axis_name": "longitude", "transformations": [{"name": "cyclic", "range": [0, 360]}]}
options = {"axis_config": [cyclic], "compressed_axes_config": ["longitude", "latitude"]}
axes = ["latitude", "longitude"]
told = []
for kind, places in json.load(sys.stdin):
    shape = Box(axes, *places) if kind == "box" else Polygon(axes, places)
    tree = Polytope(datacube=cube, options=options).retrieve(Request(shape))
    leaves = [leaf.flatten() for leaf in tree.leaves]
    points = {(float(a), float(b) % 360) for leaf in leaves if "latitude" in leaf
              for a in np.atleast_1d(leaf["latitude"]) for b in np.atleast_1d(leaf["longitude"])}
    told.append(sorted(points))
json.dump(told, sys.stdout)
"""


@pytest.mark.slow
def test_boxes_and_polygons_hold_the_points_that_polytope_finds():
    repository = FilePath(__file__).parents[2]
    python = FilePath(os.environ.get("DTE_PEERS_PYTHON") or repository / ".venv-peers" / "bin" / "python")
    if not python.exists():
        pytest.skip("polytope-python is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    random = np.random.default_rng(6)
    rings = []  # none crosses itself: where one does, Polytope's ear clipping is not even-odd
    for n in range(5, 35):
        turn = 2 * np.pi / n * (np.arange(n) + random.uniform(-0.3, 0.3, n))
        reach = random.choice([3, 12, 38]) * random.uniform(0.2, 1, n)
        around = (
            random.uniform(-50, 50) + reach * np.sin(turn),
            random.uniform(-400, 400) + reach * np.cos(turn),
        )
        rings.append(np.stack(around, axis=1))
    boxes = [brute.box(random, 20 * k - 90.0, 47.3 * k - 180) for k in range(10)]
    asked = [("polygon", ring.tolist()) for ring in rings]
    asked += [("box", [[b.south, b.west], [b.north, b.east]]) for b in boxes]
    done = subprocess.run(
        [python, "-c", POLYTOPE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"polytope-python does not run: {done.stderr.strip().splitlines()[-1]}")
    found = grid("2/2")
    for shape, theirs in zip([*map(Polygon.of_ring, rings), *boxes], json.loads(done.stdout), strict=True):
        lat, lon = found.coordinates_of(find_points(shape, found).indices())
        assert sorted(zip(lat.tolist(), lon.tolist(), strict=True)) == [tuple(place) for place in theirs], (
            shape
        )
