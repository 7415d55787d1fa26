"""Which names of mpi4py does the house use?

The only module that imports mpi4py. Importing it starts MPI (as a job of one rank when no launcher
started the process). Everything else holds communicators it was given.
"""

import os
from collections.abc import Mapping

# We print our own sentence before an abort; MPICH's second one would only bury it.
os.environ.setdefault("MPIR_CVAR_SUPPRESS_ABORT_MESSAGE", "1")

from mpi4py import MPI

from dte_hpc.base.errors import InvalidConfig

ANY_SOURCE: int = MPI.ANY_SOURCE
BYTE = MPI.BYTE
MIN = MPI.MIN
SUM = MPI.SUM
Comm = MPI.Intracomm
Message = MPI.Message
Request = MPI.Request
Status = MPI.Status


def job() -> Comm:
    """Return the communicator of the whole job; InvalidConfig when the launcher did not join its tasks."""
    refuse_split_launch(os.environ, MPI.COMM_WORLD.size)
    return MPI.COMM_WORLD


def refuse_split_launch(environment: Mapping[str, str], size: int) -> None:
    """Raise InvalidConfig when Slurm started several tasks that each think they are alone.

    Plain ``srun`` without ``--mpi=pmi2`` does this silently where the site's MpiDefault is none.
    """
    tasks = environment.get("SLURM_NTASKS", "1") if "SLURM_STEP_ID" in environment else "1"
    if size == 1 and tasks.isdigit() and int(tasks) > 1 and "PMI_SIZE" not in environment:
        raise InvalidConfig(
            f"Slurm started {tasks} tasks but MPI sees a job of 1 rank; expected one job of {tasks} ranks: "
            "start it with srun --mpi=pmi2 (or the site's PMI), or with mpiexec",
            tasks=int(tasks),
        )


def rank_in_job() -> int:
    """Return this process's rank in the whole job."""
    return int(MPI.COMM_WORLD.rank)


def abort(status: int) -> None:
    """End every rank of the job with an exit status; does not return."""
    MPI.COMM_WORLD.Abort(status)
