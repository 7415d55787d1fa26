"""Fields by key: archive, flush, list, inspect, retrieve. ECMWF FDB 5's semantics, on any POSIX file system.

    with FDB("/scratch/store") as store:
        store.archive(message)                      # keys from the GRIB header
        store.archive(blob, {"class": "od", ...})   # or given; any bytes
    for key in FDB("/scratch/store").list({"param": 130, "step": "0/to/24/by/6"}).keys(): ...

A schema splits a key into database, index and datum. A database is a directory of data files, index files
and one toc; writers share nothing else, and no locks. A message takes this way::

    naming     its key, made canonical, is split by the schema's rule
    places     configuration and lanes say in which root its database lies
    writing    it goes to the writer's own data file; a flush publishes index segment and toc record
    files      the bytes of all these, and their checksums
    finding    requests meet columns of the index: a listing, a handle to read from
    upkeep     what an operator does: locks, deletion, purge, compact, wipe, check, copies

Beside it stand `fdb5` (databases of ECMWF's FDB, to read), `pyfdb` (its Python interface) and `mars` (its
request language). What is promised, and the bytes, are told in docs/format.md.

Restrictions
------------
One flush is one transaction in each database it touches, not over several. Order between writers of
one key is the order of their flushes. Point reads (`Listing.read_at`) are not compared with a checksum.
The file system must append atomically (`O_APPEND`): local ones and Lustre do, NFS does not.
"""

from dte_hpc.fdb.finding.handle import MessageHandle
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.places.spaces import FDBConfig, Root, Space
from dte_hpc.fdb.store import FDB
from dte_hpc.fdb.upkeep.control import Control

__all__ = ["FDB", "Control", "FDBConfig", "Listing", "MessageHandle", "Root", "Schema", "Space"]
