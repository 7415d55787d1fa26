"""Where is compiled code kept, and how are compiled loops called?

Many processes that share one numba cache can crash each other (numba issue 4807), and a package
folder may be read-only. So each process claims a slot of its own: a folder under
``$DTE_CACHE/numba-VERSION``, or ``/tmp/dte_hpc-UID/numba-VERSION`` (local to the node), held by a file
lock until the process ends. Slots outlive processes: what one compiled, the next holder of its slot
loads. A new slot begins as a copy of the seed, which ``dte warm`` fills once, so that no rank of a job
has to compile. ``NUMBA_CACHE_DIR`` in the environment overrides all this.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dte_hpc
from dte_hpc.base.errors import StorageFailed

MAX_SLOTS = 4096
SEED = "seed"
_LOCK = "lock"
_SOWN = "sown"
_held: dict[int, tuple[str, int]] = {}


def cache_slot() -> str:
    """Return this process's folder for compiled code, claiming one at the first call.

    Cost: 50 µs, once; some milliseconds for a new slot, which is copied from the seed.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return given
    if os.getpid() not in _held:
        _held.clear()  # a fork's parent keeps its own slot
        _held[os.getpid()] = _claim(_folder())
    return _held[os.getpid()][0]


def claim_seed() -> str:
    """Make the seed this process's folder; call it before anything is compiled. Waits for other holders.

    Raises
    ------
    StorageFailed
        When this process has a slot already.
    """
    if os.getpid() in _held:
        raise StorageFailed("this process compiles into a slot already; expected to claim the seed first")
    seed = _folder() / SEED
    seed.mkdir(exist_ok=True)
    _held[os.getpid()] = str(seed), _locked(seed, fcntl.LOCK_EX)
    os.utime(seed / _LOCK)
    return str(seed)


def frozen(array: NDArray[Any]) -> Any:
    """Return a read-only, contiguous, aligned view (a copy only if it must be).

    Kernels are given their input this way, so that each is compiled once and not once more for arrays
    that happen to be writable.
    """
    view = np.require(array, requirements=("C", "A")).view()
    view.setflags(write=False)
    return view


def _folder() -> Path:
    given = os.environ.get("DTE_CACHE")
    root = Path(given) if given else Path(tempfile.gettempdir()) / f"dte_hpc-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise StorageFailed(
            f"{root} belongs to user {root.stat().st_uid}; expected {os.getuid()}", path=str(root)
        )
    folder = root / f"numba-{dte_hpc.__version__}"
    folder.mkdir(exist_ok=True)
    return folder


def _claim(folder: Path) -> tuple[str, int]:
    for number in range(MAX_SLOTS):
        slot = folder / f"{number:04d}"
        slot.mkdir(exist_ok=True)
        try:
            lock = _locked(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        _sow(folder / SEED, slot)
        return str(slot), lock
    raise StorageFailed(f"all {MAX_SLOTS} slots in {folder} are in use", path=str(folder))


def _sow(seed: Path, slot: Path) -> None:
    """Copy the seed into a slot, unless nothing was compiled into it since the last copy."""
    sown = slot / _SOWN
    since = sown.stat().st_mtime_ns if sown.exists() else 0
    if not (seed / _LOCK).exists() or (seed / _LOCK).stat().st_mtime_ns <= since:
        return
    try:
        lock = _locked(seed, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # it is being filled: compiling oneself is better than waiting
    shutil.copytree(seed, slot, dirs_exist_ok=True, ignore=shutil.ignore_patterns(_LOCK))
    sown.touch()
    os.close(lock)


def _locked(folder: Path, how: int) -> int:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        os.close(lock)
        raise
    return lock
