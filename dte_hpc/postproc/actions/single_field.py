"""How does each field end up in a file of its own?

As MultIO names them: ``<root><level>::<param>::<step>``, the values of the field's keywords, each escaped so
that it is one name and never a path (`sinks.patterns.escaped`). A file is written under ``.NAME.part`` and
gets its name at the next flush, when it is on disk: a crash leaves whole files under their names, and parts.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart, StorageFailed
from dte_hpc.base.events import FieldStored
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import text_of
from dte_hpc.codecs.layout import byte_view
from dte_hpc.postproc.action import (
    ANY_STAGE,
    NOTHING,
    Context,
    Explained,
    Flow,
    Item,
    MaskedField,
    Options,
    Passing,
    Stage,
)
from dte_hpc.postproc.actions.raw import RawEncoder
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.sinks.patterns import escaped

MOST_UNPUBLISHED = 10_000
MAX_FILES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleFieldOptions(Options):
    """Options of `SingleFieldSink`.

    Attributes
    ----------
    root_path : str
        What every name begins with: a folder with its slash, a beginning of names, or nothing. MultIO's
        spelling ``root_path`` is understood.
    """

    OTHER_WORDS: ClassVar[dict[str, str]] = {"root_path": "root-path"}
    root_path: str = ""

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield a root that no file system takes."""
        if "\0" in self.root_path:
            yield refuse(f"{place}.root-path", "a path with a NUL in it", "a folder, or a beginning of names")


class SingleFieldSink(Passing):
    """Write each message, or the values of each field, to a file of its own. Nothing follows it in a plan."""

    Options = SingleFieldOptions
    consumes = ANY_STAGE - {Stage.PART}
    emits = NOTHING

    def __init__(self, options: SingleFieldOptions, context: Context) -> None:
        self._root = options.root_path
        self._listener = context.listener
        self._raw = RawEncoder()
        self._unpublished: dict[Path, None] = {}
        self._names: set[str] = set()

    @classmethod
    def explain(cls, options: SingleFieldOptions, flow: Flow) -> Explained:
        """Say where the files go."""
        does = f"a file each, {options.root_path}<level>::<param>::<step>"
        return Explained(does=does, flow=replace(flow, n_out=0))

    def process(self, item: Item) -> Iterable[Item]:
        """Write one file.

        Raises
        ------
        InvalidPart
            When two items of one run would have the same file (members of an ensemble have), or one has no
            parameter or step.
        StorageFailed
            When the file system refuses.
        """
        name = _name_of(item.metadata)
        if name in self._names or len(self._names) >= MAX_FILES:
            raise InvalidPart(
                f"field {item.metadata} would be file {self._root}{name}, which another field of this run "
                "is; expected fields that differ in level, parameter or step",
                metadata=item.metadata,
            )
        message = self._raw.encode(item.field).message if isinstance(item, MaskedField) else item.message
        path = Path(self._root + name)
        _write(_part_of(path), byte_view(message))
        self._names.add(name)
        self._unpublished[path] = None
        self._listener(FieldStored(key=repr(item.metadata), n_bytes=len(message)))
        if len(self._unpublished) >= MOST_UNPUBLISHED:
            self.flush()
        return ()

    def flush(self) -> None:
        """Wait until every file is on disk, and give it its name."""
        for path in self._unpublished:
            try:
                _sync(_part_of(path))
                _part_of(path).replace(path)
            except OSError as error:
                raise _failed(path, error) from error
        for folder in {path.parent for path in self._unpublished}:
            try:
                _sync(folder)
            except OSError as error:
                raise _failed(folder, error) from error
        self._unpublished.clear()

    def close(self) -> Iterable[Item]:
        """Give names to what has none yet."""
        self.flush()
        return ()


def _name_of(metadata: Metadata) -> str:
    level = value_of(metadata, "levelist")
    param, step = value_of(metadata, "param"), value_of(metadata, "step")
    if param is None or step is None:
        raise InvalidPart(
            f"field {metadata} has no {'param' if param is None else 'step'}, which its file is named by; "
            "expected one",
            metadata=metadata,
        )
    return "::".join(escaped(text_of(0 if each is None else each)) for each in (level, param, step))


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _write(path: Path, data: memoryview) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data)
    except OSError as error:
        raise _failed(path, error) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"{path} could not be written: {error}", path=str(path))
