"""What are requests, identifiers, addresses and byte streams in pyfdb?"""

import os
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum, IntFlag, auto
from pathlib import Path
from typing import Any, Protocol
from urllib import parse

from dte_hpc.fdb.pyfdb.told import as_runtime_error

MarsSelection = Mapping[str, str | int | float | Collection[str | int | float]]
"""What is asked for: keyword to value or values; the text ``a/b/c`` is three values."""

MarsIdentifier = list[tuple[str, str]] | dict[str, str]
"""What a field is called: keyword to one text."""


class UserInputMapper:
    """How selections and identifiers are checked before anything else looks at them."""

    @classmethod
    def map_selection_to_internal(cls, selection: MarsSelection) -> dict[str, list[str]]:
        """Return each keyword's values as a list of texts; ValueError for what is no value."""
        return {keyword: _values(keyword, value) for keyword, value in selection.items()}

    @classmethod
    def map_selection_to_external(cls, selection: Mapping[str, Any]) -> dict[str, str | list[str]]:
        """Return each keyword's value as a text, or as a list of texts where it has several."""
        external: dict[str, str | list[str]] = {}
        for keyword, value in selection.items():
            if isinstance(value, str | int | float):
                external[keyword] = str(value)
            elif isinstance(value, Collection):
                external[keyword] = _as_texts(value)
            else:
                raise ValueError(
                    f"Unknown type for key: {keyword}. Type must be int, float, str or a collection of those."
                )
        return external

    @classmethod
    def map_identifier_to_internal(cls, identifier: MarsIdentifier) -> list[tuple[str, str]]:
        """Return keyword and value pairs; KeyError for a keyword twice, ValueError for several values."""
        if not isinstance(identifier, list | dict):
            raise ValueError(
                "Identifier: Unknown type for key_value_pairs. List[Tuple[str, str]] or Dict[str, str] needed"
            )
        pairs = identifier.items() if isinstance(identifier, dict) else identifier
        found: dict[str, str] = {}
        value: Any
        for keyword, value in pairs:
            if keyword in found:
                raise KeyError(f"Identifier: Key {keyword} already exists in Identifier: {found}")
            if isinstance(value, list) or "/" in value:
                raise ValueError(
                    "No list of values allowed. "
                    "An Identifier has to be a mapping from a single key to a single value."
                )
            found[keyword] = value
        return list(found.items())


def _values(keyword: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split("/")
    if isinstance(value, int | float):
        return [str(value)]
    if isinstance(value, Mapping) or not isinstance(value, Collection):
        raise ValueError(
            f"MarsSelectionMapper: The given value for key '{keyword}' is not valid. "
            f"A MarsSelection has to have the following type: {MarsSelection}"
        )
    return _as_texts(value)


def _as_texts(values: Iterable[Any]) -> list[str]:
    return [str(value) if isinstance(value, int | float) else value for value in values]


class Stream(Protocol):
    """What a `DataHandle` reads from."""

    @property
    def size(self) -> int:
        """Bytes of the whole stream."""

    def tell(self) -> int:
        """Return the byte that is read next."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a byte."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return that many of the bytes that come next, fewer only at the end."""

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with the bytes that come next; return how many there were."""


class DataHandle:
    """The bytes of one field, or of the fields of a retrieve, one after another.

    Made by `FDB.retrieve` and `ListElement.data_handle` only. Every message is compared with its checksum
    when it is read; RuntimeError if it is not what was archived.
    """

    __slots__ = ("dataHandle", "opened")

    def __init__(self, dataHandle: Stream, *, _internal: bool = False) -> None:  # noqa: N803 - pyfdb's name
        if not _internal:
            raise TypeError("Creating a ListElement from user code is not supported.")
        self.dataHandle = dataHandle
        self.opened = False

    def __enter__(self) -> "DataHandle":
        self.open()
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_traceback: Any) -> None:
        self.close()

    def open(self) -> None:
        """Begin to read at the first byte; nothing happens when it is open already."""
        if not self.opened:
            self.opened = True
            self.dataHandle.seek(0)

    def close(self) -> None:
        """Stop reading; it may be opened again."""
        self.opened = False

    def size(self) -> int:
        """Return the bytes of all messages."""
        return self.dataHandle.size

    def read(self, len: int = -1) -> bytes:  # noqa: A002 - pyfdb's name
        """Return some bytes, by default as many as there are in all.

        If fewer are left, zeros follow them up to `len` or the size of the whole; if none are left, there
        are none.
        """
        self._check_open()
        size = self.dataHandle.size
        wanted = size if len == -1 else min(len, size)
        if wanted < 0:
            raise ValueError("negative count")
        with as_runtime_error():
            data = self.dataHandle.read(wanted)
        return data.ljust(wanted, b"\0") if data else b""

    def readinto(self, buffer: Any) -> int:
        """Fill a writable buffer with the bytes that come next; return how many there were."""
        self._check_open()
        with as_runtime_error():
            return self.dataHandle.readinto(buffer)

    def readall(self, buffer_size: int = 1024) -> bytes:
        """Return all bytes from here on, opening before and closing after. The buffer size is not needed."""
        self.open()
        try:
            with as_runtime_error():
                return self.dataHandle.read(-1)
        finally:
            self.close()

    def _check_open(self) -> None:
        if not self.opened:
            raise RuntimeError("DataHandle: Read occured before the handle was opened. Must be opened first.")

    def __repr__(self) -> str:
        return f"[{'Opened' if self.opened else 'Closed'}] Datahandle: {self.dataHandle}"


class ControlIdentifier(IntFlag):
    """What may be locked in a database."""

    NONE = 0
    LIST = auto()
    RETRIEVE = auto()
    ARCHIVE = auto()
    WIPE = auto()
    UNIQUEROOT = auto()

    def __repr__(self) -> str:
        return "|".join(member.name or "" for member in ControlIdentifier if self.value & member) or "NONE"

    __str__ = __repr__


class ControlAction(IntEnum):
    """What `FDB.control` does with what it is given."""

    NONE = 0
    DISABLE = auto()
    ENABLE = auto()

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


class URI:
    """The address of a file or database.

    Parameters
    ----------
    uri : str or Path
        An address, or a path.
    scheme : str
        When the address has none.
    allow_fragments : bool
        Whether ``#`` begins a fragment.
    """

    def __init__(self, uri: "str | Path", scheme: str = "", allow_fragments: bool = True) -> None:
        text = uri.as_posix() if isinstance(uri, Path) else str(uri)
        self._uri = parse.urlsplit(text, scheme=scheme, allow_fragments=allow_fragments)

    @classmethod
    def of_file(cls, path: str) -> "URI":
        """Return the address of a file, whatever characters its name has."""
        uri = cls("")
        uri._uri = parse.SplitResult("", "", path, "", "")
        return uri

    def __eq__(self, value: object, /) -> bool:
        return isinstance(value, URI) and repr(self) == repr(value)

    def __ne__(self, value: object, /) -> bool:
        return not self == value

    __hash__ = None  # type: ignore[assignment]

    def netloc(self) -> str:
        """Return user, host and port."""
        return self._uri.netloc

    def scheme(self) -> str:
        """Return the scheme, empty for a path."""
        return self._uri.scheme

    def username(self) -> str | None:
        """Return the user's name, if there is one."""
        return self._uri.username

    def password(self) -> str | None:
        """Return the password, if there is one."""
        return self._uri.password

    def hostname(self) -> str | None:
        """Return the host, if there is one."""
        return self._uri.hostname

    def port(self) -> int | None:
        """Return the port, if there is one."""
        return self._uri.port

    def path(self) -> str:
        """Return the path."""
        return self._uri.path

    def query(self) -> str:
        """Return what follows ``?``."""
        return self._uri.query

    def fragment(self) -> str:
        """Return what follows ``#``."""
        return self._uri.fragment

    def __repr__(self) -> str:
        return parse.urlunsplit(self._uri)
