"""Where do the bytes of messages live?

In a pool of page-aligned memory, so that a stream of fields does not fault in new pages for each (an
8 MB field costs about 2 ms of page faults here, as much as its copy). A buffer goes back to its pool
when the last array that looks into it is gone: nobody has to say so, and nobody who keeps a field's
values has them changed under him.
"""

import mmap
import weakref
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

SMALL_BYTES = 4096
HUGE_PAGE_BYTES = 2 * 1024 * 1024


def capacity_of(n_bytes: int) -> int:
    """Return the memory a buffer of some bytes takes: at most an eighth more, so that sizes are reused."""
    if n_bytes <= SMALL_BYTES:
        return SMALL_BYTES
    step = max(SMALL_BYTES, 1 << (n_bytes.bit_length() - 4))
    return -(-n_bytes // step) * step


class BufferPool:
    """Memory lent as byte arrays, and kept for reuse up to a limit.

    Parameters
    ----------
    limit_bytes : int
        Lent and kept memory together stay under it as long as what is lent does.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.lent_bytes = 0
        self.kept_bytes = 0
        self.peak_lent_bytes = 0
        self._kept: defaultdict[int, list[mmap.mmap]] = defaultdict(list)

    def take(self, n_bytes: int) -> NDArray[np.uint8]:
        """Return an uninitialised array of bytes, shape (n_bytes,), page-aligned when over 4 KiB."""
        if n_bytes <= SMALL_BYTES:
            return np.empty(n_bytes, np.uint8)
        capacity = capacity_of(n_bytes)
        memory = self._memory(capacity)
        self.lent_bytes += capacity
        self.peak_lent_bytes = max(self.peak_lent_bytes, self.lent_bytes)
        # The base of this array is not an array, so that every view of it keeps it alive.
        array = np.frombuffer(memory, np.uint8, n_bytes)
        weakref.finalize(array, self._take_back, memory, capacity).atexit = False
        return array

    def _memory(self, capacity: int) -> mmap.mmap:
        kept = self._kept[capacity]
        if kept:
            self.kept_bytes -= capacity
            return kept.pop()
        self._make_room(capacity)
        memory = mmap.mmap(-1, capacity, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if capacity >= HUGE_PAGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
            memory.madvise(mmap.MADV_HUGEPAGE)
        return memory

    def _make_room(self, capacity: int) -> None:
        for other in list(self._kept):
            while self._kept[other] and self.lent_bytes + self.kept_bytes + capacity > self.limit_bytes:
                self._kept[other].pop()
                self.kept_bytes -= other
            if not self._kept[other] and other != capacity:
                del self._kept[other]

    def _take_back(self, memory: mmap.mmap, capacity: int) -> None:
        self.lent_bytes -= capacity
        if self.lent_bytes + self.kept_bytes + capacity <= self.limit_bytes:
            self._kept[capacity].append(memory)
            self.kept_bytes += capacity
