"""Is extraction as fast beside GribJump and Polytope as it is promised to be, and does it read as little?

``python benchmarks/extract.py`` does every row of the promise with dte_hpc (this Python) and with pygribjump
or polytope-python (the Python of ``.venv-peers``), in turn, each sample in its own process, and prints
Markdown tables: the promises, the bytes that strace sees being read, and how cost grows with points,
vertices and fields. Method: README.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "against"))

import extract_work  # noqa: E402
from cases import Case  # noqa: E402
from extract_rows import (  # noqa: E402
    Promise,
    growth_in_fields,
    growth_in_points,
    growth_in_ranks,
    growth_in_vertices,
    interval_sizes,
    promises,
    traced_rows,
)
from extract_table import (  # noqa: E402
    BLOCKS_HEADING,
    BYTES_HEADING,
    GROWTH_HEADING,
    HEADING,
    blocks_line,
    bytes_line,
    figures,
    growth_line,
    line,
)
from report import machine  # noqa: E402
from rounds import CannotRun, Row, fill_once, measure, run  # noqa: E402
from traced import is_possible, traced  # noqa: E402

FULL = {"number": 1280, "n_steps": 100, "n_many": 10_000}
QUICK = {"number": 320, "n_steps": 20, "n_many": 2_000}
BYTES, BLOCKS, POINTS, VERTICES = "bytes", "blocks", "points-growth", "vertices-growth"
FIELDS, RANKS = "fields-growth", "ranks-growth"
TABLES = (BYTES, BLOCKS, POINTS, VERTICES, FIELDS, RANKS)
NAMES = [promise.case.name for promise in promises(10_000, 100)]
THEIR_MOST_SECONDS = 20.0
SAME_SUM = 1e-3  # of some ten million values of 270


def main() -> int:
    arguments = parse()
    sizes = QUICK if arguments.quick else FULL
    rows = promises(sizes["n_many"], sizes["n_steps"])
    chosen = [p for p in rows if not arguments.only or p.case.name in arguments.only]
    tables = [name for name in TABLES if not arguments.only or name in arguments.only]
    work = Path(tempfile.mkdtemp(prefix="dte-extract-", dir=arguments.folder))
    try:
        extract_work.make(work, sizes["number"], sizes["n_steps"])
        bench = Bench(work, arguments)
        kept = bench.promises(chosen) if chosen else []
        for name in tables:
            getattr(bench, name.replace("-", "_"))()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if arguments.json:
        print(json.dumps({"machine": machine(), **bench.found}, indent=1))
    return int(not all(kept))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*NAMES, *TABLES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="a smaller grid, fewer fields: for a look")
    parser.add_argument(
        "--rounds", type=int, default=0, help="counted pairs, after one that is not (5; quick 3)"
    )
    parser.add_argument("--folder", default="/dev/shm", help="where stores are written (9 GB; quick 0.3 GB)")
    parser.add_argument(
        "--peers", default=str(HERE.parent / ".venv-peers/bin/python"), help="the Python that has the peers"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 5)
    return arguments


class Bench:
    """One run: stores are filled when a row first needs them."""

    def __init__(self, work: Path, arguments: argparse.Namespace) -> None:
        self.work, self.arguments = work, arguments
        self.pythons = {"ours": sys.executable, "theirs": arguments.peers}
        self.found: dict[str, list] = {}

    def promises(self, chosen: list[Promise]) -> list[bool]:
        """Measure the promises; return which were kept."""
        where = machine()
        load = " ".join(str(number) for number in where["load"])
        told = f"{where['date']}; {where['cpu']}, {where['cores']} cores, load {load}"
        self.tell(f"\n{told}; {self.arguments.rounds} pairs; in {self.arguments.folder}\n\n{HEADING}")
        for promise in chosen:
            most = min(promise.rounds or self.arguments.rounds, self.arguments.rounds)
            row = self.measured(promise.case, most)
            self.tell(line(promise, row))
            samples = {"ours": row.ours, "theirs": row.theirs}
            self.found.setdefault("promises", []).append(figures(promise, row) | {"samples": samples})
        return [bool(row["kept"]) for row in self.found["promises"]]

    def bytes(self) -> None:
        """Count what is read."""
        if not is_possible():
            self.tell("\nno strace here: bytes are not counted")
            return
        self.tell(f"\n{BYTES_HEADING}")
        for case, function in traced_rows(self.arguments.quick):
            self.fill(case)
            ours = traced(case, "ours", function, self.work, self.pythons["ours"])
            theirs = traced(case, "theirs", case.function, self.work, self.pythons["theirs"])
            sample = run(case, "ours", function, self.work, self.pythons["ours"])[0]
            n_values, whole = int(sample["values"]), int(sample["bytes_whole"])
            self.tell(bytes_line(case.title, n_values, whole, ours, theirs))
            told = {"title": case.title, "values": n_values, "whole": whole, "ours": ours, "theirs": theirs}
            self.found.setdefault(BYTES, []).append(told)

    def blocks(self) -> None:
        """Measure what smaller intervals cost and save."""
        self.tell(f"\n{BLOCKS_HEADING}")
        samples: list[dict[str, float]] = []
        for case in interval_sizes((128, 64, 32, 16, 8, 4)):
            samples.append(run(case, "ours", case.function, self.work, self.pythons["ours"])[0])
            self.tell(blocks_line(case.title, samples[-1], samples[0]["bytes_field"]))
            self.found.setdefault(BLOCKS, []).append({"title": case.title, **samples[-1]})

    def points_growth(self) -> None:
        """Measure growing numbers of points."""
        most = 5 if self.arguments.quick else 6
        self.grow(POINTS, growth_in_points(tuple(10**power for power in range(most + 1))))

    def vertices_growth(self) -> None:
        """Measure growing numbers of vertices."""
        self.grow(VERTICES, growth_in_vertices((4, 10, 100, 1000, 10_000)))

    def fields_growth(self) -> None:
        """Measure growing numbers of fields."""
        self.grow(FIELDS, growth_in_fields((1, 10, 100, 1000, 10_000)))

    def ranks_growth(self) -> None:
        """Measure one large query by growing numbers of ranks."""
        self.tell("\n| query | seconds | times as fast as one rank |\n|---|---|---|")
        cases = growth_in_ranks((1, 2, 4))
        self.fill(cases[0])
        for case in cases:
            sample, total = run(case, "ours", case.function, self.work, self.pythons["ours"])
            told = {"title": case.title, "seconds": sample["seconds"], "sum": float(total[0])}
            self.found.setdefault(RANKS, []).append(told)
            faster = self.found[RANKS][0]["seconds"] / sample["seconds"]
            self.tell(f"| {case.title} | {sample['seconds']:.2f} | {faster:.2f} |")
        if np.ptp([told["sum"] for told in self.found[RANKS]]) > SAME_SUM:
            raise CannotRun(f"ranks differ: {self.found[RANKS]}")

    def grow(self, name: str, cases: tuple[Case, ...]) -> None:
        """Measure cases of growing size; the peer is left out once it takes long."""
        self.tell(f"\n{GROWTH_HEADING}")
        slow: set[str] = set()
        for case in cases:
            row = self.measured(case, 1, alone=case.function in slow)
            if row.theirs and row.theirs[0]["seconds"] > THEIR_MOST_SECONDS:
                slow.add(case.function)
            self.tell(growth_line(row))
            told = {"title": case.title, "ours": row.ours, "theirs": row.theirs, "trouble": row.trouble}
            self.found.setdefault(name, []).append(told)

    def measured(self, case: Case, n_rounds: int, *, alone: bool = False) -> Row:
        """Return a row, its stores filled before."""
        try:
            self.fill(case)
        except CannotRun as trouble:
            return Row(case=case, trouble=str(trouble))
        if alone:
            return Row(case=case, ours=[run(case, "ours", case.function, self.work, self.pythons["ours"])[0]])
        return measure(replace(case, fill=""), self.work, self.pythons, n_rounds)

    def fill(self, case: Case) -> None:
        """Fill the stores a case reads, whatever its size."""
        for side, python in self.pythons.items():
            fill_once(replace(case, size=0), side, self.work, python)

    def tell(self, text: str) -> None:
        """Print, unless only JSON is wanted."""
        if not self.arguments.json:
            print(text, flush=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except CannotRun as trouble:
        raise SystemExit(str(trouble)) from trouble
