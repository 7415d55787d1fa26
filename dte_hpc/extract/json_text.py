"""How is a tree with large arrays in it written as JSON?

Arrays stand in it as arrays and long lists as iterators: they become text some thousand numbers at a time,
so that a text of gigabytes never is one object. NaN is null.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 16_384
_SHORT = {"separators": (",", ":"), "allow_nan": False}


def plain(node: Any) -> Any:
    """Return a tree as `json.loads` would: lists and numbers."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, np.ndarray):
        return _listed(node)
    if isinstance(node, list | tuple | Iterator):
        return [plain(value) for value in node]
    return node


def json_texts(node: Any) -> Iterator[str]:
    """Yield the text of a tree, piece by piece."""
    if isinstance(node, Mapping):
        for number, (key, value) in enumerate(node.items()):
            yield f"{'{' if number == 0 else ','}{json.dumps(key)}:"
            yield from json_texts(value)
        yield "}" if node else "{}"
    elif isinstance(node, np.ndarray):
        yield "["
        for start in range(0, len(node), AT_ONCE):
            yield "," if start else ""
            yield json.dumps(_listed(node[start : start + AT_ONCE]), **_SHORT)[1:-1]  # type: ignore[arg-type]
        yield "]"
    elif isinstance(node, list | tuple | Iterator):
        yield "["
        for number, value in enumerate(node):
            yield "," if number else ""
            yield from json_texts(value)
        yield "]"
    else:
        yield json.dumps(node, **_SHORT)  # type: ignore[arg-type]


def _listed(values: NDArray[Any]) -> Any:
    listed = values.tolist()
    if values.ndim == 1 and values.dtype.kind == "f" and np.isnan(values).any():
        return [None if value != value else value for value in listed]
    return listed
