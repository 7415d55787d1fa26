"""What do wipe, purge and stats tell, in the words and order of ECMWF's tools?"""

import os
import pwd
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dte_hpc.fdb.pyfdb.pyfdb_iterator import WipeElementType

if TYPE_CHECKING:
    from dte_hpc.fdb.upkeep.reclaim import ReclaimPlan
    from dte_hpc.fdb.upkeep.summary import DatabaseStats
    from dte_hpc.fdb.upkeep.wipe import WipePlan

Told = tuple[WipeElementType, str, Sequence[str]]
_UNITS = ("byte", "Kbyte", "Mbyte", "Gbyte", "Tbyte", "Pbyte", "Ebyte")


def of_wipe(plan: "WipePlan", *, owner: str, unsafe: bool) -> Iterator[Told]:
    """Yield what a wipe does to one database, one kind of files after another."""
    kind = WipeElementType
    name = os.path.basename(plan.where)  # noqa: PTH119 - text, as it is
    yield kind.CATALOGUE_INFO, f"[Database: {name}, FDB Owner: {owner}]", ()
    data_kept = tuple(path for path in plan.safe if path.endswith(".data"))
    rest_kept = tuple(path for path in plan.safe if not path.endswith(".data"))
    told = (
        (kind.CATALOGUE, "Catalogue URIs to delete:", plan.catalogue),
        (kind.CATALOGUE_CONTROL, "Control URIs to delete:", plan.control),
        (kind.CATALOGUE_INDEX, "Index URIs to delete:", plan.index),
        (kind.CATALOGUE_SAFE, "Protected catalogue URIs (explicitly untouched):", rest_kept),
        (kind.STORE, "Data URIs to delete:", plan.data),
        (kind.STORE_SAFE, "Protected store URIs (explicitly untouched):", data_kept),
        (kind.UNKNOWN, "Unexpected entries in FDB database:", plan.unknown),
    )
    yield from (element for element in told if element[2])
    if plan.unknown and not unsafe:
        yield kind.ERROR, "Cannot fully wipe unclean FDB database:", ()


def owner_of(where: str) -> str:
    """Return the name of the user a database belongs to, the number of one without a name."""
    try:
        uid = os.stat(where).st_uid  # noqa: PTH116 - text, as it is
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
    except OSError:
        return "-"


def of_purge(
    plan: "ReclaimPlan", stats: "DatabaseStats | None", *, doit: bool, porcelain: bool
) -> Iterator[str]:
    """Yield the lines of what a purge does to one database; porcelain are only the files it removes."""
    gone = (*plan.remove, *plan.leftovers)
    if porcelain:
        yield from gone
        return
    yield from ("", "Index Report:", f"    Database {plan.where}")
    if stats is not None:
        yield from (f"          {line}" for line in index_lines(stats))
    headed = (
        ("Unreferenced owned data files:", [path for path in gone if path.endswith(".data")]),
        ("Index files to be deleted:", [path for path in gone if path.endswith(".index")]),
        ("Other files to be deleted:", [path for path in gone if not path.endswith((".data", ".index"))]),
    )
    for heading, paths in headed:
        yield from ("", heading, *(f"    {path}" for path in paths or ("- NONE -",)))
    yield ""
    if doit:
        yield from (f"Removing: {path}" for path in gone)


def index_lines(stats: "DatabaseStats") -> list[str]:
    """Return the lines of a database's fields. ("Reacheable" is ECMWF's spelling, which scripts look for.)"""
    n_all, bytes_all = stats.n_fields + stats.n_masked, stats.n_bytes + stats.n_masked_bytes
    facts = (
        ("Fields", "Size of fields", n_all, bytes_all),
        ("Duplicated fields", "Size of duplicates", stats.n_masked, stats.n_masked_bytes),
        ("Reacheable fields", "Reachable size", stats.n_fields, stats.n_bytes),
    )
    return [
        f"{name:32}: {value}"
        for fields, size, count, n_bytes in facts
        if count
        for name, value in ((fields, f"{count:,}"), (size, in_bytes(n_bytes)))
    ]


def database_lines(stats: "DatabaseStats") -> list[str]:
    """Return the lines of a database's files."""
    schema = _size(f"{stats.where}/schema")
    data = stats.n_bytes + stats.n_masked_bytes
    total = data + stats.index_bytes + stats.toc_bytes + schema
    facts = (
        ("Databases", "1"),
        ("TOC records", f"{stats.n_flushes:,}"),
        ("Size of TOC files", in_bytes(stats.toc_bytes)),
        ("Size of schemas files", in_bytes(schema)),
        ("Owned data files", f"{stats.n_data_files:,}"),
        ("Size of owned data files", in_bytes(data)),
        ("Index files", f"{stats.n_index_files:,}"),
        ("Size of index files", in_bytes(stats.index_bytes)),
        ("Total owned size", in_bytes(total)),
        ("Total size", in_bytes(total)),
    )
    return [f"{name:32}: {value}" for name, value in facts]


def of_stats(stats: "DatabaseStats") -> tuple[str, str]:
    """Return what is told of a database's fields, and of its files."""
    index, database = (
        "".join(f"{line}\n" for line in lines(stats)) for lines in (index_lines, database_lines)
    )
    return index, database


def in_bytes(count: int) -> str:
    """Return a number of bytes as eckit writes it: ``32,196 (31.4414 Kbytes)``."""
    size, unit = float(count), 0
    while size >= 1024 and unit + 1 < len(_UNITS):
        size, unit = size / 1024, unit + 1
    return f"{count:,} ({size:g} {_UNITS[unit]}{'' if size == 1 else 's'})"


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - text, as it is
    except OSError:
        return 0
