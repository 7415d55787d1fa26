"""Does a run of MPI tests end, whatever one rank does?"""

import sys
from pathlib import Path

import pytest

from dte_hpc.job.launch import mpiexec

STUCK = "comm.Barrier() if comm.rank else time.sleep(60)"
FAILING = "assert comm.rank\n    comm.Barrier()"
TEXT = """
import time
import pytest

@pytest.mark.mpi
def test_of_two_ranks(comm):
    {body}
"""


@pytest.mark.parametrize(("body", "told"), [(STUCK, "Timeout"), (FAILING, "rank 0 fails")])
def test_a_rank_that_is_waited_for_ends_the_job(outside, tmp_path: Path, body: str, told: str) -> None:
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (tmp_path / "test_two.py").write_text(TEXT.format(body=body))
    words = ("-q", "--with-mpi", "--timeout", "4", "-p", "no:cacheprovider", tmp_path)
    ended = outside(mpiexec(), "-n", "2", sys.executable, "-m", "mpi4py", "-m", "pytest", *words, timeout=60)
    assert ended.status != 0
    assert told in ended.err + ended.out
