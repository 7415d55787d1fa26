"""How are many files, of which each grows as fields arrive, kept within what a process may hold open?

A sink with a path pattern has a file for each path. At most `MAX_OPEN` are open; the one not written to for
the longest is parked, and opened again when a field comes for it.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dte_hpc.base.errors import DteError, InvalidPart, StorageFailed
from dte_hpc.base.field import Field

MAX_OPEN = 64
MAX_FILES = 10_000


class GrowingFile(Protocol):
    """One file."""

    def write(self, field: Field) -> None:
        """Take a field; opens the file when it is not."""

    def flush(self) -> None:
        """Make everything taken durable, and readable."""

    def park(self) -> None:
        """Let go of what the system holds for it; a later `write` goes on."""

    def finish(self) -> None:
        """Give it its name, when nothing comes any more."""


class KeptFiles:
    """Files by path.

    Parameters
    ----------
    make : callable
        Makes the file of a path; its folder is there.
    are_folders : bool
        Whether a file is a folder, so that `make` says what may be in its place.
    """

    def __init__(self, make: Callable[[Path], GrowingFile], *, are_folders: bool = False) -> None:
        self._make, self._are_folders = make, are_folders
        self._files: dict[Path, GrowingFile] = {}
        self._open: OrderedDict[Path, None] = OrderedDict()
        self._changed: set[Path] = set()

    def write(self, path: Path, field: Field) -> None:
        """Give a field to the file of a path; StorageFailed when the file system refuses."""
        file = self._files.get(path) or self._new(path)
        self._open[path] = None
        self._open.move_to_end(path)
        while len(self._open) > MAX_OPEN:
            oldest, _ = self._open.popitem(last=False)
            _told(oldest, self._files[oldest].park)
        self._changed.add(path)
        _told(path, lambda: file.write(field))

    def prepare(self, path: Path) -> None:
        """Make the folder of a file to come, where keywords do not name it; StorageFailed if it cannot be."""
        parts = itertools.takewhile(lambda part: "{" not in part, path.parent.parts)
        _make_folder(Path(*parts))
        if "{" not in str(path):
            self._refuse_folder(path)

    def _refuse_folder(self, path: Path) -> None:
        if not self._are_folders and path.is_dir():
            raise StorageFailed(f"{path} is a folder; expected the path of a file", path=str(path))

    def _new(self, path: Path) -> GrowingFile:
        if len(self._files) >= MAX_FILES:
            raise InvalidPart(
                f"a sink would write {path} beside {MAX_FILES} files; expected a path with fewer keywords",
                path=str(path),
            )
        _make_folder(path.parent)
        self._refuse_folder(path)
        self._files[path] = self._make(path)
        return self._files[path]

    def flush(self) -> None:
        """Make durable what came since the last time."""
        for path in sorted(self._changed):
            _told(path, self._files[path].flush)
        self._changed.clear()

    def close(self) -> None:
        """Finish every file."""
        for path, file in self._files.items():
            _told(path, file.finish)
        self._files.clear()
        self._open.clear()
        self._changed.clear()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"folder {folder} cannot be made: {error}", path=str(folder)) from error


def _told(path: Path, work: Callable[[], None]) -> None:
    """Do some work, and say of what the system refuses which file it was."""
    try:
        work()
    except DteError:
        raise
    except (OSError, RuntimeError) as error:  # h5py raises the latter for a disk that is full
        raise StorageFailed(f"{path} could not be written: {error}", path=str(path)) from error
