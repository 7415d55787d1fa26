"""Ranges against Python's sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.ranges import Ranges, expand

indices = st.lists(st.integers(0, 60), max_size=40)
pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=20)


def is_normal(ranges):
    return np.all(ranges.start < ranges.stop) and np.all(ranges.start[1:] > ranges.stop[:-1])


@given(indices)
def test_ranges_hold_exactly_their_indices(some):
    ranges = Ranges.of_indices(some)
    assert is_normal(ranges)
    assert ranges.indices().tolist() == sorted(set(some))
    assert ranges.n_points == len(set(some))
    assert ranges.contains(np.arange(70)).nonzero()[0].tolist() == sorted(set(some))


@given(pairs)
def test_any_starts_and_stops_are_brought_into_order(some):
    ranges = Ranges.of([start for start, _ in some], [stop for _, stop in some])
    assert is_normal(ranges)
    assert ranges.indices().tolist() == sorted({index for pair in some for index in range(*pair)})


@given(indices, indices)
def test_set_operations_are_those_of_sets(left, right):
    a, b = Ranges.of_indices(left), Ranges.of_indices(right)
    assert a.union(b) == Ranges.of_indices(sorted(set(left) | set(right)))
    assert a.intersection(b) == Ranges.of_indices(sorted(set(left) & set(right)))
    assert a.difference(b) == Ranges.of_indices(sorted(set(left) - set(right)))


def test_expanding_keeps_order_and_empty_ranges():
    owner, index = expand(np.array([5, 9, 2]), np.array([7, 9, 4]))
    assert owner.tolist() == [0, 0, 2, 2]
    assert index.tolist() == [5, 6, 2, 3]


def test_unsorted_ranges_are_not_made_by_hand():
    with pytest.raises(InvalidRequest, match=r"Ranges\.of"):
        Ranges(start=np.array([5, 2]), stop=np.array([6, 3]))
    with pytest.raises(InvalidRequest, match="one length"):
        Ranges(start=np.array([5]), stop=np.array([6, 7]))
    with pytest.raises(ValueError, match="read-only"):
        Ranges.of([1], [2]).start[0] = 0
