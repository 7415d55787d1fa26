"""How is a job started from a shell that is no MPI rank?

With the ``mpiexec`` that stands beside this Python (the wheel's), or else the first one on the path.
A process that a launcher already started is a rank, and starts nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dte_hpc.base.errors import MissingDependency

_SIGNS_OF_A_RANK = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_OPEN_MPI_ANY_NUMBER = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
_OPEN_MPI_AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def is_rank() -> bool:
    """Whether an MPI launcher started this process."""
    return any(sign in os.environ for sign in _SIGNS_OF_A_RANK)


def launch(n_ranks: int, words: Sequence[str]) -> int:
    """Start ``dte WORDS`` on some ranks of this machine and return the job's exit status.

    Raises
    ------
    MissingDependency
        When there is no ``mpiexec``; the sentence says how to get one.
    """
    command = [mpiexec(), "-n", str(n_ranks), sys.executable, "-m", "dte_hpc.cli", *words]
    return subprocess.run(command, check=False, env=environment()).returncode  # noqa: S603 - our own words


def mpiexec() -> str:
    """Return the path of the launcher."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.is_file() else shutil.which("mpiexec")
    if found is None:
        raise MissingDependency(
            "there is no mpiexec beside this Python or on the path; "
            "pip install 'dte-hpc[mpich]' brings one, or load the site's MPI"
        )
    return found


def environment() -> dict[str, str]:
    """Return the environment of a launcher and its ranks.

    Each rank computes on one thread, as there is a rank a core. Open MPI, unlike MPICH, starts no more
    ranks than there are cores, and none for root (in a container, say), unless it is told to.
    """
    root = _OPEN_MPI_AS_ROOT if os.geteuid() == 0 else {}
    return {**_ONE_THREAD, **_OPEN_MPI_ANY_NUMBER, **root, **os.environ}
