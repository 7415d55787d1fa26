"""The loops that take in samples against their NumPy twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dte_hpc.postproc.statistics.kernels import BLOCK, take
from dte_hpc.postproc.statistics.operations import COMPONENTS, combine, initial_state

unhurried = settings(deadline=None, max_examples=50)  # the first call compiles
samples = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 40)),
    elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan),
)
COMBINE = {"total": np.add, "low": np.minimum, "high": np.maximum}


def grown(data, *, skips=False):
    state = initial_state(tuple(COMPONENTS.values()), data.shape[1])
    for nth, sample in enumerate(data, start=1):
        take(sample, nth, skips, state)
    return state


@unhurried
@given(samples, st.sampled_from([np.float32, np.float64]))
def test_take_sample_is_numpys_add_minimum_maximum(data, dtype):
    data = data.astype(dtype)
    state = grown(data)
    for name, function in COMBINE.items():
        twin = np.full(data.shape[1], COMPONENTS[name].initial)
        for sample in data:
            twin = function(twin, sample.astype(np.float64))
        np.testing.assert_array_equal(state[name], twin)


@unhurried
@given(
    samples,
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([("total",), ("total", "low", "high"), ("low",), ("total", "m2"), ("count", "total")]),
    st.booleans(),
)
def test_what_is_taken_alone_is_what_is_taken_with_all(data, dtype, names, skips):
    data, skips = data.astype(dtype), skips and "count" in names
    state = initial_state(tuple(COMPONENTS[name] for name in names), data.shape[1])
    for nth, sample in enumerate(data, start=1):
        take(sample, nth, skips, state)
    every = grown(data, skips=skips)
    for name in names:
        np.testing.assert_array_equal(state[name], every[name])


@unhurried
@given(samples, st.integers(0, 6), st.booleans())
def test_combined_states_are_the_state_of_both(data, cut, skips):
    n_one = min(cut, len(data))
    one, other = grown(data[:cut], skips=skips), grown(data[cut:], skips=skips)
    both = combine(one, other, n_one, len(data) - n_one)
    for name, array in grown(data, skips=skips).items():
        if not (
            name == "m2" and not skips
        ):  # without skipping, the count of m2 is of no use where it is missing
            np.testing.assert_allclose(both[name], array, rtol=1e-9, atol=1e-2)


@unhurried
@given(samples)
def test_squared_deviations_are_numpys(data):
    scale = np.nanmax(np.abs(data), initial=1.0) ** 2
    np.testing.assert_allclose(grown(data)["m2"] / len(data), np.var(data, axis=0), atol=1e-12 * scale)


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_every_block_is_taken_and_what_is_not_there_is_not_wanted(n):
    values, total = np.arange(n, dtype=np.float64), np.zeros(n)
    take(values, 1, False, {"total": total})
    take(values, 2, False, {"total": total})
    np.testing.assert_array_equal(total, 2 * values)


@unhurried
@given(
    samples,
    st.lists(st.integers(-50, 50), min_size=2, max_size=100, unique=True).map(sorted),
    st.sampled_from([np.float32, np.float64]),
)
def test_bins_are_numpys_by_few_edges_and_by_many(data, edges, dtype):
    data = np.round(data / 2e4).astype(dtype)  # on edges, too
    bins = np.zeros((len(edges) + 1, data.shape[1]), np.uint32)
    for nth, sample in enumerate(data, start=1):
        take(sample, nth, False, {"bins": bins}, edges=np.array(edges, np.float64))
    for point, column in enumerate(data.T):
        np.testing.assert_array_equal(bins[1:-1, point], np.histogram(column[~np.isnan(column)], edges)[0])
        assert bins[0, point] == np.sum(column < edges[0])
        assert bins[-1, point] == np.sum(column > edges[-1])
