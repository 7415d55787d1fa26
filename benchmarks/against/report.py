"""What do the figures say?"""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from rounds import Row


def machine() -> dict[str, object]:
    """Return when and where this runs."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "cpu": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def summary(row: Row) -> dict[str, object]:
    """Return medians in seconds, and the ratios theirs / ours of the pairs: above 1 we are faster."""
    found: dict[str, object] = {"name": row.case.name, "title": row.case.title, "peer": row.case.peer}
    if row.trouble:
        return found | {"trouble": row.trouble}
    for side, samples in (("ours", row.ours), ("theirs", row.theirs), ("floor", row.floor)):
        if samples:
            found[f"{side}_seconds"] = statistics.median(sample["seconds"] for sample in samples)
            found[f"{side}_cpu_seconds"] = statistics.median(sample["cpu_seconds"] for sample in samples)
    for key in ("seconds", "cpu_seconds"):
        ratios = [theirs[key] / ours[key] for ours, theirs in zip(row.ours, row.theirs, strict=True)]
        found[f"{key}_ratio"] = [statistics.median(ratios), min(ratios), max(ratios)]
    return found | {"count": row.case.count, "per": row.case.per, "rounds": len(row.ours)}


def heading(where: dict[str, object], folder: str, n_rounds: int) -> str:
    """Return the lines above the table."""
    load = " ".join(str(number) for number in where["load"])  # type: ignore[attr-defined]
    return (
        f"{where['date']}; {where['cpu']}, {where['cores']} cores, load {load}; "
        f"files in {folder}; {n_rounds} pairs\n"
        "median time of one (field, request, query) or of the whole; ratio = theirs / ours of each pair: "
        "median (least to most)\n"
        f"{'':42}{'peer':>16}{'ours':>10}{'theirs':>10}{'floor':>10}   {'ratio':25}{'ratio of CPU time'}"
    )


def line(row: Row) -> str:
    """Return one line of the table."""
    found = summary(row)
    start = f"{row.case.title:42}{row.case.peer:>16}"
    if row.trouble:
        return f"{start}   cannot be compared: {row.trouble}"
    times = [_time(found.get(f"{side}_seconds"), row.case.count) for side in ("ours", "theirs", "floor")]
    ratios = [_ratio(found[f"{key}_ratio"]) for key in ("seconds", "cpu_seconds")]  # type: ignore[arg-type]
    return start + "".join(f"{text:>10}" for text in times) + "   " + "".join(f"{r:25}" for r in ratios)


def _time(seconds: object, count: int) -> str:
    if not isinstance(seconds, float):
        return "-"
    each = seconds / count
    return (
        f"{each:.2f} s" if each >= 1 else f"{each * 1e3:.3g} ms" if each >= 1e-3 else f"{each * 1e6:.3g} us"
    )


def _ratio(ratios: Sequence[float]) -> str:
    return "{:.2f} ({:.2f} to {:.2f})".format(*ratios)
