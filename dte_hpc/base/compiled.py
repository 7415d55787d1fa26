"""Where is compiled code kept?

Many processes that share one numba cache can crash each other (numba issue 4807), and a package
folder may be read-only. So each process claims a slot of its own: a folder under
``$DTE_CACHE/numba``, or ``/tmp/dte_hpc-UID/numba`` (local to the node), held by a file lock until the
process ends. Slots outlive processes: what one compiled, the next holder of its slot loads.
``NUMBA_CACHE_DIR`` in the environment overrides this.
"""

import fcntl
import os
import tempfile
from pathlib import Path

import dte_hpc
from dte_hpc.base.errors import StorageFailed

MAX_SLOTS = 4096
_held: dict[int, tuple[str, int]] = {}


def cache_slot() -> str:
    """Return this process's folder for compiled code, claiming one at the first call. Cost: 50 µs, once."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return given
    if os.getpid() not in _held:
        _held.clear()  # a fork's parent keeps its own slot
        _held[os.getpid()] = _claim(_root() / f"numba-{dte_hpc.__version__}")
    return _held[os.getpid()][0]


def _root() -> Path:
    given = os.environ.get("DTE_CACHE")
    root = Path(given) if given else Path(tempfile.gettempdir()) / f"dte_hpc-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise StorageFailed(
            f"{root} belongs to user {root.stat().st_uid}; expected {os.getuid()}", path=str(root)
        )
    return root


def _claim(folder: Path) -> tuple[str, int]:
    for number in range(MAX_SLOTS):
        slot = folder / f"{number:04d}"
        slot.mkdir(parents=True, exist_ok=True)
        lock = os.open(slot / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return str(slot), lock
    raise StorageFailed(f"all {MAX_SLOTS} slots in {folder} are in use", path=str(folder))
