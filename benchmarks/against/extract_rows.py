"""What is extraction promised to be, beside ECMWF's GribJump and Polytope?

A `Promise` is a row of the table: a piece of work, which figure of it counts, and what is asked of it.
"""

from dataclasses import dataclass, replace

from cases import JUMP, POLYTOPE, SAME_POINT, Case

SECONDS, MEMORY = "seconds", "bytes_a_point"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One row.

    Attributes
    ----------
    case : Case
        The work.
    figure : str
        ``seconds`` (theirs / ours counts), or ``bytes_a_point``: by how much the process grew while it
        answered, beyond the values (ours counts).
    at_least : float
        Of the ratio.
    under : float
        Of the bytes a point.
    rounds : int
        The most counted pairs, where one takes long; 0 for as many as the others.
    """

    case: Case
    figure: str = SECONDS
    at_least: float = 0.0
    under: float = 0.0
    rounds: int = 0


def promises(n_many: int, n_fields: int) -> tuple[Promise, ...]:
    """Return all rows, for so many scattered points and so many fields."""
    one = {"count": 100, "per": "query"}
    grid, all_of = f"{n_many:,} scattered points", f"{n_fields} fields"
    cases = {
        "point": _jump("one_simple", "1 point of 1 field, simple", "simple", **one),
        "point-ccsds": _jump("one_ccsds", "1 point of 1 field, CCSDS", "ccsds", **one),
        "points": _jump("indexed_all_simple", f"100 points of {all_of}, simple", "simple", size=100),
        "points-ccsds": _jump("indexed_all_ccsds", f"100 points of {all_of}, CCSDS", "ccsds", size=100),
        "scattered": _jump("indexed_simple", f"{grid} of 1 field, simple", "simple", size=n_many),
        "scattered-ccsds": _jump("indexed_ccsds", f"{grid} of 1 field, CCSDS", "ccsds", size=n_many),
        "all-simple": _jump("indexed_all_simple", f"{grid} of {all_of}, simple", "simple", size=n_many),
        "all-ccsds": _jump("indexed_all_ccsds", f"{grid} of {all_of}, CCSDS", "ccsds", size=n_many),
        "series": _polytope("series", f"time series of {n_fields} steps"),
        "box": _polytope("box", "box of 40 degrees"),
        "flight": _polytope("flight", "flight through levels and steps", fill="fill_flight"),
        "country": _polytope("polygon", "country of 150 vertices", size=150),
        "vertices": _polytope("polygon", "polygon of 1,000 vertices", size=1000),
        "continent": _polytope("large_polygon", "continent of 150 vertices"),
        "memory": _polytope("large_polygon", "continent: memory a point beyond the values"),
    }
    return tuple(Promise(case=replace(case, name=name), **ASKED[name]) for name, case in cases.items())


ASKED = {
    "point": {"at_least": 1.5},
    "point-ccsds": {"at_least": 1.5},
    "points": {"at_least": 8},
    "points-ccsds": {"at_least": 5},
    "scattered": {"at_least": 10},
    "scattered-ccsds": {"at_least": 4},
    "all-simple": {"at_least": 6, "rounds": 2},
    "all-ccsds": {"at_least": 6, "rounds": 1},
    "series": {"at_least": 5},
    "box": {"at_least": 50},
    "flight": {"at_least": 20},
    "country": {"at_least": 100},
    "vertices": {"at_least": 300, "rounds": 3},
    "continent": {"at_least": 300, "rounds": 2},
    "memory": {"figure": MEMORY, "under": 64, "rounds": 2},
}


def interval_sizes(counts: tuple[int, ...]) -> tuple[Case, ...]:
    """Return what is measured of fields that we compress with so many blocks an interval."""
    return tuple(_jump("blocks", f"{count} blocks of 32", "ccsds", size=count) for count in counts)


def growth_in_points(counts: tuple[int, ...]) -> tuple[Case, ...]:
    """Return what is measured of one field, at growing numbers of scattered points."""
    return tuple(
        _jump(f"indexed_{name}", f"{count:,} points of 1 field", name, size=count)
        for count in counts
        for name in ("simple", "ccsds")
    )


def growth_in_vertices(counts: tuple[int, ...]) -> tuple[Case, ...]:
    """Return what is measured of polygons of growing numbers of vertices, of one size."""
    return tuple(_polytope("polygon", f"polygon of {count:,} vertices", size=count) for count in counts)


def growth_in_fields(counts: tuple[int, ...]) -> tuple[Case, ...]:
    """Return what is measured of one point of growing numbers of fields (small ones, each of its own)."""
    return tuple(
        Case(
            name="", title=f"1 point of {count:,} fields", peer=JUMP, area="extract",
            function=f"small_{name}", fill=f"fill_small_{name}", size=count, floor=False,
        )
        for count in counts
        for name in ("simple", "ccsds")
    )  # fmt: skip


def growth_in_ranks(counts: tuple[int, ...]) -> tuple[Case, ...]:
    """Return what is measured of one large query by growing numbers of ranks; ours alone."""
    return tuple(
        _polytope("ranks", f"continent at every step, {count} ranks", size=count) for count in counts
    )


def _jump(function: str, title: str, kind: str, **facts) -> Case:
    return Case(
        name="", title=title, peer=JUMP, area="extract", function=function, fill=f"fill_{kind}",
        floor=False, **facts,
    )  # fmt: skip


def _polytope(function: str, title: str, fill: str = "fill_ccsds", **facts) -> Case:
    return Case(
        name="", title=title, peer=POLYTOPE, area="extract", function=function, fill=fill, floor=False,
        tolerance=SAME_POINT, **facts,
    )  # fmt: skip


def traced_rows(quick: bool) -> tuple[tuple[Case, str], ...]:
    """Return what bytes are counted of, and our function for it: it reads by calls that can be seen."""
    n_many = 2_000 if quick else 10_000
    cases = (
        _jump("indexed_simple", f"{n_many:,} scattered points of 1 field, simple", "simple", size=n_many),
        _jump("indexed_ccsds", "100 scattered points of 1 field, CCSDS", "ccsds", size=100),
        _jump("indexed_ccsds", f"{n_many:,} scattered points of 1 field, CCSDS", "ccsds", size=n_many),
        _jump("indexed_all_simple", "100 points of every field, simple", "simple", size=100),
        _jump("indexed_all_ccsds", "100 points of every field, CCSDS", "ccsds", size=100),
        _polytope("flight", "flight, CCSDS", fill="fill_flight"),
    )
    return tuple((case, f"{case.function}_by_calls") for case in cases)
