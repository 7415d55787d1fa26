"""What has been worked out of messages that came without it?

A message archived elsewhere has no block offsets in the index, and no message has a directory of its bitmap
there: both cost a pass over the message, once. They are kept for the process, the least used
forgotten first; `dte fdb reindex` writes block offsets into the index for good.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from dte_hpc.extract.store import Fields

MOST_BYTES = 128 * 1024 * 1024
Place = tuple[int, int, int, int, str]


class Kept:
    """Arrays by message, at most so many bytes of them; for many threads.

    Parameters
    ----------
    most_bytes : int
        Of all arrays.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._arrays: OrderedDict[Place, NDArray[Any]] = OrderedDict()

    def get(self, fields: Fields, row: int, what: str, find: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return something of a message: what was kept, or what `find` returns."""
        about = os.fstat(fields.fd(row))
        place = (about.st_dev, about.st_ino, int(fields.offset[row]), int(fields.length[row]), what)
        with self._lock:
            if place in self._arrays:
                self._arrays.move_to_end(place)
                return self._arrays[place]
        found = find()
        with self._lock:
            if place not in self._arrays:
                self._arrays[place] = found
                self._n_bytes += found.nbytes
            while self._n_bytes > self._most_bytes:
                self._n_bytes -= self._arrays.popitem(last=False)[1].nbytes
        return found

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._arrays.clear()
            self._n_bytes = 0
