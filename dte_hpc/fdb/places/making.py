"""How does a new database come to be, with its folders, permissions and striping?

Its directory and schema are made by `dte_hpc.fdb.files.database.create_database`. Here is what a
configuration asks for beyond: the folder of data files under a store root, and the default layout of both
on Lustre, before the first file is in them.
"""

import os

from dte_hpc.base.events import Listener, NotStriped
from dte_hpc.fdb.files.database import Database, create_database, create_folder
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.places.lustre import Layouts, is_lustre, set_layout


class Maker:
    """Makes one database, and again when it is gone.

    Parameters
    ----------
    disk : Disk
        The system calls.
    database : Database
        That there shall be.
    schema : Schema
        That it gets when it is made.
    layouts : Layouts, optional
        Its striping on Lustre.
    listener : Listener
        Told `NotStriped` when Lustre refuses, which stops nothing.
    """

    def __init__(
        self, disk: Disk, database: Database, schema: Schema, layouts: Layouts | None, listener: Listener
    ) -> None:
        self._disk = disk
        self._database = database
        self._schema = schema
        self._layouts = layouts
        self._listener = listener
        self._made = False

    def __call__(self) -> None:
        """Make the database unless it is there; durable on return. Cost when this made it before: one lstat.

        Raises
        ------
        StorageFailed
            If the file system refuses.
        """
        database, is_there = self._database, (self._made or self._layouts is not None) and self._exists()
        if self._made and is_there:
            return
        create_database(self._disk, database.root, database.name, self._schema)
        if database.data_root != database.root:
            create_folder(self._disk, database.data_root, database.name)
        if self._layouts is not None and not is_there:
            self._lay_out(self._layouts)
        self._made = True

    def _exists(self) -> bool:
        """Whether the directory has its schema: it is made, and not wiped since."""
        return os.path.lexists(f"{self._database.where}/schema")

    def _lay_out(self, layouts: Layouts) -> None:
        database = self._database
        is_split = database.data_root != database.root
        _stripe(database.where, layouts.words(data=not is_split, index=True), self._listener)
        if is_split:
            folder = f"{database.data_root}/{database.name}"
            _stripe(folder, layouts.words(data=True, index=False), self._listener)


def _stripe(folder: str, words: list[str], listener: Listener) -> None:
    if words and is_lustre(folder):
        reason = set_layout(folder, words)
        if reason:
            listener(NotStriped(where=folder, reason=reason))
