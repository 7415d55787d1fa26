"""How do many small pieces of a file come that is in memory already?

They are copied out of the page cache through a mapping: a pread of two bytes costs 0.7 µs here, a copy
some nanoseconds. The first touch of a page through a new mapping costs 0.2 µs, so mappings are kept. That is
only done where it cannot go wrong: of pages that are in memory at that moment (mincore), since a mapped page
that has to come from a broken disk or server ends the process with SIGBUS, where pread returns an error.
"""

import ctypes
import mmap
import os
import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.pread import PreadReader, cut_short

Int64s = NDArray[np.int64]
LEAST_PIECES = 256
PIECE_DISTANCE = 16 * 1024  # bytes; farther apart, a page fault for each costs more than a pread
PIECE_BYTES = 512  # longer ones gain nothing
KEPT_BYTES, MOST_FILES = 1 << 30, 64
PAGE = mmap.PAGESIZE


class MappedReader:
    """Reads dense groups of small pieces through mappings, anything else by pread.

    Parameters
    ----------
    kept_bytes : int
        About the most of the page cache that stays mapped from one call to the next.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._calls = PreadReader()
        self._maps = Maps(kept_bytes)

    def read(self, fds: NDArray[np.int32], offsets: Int64s, lengths: Int64s, out: NDArray[np.uint8]) -> None:
        """Write the pieces one after another into `out`; CorruptData when a file ends too early."""
        if fds.size < LEAST_PIECES or lengths.sum() > PIECE_BYTES * fds.size:
            self._calls.read(fds, offsets, lengths, out)
            return
        edges = np.concatenate([[0], np.flatnonzero(np.diff(fds)) + 1, [fds.size]])
        ends = np.concatenate([[0], np.cumsum(lengths)])
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            part, some = out[ends[first] : ends[last]], slice(first, last)
            if not self._copied(int(fds[first]), offsets[some], lengths[some], part):
                self._calls.read(fds[some], offsets[some], lengths[some], part)

    def _copied(self, fd: int, offsets: Int64s, lengths: Int64s, out: NDArray[np.uint8]) -> bool:
        """Copy pieces of one file, if they are near to each other and in memory."""
        begin, end = int(offsets.min()) // PAGE * PAGE, int((offsets + lengths).max())
        if offsets.size < LEAST_PIECES or end - begin > PIECE_DISTANCE * offsets.size:
            return False
        about = os.fstat(fd)
        if about.st_size < end or about.st_uid != os.geteuid():  # to others, mincore does not tell the truth
            return False
        data = self._maps.part(fd, about, begin, end)
        if data is None or not _in_memory(data):
            return False
        from dte_hpc.extract.kernels import copy_pieces  # here, because it starts numba: 0.4 s

        whole = int(copy_pieces(data, offsets - begin, lengths, out))
        if whole < offsets.size:
            raise cut_short(fd, int(offsets[whole]), int(lengths[whole]))
        return True


class Maps:
    """Mappings of the files that were used last, each of the whole file.

    All are dropped when more than `kept_bytes` of them may have been touched, so that the process does not
    seem to hold the whole page cache. Like an open descriptor, one holds the space of a removed file.
    """

    def __init__(self, kept_bytes: int) -> None:
        self._kept_bytes = kept_bytes
        self._touched_bytes = 0
        self._lock = threading.Lock()
        self._maps: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def part(self, fd: int, about: os.stat_result, begin: int, end: int) -> NDArray[np.uint8] | None:
        """Return the bytes of a file from `begin` to `end`; None if it cannot be mapped.

        They stay what they are when the mapping is dropped meanwhile by another thread.
        """
        place = (about.st_dev, about.st_ino)
        with self._lock:
            self._touched_bytes += end - begin
            if self._touched_bytes > self._kept_bytes or len(self._maps) > MOST_FILES:
                self._maps.clear()
                self._touched_bytes = end - begin
            data = self._maps.get(place)
            if data is None or data.size < end:
                try:
                    mapping = mmap.mmap(fd, about.st_size, mmap.MAP_SHARED, mmap.PROT_READ)
                except OSError:
                    return None
                data = self._maps[place] = np.frombuffer(mapping, np.uint8)
        return data[begin:end]


@cache
def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _in_memory(data: NDArray[np.uint8]) -> bool:
    """Whether all pages of a part of a mapping, which begins with a page, are in memory."""
    pages = np.zeros(-(-data.size // PAGE), np.uint8)
    code = _library().mincore(
        ctypes.c_void_p(data.ctypes.data), ctypes.c_size_t(data.size), ctypes.c_void_p(pages.ctypes.data)
    )
    return code == 0 and bool((pages & 1).all())
