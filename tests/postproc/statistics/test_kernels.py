"""The loops that take in samples against their NumPy twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dte_hpc.postproc.statistics.kernels import BLOCK, take_sample
from dte_hpc.postproc.statistics.operations import COMPONENTS, combine, initial_state

unhurried = settings(deadline=None, max_examples=50)  # the first call compiles
samples = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 40)),
    elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan),
)


def grown(data):
    state = initial_state(tuple(COMPONENTS.values()), data.shape[1])
    for sample in data:
        take_sample(sample, state["total"], state["low"], state["high"])
    return state


@unhurried
@given(samples, st.sampled_from([np.float32, np.float64]))
def test_take_sample_is_numpys_add_minimum_maximum(data, dtype):
    data = data.astype(dtype)
    state = grown(data)
    for name, component in COMPONENTS.items():
        twin = np.full(data.shape[1], component.initial)
        for sample in data:
            twin = component.combine(twin, sample.astype(np.float64))
        np.testing.assert_array_equal(state[name], twin)


@unhurried
@given(samples, st.integers(0, 6))
def test_combined_states_are_the_state_of_both(data, cut):
    both = combine(grown(data[:cut]), grown(data[cut:]))
    for name, array in grown(data).items():
        np.testing.assert_allclose(both[name], array, rtol=1e-12, atol=1e-6)


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_every_block_is_taken_and_an_empty_array_is_not_wanted(n):
    values, total, nothing = np.arange(n, dtype=np.float64), np.zeros(n), np.empty(0)
    take_sample(values, total, nothing, nothing)
    take_sample(values, total, nothing, nothing)
    np.testing.assert_array_equal(total, 2 * values)
