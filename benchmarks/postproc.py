"""Is post-processing as fast beside MultIO, MIR, SciPy and ecCodes as it is promised to be?

``python benchmarks/postproc.py`` does every row of the promise with dte_hpc (this Python) and with a peer
(the Python of ``.venv-peers``), in turn, each sample in its own process, results compared before any time is
taken, and prints Markdown tables: the promises, and how cost grows. Method: README.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "against"))

from cases import Case  # noqa: E402
from fdb_rows import Promise  # noqa: E402
from fdb_table import figures, median, seconds  # noqa: E402
from postproc_rows import GRIDS, N_OPERATIONS, promises  # noqa: E402
from report import machine  # noqa: E402
from rounds import Row, measure, run  # noqa: E402
from work import make_fields, write_templates  # noqa: E402

SIDES = ("ours", "theirs", "floor")
GROWTH = ("grids-growth", "operations-growth", "threads-growth")
HEADING = (
    "| work (0.25°, float64, a field) | beside | asked | ours | theirs | least | ratio (least to most) "
    "| of CPU time | kept |\n|---|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    arguments = parse()
    chosen = [p for p in promises() if not arguments.only or p.case.name in arguments.only]
    grown = [name for name in GROWTH if not arguments.only or name in arguments.only]
    pythons = {"ours": sys.executable, "theirs": arguments.peers}
    tell = (lambda text: None) if arguments.json else (lambda text: print(text, flush=True))
    work = Path(tempfile.mkdtemp(prefix="dte-postproc-", dir=arguments.folder))
    try:
        make_fields(work, {})
        write_templates(work)
        tell(_heading(arguments))
        rows = [_row(promise, work, pythons, arguments.rounds, tell) for promise in chosen]
        growth = {name: _grow(name, work, pythons, tell) for name in grown}
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if arguments.json:
        print(json.dumps({"machine": machine(), "rows": rows, "growth": growth}, indent=1))
    return int(not all(row["kept"] for row in rows))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*(promise.case.name for promise in promises()), *GROWTH]
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5, help="counted pairs, after one that is not")
    parser.add_argument("--folder", default="/dev/shm", help="where files are written")
    parser.add_argument(
        "--peers", default=str(HERE.parent / ".venv-peers/bin/python"), help="the Python that has the peers"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def _heading(arguments: argparse.Namespace) -> str:
    where = machine()
    load = " ".join(str(number) for number in where["load"])
    told = f"{where['date']}; {where['cpu']}, {where['cores']} cores, load {load}; {arguments.rounds} pairs"
    return f"\n{told}; files in {arguments.folder}\n\n{HEADING}"


def _row(promise: Promise, work: Path, pythons: dict, n_rounds: int, tell) -> dict:
    row = measure(promise.case, work, pythons, n_rounds)
    found = figures(promise, row) | {"asked": _asked(promise)}
    if promise.under and not row.trouble:
        found["kept"] = median(row.ours, "seconds") / promise.case.count < promise.under
    tell(_line(promise, row, found))
    return found | {"samples": {"ours": row.ours, "theirs": row.theirs, "floor": row.floor}}


def _asked(promise: Promise) -> str:
    return f"under {seconds(promise.under)}" if promise.under else f"{promise.at_least:g} x"


def _line(promise: Promise, row: Row, found: dict) -> str:
    start = f"| {promise.case.title} | {promise.case.peer} | {found['asked']} |"
    if row.trouble:
        return f"{start} cannot be compared: {row.trouble} | | | | | no |"
    cells = [seconds(found[side] / promise.case.count) if side in found else "" for side in SIDES]
    if "of_floor" in found:
        cells[2] += f", ours at {found['of_floor'][0]:.0%} of its speed"
    cells += ["{:.2f} ({:.2f} to {:.2f})".format(*found[key]) for key in ("ratio", "cpu_ratio")]
    return f"{start} {' | '.join(cells)} | {'yes' if found['kept'] else 'no'} |"


def _grow(name: str, work: Path, pythons: dict, tell) -> dict:
    """Measure what grows; ours alone, one process."""
    case = Case(name=name, title=name, peer="", area="postproc", function=name.replace("-", "_"))
    found, _ = run(case, "ours", case.function, work, pythons["ours"])
    if name == "grids-growth":
        tell("\n| ns a value | 4 statistics | encode simple | encode CCSDS |\n|---|---|---|---|")
        for grid in GRIDS:
            cells = [f"{found[f'{grid} {what}']:.2f}" for what in ("four", "simple", "ccsds")]
            tell(f"| {grid} | {' | '.join(cells)} |")
    elif name == "operations-growth":
        tell("\n| operations in one pass | ms a field |\n|---|---|")
        for count in N_OPERATIONS:
            tell(f"| {count} | {found[str(count)]:.2f} |")
    else:
        tell("\n| 2 threads against 1 | times as fast |\n|---|---|")
        for what in ("four", "ccsds"):
            tell(f"| {what} | {found[what]:.2f} |")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
