"""What ends a job, and what it says."""

import signal

import pytest

HEAD = """
import sys, time
from dte_hpc.base.errors import InvalidPart
from dte_hpc.parallel import Role, World, guard, watch_over_this_rank
from dte_hpc.parallel.mpi import job
from dte_hpc.parallel.agree import agree
"""
WAIT = "    world.comm.Barrier() if world.role is Role.IO else time.sleep(60)\n"
SPLIT = """
with guard():
    world = World.split(Role.MODEL if job().rank < 2 else Role.IO)
    sys.stdout.write(f"out of rank {job().rank}\\n")
"""


@pytest.mark.parametrize("failing", [0, 2])
def test_an_exception_ends_the_job_with_its_traceback(job, failing):
    text = (
        HEAD + SPLIT + f"    if job().rank == {failing}: raise ValueError('the flux went negative')\n" + WAIT
    )
    status, out, err, seconds = job((3, text.replace("world.comm.Barrier()", "time.sleep(60)")))
    assert status != 0
    assert seconds < 10
    assert err.count("ValueError: the flux went negative") == 1
    assert "Traceback" in err
    role = "model rank 0" if failing == 0 else "IO rank 0"
    assert f"dte: {role} (rank {failing} of the job) failed:" in err
    assert f"out of rank {failing}" in out


def test_a_known_error_is_one_sentence(job):
    text = HEAD + SPLIT + "    if job().rank == 1: raise InvalidPart('found 3 values; expected 4')\n" + WAIT
    status, _, err, seconds = job((2, text))
    assert status != 0
    assert seconds < 10
    assert "dte: model rank 1 (rank 1 of the job): found 3 values; expected 4\n" in err
    assert "Traceback" not in err


def test_an_error_of_a_collective_is_said_once(job):
    text = HEAD + SPLIT + "    agree(world.world, InvalidPart('all are wrong') if job().rank else None)\n"
    status, _, err, seconds = job((3, text))
    assert status != 0
    assert seconds < 10
    assert err.count("all are wrong") == 1
    assert "rank 1 of the job" in err


def test_an_exception_outside_any_block_ends_the_job(job):
    text = HEAD + "watch_over_this_rank()\nif job().rank == 1: 1 / 0\ntime.sleep(60)\n"
    status, _, err, seconds = job((2, text))
    assert status != 0
    assert seconds < 10
    assert err.count("ZeroDivisionError") == 1


def test_an_exception_in_a_thread_ends_the_job(job):
    text = HEAD + "import threading\nwatch_over_this_rank()\n"
    text += "if job().rank == 1: threading.Thread(target=lambda: 1 / 0).start()\ntime.sleep(60)\n"
    status, _, err, seconds = job((2, text))
    assert status != 0
    assert seconds < 10
    assert err.count("ZeroDivisionError") == 1


def test_an_exit_status_ends_the_job(job):
    status, _, err, seconds = job((2, HEAD + SPLIT + "    sys.exit(3) if job().rank else time.sleep(60)\n"))
    assert status == 3
    assert seconds < 10
    assert "rank 1 of the job): ended by exit status 3" in err


def test_leaving_with_status_0_is_no_failure(job):
    status, _, err, _ = job((2, HEAD + SPLIT + "    sys.exit(0)\n"))
    assert (status, err) == (0, "")


def test_sigterm_ends_the_job_and_is_said_once(job):
    status, _, err, seconds = job(
        (2, HEAD + SPLIT + "    time.sleep(60)\n"), signal_after=(2.5, signal.SIGTERM)
    )
    assert status != 0
    assert seconds < 12
    assert err.count("ended by SIGTERM") <= 1
    assert "Traceback" not in err


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_rank_alone_says_which(job, rank):
    kill = f"    if job().rank == {rank}: import os, signal; os.kill(os.getpid(), signal.SIGTERM)\n"
    status, _, err, seconds = job((2, HEAD + SPLIT + kill + "    time.sleep(60)\n"))
    assert status != 0
    assert seconds < 12
    assert err.count(f"(rank {rank} of the job): ended by SIGTERM") == 1
