"""How do messages end up in a plain file, one after another?

A crash leaves every message of the last flush, and after it whole messages and perhaps a torn one at the end.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig, StorageFailed
from dte_hpc.base.events import FieldStored
from dte_hpc.codecs.layout import EncodedField, byte_view
from dte_hpc.postproc.action import MESSAGES, RAW_VALUES, Context, Options, RawField
from dte_hpc.postproc.sinks.patterns import of_server, refuse_sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions(Options):
    """Options of `FileSink`.

    Attributes
    ----------
    path : str
        The file.
    append : bool
        Keep what is in it; otherwise it begins empty.
    per_server : bool
        A file for each IO rank: ``out.grib`` becomes ``server-0-out.grib`` (see `patterns.of_server`).
    """

    path: str
    append: bool = False
    per_server: bool = False

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield a path that no file system takes."""
        if not self.path or "\0" in self.path:
            found = "a path with a NUL in it" if self.path else "no path"
            yield refuse(f"{place}.path", found, "the path of a file")


class FileSink:
    """Write messages, or bare values, to a file; each with one append: several writers do not mix theirs."""

    Options = FileOptions
    consumes = MESSAGES | RAW_VALUES
    journal_root: Path | None = None

    def __init__(self, options: FileOptions, context: Context) -> None:
        self._path = of_server(Path(options.path), context, per_server=options.per_server)
        self._listener = context.listener
        if not options.append:
            refuse_sharing(
                "file",
                options.path,
                context,
                per_server=options.per_server,
                way_out="per-server: true, or append: true",
            )
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (0 if options.append else os.O_TRUNC)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be opened: {error}", path=str(self._path)) from error

    @classmethod
    def explain(cls, options: FileOptions) -> str:
        """Say which file."""
        extra = (" (appending)" if options.append else "") + (" (one a server)" if options.per_server else "")
        return f"file {options.path}{extra}"

    def write(self, item: EncodedField | RawField) -> None:
        """Append one message; StorageFailed if not all of it was taken."""
        n_bytes = len(item.message)
        try:
            written = os.write(self._descriptor, byte_view(item.message))
        except OSError as error:
            raise StorageFailed(
                f"{self._path} refused {n_bytes} bytes: {error}", path=str(self._path)
            ) from error
        if written != n_bytes:
            raise StorageFailed(f"{self._path} took {written} of {n_bytes} bytes", path=str(self._path))
        self._listener(FieldStored(key=repr(item.metadata), n_bytes=n_bytes))

    def flush(self) -> None:
        """Wait until the file is on disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise StorageFailed(f"{self._path} could not be synced: {error}", path=str(self._path)) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
