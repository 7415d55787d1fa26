"""What happens to the job when one rank fails?

It ends: the rank says who it is and what happened (one sentence for a `DteError`, the traceback for
anything else), flushes its output and aborts all ranks with a non-zero status. Without this the
others would wait for ever for a rank that sits in MPI_Finalize.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from dte_hpc.base.errors import DteError
from dte_hpc.parallel import mpi

_GRACE_SECONDS = 3.0
_KILLED_SECONDS = 1.5  # Open MPI's launcher kills the ranks it ends one second after SIGTERM
_HEARD_SECONDS = 0.2  # the launcher ends a job without reading what its ranks wrote a moment before
_STATUS_TERMINATED = 143
_STATUS_INTERRUPTED = 130
_place = {"role": "rank", "rank": -1}


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Run a block as one rank of a job: an exception in it ends the whole job.

    Also installs the hooks of `watch_over_this_rank`, so that what is raised later or in a thread
    ends the job too. ``sys.exit(0)`` leaves only this block's rank; any other status ends the job.
    """
    watch_over_this_rank()
    try:
        yield
    except BaseException as error:  # a rank's outermost loop
        if isinstance(error, SystemExit) and not error.code:
            raise
        end_job(error)


def watch_over_this_rank() -> None:
    """From now on an uncaught exception, SIGTERM or SIGINT in this process ends the whole job."""
    sys.excepthook = lambda _kind, error, _trace: end_job(error)
    threading.excepthook = lambda told: end_job(told.exc_value or RuntimeError("a thread failed"))
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)


def call_this_rank(role: str, rank: int) -> None:
    """Say how this rank is named in what it prints when it fails: its role, and its rank among that role."""
    _place.update(role=role, rank=rank)


def end_job(error: BaseException) -> NoReturn:
    """Print what happened, flush the output and abort every rank of the job with a non-zero status.

    An error that a collective raised on many ranks is printed by its spokesman alone, a signal by the first
    rank; the others wait a little to be ended, and speak only when that does not happen.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it would end the rest given here
    time.sleep(_rest_seconds(error))
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.write(_account_of(error))
        sys.stderr.flush()
    time.sleep(_HEARD_SECONDS)
    mpi.abort(_status_of(error))
    # Where Abort returns, the launcher is about to end this process. Until then its memory stays, so that
    # no other rank fails reading it, and nothing more is run or said here.
    time.sleep(_GRACE_SECONDS)
    os._exit(_status_of(error))


def _spokesman_of(error: BaseException) -> int | None:
    """Return the rank that tells an error which many may have; a signal mostly reaches all of them."""
    if isinstance(error, KeyboardInterrupt):
        return 0
    return getattr(error, "spokesman", None) if isinstance(error, DteError) else None


def _rest_seconds(error: BaseException) -> float:
    """Return how long to leave the word to others: Open MPI tells the ranks it ends with SIGTERM, too."""
    spokesman = _spokesman_of(error)
    if spokesman is not None and spokesman != mpi.rank_in_job():
        return _GRACE_SECONDS
    return _KILLED_SECONDS if isinstance(error, _Terminated) else 0.0


def _account_of(error: BaseException) -> str:
    who = f"dte: {_place['role']} rank {_place['rank']}" if _place["rank"] != -1 else "dte"
    who = f"{who} (rank {mpi.rank_in_job()} of the job)"
    if isinstance(error, DteError):
        return f"{who}: {error}\n"
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return f"{who}: ended by {_reason_of(error)}\n"
    return f"{who} failed:\n{''.join(traceback.format_exception(error))}"


def _reason_of(error: BaseException) -> str:
    if isinstance(error, _Terminated):
        return "SIGTERM"
    return "an interrupt" if isinstance(error, KeyboardInterrupt) else f"exit status {error}"


def _status_of(error: BaseException) -> int:
    if isinstance(error, _Terminated):
        return _STATUS_TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return _STATUS_INTERRUPTED
    code = error.code if isinstance(error, SystemExit) else 1
    return code if isinstance(code, int) and 0 < code < 256 else 1


class _Terminated(KeyboardInterrupt):
    """SIGTERM reached this rank."""


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated
