"""From what does a `DataHandle` read: one field, or the fields of a retrieve?"""

from typing import Any

from dte_hpc.fdb.finding.handle import MessageHandle
from dte_hpc.fdb.finding.listing import Listing


class MultiStream(MessageHandle):
    """The messages of a listing, one after another, under the name that pyfdb shows."""

    def __str__(self) -> str:
        return "MultiHandle"


class FieldStream:
    """The bytes of one field of a listing, as `pyfdb_type.Stream` asks for them."""

    __slots__ = ("_at", "_listing", "_message", "_number")

    def __init__(self, listing: Listing, number: int) -> None:
        self._listing, self._number = listing, number
        self._at = 0
        self._message: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of the message."""
        return int(self._listing.length[self._number])

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._at

    def seek(self, offset: int, _whence: int = 0, /) -> int:
        """Go to a byte of the message."""
        self._at = offset
        return offset

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the bytes that come next."""
        message = self._message
        if message is None:
            message = self._message = self._listing.message(self._number)
        stop = len(message) if size is None or size < 0 else self._at + size
        data = message if self._at == 0 and stop >= len(message) else message[self._at : stop]
        self._at += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with the bytes that come next; return how many there were."""
        target = memoryview(buffer).cast("B")
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)

    def __str__(self) -> str:
        return "PartFileHandle"
