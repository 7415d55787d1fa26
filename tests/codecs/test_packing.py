"""The loops, against NumPy; and nothing is compiled after `warm`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dte_hpc.base.compiled import frozen
from dte_hpc.codecs import GribEncoder, Packing, kernels, packing
from dte_hpc.codecs.decode import decode
from dte_hpc.codecs.points import decode_points


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([32, 64]).flatmap(
        lambda width: arrays.arrays(f"f{width // 8}", st.integers(1, 50), elements=st.floats(width=width))
    )
)
def test_value_range(values: np.ndarray) -> None:
    low, high, has_missing = packing.value_range(values)
    there = values[~np.isnan(values)]
    assert has_missing == (there.size < values.size)
    expected = (there.min(), there.max()) if there.size else (np.nan, np.nan)
    np.testing.assert_array_equal((low, high), expected)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 64), st.integers(0, 7), st.integers(0, 40), st.integers(0, 2**32))
def test_unpack_bits(bits: int, first_bit: int, size: int, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 256, (first_bit + bits * size + 7) // 8, np.uint8)
    out = np.empty(size)
    packing.unpack_bits(frozen(data), first_bit, bits, 0.5, 3.0, 10.0, out)
    whole, length = int.from_bytes(data.tobytes(), "big"), 8 * data.size
    expected = [
        (float((whole >> (length - first_bit - bits * (i + 1))) % 2**bits) * 0.5 + 3.0) * 10.0
        for i in range(size)
    ]
    np.testing.assert_array_equal(out, expected)


def signatures() -> dict[str, int]:
    found = {**vars(packing), **vars(kernels)}
    return {name: len(each.signatures) for name, each in found.items() if hasattr(each, "signatures")}


@pytest.mark.parametrize("name", ["simple", "ccsds"])
def test_nothing_is_compiled_after_warm(oracle, name: str) -> None:
    packing.warm(ccsds=True)
    before = signatures()
    values = np.random.default_rng(0).normal(280, 20, 500)
    for kind in (np.float32, np.float64):
        for bits in (8, 12, 16, 24, 32):
            for each in (values, np.where(values > 280, np.nan, values)):
                field = oracle.field(each.astype(kind))
                encoded = GribEncoder(Packing(packing=name, bits_per_value=bits)).encode(field)
                decode(encoded.message)
                decode(bytes(encoded.message))
                view = memoryview(bytes(encoded.message))
                decode_points(
                    encoded.layout, encoded.block_offsets, [3, 77], lambda o, n, view=view: view[o : o + n]
                )
    assert signatures() == before
    assert len(before) > 20
