"""Does everybody get a turn, and a small query before the rest of a big one?"""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.extract.fairness import Turns


@dataclass(eq=False)
class Job:
    user: str
    n_pieces: int
    seconds: float
    done: int = 0

    def next_seconds(self):
        return self.seconds

    def left_seconds(self):
        return self.seconds * (self.n_pieces - self.done)


def take(turns):
    job = turns.pick(lambda _: True)
    if job is not None:
        job.done += 1
        if job.done == job.n_pieces:
            turns.remove(job.user, job)
    return job


def test_a_small_query_waits_for_no_more_than_a_piece():
    turns = Turns()
    big = Job("a", 1000, 0.02)
    turns.add("a", big)
    for _ in range(50):
        assert take(turns) is big
    small = Job("b", 1, 0.001)
    turns.add("b", small)
    assert take(turns) is small


def test_a_small_query_of_the_same_user_goes_before_his_big_one():
    turns = Turns()
    big, small = Job("a", 1000, 0.02), Job("a", 1, 0.001)
    turns.add("a", big)
    take(turns)
    turns.add("a", small)
    assert take(turns) is small


def test_many_small_queries_of_one_user_do_not_starve_a_big_one_of_another():
    turns = Turns()
    big = Job("a", 100, 0.02)
    turns.add("a", big)
    seconds = {"a": 0.0, "b": 0.0}
    for _ in range(600):
        turns.add("b", Job("b", 1, 0.01))
        job = take(turns)
        seconds[job.user] += job.seconds
        if big.done == big.n_pieces:
            break
    assert seconds["a"] == pytest.approx(2.0)
    assert seconds["b"] == pytest.approx(2.0, abs=0.1)


def test_who_took_longer_than_thought_waits_longer():
    turns = Turns()
    slow, other = Job("a", 100, 0.01), Job("b", 100, 0.01)
    turns.add("a", slow)
    turns.add("b", other)
    for _ in range(60):
        if take(turns) is slow:
            turns.correct("a", 0.03)
    assert 3.5 < other.done / slow.done < 4.5


def test_who_met_a_cold_disk_does_not_wait_for_a_minute():
    turns = Turns()
    unlucky, others = Job("a", 2, 0.01), [Job(user, 10_000, 0.01) for user in "bcd"]
    for job in (unlucky, *others):
        turns.add(job.user, job)
    while not unlucky.done:
        take(turns)
    turns.correct("a", 60.0)
    n_turns = 0
    while unlucky.done < 2:
        take(turns)
        n_turns += 1
    assert n_turns * 0.01 < 4 * 0.6


def test_one_that_cannot_go_on_holds_up_nobody():
    turns = Turns()
    stuck, other = Job("a", 10, 0.001), Job("b", 10, 0.01)
    turns.add("a", stuck)
    turns.add("b", other)
    assert turns.pick(lambda job: job is not stuck) is other
    assert turns.pick(lambda _: False) is None


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 20), st.floats(1e-4, 1.0)), min_size=1))
def test_everything_is_done_and_nobody_with_work_gets_little(jobs):
    turns, spent = Turns(), dict.fromkeys("abcd", 0.0)
    made = [Job(*job) for job in jobs]
    for job in made:
        turns.add(job.user, job)
    longest = max(job.seconds for job in made)
    while job := take(turns):
        spent[job.user] += job.seconds
        waiting = [spent[u] for u in "abcd" if any(j.user == u and j.done < j.n_pieces for j in made)]
        assert not waiting or min(waiting) >= max(waiting) / 6 - 3 * longest
    assert all(job.done == job.n_pieces for job in made)
