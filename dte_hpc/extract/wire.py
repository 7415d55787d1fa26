"""How does a part of an answer travel between ranks?

As one run of bytes, never a pickle:

===== ===== ===============================================================================
bytes type  meaning
===== ===== ===============================================================================
0-3   4s    magic ``dteA``
4-7   u32   version, 2
8-15  u64   bytes of the text
16-   JSON  kind, axis, grids, account, columns (each keyword's words), sizes (of each array),
            part (`Part` without its answer), points (given, kept or known)
...   8n    the arrays, one after another, each padded to a multiple of 8 bytes
===== ===== ===============================================================================

Little-endian. A column of keys is an array of numbers of its words. Parts of many fields at the same points
would mostly consist of coordinates: the first such part says that they are to be *kept*, the others that
they are *known*, and leave index, latitude and longitude out.
"""

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import RankFailed
from dte_hpc.extract.account import Account
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.part import Part, PointsKey, points_key

Bytes = NDArray[np.uint8]
MAGIC = b"dteA"
VERSION = 2
HEADER = struct.Struct("<4sIQ")
_ARRAYS = {
    "level": "<f8",
    "step": "<f8",
    "reference": "<f8",
    "index": "<i8",
    "latitude": "<f8",
    "longitude": "<f8",
    "place_start": "<i8",
    "place_of_field": "<i8",
    "values": "<f8",
}
_POINTS = ("index", "latitude", "longitude")
_NUMBERS = ("number", "n_parts", "n_values", "first_field", "first_point", "rank")
_NONE = np.empty(0, np.uint8)
_CODES = "<i4"
GIVEN, KEPT, KNOWN = "given", "kept", "known"
KEPT_BYTES = 64 * 1024 * 1024
if HEADER.size != 16:
    raise AssertionError("the header of an answer is drawn as 16 bytes")


class Kept:
    """Which points one rank has sent for a query, or has got for one: at most `KEPT_BYTES` from each rank."""

    def __init__(self) -> None:
        self._n_bytes = 0
        self._arrays: dict[PointsKey, tuple[NDArray[Any], ...]] = {}

    def knows(self, key: PointsKey) -> bool:
        """Whether these points were sent before."""
        return key in self._arrays

    def sent(self, part: Part) -> str:
        """Return what is to be said of a part's points: given, kept or known."""
        key = _points_key(part)
        if key in self._arrays:
            return KNOWN
        n_bytes = sum(getattr(part.answer, name).nbytes for name in _POINTS)
        if part.n_parts == 1 or self._n_bytes + n_bytes > KEPT_BYTES:
            return GIVEN
        self._n_bytes += n_bytes
        self._arrays[key] = ()
        return KEPT

    def received(self, part: Part, said: str) -> Part:
        """Return a part with its points."""
        key = _points_key(part)
        if said == KEPT:  # by several ranks perhaps; one copy is enough
            self._arrays.setdefault(key, tuple(getattr(part.answer, name) for name in _POINTS))
        if said == GIVEN:
            return part
        if key not in self._arrays:
            raise RankFailed("another rank sent a part whose points are not known; expected them before")
        points: dict[str, Any] = dict(zip(_POINTS, self._arrays[key], strict=True))
        return replace(part, answer=replace(part.answer, **points))


def _points_key(part: Part) -> PointsKey:
    return points_key(part.first_point, int(part.answer.place_start[-1]), part.places)


def pack_part(part: Part, kept: Kept | None = None, *, room: int = 0) -> Bytes:
    """Return a part as bytes, with so much room before them. Cost: one copy."""
    answer, said = part.answer, GIVEN if kept is None else kept.sent(part)
    names = [name for name in _ARRAYS if said != KNOWN or name not in _POINTS]
    arrays = {name: np.ascontiguousarray(getattr(answer, name), _ARRAYS[name]) for name in names}
    words: dict[str, list[str]] = {}
    for keyword, column in answer.columns.items():
        words[keyword], arrays[f"column {keyword}"] = _coded(column)
    text = {
        "kind": answer.kind,
        "axis": answer.axis,
        "grids": list(answer.grids),
        "account": answer.account.as_dict(),
        "columns": words,
        "sizes": {name: array.size for name, array in arrays.items()},
        "part": {name: getattr(part, name) for name in _NUMBERS},
        "places": part.places.tolist(),
        "whole": part.whole.as_dict(),
        "points": said,
    }
    head = json.dumps(text).encode()
    head += b" " * (-len(head) % 8)
    pieces = [np.frombuffer(HEADER.pack(MAGIC, VERSION, len(head)) + head, np.uint8)]
    for array in arrays.values():
        pieces += [array.view(np.uint8), np.zeros(-array.nbytes % 8, np.uint8)]
    data = np.empty(room + sum(piece.size for piece in pieces), np.uint8)
    np.concatenate(pieces, out=data[room:])
    return data


def _coded(column: NDArray[np.str_]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different words of a column, and the number of each row's; mostly all are the same."""
    if column.size and (column == column[0]).all():
        return [str(column[0])], np.zeros(column.size, _CODES)
    different, codes = np.unique(column, return_inverse=True)
    return different.tolist(), codes.astype(_CODES)


def unpack_part(data: Bytes, kept: Kept | None = None) -> Part:
    """Return the part that bytes are; RankFailed when they are not one."""
    try:
        magic, version, n_text = HEADER.unpack_from(data.data)
        if magic != MAGIC or version != VERSION or n_text > data.size - HEADER.size:
            raise ValueError(f"it begins with {magic!r}, version {version}, {n_text} bytes of text")
        told = json.loads(data[HEADER.size : HEADER.size + n_text].tobytes())
        arrays = _arrays(data[HEADER.size + n_text :], told["sizes"])
        part = Part(
            answer=_answer(told, arrays),
            places=np.array(told["places"], np.int64),
            whole=Account(**told["whole"]),
            **{name: int(told["part"][name]) for name in _NUMBERS},
        )
        said = told["points"]
    except (ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        raise RankFailed(f"another rank sent {data.size} bytes that are no answer: {error}") from error
    return (kept or Kept()).received(part, said)


def _arrays(data: Bytes, sizes: dict[str, int]) -> dict[str, NDArray[Any]]:
    arrays, at = {}, 0
    for name, size in sizes.items():
        kind = np.dtype(_ARRAYS.get(name, _CODES))
        n_bytes = int(size) * kind.itemsize
        if size < 0 or n_bytes > data.size - at:
            raise ValueError(
                f"its array {name} has {size} numbers, of which {data.size - at} bytes are there"
            )
        arrays[name] = data[at : at + n_bytes].view(kind)
        at += n_bytes + -n_bytes % 8
    return arrays


def _answer(told: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Answer:
    columns = {
        keyword: np.array(words, np.str_)[arrays[f"column {keyword}"]]
        for keyword, words in told["columns"].items()
    }
    return Answer(
        kind=told["kind"],
        axis=told["axis"],
        grids=tuple(told["grids"]),
        columns=columns,
        account=Account(**told["account"]),
        **{name: arrays.get(name, _NONE.view(_ARRAYS[name])) for name in _ARRAYS},
    )
