"""How are a database's files striped over the servers of a Lustre file system?

By a default layout of the database's directory, set once when it is made: its files then cost no call more
than elsewhere, and any program's files in it are striped alike. Where index and data are in one directory
the layout has two components: the first bytes of a file are on as few servers as an index needs (a toc or
an index never grows beyond them, and costs one object), what follows on as many as data needs::

    lfs setstripe -E 8M -c 1 -S 1M  -E -1 -c 8 -S 8M  od:0001:oper:20260101:0000:g

Only what was asked for is set (``lustre`` in the configuration, or FDB's variables): a site's own default
is often progressive already. `lfs`, not liblustreapi, is called: it is there wherever Lustre is, it knows
composite layouts, and a new database is rare enough for a process of its own.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig

UNIT_BYTES = 64 * 1024
WAIT_SECONDS = 60
MOUNTS = "/proc/self/mounts"
_ON = ("1", "true", "on", "yes")
_DATA = ("FDB_DATA_LUSTRE_STRIPE_COUNT", "FDB_DATA_LUSTRE_STRIPE_SIZE")
_INDEX = ("FDB_INDEX_LUSTRE_STRIPE_COUNT", "FDB_INDEX_LUSTRE_STRIPE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripes:
    """How one kind of file is striped.

    Attributes
    ----------
    stripe_count : int
        Servers' targets a file lies on; -1 for all, 0 for the file system's default.
    stripe_size : int
        Bytes on one before the next: a multiple of 65536; 0 for the file system's default.
    """

    stripe_count: int = 0
    stripe_size: int = 0

    def __post_init__(self) -> None:
        if not -1 <= self.stripe_count <= 2000:
            raise refuse("$.stripe-count", str(self.stripe_count), "-1, 0, or a number of targets to 2000")
        if self.stripe_size % UNIT_BYTES or not 0 <= self.stripe_size < 1 << 32:
            raise refuse(
                "$.stripe-size", str(self.stripe_size), f"bytes: a multiple of {UNIT_BYTES} below 4 GiB"
            )

    @property
    def words(self) -> list[str]:
        """The words of `lfs setstripe` that say so."""
        size = ["-S", str(self.stripe_size)] if self.stripe_size else []
        return ["-c", str(self.stripe_count), *size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """How a store's files are striped on Lustre.

    Attributes
    ----------
    data, index : Stripes, optional
        Of data files; of index files and toc. None leaves them as the file system has them.
    index_bytes : int
        In a directory with both: how many bytes of each file are striped as an index.
    """

    data: Stripes | None = None
    index: Stripes | None = None
    index_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.index_bytes <= 0 or self.index_bytes % UNIT_BYTES:
            raise refuse("$.index-bytes", str(self.index_bytes), f"a multiple of {UNIT_BYTES} above 0")

    def words(self, *, data: bool, index: bool) -> list[str]:
        """Return the words of `lfs setstripe` for a directory of one kind of file or both; none for none."""
        first, then = self.index if index else None, self.data if data else None
        if data and index and then:
            head = (first or Stripes(stripe_count=1)).words
            return ["-E", str(self.index_bytes), *head, "-E", "-1", *then.words]
        chosen = then or first
        return chosen.words if chosen else []


def layouts_of(configured: Layouts | None, environment: Mapping[str, str] = os.environ) -> Layouts | None:
    """Return the layouts a store shall have: as configured, else as FDB's variables say; None for none.

    Raises
    ------
    InvalidConfig
        For a variable that is no number.
    """
    if environment.get("FDB_HANDLE_LUSTRE_STRIPE", "1").lower() not in _ON:
        return None
    if configured is not None:
        return configured
    data, index = (_from_variables(names, environment) for names in (_DATA, _INDEX))
    return Layouts(data=data, index=index) if data or index else None


def _from_variables(names: Sequence[str], environment: Mapping[str, str]) -> Stripes | None:
    given = [environment.get(name, "") for name in names]
    if not any(given):
        return None
    try:
        return Stripes(stripe_count=int(given[0] or 0), stripe_size=int(given[1] or 0))
    except ValueError as error:
        raise InvalidConfig(f"{' and '.join(names)}: found {' and '.join(given)}: {error}") from error


def is_lustre(path: str | Path, mounts: str = MOUNTS) -> bool:
    """Whether a path, which need not exist, is on Lustre."""
    real = os.path.realpath(path)
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    around = {line.split()[1]: line.split()[2] for line in lines if len(line.split()) > 2}
    inside = [point for point in around if point == "/" or f"{real}/".startswith(f"{point}/")]
    return bool(inside) and around[max(inside, key=len)] == "lustre"


def set_layout(directory: str, words: Sequence[str]) -> str:
    """Give a directory a default layout; return what went wrong, the empty text if nothing did."""
    program = shutil.which("lfs")
    if program is None:
        return "there is no program lfs"
    command = [program, "setstripe", *words, directory]
    try:
        done = subprocess.run(  # noqa: S603 - words are numbers, and no shell reads them
            command, capture_output=True, text=True, errors="replace", timeout=WAIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    told = done.stderr.strip() or f"lfs setstripe ended with {done.returncode}"
    return "" if done.returncode == 0 else told


def report(roots: Sequence[Path], layouts: Layouts | None, *, data: bool, index: bool) -> dict[str, str]:
    """Return for each root how new databases there are striped, in words."""
    words = " ".join(layouts.words(data=data, index=index)) if layouts else ""
    program = shutil.which("lfs")
    told = {}
    for root in roots:
        if not is_lustre(root):
            told[str(root)] = "not on Lustre"
        elif not words:
            told[str(root)] = "as the file system has it (no striping is configured)"
        else:
            told[str(root)] = f"lfs setstripe {words}" if program else "as the file system has it (no lfs)"
    return told
