"""Half-spaces of hulls, and reach along an axis, against every simplex of their corners."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.extract.polytope.errors import PolytopeError
from dte_hpc.extract.polytope.hull import half_spaces
from dte_hpc.extract.polytope.solids import boxes, hull, swept_boxes

NEAR = 1e-7


def inside(corners, points):
    """Return which points lie in the hull of some corners: in any simplex of them (Caratheodory)."""
    unit = np.unique(corners, axis=0)
    rank = np.linalg.matrix_rank(unit - unit[0]) if len(unit) > 1 else 0
    found = np.zeros(len(points), bool)
    for some in itertools.combinations(range(len(unit)), rank + 1):
        simplex = np.column_stack([unit[list(some)], np.ones(rank + 1)])
        if np.linalg.matrix_rank(simplex) <= rank:
            continue
        ones = np.column_stack([points, np.ones(len(points))])
        weights = np.linalg.lstsq(simplex.T, ones.T, rcond=None)[0]
        exact = np.abs(simplex.T @ weights - ones.T).max(axis=0) < NEAR
        found |= exact & (weights > -NEAR).all(axis=0)
    return found


@st.composite
def corner_sets(draw):
    n_axes = draw(st.integers(1, 4))
    n_corners = draw(st.integers(1, (12, 10, 9, 8)[n_axes - 1]))
    number = st.integers(0, 5)
    return np.array([[draw(number) for _ in range(n_axes)] for _ in range(n_corners)], float)


@settings(max_examples=60, deadline=None)
@given(corner_sets())
def test_half_spaces_hold_exactly_the_hull(corners):
    a, b = half_spaces(corners)
    points = np.array(list(itertools.product(range(6), repeat=corners.shape[1])), float)
    within = (points @ a.T <= b + NEAR).all(axis=1)
    assert np.array_equal(within, inside(corners, points))


@settings(max_examples=60, deadline=None)
@given(corner_sets(), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_hulls_do_not_care_for_unit_and_origin(corners, scale, origin):
    stretched = corners * scale * np.logspace(-3, 3, corners.shape[1]) + origin
    a, b = half_spaces(stretched)
    slack = (b - stretched @ a.T) / np.linalg.norm(a, axis=1) / (np.ptp(stretched) or 1.0)
    assert slack.min(initial=0) > -NEAR


def test_a_cube_has_a_facet_a_side():
    for n_axes in (2, 3, 4, 5):
        a, _ = half_spaces(np.array(list(itertools.product((0.0, 1.0), repeat=n_axes))))
        assert len(a) == 2 * n_axes


def test_an_icosahedron_has_20_facets():
    from dte_hpc.extract.polytope.shapes import Ellipsoid

    ball = Ellipsoid(["x", "y", "z"], [1, 2, 3], [1, 2, 3])
    a, b = half_spaces(np.array(ball.points))
    assert len(a) == 20
    scaled = np.linalg.norm(a * np.array([1, 2, 3]), axis=1)
    assert np.allclose((b - a @ np.array([1, 2, 3])) / scaled, 1)  # it touches the ellipsoid


def test_many_points_of_a_sphere_are_refused_or_done():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    a, b = half_spaces(points)
    assert len(a) == 2 * 60 - 4
    assert np.allclose((points @ a.T).max(axis=0), b)
    crowd = rng.normal(size=(120, 5))
    crowd /= np.linalg.norm(crowd, axis=1)[:, None]
    with pytest.raises(PolytopeError, match="facets"):
        half_spaces(crowd)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_swept_boxes_reach_as_far_as_their_hulls(n_axes, random):
    start, end = (np.array([[random.randint(-3, 3) for _ in range(n_axes)]], float) for _ in range(2))
    half = np.array([random.choice([0.0, 0.5, 1.0]) for _ in range(n_axes)])
    axes = tuple("abcde"[:n_axes])
    swept = swept_boxes(axes, start, end, half)
    corners = boxes(axes, -half[None], half[None])
    signs = np.array(list(itertools.product((-1, 1), repeat=n_axes)))
    solid = hull(axes, np.concatenate([start + signs * half, end + signs * half]))
    assert corners.is_box
    before = np.empty((1, 0))
    for _ in axes:
        one, two = (shape.bounds(np.zeros(1, int), before) for shape in (swept, solid))
        assert np.allclose(one, two, atol=1e-8)
        value = one[0] + random.random() * (one[1] - one[0])
        before = np.concatenate([before, value[:, None]], axis=1)
