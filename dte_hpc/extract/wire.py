"""How does an answer travel between ranks?

As one run of bytes, never a pickle:

===== ===== ===============================================================================
bytes type  meaning
===== ===== ===============================================================================
0-3   4s    magic ``dteA``
4-7   u32   version, 1
8-15  u64   bytes of the text
16-   JSON  kind, axis, grids, account, columns (each keyword's words), arrays (name, type, size)
...   8n    the arrays, one after another, each padded to a multiple of 8 bytes
===== ===== ===============================================================================

Little-endian. A column of keys is an array of numbers of its words.
"""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import RankFailed
from dte_hpc.extract.account import Account
from dte_hpc.extract.answer import Answer

Bytes = NDArray[np.uint8]
MAGIC = b"dteA"
VERSION = 1
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
_CODES = "<i4"
if HEADER.size != 16:
    raise AssertionError("the header of an answer is drawn as 16 bytes")


def pack_answer(answer: Answer) -> Bytes:
    """Return an answer as bytes. Cost: one copy."""
    arrays = {name: np.ascontiguousarray(getattr(answer, name), kind) for name, kind in _ARRAYS.items()}
    words: dict[str, list[str]] = {}
    for keyword, column in answer.columns.items():
        different, codes = np.unique(column, return_inverse=True)
        words[keyword] = different.tolist()
        arrays[f"column {keyword}"] = codes.astype(_CODES)
    text = {
        "kind": answer.kind,
        "axis": answer.axis,
        "grids": list(answer.grids),
        "account": answer.account.as_dict(),
        "columns": words,
        "sizes": {name: array.size for name, array in arrays.items()},
    }
    head = json.dumps(text).encode()
    head += b" " * (-len(head) % 8)
    parts = [np.frombuffer(HEADER.pack(MAGIC, VERSION, len(head)) + head, np.uint8)]
    for array in arrays.values():
        parts += [array.view(np.uint8), np.zeros(-array.nbytes % 8, np.uint8)]
    return np.concatenate(parts)


def unpack_answer(data: Bytes) -> Answer:
    """Return the answer that bytes are; RankFailed when they are not one."""
    try:
        magic, version, n_text = HEADER.unpack_from(data.data)
        if magic != MAGIC or version != VERSION or n_text > data.size - HEADER.size:
            raise ValueError(f"it begins with {magic!r}, version {version}, {n_text} bytes of text")
        told = json.loads(data[HEADER.size : HEADER.size + n_text].tobytes())
        arrays = _arrays(data[HEADER.size + n_text :], told["sizes"])
        return _answer(told, arrays)
    except (ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        raise RankFailed(f"another rank sent {data.size} bytes that are no answer: {error}") from error


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
        **{name: arrays[name] for name in _ARRAYS},
    )
