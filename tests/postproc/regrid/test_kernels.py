"""The loop that applies weights against its NumPy twin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.compiled import frozen
from dte_hpc.postproc.regrid.kernels import all_finite, apply_weights, weigh_four

unhurried = settings(deadline=None, max_examples=50)  # the first call compiles


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
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([np.uint8, np.uint32]),
)
def test_apply_weights_is_its_twin(seed, missing, dtype, width):
    random = np.random.default_rng(seed)
    n_in, counts = 30, random.integers(0, 5, 25)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = random.integers(0, n_in, indptr[-1]).astype(np.uint32)
    weights = random.choice([0.0, 0.25, 0.5, 0.3, 1.0], indptr[-1])
    values = random.normal(size=n_in).astype(dtype)
    values[random.random(n_in) < missing] = np.nan
    values = frozen(values)
    out = np.zeros(counts.size)
    n_missing = apply_weights(counts.astype(width), indices, weights, values, out)
    np.testing.assert_allclose(
        out, twin_of_apply_weights(indptr, indices, weights, values), rtol=1e-12, atol=1e-14
    )
    assert n_missing == np.count_nonzero(np.isnan(out))


def test_infinities_and_nans_are_no_finite_values():
    for dtype in (np.float32, np.float64):
        values = np.full(1001, np.finfo(dtype).max, dtype)  # the sum of which would not be finite
        assert all_finite(frozen(values))
        for other in (np.nan, np.inf, -np.inf):
            values[-1] = other
            assert not all_finite(frozen(values))
            values[-1] = 0


@unhurried
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint32]))
def test_four_fields_at_once_are_each_alone(seed, width):
    random = np.random.default_rng(seed)
    counts = random.integers(0, 5, 25).astype(width)
    indices = random.integers(0, 30, counts.sum()).astype(np.uint32)
    weights, values = random.random(indices.size), random.normal(size=(4, 30))
    out, alone = np.zeros((4, 25)), np.zeros((4, 25))
    n_missing = weigh_four(counts, indices, weights, frozen(values), *out)
    each = [apply_weights(counts, indices, weights, frozen(values[i]), alone[i]) for i in range(4)]
    np.testing.assert_allclose(out, alone, rtol=1e-14, atol=1e-15)
    assert each == [n_missing] * 4
