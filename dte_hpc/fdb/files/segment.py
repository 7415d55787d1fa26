"""What does one flush put into an index file?

A segment: every keyword of its fields as a column, and for each field where its message lies, its
checksum and the facts that let one value be read without the header. Little-endian::

    byte 0  4s magic "DTEi"        24  Q bytes of the block offset tables, which follow it
         4  B  version, 2          32  Q byte of the data file at which the first message begins
         5  B  keywords            40  Q xxh3-64 of bytes 0 to 39 and of all that follows byte 48
         6  H  0                   48  one byte a column: how it is coded
         8  I  fields                  the base of each column, in 0, 1, 2, 4 or 8 bytes
        12  I  bytes of text           text, UTF-8, words ended by NUL
        16  Q  bytes of the            the values of each column, in 0, 1, 2, 4 or 8 bytes a field
               segment (all
               of these)

The columns are the keywords, then ``file``, ``grid`` and ``tables`` (all of these are words: the base is
the size of their dictionary, the values are numbers of words), then `NUMBERS`. A number is base + value
modulo 2**64, in the narrowest width that holds the differences; a column that is constant has no values. In
the byte of a column bits 0-2 are the base's width and bits 3-5 the values' (0, 1, 2, 3, 4 for 0, 1, 2,
4, 8 bytes); bit 6 says that ``reference`` is a float32's bits, which GRIB's are, and not a float64's.

The text holds the keywords, then the words of each word column in turn. The n-th of `SHORT` stands as
the one character U+000n: a segment of one field shrinks by a quarter. A ``file`` that is empty is
the index file's own name with ``.data`` for ``.index``. ``gap`` is the distance from the end of the
previous message to the beginning of this one, ``trailer`` what follows the packed data in the message,
``n_absent`` the missing points, ``time`` the second since 1970 of the flush (0: the toc record's), and
``table`` the bytes of the field's block offset table (`dte_hpc.fdb.files.tables`). The tables follow the
segment one after another, but for fields whose ``tables`` names another index file: there ``table_at``
is the table's first byte.

A field of length 0 is no field: it masks earlier ones of its key, which were deleted.

A crash leaves a segment that no toc record names, or a part of one: both are never read.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData
from dte_hpc.codecs.layout import LAYOUT
from dte_hpc.fdb.files.tables import narrowest_width

MAGIC = b"DTEi"
VERSION = 2
_HEADER = struct.Struct("<4sBBHIIQQQQ")
HEADER_BYTES = 48
assert _HEADER.size == HEADER_BYTES  # noqa: S101
WORD_COLUMNS = ("file", "grid", "tables")
NUMBERS = (
    "gap",
    "length",
    "checksum",
    "time",
    "table",
    "table_at",
    "packing",
    "edition",
    "bits",
    "ccsds_flags",
    "block_size",
    "rsi",
    "reference",
    "binary_scale",
    "decimal_scale",
    "n_values",
    "n_absent",
    "data_offset",
    "trailer",
    "bitmap_offset",
)
PLAIN_FACTS = (
    "packing",
    "edition",
    "bits",
    "ccsds_flags",
    "block_size",
    "rsi",
    "n_values",
    "data_offset",
    "bitmap_offset",
)
_OTHER_FACTS = ("reference", "binary_scale", "decimal_scale", "n_packed", "data_length")
assert set(LAYOUT.names or ()) == {*PLAIN_FACTS, *_OTHER_FACTS}  # noqa: S101
_WIDTHS = (0, 1, 2, 4, 8)
_FORMATS = ("", "B", "H", "I", "Q")
_DTYPES = (None, np.dtype("<u1"), np.dtype("<u2"), np.dtype("<u4"), np.dtype("<u8"))
_FLOAT32 = 0x40
MAX_KEYWORDS = 200
_COMMON = """
class dataset activity experiment generation model realization expver stream date time domain type levtype
resolution step levelist param number grid timespan stattype quantile hdate refdate anoffset origin method
system frequency direction
"""
SHORT = tuple(_COMMON.split())
_NUMBER_OF = {keyword: number for number, keyword in enumerate(SHORT, 1)}

U64 = NDArray[np.uint64]
Words = tuple[Sequence[str], NDArray[np.integer]]


class Packed(NamedTuple):
    """Rows as the bytes of an index segment, and the block offset tables that follow it."""

    n_fields: int
    segment: bytes
    tables: bytes


def _short(keyword: str) -> str:
    """Return a keyword as the text holds it; one that could be taken for a short one begins with U+001F."""
    number = _NUMBER_OF.get(keyword)
    if number is not None:
        return chr(number)
    return f"\x1f{keyword}" if keyword[0] <= "\x1f" else keyword


def _long(word: str) -> str:
    """Return the keyword that a word of the text means."""
    if word[:1] > "\x1f":
        return word
    return SHORT[ord(word) - 1] if len(word) == 1 else word[1:]


def _width_code(largest: int) -> int:
    """Return the code of the narrowest width that holds an unsigned number."""
    return _WIDTHS.index(narrowest_width(largest))


def _narrowed(values: U64) -> tuple[int, int, bytes]:
    """Return descriptor, base and value bytes of a column of numbers."""
    low, high = int(values.min()), int(values.max())
    if high >= 1 << 63:  # small steps back are large numbers: gaps between files
        signed = values.view(np.int64)
        least, most = int(signed.min()), int(signed.max())
        if most - least < high - low:
            low, high = least + (1 << 64 if least < 0 else 0), most + (1 << 64 if least < 0 else 0)
    code = _width_code(high - low)
    dtype = _DTYPES[code]
    body = b"" if dtype is None else (values - np.uint64(low)).astype(dtype).tobytes()
    return _width_code(low) | code << 3, low, body


def pack_segment(
    columns: dict[str, Words],
    files: Words,
    grids: Words,
    tables: Words,
    numbers: dict[str, U64],
    start: int,
    table_bytes: int,
) -> bytes:
    """Return the bytes of a segment.

    Parameters
    ----------
    columns : dict of keyword to (words, codes)
        For each field the number of its word; words hold no NUL.
    files, grids, tables : (words, codes)
        Data files, grid names and index files with block offset tables in the same form.
    numbers : dict of name to ndarray of uint64, shape (n_fields,)
        Every one of `NUMBERS`.
    start : int
        Byte of the first message in its data file.
    table_bytes : int
        Bytes of the tables that will follow.
    """
    n_fields = len(numbers["length"])
    descriptors, bases, bodies = bytearray(), [], []
    text = [_short(keyword) for keyword in columns]
    for words, codes in (*columns.values(), files, grids, tables):
        text.extend(words)
        code = _width_code(len(words) - 1)
        dtype = _DTYPES[code]
        bodies.append(b"" if dtype is None else codes.astype(dtype).tobytes())
        bases.append(len(words))
        descriptors.append(_width_code(len(words)) | code << 3)
    for name in NUMBERS:
        descriptor, base, body = _narrowed(numbers[name])
        if name == "reference" and int(numbers[name].max()) < 1 << 32:
            descriptor |= _FLOAT32
        descriptors.append(descriptor)
        bases.append(base)
        bodies.append(body)
    packed_bases = struct.pack("<" + "".join(_FORMATS[d & 7] for d in descriptors), *(b for b in bases if b))
    encoded = "".join(f"{word}\0" for word in text).encode("utf-8")
    body = b"".join((bytes(descriptors), packed_bases, encoded, *bodies))
    head = _HEADER.pack(
        MAGIC,
        VERSION,
        len(columns),
        0,
        n_fields,
        len(encoded),
        HEADER_BYTES + len(body),
        table_bytes,
        start,
        0,
    )[:-8]
    return head + checksum(head + body).to_bytes(8, "little") + body


def checksum_of(segment: bytes) -> int:
    """Return the checksum that a packed segment carries, which its toc record gives too."""
    return int.from_bytes(segment[HEADER_BYTES - 8 : HEADER_BYTES], "little")


def reference_bits(reference: NDArray[np.float64]) -> U64:
    """Return references as the numbers of a column: float32 bits when all are float32s, else float64 bits."""
    with np.errstate(over="ignore"):
        single = reference.astype("<f4")
    if np.array_equal(single.astype(np.float64).view(np.uint64), reference.view(np.uint64)):
        return single.view(np.uint32).astype(np.uint64)
    return reference.view(np.uint64)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where the columns of a segment lie, which equal descriptors determine."""

    bases: struct.Struct
    has_base: tuple[bool, ...]
    values: tuple[tuple[int, int], ...]
    values_bytes: int


@lru_cache(maxsize=1024)
def _shape(descriptors: bytes, n_fields: int) -> _Shape:
    offset, values = 0, []
    for descriptor in descriptors:
        code = descriptor >> 3 & 7
        if descriptor & 7 > 4 or code > 4 or descriptor & 0x80:
            raise ValueError(descriptor)
        values.append((offset, code))
        offset += _WIDTHS[code] * n_fields
    return _Shape(
        struct.Struct("<" + "".join(_FORMATS[d & 7] for d in descriptors)),
        tuple(bool(d & 7) for d in descriptors),
        tuple(values),
        offset,
    )


class Segment:
    """A segment read back: columns are decoded when they are asked for.

    Parameters
    ----------
    data : bytes
        The segment.
    digest : int
        The checksum that its toc record gives.
    where : str
        File and byte, for errors.
    time : int
        Second since 1970 of its toc record.

    Raises
    ------
    CorruptData
        If the bytes are not the segment that the record means, or contradict themselves.
    """

    __slots__ = (
        "_bases",
        "_data",
        "_index",
        "_shape",
        "_values_at",
        "_words",
        "digest",
        "keywords",
        "length",
        "n_fields",
        "start",
        "table_bytes",
        "time",
        "where",
    )

    def __init__(self, data: bytes, digest: int, where: str, time: int = 0) -> None:
        self.where, self.time = where, time
        if len(data) < HEADER_BYTES:
            raise self._corrupt("is shorter than its header")
        (
            magic,
            version,
            n_keywords,
            _,
            self.n_fields,
            n_text,
            self.length,
            self.table_bytes,
            self.start,
            own,
        ) = _HEADER.unpack_from(data)
        if magic != MAGIC or version != VERSION or self.length != len(data):
            raise self._corrupt(
                f"begins with {magic!r}, version {version}, {self.length} of {len(data)} bytes"
            )
        if own != digest or own != checksum(data[: HEADER_BYTES - 8] + data[HEADER_BYTES:]):
            raise self._corrupt("does not match its checksum")
        self.digest = digest
        n_columns = n_keywords + len(WORD_COLUMNS) + len(NUMBERS)
        try:
            self._open(data, n_keywords, n_columns, n_text)
        except (ValueError, struct.error, UnicodeDecodeError) as error:
            raise self._corrupt("contradicts itself") from error

    def _open(self, data: bytes, n_keywords: int, n_columns: int, n_text: int) -> None:
        descriptors = data[HEADER_BYTES : HEADER_BYTES + n_columns]
        shape = _shape(descriptors, self.n_fields)
        bases_at = HEADER_BYTES + n_columns
        text_at = bases_at + shape.bases.size
        if self.n_fields == 0 or text_at + n_text + shape.values_bytes != len(data):
            raise ValueError(n_text)
        found = iter(shape.bases.unpack_from(data, bases_at))
        self._bases = [next(found) if has else 0 for has in shape.has_base]
        words = data[text_at : text_at + n_text].decode("utf-8").split("\0")
        self.keywords = tuple(_long(word) for word in words[:n_keywords])
        self._words: list[list[str]] = []
        at = n_keywords
        for size in self._bases[: n_keywords + len(WORD_COLUMNS)]:
            self._words.append(words[at : at + size])
            at += size
            if size == 0:
                raise ValueError(size)
        if at != len(words) - 1:
            raise ValueError(at)
        self._index = {
            name: number for number, name in enumerate((*self.keywords, *(f"\0{w}" for w in WORD_COLUMNS)))
        }
        self._data, self._shape, self._values_at = data, shape, text_at + n_text

    def _corrupt(self, what: str) -> CorruptData:
        return CorruptData(f"the index segment in {self.where} {what}", where=self.where)

    def words(self, keyword: str) -> tuple[list[str], NDArray[np.integer] | None] | None:
        """Return the dictionary of a column and the codes of its fields (None when all have the first word).

        None for a keyword that no field of the segment has. The special columns are
        ``"\\0file"``, ``"\\0grid"`` and ``"\\0tables"``, which no keyword can be called.
        """
        number = self._index.get(keyword)
        if number is None:
            return None
        words, codes = self._words[number], self._values(number)
        if codes is not None and int(codes.max()) >= len(words):
            raise self._corrupt(f"has a column {keyword!r} with more values than words")
        return words, codes

    def number(self, name: str) -> tuple[int, NDArray[np.integer] | None]:
        """Return the base of a number column, and what is added for each field (None for nothing)."""
        column = len(self._words) + _NUMBER_AT[name]
        return self._bases[column], self._values(column)

    def reference_is_single(self) -> bool:
        """Whether the numbers of ``reference`` are the bits of float32s."""
        return bool(self._data[HEADER_BYTES + len(self._words) + _NUMBER_AT["reference"]] & _FLOAT32)

    def _values(self, column: int) -> NDArray[np.integer] | None:
        offset, code = self._shape.values[column]
        dtype = _DTYPES[code]
        if dtype is None:
            return None
        return np.frombuffer(self._data, dtype, self.n_fields, self._values_at + offset)


_NUMBER_AT = {name: number for number, name in enumerate(NUMBERS)}
