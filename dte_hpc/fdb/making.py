"""How does a new database come to be, with its folders, permissions and striping?

Its directory and schema are made by `dte_hpc.fdb.database.create_database`. Here is what a configuration
asks for beyond: the folder of data files under a store root, and the default layout of both on Lustre,
before the first file is in them.
"""

from dte_hpc.base.events import Listener, NotStriped
from dte_hpc.fdb.database import Database, create_database, create_folder
from dte_hpc.fdb.disk import Disk
from dte_hpc.fdb.lustre import Layouts, is_lustre, set_layout
from dte_hpc.fdb.schema import Schema


def make_database(
    disk: Disk, database: Database, schema: Schema, layouts: Layouts | None, listener: Listener
) -> None:
    """Make a database unless it is there; durable on return.

    That Lustre refuses a layout is told to the listener as `NotStriped` and stops nothing.

    Raises
    ------
    StorageFailed
        If the file system refuses.
    """
    is_new = layouts is not None and not database.exists()
    create_database(disk, database.root, database.name, schema)
    is_split = database.data_root != database.root
    if is_split:
        create_folder(disk, database.data_root, database.name)
    if is_new and layouts is not None:
        _stripe(database.where, layouts.words(data=not is_split, index=True), listener)
        if is_split:
            folder = f"{database.data_root}/{database.name}"
            _stripe(folder, layouts.words(data=True, index=False), listener)


def _stripe(folder: str, words: list[str], listener: Listener) -> None:
    if words and is_lustre(folder):
        reason = set_layout(folder, words)
        if reason:
            listener(NotStriped(where=folder, reason=reason))
