"""The same shapes on the same arrays, sliced by ECMWF's polytope-python 2.1 and by us.

Its known errors are left out, each by name: its nearest and surrounding values of an axis are the same thing,
its nearest point is Euclidean in degrees and knows no seam, a polygon that touches itself is cut into ears,
and with compressed axes a union of a box and another shape has points of neither.
"""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.extract.polytope import Polytope, Request, shapes

SCRIPT = Path(__file__).with_name("their_shapes.py")
ABCD = ["a", "b", "c", "d"]
UNIT = np.array([1, 10, 0.1, 1])
SIZE = np.array([3, 40, 0.5, 8])


@pytest.fixture(scope="module")
def theirs():
    """Return a function from cases to the numbers that polytope-python finds."""
    default = Path(__file__).parents[3] / ".venv-peers/bin/python"
    python = os.environ.get("DTE_PEERS_PYTHON", str(default))
    if not Path(python).exists():
        pytest.skip("no Python with polytope-python: set DTE_PEERS_PYTHON")
    if subprocess.run(
        [python, "-c", "import polytope_feature, xarray"], capture_output=True, check=False
    ).returncode:
        pytest.skip(f"{python} has no polytope-python")

    def find(cases):
        ended = subprocess.run(
            [python, str(SCRIPT)], input=json.dumps(cases), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        return json.loads(ended.stdout.splitlines()[-1])

    return find


def ours(cases):
    spec = importlib.util.spec_from_file_location("their_shapes", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.numbers(Polytope, Request, shapes, cases)


def random_shapes(rng, axes):
    """Return one case's shapes in all four axes, at random and off the grid's own values."""
    at = [ABCD.index(axis) for axis in axes]
    unit, size = UNIT[at], SIZE[at]

    def place():
        return (rng.uniform(-0.2, 1.2, len(axes)) * size).tolist()

    def box(reach):
        return ["Box", axes, (-reach * unit).tolist(), (reach * unit).tolist()]

    low, high = np.sort([place(), place()], axis=0).tolist()
    kinds = [
        ["ConvexPolytope", axes, [place() for _ in range(rng.integers(len(axes) + 1, 8))]],
        ["Box", axes, low, high],
        ["Path", axes, box(rng.uniform(0.3, 1.2)), place(), place(), place()],
        ["PathSegment", axes, box(rng.uniform(0.3, 1.2)), place(), place()],
        ["Union", axes, ["Box", axes, low, high], ["ConvexPolytope", axes, [place() for _ in range(6)]]],
        ["Segment", axes, ["Box", axes, low, high], ["ConvexPolytope", axes, [place() for _ in range(4)]]],
    ]
    if len(axes) == 2:
        kinds += [["Disk", axes, place(), (rng.uniform(0.5, 2, 2) * unit).tolist()]]
        turn = np.sort(rng.uniform(0, 2 * np.pi, 7))
        star = np.stack([np.cos(turn), np.sin(turn)], axis=1) * rng.uniform(0.4, 1.0, (7, 1))
        kinds += [["Polygon", axes, ((0.5 + star / 2) * size).tolist()]]
    if len(axes) == 3:
        kinds += [["Ellipsoid", axes, place(), (rng.uniform(0.5, 2, 3) * unit).tolist()]]
    return kinds[rng.integers(len(kinds))]


def random_case(rng, cube):
    order = rng.permutation(4)
    n_axes = int(rng.integers(2, 5))
    axes = [ABCD[at] for at in order[:n_axes]]
    rest = [
        ["All", axis] if rng.random() < 0.5 else ["Span", axis, *np.sort(rng.uniform(0, size, 2)).tolist()]
        for axis, size in ((ABCD[at], SIZE[at]) for at in order[n_axes:])
    ]
    return [cube, [random_shapes(rng, axes), *rest]]


def compared(cases, found, expected):
    assert sum(map(len, expected)) > 0
    for case, one, other in zip(cases, found, expected, strict=True):
        assert one == other, case


def test_random_shapes_have_the_same_points(theirs):
    rng = np.random.default_rng(20261124)
    cases = [random_case(rng, "plain") for _ in range(40)]
    compared(cases, ours(cases), theirs(cases))


def test_cyclic_axes_have_the_same_points(theirs):
    cases = [
        [
            "cyclic",
            [["Select", "a", [1]], ["All", "b"], ["Select", "c", [0.0]], ["Span", "d", low, low + reach]],
        ]
        for low, reach in ((-3.5, 5), (7.2, 4), (-20.3, 7), (25.5, 3), (-1.5, 8.7))
    ]
    cases += [
        ["cyclic", [["Box", ["a", "d"], [0.5, low], [2.5, low + 4]], ["All", "b"], ["Select", "c", [0.2]]]]
        for low in (-2.5, 6.5)
    ]
    compared(cases, ours(cases), theirs(cases))
