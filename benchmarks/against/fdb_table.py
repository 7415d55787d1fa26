"""How are the store's promises and its growth written as tables?"""

import statistics
from collections.abc import Mapping, Sequence

from fdb_rows import INDEX_BYTES, SECONDS, SPEEDUP, Promise
from rounds import Row

HEADING = (
    "| work | asked | ours | pyfdb | raw | ratio (least to most) | of CPU time | kept |\n"
    "|---|---|---|---|---|---|---|---|"
)
GROWTH_HEADING = (
    "| store | list: ours | pyfdb | ours grew by | pyfdb | retrieve 1, new handle: ours | pyfdb "
    "| index and toc a field: ours | pyfdb |\n|---|---|---|---|---|---|---|---|---|"
)


def figures(promise: Promise, row: Row) -> dict[str, object]:
    """Return what was measured, and whether the promise was kept."""
    found: dict[str, object] = {
        "name": promise.case.name,
        "title": promise.case.title,
        "asked": asked(promise),
    }
    if row.trouble:
        return found | {"trouble": row.trouble, "kept": False}
    for side, samples in (("ours", row.ours), ("theirs", row.theirs), ("floor", row.floor)):
        if samples:
            found[side] = median(samples, promise.figure)
    found["ratio"] = _spread(_ratios(row.theirs, row.ours, promise.figure))
    if promise.figure == SECONDS:
        found["cpu_ratio"] = _spread(_ratios(row.theirs, row.ours, "cpu_seconds"))
    if row.floor:
        found["of_floor"] = _spread(_ratios(row.floor, row.ours, promise.figure))
    return found | {"kept": _kept(promise, found)}


def asked(promise: Promise) -> str:
    """Return the promise in words."""
    if promise.figure == INDEX_BYTES:
        return f"under {promise.under:g} B"
    floor = f", {promise.of_floor:.0%} of raw" if promise.of_floor else ""
    return f"{promise.at_least:g} x{floor}"


def line(promise: Promise, row: Row) -> str:
    """Return one line of the table."""
    found = figures(promise, row)
    if row.trouble:
        return f"| {promise.case.title} | {found['asked']} | cannot be compared: {row.trouble} | | | | | no |"
    cells = [_figure(found.get(side), promise) for side in ("ours", "theirs", "floor")]
    if "of_floor" in found:
        cells[2] += f", ours at {found['of_floor'][0]:.0%} of it"  # type: ignore[index]
    ratios = [_ratio(found[key]) if key in found else "" for key in ("ratio", "cpu_ratio")]
    cells = [promise.case.title, str(found["asked"]), *cells, *ratios, "yes" if found["kept"] else "no"]
    return f"| {' | '.join(cells)} |"


def growth_line(title: str, samples: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]) -> str:
    """Return one line of the growth table; samples by side and by what was done."""

    def each(what: str, figure: str, write) -> list[str]:
        both = [samples.get((side, what)) for side in ("ours", "theirs")]
        return [write(median(found, figure)) if found else "" for found in both]

    cells = each("list", SECONDS, seconds) + each("list", "peak_bytes", n_bytes)
    cells += each("retrieve", SECONDS, seconds) + each("index", INDEX_BYTES, n_bytes)
    return f"| {title} | {' | '.join(cells)} |"


def median(samples: Sequence[Mapping[str, float]], figure: str) -> float:
    """Return the median of a figure."""
    return statistics.median(sample[figure] for sample in samples)


def seconds(value: float) -> str:
    """Return seconds in the unit that suits them."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


def n_bytes(value: float) -> str:
    """Return bytes in the unit that suits them."""
    if value < 1e4:
        return f"{value:.0f} B"
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"


def _figure(value: object, promise: Promise) -> str:
    if not isinstance(value, float):
        return ""
    if promise.figure == SPEEDUP:
        return f"{value:.2f} x"
    return n_bytes(value) if promise.figure == INDEX_BYTES else seconds(value / promise.case.count)


def _kept(promise: Promise, found: Mapping[str, object]) -> bool:
    if promise.figure == INDEX_BYTES:
        return found["ours"] < promise.under  # type: ignore[operator]
    if promise.figure == SPEEDUP:
        return found["ours"] >= promise.at_least  # type: ignore[operator]
    of_floor = found["of_floor"][0] if promise.of_floor else 0.0  # type: ignore[index]
    return found["ratio"][0] >= promise.at_least and of_floor >= promise.of_floor  # type: ignore[index]


def _ratios(
    over: Sequence[Mapping[str, float]], under: Sequence[Mapping[str, float]], figure: str
) -> list[float]:
    return [a[figure] / b[figure] for a, b in zip(over, under, strict=True) if b[figure]]


def _spread(ratios: Sequence[float]) -> tuple[float, float, float]:
    return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else (0.0, 0.0, 0.0)


def _ratio(spread: object) -> str:
    return "{:.2f} ({:.2f} to {:.2f})".format(*spread)  # type: ignore[misc]
