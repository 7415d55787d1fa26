"""In which form may the databases below a root be stored?

``toc`` is our own, to read and write. ``fdb5-toc`` is that of ECMWF's FDB 5, to read only
(`dte_hpc.fdb.fdb5`, imported when first asked for). Both are directories named after the database's key.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dte_hpc.base.events import Listener
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import OpenFiles
from dte_hpc.fdb.places.paths import directory_name, values_of
from dte_hpc.fdb.places.roots import StoreRoots
from dte_hpc.fdb.places.spaces import FDBConfig, Space

Opening = Callable[[FDBConfig, Path, str, OpenFiles, Listener], Database]


class Engine(NamedTuple):
    """A form of databases.

    Attributes
    ----------
    name : str
        As a configuration writes it.
    writes : bool
        Whether fields can be stored so.
    name_of : callable
        From a database's values to its directory's name.
    values_of : callable
        Back; None for a directory that is no database.
    open : callable
        From configuration, root, directory name, open files and listener to a `Database`, which need
        not exist.
    """

    name: str
    writes: bool
    name_of: Callable[[Sequence[str]], str]
    values_of: Callable[[str], tuple[str, ...] | None]
    open: Opening


def _open_toc(config: FDBConfig, root: Path, name: str, files: OpenFiles, listener: Listener) -> Database:
    space = next((space for space in config.spaces if space.store_roots and space.takes(name)), None)
    return Database(root, name, files, listener, _store_roots(config, space) if space else None)


def _store_roots(config: FDBConfig, space: Space) -> StoreRoots:
    writable = [Path(root.path) for root in space.store_roots if root.allows("archive")]
    return StoreRoots(config.store_roots(), writable, space.handler)


def _open_fdb5(config: FDBConfig, root: Path, name: str, files: OpenFiles, listener: Listener) -> Database:
    from dte_hpc.fdb.fdb5.database import Fdb5Database

    data_roots = (Path(r.path) for space in config.spaces for r in (*space.roots, *space.store_roots))
    return Fdb5Database(root, name, files, listener, data_roots)


def _fdb5_name(values: Sequence[str]) -> str:
    return ":".join(values)


def _fdb5_values(name: str) -> tuple[str, ...] | None:
    return None if name.startswith(".") or ":" not in name else tuple(name.split(":"))


ENGINES = {
    "toc": Engine("toc", True, directory_name, values_of, _open_toc),
    "fdb5-toc": Engine("fdb5-toc", False, _fdb5_name, _fdb5_values, _open_fdb5),
}
