import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.parallel import Role, World, assign_roles
from dte_hpc.parallel.mpi import refuse_split_launch


@given(st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_roles_are_model_first_then_io_then_extraction(n_model, io, extract):
    size = n_model + io + extract
    roles = [assign_roles(size, rank, io=io, extract=extract) for rank in range(size)]
    assert roles == [Role.MODEL] * n_model + [Role.IO] * io + [Role.EXTRACT] * extract


@pytest.mark.parametrize(("size", "io", "extract"), [(1, 1, 0), (3, 2, 1), (2, -1, 0)])
def test_a_job_without_a_model_rank_is_refused(size, io, extract):
    with pytest.raises(InvalidConfig, match=f"job of {size} ranks"):
        assign_roles(size, 0, io=io, extract=extract)


def test_slurm_tasks_that_are_each_alone_are_refused():
    alone = {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "4"}
    with pytest.raises(InvalidConfig, match=r"4 tasks.*--mpi=pmi2"):
        refuse_split_launch(alone, 1)
    refuse_split_launch(alone, 4)
    refuse_split_launch({"SLURM_NTASKS": "4"}, 1)  # a shell in an allocation
    refuse_split_launch({**alone, "SLURM_NTASKS": "1"}, 1)


@pytest.mark.mpi
def test_one_split_knows_everybody(comm):
    role = Role.IO if comm.rank == comm.size - 1 and comm.size > 1 else Role.MODEL
    world = World.split(role, comm)
    assert world.role is role
    assert world.world.size == comm.size
    assert world.comm.size == len(world.ranks_of(role))
    assert world.ranks_of(role)[world.comm.rank] == comm.rank
    assert sum(len(world.ranks_of(r)) for r in Role) == comm.size
    total = np.zeros(1, int)
    world.comm.Allreduce(np.array([comm.rank]), total)
    assert total[0] == sum(world.ranks_of(role))
    world.free()
