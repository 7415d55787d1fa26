"""How does an error of one rank become an error of all?

A collective fails on every rank or on none. The error of the lowest rank that has one is raised on
every rank, with the same sentence; its fact ``spokesman`` is that rank's place in the job, and only
that rank prints it (see `guard`).
"""

import json
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import DteError, RankFailed
from dte_hpc.parallel.mpi import BYTE, MIN, Comm, rank_in_job
from dte_hpc.parallel.waiting import finish

Result = TypeVar("Result")

MAX_SENTENCE_BYTES = 64 * 1024
SLOT_BYTES = 512


def agree(comm: Comm, error: DteError | None) -> None:
    """Collective: raise on every rank of `comm` the error of the lowest rank that has one, or return.

    Cost: one reduction of 8 bytes when all is well.
    """
    mine = np.array([comm.size if error is None else comm.rank])
    first = np.empty_like(mine)
    finish(comm.Iallreduce(mine, first, MIN))
    if first[0] == comm.size:
        return
    blob = np.frombuffer(error_bytes(error), np.uint8).copy() if error is not None else np.empty(0, np.uint8)
    size = np.array([blob.size])
    finish(comm.Ibcast(size, int(first[0])))
    blob = blob if comm.rank == first[0] else np.empty(int(size[0]), np.uint8)
    finish(comm.Ibcast(blob, int(first[0])))
    raise error_of(blob.tobytes())


def all_or_none(comm: Comm, work: Callable[[], Result]) -> Result:
    """Collective: return what this rank's work gives, when that of all ranks gave something.

    Raises
    ------
    DteError
        On every rank that of the lowest rank that had one; RankFailed for a disk or memory that failed
        there, which is no reason to leave the others waiting. Anything else is raised where it happens.
    """
    result, error = attempt(comm, work)
    agree(comm, error)
    return result  # type: ignore[return-value]


def attempt(comm: Comm, work: Callable[[], Result]) -> tuple[Result | None, DteError | None]:
    """Return what this rank's work gives, or the error that is to be told to the other ranks.

    A disk or memory that failed is a RankFailed; anything else is raised. Nothing is sent.
    """
    try:
        return work(), None
    except DteError as caught:
        return None, caught
    except (OSError, MemoryError) as caught:
        error = RankFailed(
            f"rank {comm.rank} of {comm.size} failed: {type(caught).__name__}: {caught}", rank=comm.rank
        )
        error.__cause__ = caught
        return None, error


def tell_all(comm: Comm, text: bytes) -> list[bytes]:
    """Collective: return the text of every rank, by rank.

    Cost: one reduction of 512 bytes a rank, and a second one of the texts when some do not fit into that.
    """
    slots = np.empty((comm.size, SLOT_BYTES), np.uint8)
    mine = np.zeros(SLOT_BYTES, np.uint8)
    mine[:8] = np.array([len(text)], "<i8").view(np.uint8)
    if len(text) <= SLOT_BYTES - 8:
        mine[8 : 8 + len(text)] = np.frombuffer(text, np.uint8)
    finish(comm.Iallgather([mine, BYTE], [slots, BYTE]))
    sizes = slots[:, :8].copy().view("<i8")[:, 0]
    if sizes.max() <= SLOT_BYTES - 8:
        return [slot[8 : 8 + size].tobytes() for slot, size in zip(slots, sizes.tolist(), strict=True)]
    return _tell_long(comm, text, sizes)


def _tell_long(comm: Comm, text: bytes, sizes: NDArray[np.int64]) -> list[bytes]:
    texts, stops = np.empty(int(sizes.sum()), np.uint8), np.cumsum(sizes)
    finish(comm.Iallgatherv([np.frombuffer(text, np.uint8), BYTE], [texts, (sizes, stops - sizes), BYTE]))
    return [texts[stop - size : stop].tobytes() for size, stop in zip(sizes, stops, strict=True)]


def error_bytes(error: DteError, spokesman: int | None = None) -> bytes:
    """Return an error as text that another rank can raise.

    It keeps the spokesman it has; else that is the one given, else this rank.
    """
    sentence = str(error)[: MAX_SENTENCE_BYTES // 8]
    own = rank_in_job() if spokesman is None else spokesman
    told = {
        "error": type(error).__name__,
        "sentence": sentence,
        "spokesman": error.facts.get("spokesman", own),
    }
    return json.dumps(told).encode()


def error_of(text: bytes) -> DteError:
    """Return the error another rank sent; RankFailed when its kind is not one of ours."""
    if len(text) > MAX_SENTENCE_BYTES:
        return RankFailed(f"another rank sent an error of {len(text)} bytes")
    told = json.loads(text)
    kinds = {kind.__name__: kind for kind in DteError.__subclasses__()}
    kind = kinds.get(told["error"], RankFailed)
    return kind(told["sentence"], spokesman=told["spokesman"])
