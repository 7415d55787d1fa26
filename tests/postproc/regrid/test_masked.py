"""A mask that comes again has weights of its own, which give what looking at every row gives."""

import numpy as np
import pytest

from dte_hpc.postproc.regrid import kernels
from dte_hpc.postproc.regrid.masked import MOST_SEEN, Masks
from dte_hpc.postproc.regrid.weights_file import Weights


@pytest.fixture
def weights():
    random = np.random.default_rng(5)
    counts = random.integers(0, 5, 300)
    return Weights(
        in_grid="O4",
        out_grid="90/90",
        method="linear",
        library="by hand",
        library_version="1",
        n_in=208,
        indptr=np.concatenate([[0], np.cumsum(counts)]),
        indices=random.integers(0, 208, counts.sum()).astype(np.uint32),
        weights=random.choice([0.0, 0.25, 0.5, 0.3, 1.0], counts.sum()),
    )


def field(seed, missing):
    values = np.random.default_rng(seed).normal(size=208)
    values[missing] = np.nan
    return values


def looked_at(weights, values):
    out = np.empty(weights.n_out)
    return out, kernels.apply_weights(weights.counts, weights.indices, weights.weights, values, out)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_of_a_mask_give_the_same(weights, share, dtype):
    masks, missing = Masks(), np.random.default_rng(6).random(208) < share
    for seed in range(4):
        values, out = field(seed, missing).astype(dtype), np.empty(weights.n_out)
        n_missing = masks.apply(weights, values, out)
        expected, n_expected = looked_at(weights, values)
        np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-14)
        assert n_missing == n_expected
        assert (masks.n_bytes > 0) == (seed > 0)  # what comes once is not worth it


def test_masks_are_bounded_and_the_last_used_stay(weights):
    masks, out = Masks(max_bytes=3 * weights.n_bytes), np.empty(weights.n_out)
    for number in range(MOST_SEEN + 10):
        for _ in range(2):
            values = field(1, [number])
            masks.apply(weights, values, out)
            np.testing.assert_allclose(out, looked_at(weights, values)[0], rtol=1e-13, atol=1e-14)
    assert 0 < masks.n_bytes <= 3 * weights.n_bytes
    small = Masks(max_bytes=8)
    for _ in range(3):
        small.apply(weights, field(1, [3]), out)
    assert small.n_bytes == 0


def test_to_a_coarse_grid_rows_are_looked_at(weights):
    masks, out = Masks(), np.empty(3)
    few = Weights(
        in_grid="O4",
        out_grid="90/90",
        method="linear",
        library="by hand",
        library_version="1",
        n_in=208,
        indptr=np.arange(4),
        indices=np.array([3, 5, 7], np.uint32),
        weights=np.ones(3),
    )
    for _ in range(3):
        values = field(1, [5])
        assert masks.apply(few, values, out) == 1
        np.testing.assert_array_equal(out, values[[3, 5, 7]])
    assert masks.n_bytes == 0


def test_infinite_values_are_not_missing(weights):
    masks, out = Masks(), np.empty(weights.n_out)
    for _ in range(3):
        values = field(2, [5])
        values[7] = np.inf
        masks.apply(weights, values, out)
        np.testing.assert_array_equal(np.isinf(out), np.isinf(looked_at(weights, values)[0]))
