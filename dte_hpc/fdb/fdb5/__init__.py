"""Stores that ECMWF's FDB 5 wrote, opened read-only: ``engine: fdb5-toc``.

    type: local
    engine: fdb5-toc
    spaces: [{roots: [{path: /where/fdb5/writes}]}]

List, inspect, retrieve and extract work as on a store of our own. `Fdb5Database` is a database: a toc
and sub-tocs (`toc`, `tocs`) of eckit streams (`stream`) name B-trees (`btree`) whose entries are called
by fingerprints (`fingerprints`), the values of the keywords of a rule of the schema (`rules`). They
become columns (`segment`), and the header of a message is read when more is asked (`table`).

Restrictions
------------
There are no checksums: a flipped bit in a data file is given out as it is, one in an index is noticed
only when it contradicts something. Databases that are laid over others (``fdb-overlay``) and data
files that are no files (``remote``, ``daos``, ``rados``) are reported and not followed. An index file of
more than 4 GiB is not read, because FDB 5 cuts offsets to 32 bits.
"""

from dte_hpc.fdb.fdb5.database import Fdb5Database

__all__ = ["Fdb5Database"]
