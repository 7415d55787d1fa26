"""What is the store promised to be, beside ECMWF's FDB?

A `Promise` is a row of the table: a piece of work, which figure of it counts, and what is asked of it.
"""

from dataclasses import dataclass, replace

from cases import Case

SECONDS, INDEX_BYTES, SPEEDUP = "seconds", "index_bytes", "speedup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One row.

    Attributes
    ----------
    case : Case
        The work.
    figure : str
        ``seconds`` (theirs / ours counts), ``index_bytes`` a field (ours counts), or ``speedup`` of two
        writers (ours counts).
    at_least : float
        Of the ratio or the speedup.
    under : float
        Of the bytes; 0 for no bound.
    of_floor : float
        At least this part of the floor's speed; 0 when nothing is asked of it.
    """

    case: Case
    figure: str = SECONDS
    at_least: float = 0.0
    under: float = 0.0
    of_floor: float = 0.0


def promises(n_tiny: int, n_listed: int, n_flushes: int, n_large: int) -> tuple[Promise, ...]:
    """Return all rows, for so many fields."""
    tiny = {"size": n_tiny, "count": n_tiny}
    fields = {"fill": "fill_fields", "size": n_listed, "floor": False}
    flushes = {"fill": "fill_flushes", "size": n_flushes, "floor": False}
    large = {"count": n_large}
    listed, flushed = f"{n_listed:,} fields", f"{n_flushes:,} flushes"
    cases = {
        "grib-100kb": _case("archive_grib_100kb", "archive(data), GRIB, 500 x 100 KB", count=500),
        "grib-1mb": _case("archive_grib_1mb", f"archive(data), GRIB, {n_large} x 1 MB", **large),
        "key-1mb": _case("archive_key_1mb", f"archive(data, identifier), {n_large} x 1 MB", **large),
        "tiny": _case("archive_tiny", f"archive {n_tiny:,} x 64 B, one at a time", **tiny),
        "tiny-many": _case("archive_tiny_many", f"archive_many {n_tiny:,} x 64 B, columns", **tiny),
        "tiny-mappings": _case("archive_tiny_mappings", f"archive_many {n_tiny:,} x 64 B, mappings", **tiny),
        "list": _case("list_columns", f"list {listed}: columns", **fields),
        "list-keys": _case("list_keys", f"list {listed}: pyfdb API, keys()", **fields),
        "retrieve-many": _case(
            "retrieve_whole", f"retrieve {n_large} x 1 MB, one request", fill="fill_1mb", **large
        ),
        "retrieve-single": _case(
            "retrieve_single", "retrieve 500 x 100 KB, a request each", fill="fill_100kb", count=500
        ),
        "flushes-list": _case("list_flushes", f"{flushed}: list all", **flushes),
        "flushes-retrieve": _case("retrieve_one_flushes", f"{flushed}: new handle, one field", **flushes),
        "bytes-fields": _case("index_of_fields", f"index and toc a field, {listed}, 1 flush", **fields),
        "bytes-flushes": _case("index_of_flushes", f"index and toc a field, {flushed}", **flushes),
        "writers": _case("writers", f"2 writers against 1, {n_large // 2} x 1 MB each", size=n_large // 2),
    }
    return tuple(Promise(case=replace(case, name=name), **ASKED[name]) for name, case in cases.items())


ASKED = {
    "grib-100kb": {"at_least": 5},
    "grib-1mb": {"at_least": 3},
    "key-1mb": {"at_least": 1.5, "of_floor": 0.85},
    "tiny": {"at_least": 1},
    "tiny-many": {"at_least": 5},
    "tiny-mappings": {"at_least": 5},
    "list": {"at_least": 20},
    "list-keys": {"at_least": 2},
    "retrieve-many": {"at_least": 1},
    "retrieve-single": {"at_least": 1.5},
    "flushes-list": {"at_least": 10},
    "flushes-retrieve": {"at_least": 10},
    "bytes-fields": {"figure": INDEX_BYTES, "under": 40},
    "bytes-flushes": {"figure": INDEX_BYTES, "under": 400},
    "writers": {"figure": SPEEDUP, "at_least": 1.8},
}


def growth(n_fields: tuple[int, ...], n_flushes: tuple[int, ...]) -> tuple[Case, ...]:
    """Return what is measured of stores of growing size: of each, list, retrieve and the index's bytes."""
    return (
        *_grown(
            "fields, 1 flush", n_fields, "fill_fields", ("list_columns", "retrieve_one", "index_of_fields")
        ),
        *_grown(
            "flushes of 1 field",
            n_flushes,
            "fill_flushes",
            ("list_flushes", "retrieve_one_flushes", "index_of_flushes"),
        ),
    )


def _grown(
    what: str, counts: tuple[int, ...], fill: str, functions: tuple[str, str, str]
) -> tuple[Case, ...]:
    return tuple(
        _case(function, f"{count:,} {what}", fill=fill, size=count, floor=False)
        for count in counts
        for function in functions
    )


def _case(function: str, title: str, **facts) -> Case:
    return Case(name="", title=title, peer="pyfdb", area="store", function=function, **facts)
