"""What became available.

`journal.append` records, beside a store, that the fields of a request can be read; `journal.read` tells
from any point on. One record a committed flush, not a field: a listener asks the store for the rest.

Restrictions: whoever appends has flushed the store first. The journal's file system must know locks.
Nothing is pushed from here: who wants to hear asks again, or talks to the service room.
"""
