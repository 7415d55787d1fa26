"""Fields by key: archive, flush, list, inspect, retrieve. ECMWF FDB 5's semantics, on any POSIX file system.

    with FDB("/scratch/store") as store:
        store.archive(message)                      # keys from the GRIB header
        store.archive(blob, {"class": "od", ...})   # or given; any bytes
    for key in FDB("/scratch/store").list({"param": 130, "step": "0/to/24/by/6"}).keys(): ...

A schema in FDB's language (`grammar`, `schema`, `kinds`) splits a key into database, index and datum. A
database is a directory (`paths`) of data files, index files (`segment`) and one `toc`; writers share
nothing else, and no locks. What a flush promises is written in `writer`; bytes are drawn in `toc`,
`segment` and `tables`, and told in docs/format.md.

Restrictions
------------
One flush is one transaction in each database it touches, not over several. Order between writers of
one key is the order of their flushes. Point reads (`Listing.read_at`) are not compared with a checksum.
The file system must append atomically (`O_APPEND`): local ones and Lustre do, NFS does not.
"""

from dte_hpc.fdb.handle import MessageHandle
from dte_hpc.fdb.listing import Listing
from dte_hpc.fdb.schema import Schema
from dte_hpc.fdb.spaces import FDBConfig, Root, Space
from dte_hpc.fdb.store import FDB

__all__ = ["FDB", "FDBConfig", "Listing", "MessageHandle", "Root", "Schema", "Space"]
