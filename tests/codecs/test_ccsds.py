"""Our compressed bytes are libaec's, their offsets true, and any stretch of them decodes."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs import aec, kernels

FLAGS = 14


def by_libaec(samples: np.ndarray, bits: int, block_size: int, rsi: int) -> bytes:
    out = np.empty(samples.nbytes * 2 + 1024, np.uint8)
    stream = aec._stream(samples, out, bits, block_size, rsi, FLAGS)
    assert aec._library().aec_buffer_encode(ctypes.byref(stream)) == 0
    return out[: stream.total_out].tobytes()


def by_us(samples: np.ndarray, bits: int, block_size: int, rsi: int) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.zeros(-(-samples.size // (block_size * rsi)), np.uint64)
    size = kernels.room(samples.size, bits, block_size)
    out = np.full(size + 64, 0xA5, np.uint8)
    n_bytes = kernels.encode_ccsds(
        frozen(samples.astype(np.uint32)), bits, block_size, rsi, out[:size], offsets
    )
    assert n_bytes <= size
    assert (out[size:] == 0xA5).all()
    return out[:n_bytes].copy(), offsets


def make(kind: int, bits: int, size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    top = 2**bits - 1
    if kind == 0:
        samples = rng.integers(0, top + 1, size)
    elif kind == 1:
        samples = np.cumsum(rng.integers(-3, 4, size)) % (top + 1)
    elif kind == 2:
        samples = np.repeat(rng.integers(0, top + 1, size // 50 + 1), 50)[:size]
    elif kind == 3:
        samples = np.clip(top // 2 + rng.normal(0, 2 ** rng.uniform(0, bits), size), 0, top)
    else:
        samples = np.where(rng.random(size) < 0.002, rng.integers(0, top + 1, size), 0)
    return samples.astype(aec.sample_type(bits))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 4),
    st.integers(1, 32),
    st.sampled_from([8, 16, 32, 64]),
    st.sampled_from([1, 2, 3, 8, 70, 128]),
    st.integers(1, 20_000),
    st.integers(0, 2**32),
)
def test_bytes_and_offsets(kind: int, bits: int, block_size: int, rsi: int, size: int, seed: int) -> None:
    samples = make(kind, bits, size, seed)
    data, offsets = by_us(samples, bits, block_size, rsi)
    assert data.tobytes() == by_libaec(samples, bits, block_size, rsi)
    found = aec.find_offsets(data, size, bits, block_size, rsi, FLAGS)
    np.testing.assert_array_equal(offsets, found)
    np.testing.assert_array_equal(aec.decode(data, size, bits, block_size, rsi, FLAGS), samples)


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("bits", [3, 8, 16, 24, 32])
def test_any_interval_decodes_alone(kind: int, bits: int) -> None:
    samples = make(kind, bits, 1000, 7)
    data, offsets = by_us(samples, bits, 16, 4)
    edges = [*offsets.astype(int), 8 * data.size]
    for number in range(offsets.size):
        begin, end = edges[number] // 8, -(-edges[number + 1] // 8)
        wanted = samples[64 * number : 64 * (number + 1)]
        found = aec.decode_stretches(
            [data[begin:end]], [0], [int(edges[number]) - 8 * begin], [wanted.size], bits, 16, 4, FLAGS
        )
        np.testing.assert_array_equal(found, wanted)


def test_stretches_end_anywhere() -> None:
    samples = make(0, 16, 1000, 7)
    data, offsets = by_us(samples, 16, 16, 4)
    half = int(offsets[8]) // 8
    parts, part = [data[:half].copy(), data[half:].copy()], [0, 0, 1, 1]
    rsi, n = [0, 3, 8, 15], [1, 130, 64, 40]
    bits = [int(offsets[r]) - 8 * half * (k == 1) for r, k in zip(rsi, part, strict=True)]
    found = aec.decode_stretches(parts, part, bits, n, 16, 16, 4, FLAGS)
    wanted = [samples[64 * r : 64 * r + count] for r, count in zip(rsi, n, strict=True)]
    np.testing.assert_array_equal(found, np.concatenate(wanted))
    with pytest.raises(InvalidMessage, match="hold 29 values; expected 64"):
        aec.decode_stretches([data[:60].copy()], [0], [0], [64], 16, 16, 4, FLAGS)


def test_too_few_bytes_are_refused() -> None:
    data, _ = by_us(make(0, 16, 5000, 1), 16, 32, 128)
    with pytest.raises(InvalidMessage, match=r"5000|stream|data"):
        aec.decode(data[:1000].copy(), 5000, 16, 32, 128, FLAGS)
    with pytest.raises(InvalidMessage, match="configuration"):
        aec.decode(data, 5000, 40, 32, 128, FLAGS)
