"""What do the bytes of an eckit Stream say?

Every item begins with a tag; all numbers are big-endian, and of four bytes even where C++ calls them long::

    01  beginning of an object        09  long, 4 bytes, signed
    02  end of an object              0a  unsigned long, 4 bytes
    05  int, 4 bytes, signed          0f  string: length, 4 bytes; then the bytes

(eckit, https://github.com/ecmwf/eckit, `src/eckit/serialisation/Stream.cc`.) Nothing here is longer than
what is left of the bytes: a wrong length is `CorruptData`, never an allocation.
"""

import struct

from dte_hpc.base.errors import CorruptData

_START, _END, _STRING = 0x01, 0x02, 0x0F
_NUMBERS = {0x05: struct.Struct(">i"), 0x09: struct.Struct(">i"), 0x0A: struct.Struct(">I")}


class Stream:
    """Items read one after another from some bytes.

    Parameters
    ----------
    data : bytes
        That hold them.
    at, end : int
        Where the first item begins, and where the last one must have ended.
    """

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def text(self) -> str:
        """Return a string."""
        return self.texts(1)[0]

    def texts(self, n_texts: int) -> list[str]:
        """Return strings that follow one another."""
        data, end, at = self.data, self.end, self.at
        texts = []
        try:
            for _ in range(n_texts):
                start = at + 5
                if start > end or data[at] != _STRING:
                    self.at = at
                    raise self._unexpected("a string")
                stop = start + int.from_bytes(data[at + 1 : start], "big")
                if stop > end:
                    self.at = at
                    raise self._unexpected(f"a string of at most {end - start} bytes")
                texts.append(data[start:stop].decode("utf-8"))
                at = stop
        except UnicodeDecodeError as error:
            raise self._unexpected("text in UTF-8") from error
        self.at = at
        return texts

    def number(self) -> int:
        """Return a whole number, whatever its type."""
        at = self.at
        form = _NUMBERS.get(self.data[at]) if at + 5 <= self.end else None
        if form is None:
            raise self._unexpected("a number")
        self.at = at + 5
        return int(form.unpack_from(self.data, at + 1)[0])

    def count(self) -> int:
        """Return how many items follow; each takes at least five bytes."""
        found = self.number()
        if not 0 <= found <= (self.end - self.at) // 5:
            raise self._unexpected(f"a count of at most {(self.end - self.at) // 5}, not {found}")
        return found

    def start_object(self) -> None:
        """Pass over the beginning of an object."""
        if self.at >= self.end or self.data[self.at] != _START:
            raise self._unexpected("an object")
        self.at += 1

    def end_object(self) -> bool:
        """Pass over the end of an object, if that is what comes; return whether it was."""
        if self.at < self.end and self.data[self.at] == _END:
            self.at += 1
            return True
        return False

    def pairs(self) -> dict[str, str]:
        """Return a key: how many, keyword and value of each by name; how many, keyword and type in order."""
        pairs = self.texts(2 * self.count())
        values = dict(zip(pairs[::2], pairs[1::2], strict=True))
        names = self.texts(2 * self.count())[::2]
        if set(names) != set(values):
            raise self._unexpected("a key with its own keywords")
        return {name: values[name] for name in names}

    def lists(self) -> dict[str, list[str]]:
        """Return axes: how many, and of each its keyword, how many values, and those."""
        return self.some_lists(self.count())

    def some_lists(self, n_lists: int) -> dict[str, list[str]]:
        """Return so many axes."""
        return {self.text(): self.texts(self.count()) for _ in range(n_lists)}

    def _unexpected(self, expected: str) -> CorruptData:
        found = f"tag {self.data[self.at]}" if self.at < self.end else "the end"
        return CorruptData(f"found {found} at byte {self.at} of a stream; expected {expected}", at=self.at)
