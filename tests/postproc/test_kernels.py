"""Each kernel against its NumPy twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dte_hpc.postproc.kernels import BLOCK, apply_weights, take_sample
from dte_hpc.postproc.operations import COMPONENTS, combine, initial_state

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


def twin_of_apply_weights(indptr, indices, weights, values):
    """MIR's rule, written as it is told: missing if the heaviest is, otherwise weigh the rest anew."""
    out = np.full(indptr.size - 1, np.nan)
    for row in range(out.size):
        w = weights[indptr[row] : indptr[row + 1]]
        v = values[indices[indptr[row] : indptr[row + 1]]].astype(np.float64)
        there = ~np.isnan(v)
        if there.all() and w.size:
            out[row] = np.sum(w * v)
        elif w.size and there[np.argmax(w)] and abs(w[there].sum()) >= 1e-15:
            out[row] = np.sum(w[there] * v[there]) / w[there].sum()
    return out


@unhurried
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([np.float32, np.float64]))
def test_apply_weights_is_its_twin(seed, missing, dtype):
    random = np.random.default_rng(seed)
    n_in, counts = 30, random.integers(0, 5, 25)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = random.integers(0, n_in, indptr[-1]).astype(np.uint32)
    weights = random.choice([0.0, 0.25, 0.5, 0.3, 1.0], indptr[-1])
    values = random.normal(size=n_in).astype(dtype)
    values[random.random(n_in) < missing] = np.nan
    out = np.zeros(counts.size)
    apply_weights(indptr, indices, weights, values, out)
    np.testing.assert_allclose(
        out, twin_of_apply_weights(indptr, indices, weights, values), rtol=1e-12, atol=1e-14
    )
