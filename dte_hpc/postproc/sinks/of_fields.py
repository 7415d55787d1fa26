"""How does a sink write fields into files that grow, one for each path of a pattern?

What is the same in sinks `netcdf`, `hdf5` and `zarr`: their options, and who gets a field. What a file is,
and what is in it, is theirs.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import FieldStored
from dte_hpc.postproc.action import FIELDS, Context, MaskedField, Options, Stage
from dte_hpc.postproc.sinks.kept_files import GrowingFile, KeptFiles
from dte_hpc.postproc.sinks.patterns import filled, of_server, pattern_mistake, refuse_sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternOptions(Options):
    """Options of a `FieldSink`.

    Attributes
    ----------
    path : str
        Pattern of the path of a file, or of a folder, see `patterns`.
    per_server : bool
        One for each IO rank, ``server-0-...``; needed where there are several.
    """

    path: str
    per_server: bool = False

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with the path."""
        found = pattern_mistake(self.path)
        if found:
            yield refuse(f"{place}.path", found, "a path with keywords as {param}")


class FieldSink(ABC):
    """Write each field into the file of its path.

    Attributes
    ----------
    NAME, TITLE : str
        What plans and people call it.
    ARE_FOLDERS : bool
        Whether a file is a folder.
    """

    Options: ClassVar[type[Options]] = PatternOptions
    consumes: ClassVar[frozenset[Stage]] = FIELDS
    journal_root: Path | None = None
    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    ARE_FOLDERS: ClassVar[bool] = False

    def __init__(self, options: Any, context: Context) -> None:
        refuse_sharing(
            self.NAME, options.path, context, per_server=options.per_server, way_out="per-server: true"
        )
        self._options, self._context = options, context
        self._files = KeptFiles(self._file, are_folders=self.ARE_FOLDERS)
        self._files.prepare(self._of_server(Path(options.path)))

    @classmethod
    def explain(cls, options: PatternOptions) -> str:
        """Say which files."""
        return f"{cls.TITLE} {options.path}" + (" (one a server)" if options.per_server else "")

    def write(self, item: MaskedField) -> None:
        """Give one field to the file of its path."""
        self._files.write(self._of_server(filled(self._options.path, item.metadata)), item.field)
        self._context.listener(FieldStored(key=repr(item.metadata), n_bytes=item.field.n_bytes))

    def flush(self) -> None:
        """Make what is there durable and readable."""
        self._files.flush()

    def close(self) -> None:
        """Give every file its name."""
        self._files.close()

    @abstractmethod
    def _file(self, path: Path) -> GrowingFile:
        """Return the file of a path."""

    def _of_server(self, path: Path) -> Path:
        return of_server(path, self._context, per_server=self._options.per_server)
