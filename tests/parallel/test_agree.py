"""What every rank says reaches every rank, and an error of one is everybody's."""

import pytest

from dte_hpc.base.errors import RankFailed, StorageFailed
from dte_hpc.parallel.agree import SLOT_BYTES, all_or_none, attempt, tell_all

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("n_bytes", [0, 1, SLOT_BYTES - 8, SLOT_BYTES - 7, 100_000])
def test_texts_of_any_length_come_in_the_order_of_ranks(comm, n_bytes):
    own = [bytes([65 + rank]) * (n_bytes * (rank + 1) // comm.size) for rank in range(comm.size)]
    assert tell_all(comm, own[comm.rank]) == own


def test_the_error_of_the_lowest_rank_is_raised_on_all(comm):
    def work():
        if comm.rank >= comm.size // 2:
            raise StorageFailed(f"rank {comm.rank} has no disk")
        return comm.rank

    with pytest.raises(StorageFailed, match=f"rank {comm.size // 2} has no disk"):
        all_or_none(comm, work)
    assert all_or_none(comm, lambda: comm.rank) == comm.rank


def test_memory_and_disk_that_failed_are_told_and_a_mistake_of_ours_is_raised(comm):
    def without_memory():
        raise MemoryError("too much")

    assert attempt(comm, lambda: 1) == (1, None)
    result, error = attempt(comm, without_memory)
    assert result is None
    assert isinstance(error, RankFailed)
    with pytest.raises(ZeroDivisionError):
        attempt(comm, lambda: 1 // 0)
