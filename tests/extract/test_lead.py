"""What does the leader think of a query?"""

import numpy as np
import pytest

from dte_hpc.extract.lead import Task
from dte_hpc.extract.protocol import Outcome, Report


@pytest.fixture
def task():
    one = np.full(1, 0.003)
    task = Task(
        number=0, rank=0, query=0, user=(0, 0), in_parts=False, text=b"", kind="", costs=one, left=one
    )
    costs = np.array([1e-5, 0.02, 0.02, 0.01])
    task.become_planned(Report(task=0, outcome=Outcome.PLANNED, digest=1, costs=costs))
    return task


def test_what_is_left_gets_less(task):
    assert task.left_seconds() == pytest.approx(0.05001)
    assert [task.take_piece(), task.take_piece()] == [0, 1]
    assert (task.next_seconds(), task.left_seconds()) == (pytest.approx(0.02), pytest.approx(0.03))
    assert [task.take_piece(), task.take_piece()] == [2, 3]
    assert task.left_seconds() == 0


def test_a_small_piece_that_was_slow_does_not_make_a_large_one_endless(task):
    task.learn(task.take_piece(), 0.03)
    assert task.next_seconds() < 0.06
    assert task.left_seconds() < 0.15


def test_what_was_fast_is_not_thought_to_be_faster_than_its_reads(task):
    task.learn(task.take_piece(), 0.0)
    assert task.next_seconds() == pytest.approx(0.02)


def test_a_piece_that_was_declined_comes_again_first(task):
    task.take_piece(), task.take_piece()
    task.declined.append(0)
    assert [task.take_piece(), task.take_piece()] == [0, 2]
