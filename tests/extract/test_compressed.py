"""Fields packed differently and wanted at different points are planned and decoded together."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import intervals
from dte_hpc.codecs.decode import step_and_factor
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.intervals import BEHIND_BYTES, Sets, Stretches, joined_tables
from dte_hpc.extract.batches import ReadPolicy
from dte_hpc.extract.compressed import plan_fields, shares

KEY = {
    "class": "od", "expver": "0001", "stream": "oper", "date": "20260101", "time": "0000", "type": "fc",
    "levtype": "sfc", "param": "167", "step": "0", "grid": "O32",
}  # fmt: skip
N_VALUES = 5248


def encoded(bits: int, rsi: int, seed: int) -> Any:
    values = np.cumsum(np.random.default_rng(seed).normal(size=N_VALUES))
    packing = Packing(packing="ccsds", bits_per_value=bits, ccsds_rsi=rsi)
    return GribEncoder(packing).encode(Field(metadata=Metadata(KEY), values=values))


FIELDS = [encoded(*facts) for facts in ((16, 8, 1), (12, 16, 2), (24, 4, 3), (16, 8, 4))]


def alone(field: Any, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return what the decoder of one field makes of its ranges, all its data read."""
    layout, data = field.layout, np.frombuffer(field.message, np.uint8)
    stretches = Stretches.of(layout, start, stop)
    padded = np.concatenate([data[layout.data_offset :], np.zeros(BEHIND_BYTES, np.uint8)])
    first = field.block_offsets[stretches.first_rsi].astype(np.int64)
    step, factor = step_and_factor(layout.binary_scale, layout.decimal_scale)
    out = np.empty(int((stop - start).sum()))
    end = np.full(first.size, 8 * layout.data_length)
    formula = (step, layout.reference, factor)
    intervals.decode(layout, stretches, padded, frozen(first), frozen(end), formula, out)
    return out


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sets=st.lists(st.integers(0, len(FIELDS) - 1), min_size=1, max_size=6),
    gap_bytes=st.sampled_from([0, 2, 500]),
    whole_share=st.sampled_from([0.2, 0.9]),
)
def test_together_they_are_what_each_is_alone(
    seed: int, sets: list[int], gap_bytes: int, whole_share: float
) -> None:
    rng = np.random.default_rng(seed)
    edges = [np.sort(rng.choice(N_VALUES + 1, 2 * int(rng.integers(1, 8)), replace=False)) for _ in sets]
    starts, stops = [edge[::2] for edge in edges], [edge[1::2] for edge in edges]
    of_set = Sets.of([FIELDS[at].layout for at in sets], starts, stops)
    which = rng.permutation(np.arange(len(sets)))
    fields = [FIELDS[sets[at]] for at in which]
    lengths = np.array([field.layout.data_length for field in fields])
    policy = ReadPolicy(gap_bytes=gap_bytes, whole_share=whole_share)
    reads = plan_fields(policy, of_set, which, lengths, [field.block_offsets for field in fields])
    pieces = [
        np.frombuffer(fields[at].message, np.uint8)[fields[at].layout.data_offset + first :][:length]
        for at, first, length in zip(reads.field, reads.offset, reads.length, strict=True)
    ]
    data = np.concatenate([*pieces, np.zeros(BEHIND_BYTES, np.uint8)])
    layouts = [field.layout for field in fields]
    scales = [step_and_factor(layout.binary_scale, layout.decimal_scale) for layout in layouts]
    formulas = np.array([(s, layout.reference, f) for (s, f), layout in zip(scales, layouts, strict=True)])
    counts = of_set.n_points[which]
    target = np.cumsum(counts) - counts
    out = np.full(int(counts.sum()), np.nan)
    intervals.decode_fields(of_set, which, data, reads.first_bit, reads.end_bit, formulas, target, out)
    expected = [alone(field, starts[at], stops[at]) for field, at in zip(fields, which, strict=True)]
    np.testing.assert_array_equal(out, np.concatenate(expected))
    decoded = [Stretches.of(FIELDS[at].layout, a, b) for at, a, b in zip(sets, starts, stops, strict=True)]
    assert of_set.n_decoded.tolist() == [stretches.n_decoded for stretches in decoded]
    assert reads.least <= reads.n_bytes == data.size - BEHIND_BYTES


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (([0, 50], [0, 40, 60]), "3 block offsets; expected 2"),
        (([0, 50], [50, 40]), "do not increase"),
        (([0, 50], [0, 80]), "do not increase"),
        (([0, 50], [0, 0]), "do not increase"),
        (([2**63 + 5, 50], [0, 40]), "do not increase"),
    ],
)
def test_tables_that_cannot_be_are_refused(tables: Any, message: str) -> None:
    given_tables = [np.array(table, np.uint64) for table in tables]
    with pytest.raises(InvalidMessage, match=message):
        joined_tables(np.array([2, 2]), given_tables, np.array([10, 10]))


def test_tables_begin_where_others_end() -> None:
    tables = [np.array([0, 50], np.uint64), np.array([3], np.uint64)]
    offsets, begin = joined_tables(np.array([2, 1]), tables, np.array([10, 9]))
    assert (offsets.tolist(), begin.tolist()) == ([0, 50, 80, 3, 72], [0, 3])


@given(st.lists(st.integers(0, 100), max_size=40), st.integers(1, 150))
def test_shares_fit_and_leave_nothing_out(needed: list[int], most: int) -> None:
    parts = list(shares(np.array(needed, np.int64), most))
    assert [at for part in parts for at in range(part.start, part.stop)] == list(range(len(needed)))
    assert all(sum(needed[part]) <= most or part.stop - part.start == 1 for part in parts)
