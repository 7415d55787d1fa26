"""Who is which rank?

Every rank of the job says its own role, whatever program it belongs to: the roles are gathered once
and the job is split once. Roles come from the configuration or from the program that runs, never from
``APPNUM``, which is None under srun.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from dte_hpc.base.errors import InvalidConfig, RankFailed
from dte_hpc.parallel import mpi
from dte_hpc.parallel.guard import call_this_rank


class Role(Enum):
    """What a rank does: compute fields, take them from the model, or answer requests for points."""

    MODEL = 0
    IO = 1
    EXTRACT = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """The job as one rank sees it after the split.

    Attributes
    ----------
    role : Role
        Of this rank.
    comm : Comm
        Of the ranks with this role, in the order of the job's ranks. A model may use it as its own.
    world : Comm
        Of all ranks: a duplicate, so that our messages never meet the model's.
    roles : tuple of Role
        By rank in `world`.
    """

    role: Role
    comm: mpi.Comm
    world: mpi.Comm
    roles: tuple[Role, ...]

    @classmethod
    def split(cls, role: Role, comm: mpi.Comm | None = None) -> "World":
        """Collective: split a communicator (the whole job when None) by the role each rank says it has.

        Raises
        ------
        InvalidConfig
            When the launcher started several jobs of one rank instead of one job.
        """
        whole = mpi.Comm((comm if comm is not None else mpi.job()).Dup())
        codes = np.empty(whole.size, np.uint8)
        whole.Allgather(np.array([role.value], np.uint8), codes)
        known = {r.value for r in Role}
        strangers = [rank for rank, code in enumerate(codes.tolist()) if code not in known]
        if strangers:
            raise RankFailed(f"ranks {strangers} say a role this version does not know", ranks=strangers)
        own = mpi.Comm(whole.Split(role.value, whole.rank))
        call_this_rank(role.name.lower() if role is not Role.IO else "IO", own.rank)
        return cls(role=role, comm=own, world=whole, roles=tuple(Role(code) for code in codes.tolist()))

    def ranks_of(self, role: Role) -> tuple[int, ...]:
        """Return the ranks in `world` that have a role, ascending."""
        return tuple(rank for rank, other in enumerate(self.roles) if other is role)

    def free(self) -> None:
        """Collective: give both communicators back to MPI."""
        self.comm.Free()
        self.world.Free()


def assign_roles(size: int, rank: int, *, io: int, extract: int = 0) -> Role:
    """Return the role of a rank in a job that is one program: model first, then IO, then extraction.

    Raises
    ------
    InvalidConfig
        When the job is too small to hold the IO and extraction ranks and one model rank.
    """
    if io < 0 or extract < 0 or io + extract >= size:
        raise InvalidConfig(
            f"a job of {size} ranks is to have {io} IO and {extract} extraction ranks; expected counts of "
            f"at least 0 that leave a model rank, so at least {io + extract + 1} ranks",
            size=size,
            io=io,
            extract=extract,
        )
    n_model = size - io - extract
    if rank < n_model:
        return Role.MODEL
    return Role.IO if rank < n_model + io else Role.EXTRACT
