"""How are many messages read as one stream?

A `MessageHandle` is a seekable binary file of the messages of a `Listing`, one after another. Messages
that lie one after another in their data file are read with one call; each is compared with its checksum
before any byte of it is given out.
"""

import io
import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.fdb.files.disk import read_exactly
from dte_hpc.fdb.finding.listing import Listing, read_into

READ_BYTES = 64 * 1024 * 1024
MAX_AT_ONCE_BYTES = 1 << 30


class MessageHandle(io.RawIOBase):
    """The messages of a listing as a file.

    Parameters
    ----------
    listing : Listing
        The fields, in the order in which they are read.
    """

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def __len__(self) -> int:
        return len(self.listing)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each message."""
        for number in range(len(self.listing)):
            yield self.listing.message(number)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Of each message the byte after its last."""
        return np.cumsum(self.listing.length, dtype=np.uint64).astype(np.int64)

    def to_numpy(self, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return the values of all fields, each decoded as it is read.

        Parameters
        ----------
        dtype : dtype
            Of the result; float64 is what the packing gives, and is decoded in place.

        Returns
        -------
        ndarray, shape (n_fields, n_points)
            In the order of the listing and of each message's grid; NaN where missing.

        Raises
        ------
        InvalidRequest
            If the fields do not all have the same number of points.
        InvalidMessage, CorruptData
            If a message is no GRIB message of one field, or not what was archived.
        """
        from dte_hpc.codecs.decode import decode  # compiled code, which who wants bytes does without

        counts = np.unique(self.listing.layout["n_values"])
        if len(counts) > 1:
            raise InvalidRequest(
                f"the fields have from {counts[0]} to {counts[-1]} points; expected all of them on one grid"
            )
        table = np.empty((len(self), int(counts[0]) if len(counts) else 0), dtype)
        for row, message in zip(table, self, strict=True):
            if row.dtype == np.float64:
                decode(message, row)
            else:
                row[:] = decode(message)
        return table

    @property
    def size(self) -> int:
        """Bytes of all messages."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def missing(self) -> tuple[dict[str, str], ...]:
        """The first combinations that were asked for and are not stored, with ``missing="report"``."""
        return self.listing.missing

    @property
    def n_missing(self) -> int:
        """How many there are."""
        return self.listing.n_missing

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a byte."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"found byte {base + offset}; expected none before the first")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with the bytes that come next; return how many there were.

        Raises
        ------
        CorruptData
            If a message is not what was archived.
        """
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(target) and self._at < self.size:
            number = int(np.searchsorted(self._ends, self._at, side="right"))
            start = int(self._ends[number]) - int(self.listing.length[number])
            stop = self._whole_messages(number, len(target) - filled) if self._at == start else number
            if stop > number:
                n_bytes = int(self._ends[stop - 1]) - start
                self._read_messages(number, stop, target[filled : filled + n_bytes])
            else:
                part = memoryview(self._message(number))[self._at - start :][: len(target) - filled]
                n_bytes = len(part)
                target[filled : filled + n_bytes] = part
            self._at, filled = self._at + n_bytes, filled + n_bytes
        return filled

    def readall(self) -> bytes:
        """Return all bytes from here on."""
        if self._at == 0 and len(self.listing) == 1:
            message = self.listing.message(0)
            self._at = len(message)
            return message
        n_bytes = max(0, self.size - self._at)
        if self._at == 0 and 0 < n_bytes <= MAX_AT_ONCE_BYTES and self._contiguous[1:].all():
            return self._read_all_at_once()
        data = np.empty(n_bytes, np.uint8)
        self.readinto(data)
        return data.tobytes()

    def _read_all_at_once(self) -> bytes:
        """Read messages that lie one after another without a copy, which would cost more than reading."""
        listing = self.listing
        data = read_exactly(listing.fd(0), self.size, int(listing.offset[0]), listing.path(0))
        self._check(0, len(listing), memoryview(data))
        self._at = self.size
        return data

    def read(self, size: int | None = -1, /) -> bytes:
        """Return some bytes, all when `size` is negative; fewer only at the end."""
        if size is None or size < 0:
            return self.readall()
        if self._at == 0 and size >= self.size:
            return self.readall()
        data = np.empty(min(size, max(0, self.size - self._at)), np.uint8)
        self.readinto(data)
        return data.tobytes()

    def _message(self, number: int) -> bytes:
        if self._held[0] != number:
            self._held = (number, self.listing.message(number))
        return self._held[1]

    def _whole_messages(self, first: int, room: int) -> int:
        """Return the message after the last one from `first` that fits and lies behind its neighbour."""
        start = int(self._ends[first]) - int(self.listing.length[first])
        stop = first
        while stop < len(self._ends) and int(self._ends[stop]) - start <= min(room, max(READ_BYTES, 1)):
            if stop > first and not self._follows(stop):
                break
            stop += 1
        if stop == first and int(self.listing.length[first]) <= room:
            return first + 1
        return stop

    def _follows(self, number: int) -> bool:
        """Whether a message begins where the one before it ends, in the same file."""
        return bool(self._contiguous[number])

    @property
    def _contiguous(self) -> Any:
        found = self.__dict__.get("_adjacent")
        if found is None:
            if len(self.listing) == 1:
                return np.zeros(1, np.bool_)
            files, _ = self.listing.locations()
            ends = self.listing.offset + self.listing.length
            found = np.zeros(len(files), np.bool_)
            found[1:] = (files[1:] == files[:-1]) & (self.listing.offset[1:] == ends[:-1])
            self.__dict__["_adjacent"] = found
        return found

    def _read_messages(self, first: int, stop: int, target: memoryview) -> None:
        listing = self.listing
        read_into(listing.fd(first), target, int(listing.offset[first]), listing.path(first))
        self._check(first, stop, target)

    def _check(self, first: int, stop: int, data: memoryview) -> None:
        at = 0
        for number, length in enumerate(self.listing.length[first:stop].tolist(), first):
            self.listing.checked(number, data[at : at + length])
            at += length
