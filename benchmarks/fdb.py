"""Is the store as fast beside ECMWF's FDB as it is promised to be?

``python benchmarks/fdb.py`` does every row of the promise with dte_hpc (this Python) and with pyfdb (the
Python of ``.venv-peers``), in turn, each sample in its own process, in memory and on a disk, and prints
Markdown tables: the promises, and how cost grows with fields and with flushes. Method: README.md.
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
from fdb_rows import Promise, growth, promises  # noqa: E402
from fdb_table import GROWTH_HEADING, HEADING, figures, growth_line, line  # noqa: E402
from report import machine  # noqa: E402
from rounds import CannotRun, fill_once, measure, run  # noqa: E402
from work import make_fields  # noqa: E402

FULL = {"n_tiny": 20_000, "n_listed": 100_000, "n_flushes": 4_000, "n_large": 500}
QUICK = {"n_tiny": 5_000, "n_listed": 20_000, "n_flushes": 400, "n_large": 100}
GROWTH = "growth"
NAMES = [promise.case.name for promise in promises(**FULL)]
THEIR_MOST = 1_000_000


def main() -> int:
    arguments = parse()
    sizes = QUICK if arguments.quick else FULL
    chosen = [p for p in promises(**sizes) if not arguments.only or p.case.name in arguments.only]
    pythons = {"ours": sys.executable, "theirs": arguments.peers}
    tables = {folder: _tables(folder, chosen, sizes, pythons, arguments) for folder in arguments.folders}
    if arguments.json:
        print(json.dumps({"machine": machine(), "tables": tables}, indent=1))
    return int(not all(row["kept"] for table in tables.values() for row in table["rows"]))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*NAMES, GROWTH]
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller: minutes, for a look")
    parser.add_argument("--large", action="store_true", help="10,000,000 fields too, ours alone (2 GB)")
    parser.add_argument(
        "--rounds", type=int, default=0, help="counted pairs, after one that is not (5; quick 3)"
    )
    parser.add_argument(
        "--folders", nargs="+", default=["/dev/shm", "/var/tmp"], help="where stores are written"
    )
    parser.add_argument(
        "--peers", default=str(HERE.parent / ".venv-peers/bin/python"), help="the Python that has the peers"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 5)
    return arguments


def _tables(folder: str, chosen: list[Promise], sizes: dict, pythons: dict, arguments) -> dict:
    """Measure everything in one folder."""
    work = Path(tempfile.mkdtemp(prefix="dte-fdb-", dir=folder))
    tell = (lambda text: None) if arguments.json else (lambda text: print(text, flush=True))
    try:
        make_fields(work, {"1MB": sizes["n_large"], "100KB": 500})
        tell(_heading(folder, arguments.rounds))
        rows = [_row(promise, work, pythons, arguments.rounds, tell) for promise in chosen]
        grown = {}
        if not arguments.only or GROWTH in arguments.only:
            tell(f"\n{GROWTH_HEADING}")
            grown = _grow(work, pythons, arguments, tell)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return {"rows": rows, "growth": grown}


def _heading(folder: str, n_rounds: int) -> str:
    where = machine()
    load = " ".join(str(number) for number in where["load"])
    told = f"{where['date']}; {where['cpu']}, {where['cores']} cores, load {load}; {n_rounds} pairs"
    return f"\n{folder}: {told}\n\n{HEADING}"


def _row(promise: Promise, work: Path, pythons: dict, n_rounds: int, tell) -> dict:
    row = measure(promise.case, work, pythons, n_rounds)
    tell(line(promise, row))
    return figures(promise, row) | {"samples": {"ours": row.ours, "theirs": row.theirs, "floor": row.floor}}


def _grow(work: Path, pythons: dict, arguments, tell) -> dict:
    """Measure stores of growing size; each is removed before the next is made."""
    n_fields = (10_000, 100_000) if arguments.quick else (10_000, 100_000, 1_000_000)
    n_flushes = (1, 10, 100, 400) if arguments.quick else (1, 10, 100, 1_000, 4_000)
    grown = {}
    cases = growth((*n_fields, 10_000_000) if arguments.large else n_fields, n_flushes)
    for three in zip(cases[::3], cases[1::3], cases[2::3], strict=True):
        samples = _samples(three, work, pythons, max(1, arguments.rounds - 2))
        tell(growth_line(three[0].title, samples))
        grown[three[0].title] = {" ".join(names): found for names, found in samples.items()}
    return grown


def _samples(three: tuple[Case, ...], work: Path, pythons: dict, n_rounds: int) -> dict:
    """Return the samples of one store, by side and by what was done."""
    found: dict[tuple[str, str], list] = {}
    sides = [side for side in pythons if side == "ours" or three[0].size <= THEIR_MOST]
    for side in sides:
        fill_once(three[0], side, work, pythons[side])
    for _ in range(n_rounds):
        for what, case in zip(("list", "retrieve", "index"), three, strict=True):
            for side in sides:
                found.setdefault((side, what), []).append(
                    run(case, side, case.function, work, pythons[side])[0]
                )
    return found


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except CannotRun as trouble:
        raise SystemExit(str(trouble)) from trouble
