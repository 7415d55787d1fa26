"""How does an HDF5 file grow beside its place, and when does it get its name?

As ``.out.nc.part`` beside ``out.nc``, and renamed when nothing comes any more: under its own name a file is
always whole.
"""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from dte_hpc.codecs import netcdf


class AsideFile(ABC):
    """An HDF5 file that can be closed and opened again while it grows.

    Parameters
    ----------
    path : Path
        Its name in the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}.part")
        self._file: Any = None
        self._is_new = True

    def flush(self) -> None:
        """Wait until the part is on disk."""
        self._opened().flush()
        sync(self._aside)

    def park(self) -> None:
        """Flush, and close the part."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def finish(self) -> None:
        """Close the part, and give it the file's name."""
        self.park()
        self._aside.replace(self._path)
        sync(self._path.parent)

    @abstractmethod
    def _begin(self, file: Any) -> None:
        """Say in a new file what it is."""

    def _opened(self) -> Any:
        if self._file is None:
            self._file = netcdf.create(self._aside) if self._is_new else netcdf.reopen(self._aside)
            if self._is_new:
                self._begin(self._file)
            self._is_new = False
        return self._file


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
