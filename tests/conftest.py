"""What all rooms' tests share: an own communicator for each MPI test, and programs run as from a shell."""

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from dte_hpc.job.launch import environment, is_rank

OF_THE_LAUNCHER = ("PMI", "HYDRA", "MPI")
LONGEST_SECONDS = 280
HEARD_SECONDS = 1.0


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """A rank whose time is up ends its process, and so the job.

    The other method raises in the main thread. The rank then waits for the others where a test is left,
    nothing interrupts it any more, and mpiexec never ends.
    """
    if is_rank():
        config.option.timeout_method = "thread"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A rank that fails an MPI test says so and ends the job: its neighbours would wait for it for ever."""
    report = yield
    if report.failed and is_rank() and item.get_closest_marker("mpi"):
        end_job_of_tests(item, report)
    return report


def pytest_sessionfinish(session):
    """Ranks leave together: one that leaves clears old folders away, and another may be at work in them."""
    if is_rank() and session.config.option.with_mpi:
        from mpi4py import MPI

        MPI.COMM_WORLD.Barrier()


def end_job_of_tests(item, report):
    """Print why a test failed here, give the other ranks time to say the same, and end them all."""
    from mpi4py import MPI

    if MPI.COMM_WORLD.size == 1:
        return
    sys.stderr.write(f"\nrank {MPI.COMM_WORLD.rank} fails {item.nodeid}\n{report.longreprtext}\n")
    sys.stderr.flush()
    time.sleep(HEARD_SECONDS)
    MPI.COMM_WORLD.Abort(1)


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
    if is_rank():
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
    own = {name: value for name, value in environment().items() if not name.startswith(OF_THE_LAUNCHER)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=own,
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
