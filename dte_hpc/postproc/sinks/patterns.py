"""Which file does a field go to, when the path names keywords of it?

``out/{param}-{date}.nc``: each ``{keyword}`` is replaced by the field's value of it, under any spelling, in
which every byte but letters, digits, ``. _ + -`` is written ``%xx``, and so is a leading dot: a value cannot
leave its place in the path, and two values never share a file.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.action import Context
from dte_hpc.postproc.naming import value_of

_WORD = re.compile(r"\{([A-Za-z][A-Za-z0-9_.-]*)\}")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")


def keywords_of(pattern: str) -> tuple[str, ...]:
    """Return the keywords a pattern names."""
    return tuple(_WORD.findall(pattern))


def pattern_mistake(pattern: str) -> str | None:
    """Return what is wrong with a pattern, as a sentence's ``found``; None when nothing is."""
    if not pattern or "\0" in pattern:
        return "no path" if not pattern else "a path with a NUL in it"
    left = _WORD.sub("", pattern)
    if "{" in left or "}" in left:
        return f"{pattern!r}, in which a brace stands alone"
    return None


def filled(pattern: str, metadata: Mapping[str, Scalar]) -> Path:
    """Return the path of a field; InvalidPart when it lacks a keyword of the pattern."""

    def value(match: re.Match[str]) -> str:
        found = value_of(metadata, match[1])
        if found is None:
            raise InvalidPart(
                f"field {metadata} has no {match[1]!r}, which the path {pattern!r} names; expected a value",
                keyword=match[1],
            )
        return escaped(text_of(found))

    return Path(_WORD.sub(value, pattern))


def escaped(value: str) -> str:
    """Return a value as one name in a path; one to one."""
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in value.encode())
    return "%2e" + text[1:] if text.startswith(".") else text or "%"


def of_server(path: Path, context: Context, *, per_server: bool) -> Path:
    """Return the path with the IO rank (or model rank) before the name, where each has its own.

    MultIO puts ``multio-<host>-<pid>-`` there. A rank keeps its number when the job is started again, so that
    ``append: true`` finds the file, and two jobs never share a process number.
    """
    return path.with_name(f"{context.rank_word}-{context.server_index}-{path.name}") if per_server else path


def refuse_sharing(kind: str, path: str, context: Context, *, per_server: bool, way_out: str) -> None:
    """Raise InvalidConfig on an IO rank that would write into another's file."""
    if context.server_index > 0 and not per_server:
        where = "IO rank" if context.rank_word == "server" else "model rank"
        raise InvalidConfig(
            f"sink {kind!r} writes {path} on {where} {context.server_index} too, and would empty what "
            f"others wrote; expected {way_out}",
            path=path,
        )
