"""How are extraction's promises, its bytes and its growth written as tables?"""

import statistics
from collections.abc import Mapping, Sequence

from extract_rows import MEMORY, Promise
from fdb_table import median, n_bytes, seconds
from rounds import Row

HEADING = (
    "| query | asked | ours | peer | ratio (least to most) | of CPU time | kept |\n"
    "|---|---|---|---|---|---|---|"
)
BYTES_HEADING = (
    "| query | values | ours: bytes of data files | calls | a value | peer: bytes of data files | calls "
    "| of the fields, ours | peer |\n|---|---|---|---|---|---|---|---|---|"
)
BLOCKS_HEADING = (
    "| an interval is | field | larger than with 128 by | bytes read for 100 points | a point | time |\n"
    "|---|---|---|---|---|---|"
)
GROWTH_HEADING = "| query | ours | peer | ratio | ours: process grew by | peer |\n|---|---|---|---|---|---|"


def figures(promise: Promise, row: Row) -> dict[str, object]:
    """Return what was measured, and whether the promise was kept."""
    found: dict[str, object] = {"name": promise.case.name, "title": promise.case.title}
    if row.trouble:
        return found | {"trouble": row.trouble, "kept": False}
    if promise.figure == MEMORY:
        for side, samples in (("ours", row.ours), ("theirs", row.theirs)):
            found[side] = statistics.median(_bytes_a_point(sample) for sample in samples)
        return found | {"kept": found["ours"] < promise.under}  # type: ignore[operator]
    for side, samples in (("ours", row.ours), ("theirs", row.theirs)):
        found[side] = median(samples, "seconds")
    found["ratio"] = _spread(row, "seconds")
    found["cpu_ratio"] = _spread(row, "cpu_seconds")
    return found | {"kept": found["ratio"][0] >= promise.at_least}  # type: ignore[index]


def line(promise: Promise, row: Row) -> str:
    """Return one line of the table of promises."""
    found = figures(promise, row)
    memory = promise.figure == MEMORY
    asked = f"under {promise.under:g} B" if memory else f"{promise.at_least:g} x"
    if row.trouble:
        return f"| {promise.case.title} | {asked} | cannot be compared: {row.trouble} | | | | no |"
    if memory:
        cells = [n_bytes(found["ours"]), n_bytes(found["theirs"]), "", ""]  # type: ignore[arg-type]
    else:
        cells = [seconds(found[side] / promise.case.count) for side in ("ours", "theirs")]  # type: ignore[operator]
        cells += [_ratio(found[key]) for key in ("ratio", "cpu_ratio")]  # type: ignore[arg-type]
    return f"| {promise.case.title} | {asked} | {' | '.join(cells)} | {'yes' if found['kept'] else 'no'} |"


def bytes_line(title: str, n_values: int, whole: int, ours: Mapping, theirs: Mapping | None) -> str:
    """Return one line of the table of bytes; `whole` is of the messages that are touched."""

    def share(read: int) -> str:
        return f"{100 * read / whole:.4f} %"

    own, calls = ours["bytes"], ours["calls"]
    cells = [f"{n_values:,}", n_bytes(own), f"{calls:,}", f"{own / n_values:.1f} B"]
    cells += [n_bytes(theirs["bytes"]), f"{theirs['calls']:,}"] if theirs else ["", ""]
    cells += [share(own), share(theirs["bytes"]) if theirs else ""]
    return f"| {title} | {' | '.join(cells)} |"


def blocks_line(title: str, sample: Mapping[str, float], largest: float) -> str:
    """Return one line of the table of interval sizes; `largest` is of the field with the largest ones."""
    more = 100 * (sample["bytes_field"] / largest - 1)
    read = sample["bytes_read"]
    cells = [n_bytes(sample["bytes_field"]), f"{more:.2f} %", n_bytes(read), n_bytes(read / 100)]
    return f"| {title} | {' | '.join(cells)} | {seconds(sample['seconds'])} |"


def growth_line(row: Row) -> str:
    """Return one line of a growth table."""
    if row.trouble:
        return f"| {row.case.title} | cannot be compared: {row.trouble} | | | | |"
    both = [row.ours, row.theirs]
    cells = [seconds(median(samples, "seconds")) if samples else "" for samples in both]
    cells += [f"{_spread(row, 'seconds')[0]:.3g}" if row.theirs else ""]
    cells += [n_bytes(median(samples, "peak_bytes")) if samples else "" for samples in both]
    return f"| {row.case.title} | {' | '.join(cells)} |"


def _bytes_a_point(sample: Mapping[str, float]) -> float:
    return sample["answer_bytes"] / sample["points"] - 8


def _spread(row: Row, figure: str) -> list[float]:
    """Return median, least and most of theirs / ours, pair by pair."""
    ratios = [a[figure] / b[figure] for a, b in zip(row.theirs, row.ours, strict=True) if b[figure]]
    return [statistics.median(ratios), min(ratios), max(ratios)] if ratios else [0.0, 0.0, 0.0]


def _ratio(three: Sequence[float]) -> str:
    return "{:.3g} ({:.3g} to {:.3g})".format(*three)
