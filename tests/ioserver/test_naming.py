from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidPart, RankFailed
from dte_hpc.base.field import Metadata
from dte_hpc.ioserver.naming import TIME_KEYWORDS, Slots, cut, pairs_of, server_of

WORDS = st.text(max_size=8)
SCALARS = st.one_of(WORDS, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
PAIRS = st.dictionaries(st.one_of(WORDS, st.sampled_from(sorted(TIME_KEYWORDS))), SCALARS, max_size=8)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_two_texts_are_the_metadata_in_any_order(pairs, random):
    template, varying = cut(Metadata(pairs))
    assert {**pairs_of(template), **pairs_of(varying)} == pairs
    shuffled = list(pairs.items())
    random.shuffle(shuffled)
    assert cut(Metadata(dict(shuffled))) == (template, varying)


def test_all_steps_of_a_field_go_to_one_server_and_fields_spread():
    def server(**pairs):
        return server_of(cut(Metadata({"class": "od", "levtype": "pl", **pairs}))[0], 4)

    for param in range(20):
        assert len({server(param=param, step=s, date=20260101 + s, time=s) for s in range(50)}) == 1
    spread = Counter(server(param=p, levelist=level, step=0) for p in range(20) for level in range(37))
    assert all(0.7 < spread[s] / (20 * 37 / 4) < 1.3 for s in range(4))


def test_the_server_of_a_field_never_changes():
    assert [server_of(cut(Metadata({"param": p}))[0], 5) for p in range(8)] == [4, 2, 0, 1, 3, 2, 1, 3]


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 6))
def test_a_server_that_follows_the_slots_always_knows_the_template(wanted, n_slots):
    slots, server = Slots(n_slots), {}
    for number in wanted:
        text = b"%d" % number
        slot, is_new = slots.place(text)
        assert 0 <= slot < n_slots
        if is_new:
            server[slot] = text
        assert server[slot] == text


def test_texts_that_cannot_be_sent_or_read_are_refused():
    with pytest.raises(InvalidPart, match="finite"):
        cut(Metadata({"param": float("nan")}))
    with pytest.raises(InvalidPart, match="at most"):
        cut(Metadata({"param": "x" * 100_000}))
    for text in (b"", b"[1]", b"{", b"[" * 60_000):
        with pytest.raises(RankFailed):
            pairs_of(text)
