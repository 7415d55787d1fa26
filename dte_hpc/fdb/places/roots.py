"""Where do a database's data files lie, when they do not lie beside its toc?

With ``catalogueRoots`` and ``storeRoots`` a database is two directories of one name: schema, toc and index
under a catalogue root, data under a store root. The index says only the data files' names. Where they are
is found by looking into the configured store roots, so a store can be moved, and writers of one database
may use different store roots.
"""

from collections.abc import Sequence
from pathlib import Path

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.fdb.places.handlers import choose

_BY_CATALOGUE = ("expver", "envvar")


class StoreRoots:
    """The store roots of a space.

    Parameters
    ----------
    roots : sequence of Path
        That may hold data files.
    writable : sequence of Path
        Of these, where new ones may be made.
    handler : str
        How one is chosen; ``expver`` and ``envvar`` name catalogue roots, so with them it is WeightedRandom.
    """

    def __init__(self, roots: Sequence[Path], writable: Sequence[Path], handler: str) -> None:
        self.roots = tuple(roots)
        self._writable = tuple(writable)
        self._handler = "WeightedRandom" if handler in _BY_CATALOGUE else handler

    def writing(self, name: str) -> Path:
        """Return the root for new data files of a database: where it has some, else a chosen one.

        Raises
        ------
        InvalidConfig
            If there is none that may be written to.
        """
        if not self._writable:
            raise InvalidConfig(f"no space of the store has a writable store root for {name}", name=name)
        if len(self._writable) == 1:
            return self._writable[0]
        found = next((root for root in self._writable if (root / name).is_dir()), None)
        return found or choose(self._handler, self._writable, name, {})
