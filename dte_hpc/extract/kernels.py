"""Which loops of extraction must not be Python's?

Reading, or copying, many short pieces of files. One call of pread from a compiled loop costs 0.7 µs here,
from Python 0.95 µs and with the copy to its place 1.5 µs; and it runs without the GIL.
"""

from typing import Any

import numba
import numpy as np
from numba.core import types
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

# ssize_t pread(int fd, void *buffer, size_t count, off_t offset), found by name in the C library
_pread: Any = types.ExternalFunction("pread", types.intp(types.int32, types.intp, types.uintp, types.int64))


@numba.njit(nogil=True, cache=True)
def read_pieces(
    fds: NDArray[np.int32],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    address: int,
    n_bytes: int,
) -> int:
    """Read pieces of files into memory, one after another; return how many were read whole.

    `address` is that of `n_bytes` writable bytes. Less than all pieces come back when one is cut short,
    the file system refused, or the next would not fit.
    """
    done = np.int64(0)
    for i in range(fds.size):
        if lengths[i] < 0 or lengths[i] > n_bytes - done:
            return i
        got = np.int64(0)
        while got < lengths[i]:
            n = _pread(
                fds[i], np.intp(address + done + got), np.uintp(lengths[i] - got), np.int64(offsets[i] + got)
            )
            if n <= 0:
                return i
            got += n
        done += got
    return fds.size


@numba.njit(nogil=True, cache=True)
def copy_pieces(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], lengths: NDArray[np.int64], out: NDArray[np.uint8]
) -> int:
    """Copy pieces of memory, one after another; return how many were whole and had room."""
    done = np.int64(0)
    for i in range(offsets.size):
        first, n = offsets[i], lengths[i]
        if first < 0 or n < 0 or n > data.size - first or n > out.size - done:
            return i
        for j in range(n):
            out[done + j] = data[first + j]
        done += n
    return offsets.size
