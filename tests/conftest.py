"""What all rooms' tests share: an own communicator for each MPI test, and programs run as from a shell."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

SIGNS_OF_A_RANK = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
OF_THE_LAUNCHER = ("PMI", "HYDRA", "MPI", "OMPI")
LONGEST_SECONDS = 280


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    out: str
    err: str
    seconds: float


@pytest.fixture
def comm():
    """A duplicate of the world for one test."""
    from mpi4py import MPI

    own = MPI.COMM_WORLD.Dup()
    yield own
    own.Free()


@pytest.fixture(scope="session")
def data():
    """The folder of real files."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def outside():
    """Run a program that is no rank of this test's own job."""
    if any(name in os.environ for name in SIGNS_OF_A_RANK):
        pytest.skip("starts mpiexec itself, so it runs outside mpiexec")
    return run


@pytest.fixture(scope="session")
def dte(outside):
    """Run a verb of the command line."""
    return lambda *words, **options: outside(sys.executable, "-m", "dte_hpc.cli", *words, **options)


@pytest.fixture
def job(outside, tmp_path):
    """Run Python texts as the programs of one MPI job, each on some ranks."""

    def start(*programs, **options):
        from dte_hpc.job.launch import mpiexec

        words = [mpiexec()]
        for number, (n_ranks, text) in enumerate(programs):
            script = tmp_path / f"program{number}.py"
            script.write_text(text)
            words += [":"] * bool(number) + ["-n", str(n_ranks), sys.executable, script]
        return outside(*words, **{"timeout": 60, **options})

    return start


def run(*words, timeout=LONGEST_SECONDS, signal_after=None):
    """Run a program; a signal may be sent to it some seconds after its start. Fails when it hangs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_LAUNCHER)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    if signal_after is not None:
        seconds, number = signal_after
        time.sleep(seconds)
        process.send_signal(number)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"the program hung for {timeout} s\n{out}\n{err}")
    return Ended(process.returncode, out, err, time.perf_counter() - start)
