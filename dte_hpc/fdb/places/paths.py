"""Which directory and which files hold a key's fields?

A database is a directory named as FDB names it: its values in schema order joined by ``:``, as in
``od:0001:oper:20260101:0000:g``. Every value is percent-encoded first, so that two keys never share a
name and no value can climb out of the root: all but ``A-Z a-z 0-9 - _ . + = , @ ~`` become ``%xx`` of
their UTF-8 bytes (``:``, ``/``, ``%`` and NUL among them), as does a value's leading dot. A name that
would be empty is ``%``.
"""

import itertools
import os
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote_to_bytes

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import InvalidKey

MAX_NAME_BYTES = 255
_UNSAFE = re.compile(rb"^\.|[^A-Za-z0-9\-_.+=,@~]")
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-_.+=,@~]|%[0-9a-f]{2})*")
_counter = itertools.count()


def encode_value(value: str) -> str:
    """Return a value as a directory name holds it."""
    return _UNSAFE.sub(lambda found: f"%{found[0][0]:02x}".encode(), value.encode("utf-8")).decode("ascii")


def directory_name(values: Sequence[str]) -> str:
    """Return the directory name of a database key; InvalidKey if no file system could hold it."""
    name = ":".join(encode_value(value) for value in values) or "%"
    if len(name) > MAX_NAME_BYTES:
        raise InvalidKey(
            f"the database name {name[:60]}... has {len(name)} bytes; expected at most {MAX_NAME_BYTES}",
            name=name,
        )
    return name


@lru_cache(maxsize=4096)  # every request looks at every directory of the root
def values_of(name: str) -> tuple[str, ...] | None:
    """Return the values that a directory name stands for, or None if `directory_name` made no such name."""
    parts = [""] if name == "%" else name.split(":")
    if not all(_ENCODED.fullmatch(part) for part in parts):
        return None
    try:
        values = tuple(unquote_to_bytes(part).decode("utf-8") for part in parts)
    except UnicodeDecodeError:
        return None
    return values if (":".join(map(encode_value, values)) or "%") == name else None


def host_token(name: str, place: str) -> str:
    """Return at most 24 characters that no other host, and no other place on this one, has for itself.

    Parameters
    ----------
    name : str
        The host's; many have the same first characters.
    place : str
        What tells hosts, or containers, of one name apart.
    """
    short = re.sub(r"[^A-Za-z0-9-]", "-", name.partition(".")[0])[:15].rstrip("-") or "host"
    return f"{short}-{checksum(f'{name}/{place}'.encode()) & 0xFFFFFFFF:08x}"


def _place() -> str:
    """Return what tells machines of one name apart, and containers whose processes have the same numbers."""
    found = []
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii"))
    with suppress(OSError):
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(found)


HOST = host_token(socket.gethostname(), _place())


def new_stem() -> str:
    """Return a file name's first part that no other writer uses: time, host, process, count."""
    now = time.strftime("%Y%m%d.%H%M%S", time.gmtime())
    return f"{now}.{HOST}.{os.getpid()}.{next(_counter)}"
