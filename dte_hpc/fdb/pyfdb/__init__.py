"""ECMWF's pyfdb 5.25 over our own store: ``import dte_hpc.fdb.pyfdb as pyfdb`` runs a script unchanged.

Names, signatures, element types and errors are those of PyPI's pyfdb 5.25; requests are read in the MARS
language (`dte_hpc.fdb.mars`), as there. What a store does is `dte_hpc.fdb.FDB`'s: this package only says it
in pyfdb's words. A listing is columns, of which an element is a view: what is not asked for is not made.

Restrictions
------------
Where the behaviour differs on purpose (a handle sees what others flush, a wrong key is refused before a byte
is written, messages are compared with their checksums, ...) docs/pyfdb.md says how. Databases that ECMWF's
FDB wrote are read, not written, with ``engine: fdb5-toc`` in the configuration.
"""

from dte_hpc.fdb.pyfdb.pyfdb import FDB
from dte_hpc.fdb.pyfdb.pyfdb_iterator import (
    ControlElement,
    IndexAxis,
    ListElement,
    PurgeElement,
    StatsElement,
    StatusElement,
    WipeElement,
    WipeElementType,
)
from dte_hpc.fdb.pyfdb.pyfdb_type import (
    URI,
    ControlAction,
    ControlIdentifier,
    DataHandle,
    MarsIdentifier,
    MarsSelection,
)

__version__ = "5.25.0"
"""The version of pyfdb whose interface this is."""

__all__ = [
    "FDB",
    "URI",
    "ControlAction",
    "ControlElement",
    "ControlIdentifier",
    "DataHandle",
    "IndexAxis",
    "ListElement",
    "MarsIdentifier",
    "MarsSelection",
    "PurgeElement",
    "StatsElement",
    "StatusElement",
    "WipeElement",
    "WipeElementType",
]
