"""In which of several roots does a new database begin?

FDB 5's handlers, by name. Writers that make the same database at the same moment must choose the same
root, or it would be in two. So what is random here is a hash of the database's name: fair over many
databases, and the same for every writer.

========================================  =========================================================
Default, First                            the first
RoundRobin, Random, PureRandom            equal shares
WeightedRandom, WeightedRandomPercent     shares as the free bytes, as the free part
LeastUsed, LeastUsedPercent               most free bytes, largest free part, in steps of 1/1000 of
                                          the largest and of 1 %; of equals a hash chooses
expver                                    as a file says, ``FDB_EXPVER_FILE``; a new experiment's root
                                          is chosen as by WeightedRandom, and appended to the file
envvar                                    the root that an environment variable names, whose own name
                                          is in ``FDB_FILESPACEHANDLER_ENVVARNAME`` (``STHOST``)
========================================  =========================================================
"""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import InvalidConfig, InvalidKey
from dte_hpc.fdb.files.disk import storage_failed

Roots = Sequence[Path]
MAX_MAP_BYTES = 16 * 1024 * 1024


def choose(handler: str, roots: Roots, name: str, key: Mapping[str, str]) -> Path:
    """Return the root where a database shall begin.

    Parameters
    ----------
    handler : str
        One of `dte_hpc.fdb.places.spaces.HANDLERS`.
    roots : sequence of Path
        That may be written to, at least one.
    name : str
        The database's directory.
    key : mapping of str to str
        Its keywords and values.

    Raises
    ------
    InvalidConfig, InvalidKey, StorageFailed
        From `expver` and `envvar`, when their file, variable or keyword does not name a root.
    """
    return _CHOICES[handler](roots, name, key)


def _first(roots: Roots, _name: str, _key: Mapping[str, str]) -> Path:
    return roots[0]


def _equal_shares(roots: Roots, name: str, _key: Mapping[str, str]) -> Path:
    return _shared(roots, [1] * len(roots), name)


def _by_free_bytes(roots: Roots, name: str, _key: Mapping[str, str]) -> Path:
    return _shared(roots, [_free(root)[0] for root in roots], name)


def _by_free_percent(roots: Roots, name: str, _key: Mapping[str, str]) -> Path:
    return _shared(roots, [_free(root)[1] for root in roots], name)


def _most_free_bytes(roots: Roots, name: str, key: Mapping[str, str]) -> Path:
    free = [_free(root)[0] for root in roots]
    step = max(1, max(free) // 1000)
    return _best(roots, [n_bytes // step for n_bytes in free], name, key)


def _most_free_percent(roots: Roots, name: str, key: Mapping[str, str]) -> Path:
    return _best(roots, [_free(root)[1] for root in roots], name, key)


def _best(roots: Roots, figures: Sequence[int], name: str, key: Mapping[str, str]) -> Path:
    best = [root for root, figure in zip(roots, figures, strict=True) if figure == max(figures)]
    return _equal_shares(best, name, key)


def _shared(roots: Roots, shares: Sequence[int], name: str) -> Path:
    """Return the root whose share of the range of hashes the name's hash is in."""
    ends = list(accumulate(shares))
    place = checksum(name.encode()) * ends[-1] >> 64
    return next((root for root, end in zip(roots, ends, strict=True) if place < end), roots[0])


def _free(root: Path) -> tuple[int, int]:
    """Return the free bytes and percent of a root's file system; zeros when it cannot be asked."""
    existing = next((path for path in (root, *root.parents) if path.exists()), root)
    try:
        facts = os.statvfs(existing)
    except OSError:
        return 0, 0
    return facts.f_bavail * facts.f_frsize, 100 * facts.f_bavail // max(1, facts.f_blocks)


def _as_variable_says(roots: Roots, name: str, _key: Mapping[str, str]) -> Path:
    variable = os.environ.get("FDB_FILESPACEHANDLER_ENVVARNAME", "STHOST")
    return _one_of(roots, os.environ.get(variable, ""), f"the environment variable {variable}", name)


def _as_file_says(roots: Roots, name: str, key: Mapping[str, str]) -> Path:
    """Return an experiment's root; the first line of the file that names the experiment counts.

    The file is appended to without a lock: a line is one write, and whoever wrote reads again.
    """
    expver = key.get("expver")
    if not expver or not expver.isalnum():
        raise InvalidKey(f"the database {name} has expver={expver}; expected letters and digits", name=name)
    home = os.environ.get("FDB_HOME", "")
    usual = str(Path(home, "etc/fdb/expver_to_fdb_root.map")) if home else ""
    path = os.environ.get("FDB_EXPVER_FILE", usual)
    if not path:
        raise InvalidConfig(
            "the handler expver needs its file; expected FDB_EXPVER_FILE or FDB_HOME to be set"
        )
    found = _mapped(path, expver)
    if found is None:
        _append(path, f"{expver} {_by_free_bytes(roots, expver, key)}\n")
        found = _mapped(path, expver) or ""
    return _one_of(roots, found, path, name)


def _mapped(path: str, expver: str) -> str | None:
    try:
        with Path(path).open(encoding="utf-8") as file:
            words = [line.split() for line in file.read(MAX_MAP_BYTES).splitlines()]
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path} cannot be read: {error}", path=path) from error
    return next((line[1] for line in words if len(line) == 2 and line[0] == expver), None)


def _append(path: str, line: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_failed(f"the file {path} cannot be written", error) from error


def _one_of(roots: Roots, named: str, by: str, name: str) -> Path:
    found = next((root for root in roots if named and root == Path(named)), None)
    if found is None:
        expected = ", ".join(map(str, roots))
        raise InvalidConfig(
            f"{by} names the root {named or 'nothing'} for {name}; expected one of {expected}"
        )
    return found


_CHOICES: dict[str, Callable[[Roots, str, Mapping[str, str]], Path]] = {
    "Default": _first,
    "First": _first,
    "LeastUsed": _most_free_bytes,
    "LeastUsedPercent": _most_free_percent,
    "RoundRobin": _equal_shares,
    "Random": _equal_shares,
    "PureRandom": _equal_shares,
    "WeightedRandom": _by_free_bytes,
    "WeightedRandomPercent": _by_free_percent,
    "expver": _as_file_says,
    "envvar": _as_variable_says,
}
