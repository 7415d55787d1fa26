"""Did ECMWF's FDB write this database?

Its toc begins with a record of its own: the tag ``t``, three zeros, the version (1 to 3) and FDB's, both as
32 bits. A record of ours behind it would make the database unreadable to FDB, for ever.
"""

import os
import struct
from contextlib import suppress

from dte_hpc.base.errors import InvalidConfig

_BEGIN = struct.Struct("<4sII")
_TAG = b"t\0\0\0"
NAME_IT = "ECMWF's FDB wrote it; in the configuration engine: fdb5-toc reads it"


def is_foreign(fd: int) -> bool:
    """Whether an open toc begins as FDB's do. Cost: one small read."""
    begin = os.pread(fd, _BEGIN.size, 0)
    if len(begin) < _BEGIN.size:
        return False
    tag, version, fdb = _BEGIN.unpack(begin)
    return bool(tag == _TAG and 1 <= version <= 3 and 0 < fdb < 1_000_000)


def refuse_foreign(directory: int, where: str) -> None:
    """Raise InvalidConfig when FDB wrote the database in a directory."""
    with suppress(FileNotFoundError):
        fd = os.open("toc", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
        try:
            if is_foreign(fd):
                raise InvalidConfig(
                    f"{where} cannot be written to: {NAME_IT}, and dte fdb copy copies from it"
                )
        finally:
            os.close(fd)
