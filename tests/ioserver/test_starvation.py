"""The proof that ranks wait for each other for ever, against a simulation of all that may yet happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import RankFailed
from dte_hpc.ioserver.starvation import Judge, Report, Unfinished, suspect


def field(name, here, lacking):
    return Unfinished(name=name, here=frozenset(here), lacking=frozenset(lacking))


def dead(report):
    return {rank for rank, _ in report.dead}


def test_two_ranks_in_opposite_orders_starve():
    fields = [field("a", {0}, {1}), field("b", {1}, {0})]
    report = suspect({0: 1, 1: 1}, {}, (), fields)
    assert dead(report) == {0, 1}
    assert not report.assumed
    assert "a lacks model ranks [1]" in report.sentence


def test_a_rank_that_computes_is_waited_for():
    assert dead(suspect({0: 1}, {}, (), [field("a", {0}, {1})])) == set()


def test_a_rank_in_a_collective_call_sends_nothing():
    assert dead(suspect({0: 1}, {}, {1}, [field("a", {0}, {1})])) == {0}


def test_credit_for_one_helps_the_next():
    fields = [field("a", {0}, {2}), field("b", {1}, {0})]
    assert dead(suspect({0: 1, 1: 1}, {}, (), fields)) == set()


def test_two_servers_that_each_wait_for_the_other():
    judge = Judge()
    judge.hear(0, suspect({0: 3}, {1: 7}, (), [field("a", {0}, {1})]))
    with pytest.raises(RankFailed, match="a lacks model ranks"):
        judge.hear(1, suspect({1: 7}, {0: 3}, (), [field("b", {1}, {0})]))


def test_an_old_episode_proves_nothing():
    judge = Judge()
    judge.hear(0, suspect({0: 3}, {1: 6}, (), [field("a", {0}, {1})]))
    judge.hear(1, suspect({1: 7}, {0: 3}, (), [field("b", {1}, {0})]))
    judge.hear(1, Report())
    with pytest.raises(RankFailed):
        judge.hear(1, suspect({1: 6}, {0: 3}, (), [field("b", {1}, {0})]))


def test_a_report_travels_as_text():
    report = suspect({0: 3, 2: 1}, {1: 6}, {2}, [field("a", {0}, {1})])
    assert Report.from_bytes(report.to_bytes()) == report


RANKS = st.sets(st.integers(0, 4))


@given(
    st.lists(st.tuples(RANKS, RANKS), max_size=5),
    st.dictionaries(st.integers(0, 4), st.just(1)),
    RANKS,
    RANKS,
)
def test_the_verdict_is_what_remains_when_all_that_can_happen_has(pairs, here, elsewhere, calling):
    fields = [field(str(n), h, lack - h) for n, (h, lack) in enumerate(pairs) if lack - h]
    waiting = dict.fromkeys(elsewhere - set(here), 1)
    calling -= set(here) | set(waiting)
    able = set(range(5)) - set(here) - set(waiting) - calling
    while more := {r for f in fields if f.lacking <= able for r in f.here if r in here} - able:
        able |= more
    assert dead(suspect(here, waiting, calling, fields)) == set(here) - able
