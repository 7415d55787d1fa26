"""Our compressed bytes are libaec's, their offsets true, and any stretch of them decodes."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs import aec, intervals, kernels
from dte_hpc.codecs.intervals import BEHIND_BYTES, Stretches
from dte_hpc.codecs.layout import Layout

FLAGS, PLAIN, RESTRICTED = 14, 6, 30


def by_libaec(samples: np.ndarray, bits: int, block_size: int, rsi: int, flags: int = FLAGS) -> np.ndarray:
    out = np.zeros(samples.nbytes * 2 + 1024, np.uint8)
    stream = aec._stream(samples, out, bits, block_size, rsi, flags)
    assert aec._library().aec_buffer_encode(ctypes.byref(stream)) == 0
    return out[: stream.total_out]


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
    np.testing.assert_array_equal(data, by_libaec(samples, bits, block_size, rsi))
    found = aec.find_offsets(data, size, bits, block_size, rsi, FLAGS)
    np.testing.assert_array_equal(offsets, found)
    np.testing.assert_array_equal(aec.decode(data, size, bits, block_size, rsi, FLAGS), samples)


def test_too_few_bytes_are_refused() -> None:
    data, _ = by_us(make(0, 16, 5000, 1), 16, 32, 128)
    with pytest.raises(InvalidMessage, match=r"5000|stream|data"):
        aec.decode(data[:1000].copy(), 5000, 16, 32, 128, FLAGS)
    with pytest.raises(InvalidMessage, match="configuration"):
        aec.decode(data, 5000, 40, 32, 128, FLAGS)


def layout_of(n: int, bits: int, block_size: int, rsi: int, flags: int, n_bytes: int) -> Layout:
    return Layout(
        packing=2, edition=2, bits=bits, ccsds_flags=flags, block_size=block_size, rsi=rsi, reference=0.0,
        binary_scale=0, decimal_scale=0, n_values=n, n_packed=n, data_offset=0, data_length=n_bytes,
        bitmap_offset=0,
    )  # fmt: skip


def decoded(data: np.ndarray, offsets: np.ndarray, layout: Layout, start, stop) -> np.ndarray:
    """Return what our decoder makes of ranges."""
    stretches = Stretches.of(layout, np.asarray(start, np.int64), np.asarray(stop, np.int64))
    first = frozen(offsets[stretches.first_rsi].astype(np.int64))
    end = frozen(np.full(first.size, 8 * data.size))
    out = np.full(int((stretches.stop - stretches.start).sum()), -1.0)
    padded = np.concatenate([data, np.full(BEHIND_BYTES, 0xFF, np.uint8)])
    intervals.decode(layout, stretches, padded, first, end, (1.0, 0.0, 1.0), out)
    return out


@settings(max_examples=300, deadline=None)
@given(
    kind=st.integers(0, 4),
    bits=st.integers(1, 32),
    block_size=st.sampled_from([8, 16, 32, 64]),
    rsi=st.sampled_from([1, 2, 3, 8, 70, 128]),
    size=st.integers(1, 20_000),
    flags=st.sampled_from([PLAIN, FLAGS, RESTRICTED]),
    seed=st.integers(0, 2**32),
)
def test_stretches_equal_libaecs_samples(kind, bits, block_size, rsi, size, flags, seed) -> None:
    if flags == RESTRICTED and bits > 4:
        bits = 1 + bits % 4
    samples = make(kind, bits, size, seed)
    data = by_libaec(samples, bits, block_size, rsi, flags)
    offsets = aec.find_offsets(data, size, bits, block_size, rsi, flags)
    layout = layout_of(size, bits, block_size, rsi, flags, data.size)
    np.testing.assert_array_equal(decoded(data, offsets, layout, [0], [size]), samples)
    edges = np.unique(np.random.default_rng(seed).integers(0, size + 1, 20))
    edges = edges[: edges.size // 2 * 2]
    if edges.size:
        start, stop = edges[::2], edges[1::2]
        wanted = np.concatenate([samples[a:b] for a, b in zip(start, stop, strict=True)])
        np.testing.assert_array_equal(decoded(data, offsets, layout, start, stop), wanted)


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("bits", [3, 8, 16, 24, 32])
def test_any_interval_decodes_alone(kind: int, bits: int) -> None:
    samples = make(kind, bits, 1000, 7)
    data = by_libaec(samples, bits, 16, 4)
    offsets = aec.find_offsets(data, 1000, bits, 16, 4, FLAGS).astype(np.int64)
    edges = [*offsets, 8 * data.size]
    for number in range(offsets.size):
        begin, end = edges[number] // 8, -(-edges[number + 1] // 8)
        wanted = samples[64 * number : 64 * (number + 1)]
        layout = layout_of(wanted.size, bits, 16, 4, FLAGS, end - begin)
        found = decoded(data[begin:end], offsets[number : number + 1] - 8 * begin, layout, [0], [wanted.size])
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("k", [0, 1, 3])
def test_sequences_longer_than_an_encoder_would_choose(k: int) -> None:
    samples = np.array([[300, 0, 1, 1000, 2, 255, 256, 5], [0, 0, 248, 249, 7, 8, 0, 4000]]) << k
    text = ""
    for block in samples:
        text += f"{k + 1:04b}" + "".join("0" * int(x >> k) + "1" for x in block)
        text += "".join(f"{x & (1 << k) - 1:0{k}b}" for x in block) if k else ""
    data = np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0"))
    layout = layout_of(16, 16, 8, 4, PLAIN, data.size)
    np.testing.assert_array_equal(decoded(data, np.zeros(1, np.uint64), layout, [0], [16]), samples.ravel())
    np.testing.assert_array_equal(intervals.find(layout, data), [0])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 4), st.sampled_from([1, 8, 16, 32]), st.integers(1, 40))
def test_damage_is_an_error_or_values_but_never_more(seed, kind, bits, n_bad) -> None:
    rng = np.random.default_rng(seed)
    samples = make(kind, bits, 3000, seed)
    data = by_libaec(samples, bits, 16, 8)
    offsets = aec.find_offsets(data, 3000, bits, 16, 8, FLAGS)
    data[rng.integers(0, data.size, n_bad)] ^= rng.integers(1, 256, n_bad).astype(np.uint8)
    layout = layout_of(3000, bits, 16, 8, FLAGS, data.size)
    try:
        found = decoded(data, offsets, layout, [0, 1000], [5, 3000])
    except InvalidMessage:
        return
    assert ((found >= 0) & (found < 2.0**bits)).all()


def test_too_few_bytes_of_a_stretch_are_refused() -> None:
    samples = make(0, 16, 1000, 7)
    data = by_libaec(samples, 16, 16, 4)
    offsets = aec.find_offsets(data, 1000, 16, 16, 4, FLAGS)
    layout = layout_of(1000, 16, 16, 4, FLAGS, data.size)
    with pytest.raises(InvalidMessage, match="end before the last value"):
        decoded(data[:60], offsets, layout, [0], [64])
    with pytest.raises(InvalidMessage, match="outside of what was read"):
        decoded(data, offsets - np.int64(100).astype(np.uint64), layout, [0], [64])


def test_signed_and_padded_samples_are_not_decoded_alone() -> None:
    assert intervals.is_decoded_alone(layout_of(10, 8, 8, 1, FLAGS, 10))
    for flag in (aec.SIGNED, aec.PAD_RSI):
        assert not intervals.is_decoded_alone(layout_of(10, 8, 8, 1, FLAGS | flag, 10))
