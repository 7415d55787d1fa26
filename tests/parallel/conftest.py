"""An own communicator for each MPI test, and small jobs of their own under mpiexec."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def comm():
    """A duplicate of the world for one test."""
    from mpi4py import MPI

    own = MPI.COMM_WORLD.Dup()
    yield own
    own.Free()


@pytest.fixture
def job(tmp_path):
    """Run Python text on some ranks; returns status, stdout, stderr, seconds."""
    if any(name in os.environ for name in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")):
        pytest.skip("starts mpiexec itself, so it runs outside mpiexec")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    if not mpiexec.exists():
        pytest.skip(f"there is no {mpiexec}")

    def run(*programs, timeout=30, signal_after=None):
        words = [str(mpiexec)]
        for number, (n_ranks, text) in enumerate(programs):
            script = tmp_path / f"program{number}.py"
            script.write_text(text)
            words += [":"] * bool(number) + ["-n", str(n_ranks), sys.executable, str(script)]
        start = time.perf_counter()
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
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
            pytest.fail(f"the job hung for {timeout} s\n{out}\n{err}")
        return process.returncode, out, err, time.perf_counter() - start

    return run


def clean_environment():
    hidden = ("PMI", "HYDRA", "MPIR", "MPI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
