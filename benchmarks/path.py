"""How fast is the main path, and how far is it from the least it could be?

``python benchmarks/path.py`` starts one model rank and one IO rank and streams O1280 fields (float64,
made beforehand) through aggregate, encode (grid_simple, 16 bits) and sink into a store, flush included.
In the same minutes, in turn with it: a memory copy of one field, and a plain write + fdatasync of the
very messages the path stored. Medians of the paired rounds; ratios are taken round by round.

The least possible time: every value is read once and every encoded byte written once, at the speed of
the memory copy, and the encoded bytes reach the file as the plain write makes them.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dte_hpc.job.launch import mpiexec

GRID, N_POINTS = "O1280", 6_599_680
PLAN = [
    {"type": "aggregate"},
    {"type": "encode", "format": "grib", "packing": "simple", "bits-per-value": 16},
]


def main() -> int:
    arguments = parse()
    if arguments.inside:
        return stream(Path(arguments.inside), arguments.fields)
    folder = Path(tempfile.mkdtemp(prefix="dte-bench-", dir=arguments.folder))
    try:
        rounds = [one_round(folder, arguments.fields) for _ in range(arguments.rounds + 1)][1:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(rounds, arguments)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fields", type=int, default=16, help="fields a round (52.8 MB each)")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    parser.add_argument("--folder", default="/dev/shm", help="where the store is written")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser.parse_args()


def one_round(folder: Path, n_fields: int) -> dict[str, float]:
    """Measure the three once, one after the other, each on fresh files."""
    store = folder / "store"
    command = [
        mpiexec(),
        "-n",
        "2",
        sys.executable,
        __file__,
        "--inside",
        str(store),
        "--fields",
        str(n_fields),
    ]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    path_seconds = float(json.loads(told.strip().splitlines()[-1])["seconds"])
    data = b"".join(file.read_bytes() for file in sorted(store.rglob("*.data")))
    shutil.rmtree(store)
    return {
        "input_bytes": 8.0 * N_POINTS * n_fields,
        "encoded_bytes": float(len(data)),
        "path_seconds": path_seconds,
        "copy_seconds": copy_seconds() * n_fields,
        "write_seconds": write_seconds(folder / "raw", data),
    }


def stream(store: Path, n_fields: int) -> int:
    """Be one rank of the job; the model rank prints the seconds from the first field to the durable flush."""
    from dte_hpc.job import run

    def model(rank) -> None:
        indices = np.arange(N_POINTS)
        fields = [260.0 + 40.0 * np.random.default_rng(n).random(N_POINTS) for n in range(4)]
        rank.client.write_domain("atm", indices, global_size=N_POINTS, grid=GRID)
        write(rank, fields, 1, step=0)
        rank.client.flush()
        start = time.perf_counter()
        write(rank, fields, n_fields, step=1)
        rank.client.flush()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)

    sink = {"type": "sink", "sinks": [{"type": "fdb5", "config": str(store)}]}
    run(model, {"plans": [{"name": "native", "actions": [*PLAN, sink]}]})
    return 0


def write(rank, fields: list[np.ndarray], n_fields: int, step: int) -> None:
    for level in range(n_fields):
        metadata = {
            "class": "rd",
            "expver": "0001",
            "stream": "oper",
            "type": "fc",
            "date": 20260101,
            "time": 0,
            "step": step,
            "levtype": "pl",
            "levelist": level + 1,
            "param": 130,
            "domain": "atm",
        }
        rank.client.write_field(metadata, fields[level % len(fields)])


def copy_seconds() -> float:
    source = np.random.default_rng(0).random(N_POINTS)
    target = np.empty_like(source)
    np.copyto(target, source)
    start = time.perf_counter()
    for _ in range(5):
        np.copyto(target, source)
    return (time.perf_counter() - start) / 5


def write_seconds(path: Path, data: bytes) -> float:
    view, block = memoryview(data), 8 * 1024 * 1024
    start = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for offset in range(0, len(view), block):
            file.write(view[offset : offset + block])
        os.fdatasync(file.fileno())
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds


def report(rounds: list[dict[str, float]], arguments: argparse.Namespace) -> None:
    for r in rounds:
        # a copy reads and writes: its bytes moved are twice the field, so reading once costs half of it
        moved = r["input_bytes"] + r["encoded_bytes"]
        r["least_seconds"] = r["copy_seconds"] * moved / (2 * r["input_bytes"]) + r["write_seconds"]
        r["path_over_least"] = r["path_seconds"] / r["least_seconds"]
        r["path_over_copy"] = r["path_seconds"] / r["copy_seconds"]
        r["path_over_write"] = r["path_seconds"] / r["write_seconds"]
    if arguments.json:
        print(
            json.dumps(
                {"grid": GRID, "fields": arguments.fields, "folder": arguments.folder, "rounds": rounds}
            )
        )
        return
    print(
        f"{GRID}, {arguments.fields} fields of {8 * N_POINTS / 1e6:.1f} MB, "
        f"{len(rounds)} rounds, store in {arguments.folder}"
    )
    print(f"{'':34}{'seconds':>9}{'MB/s of input':>15}{'MB/s encoded':>14}")
    for name, key in (
        ("memory copy of the fields", "copy_seconds"),
        ("raw write + fdatasync, encoded", "write_seconds"),
        ("least possible", "least_seconds"),
        ("our path, 1 model + 1 IO rank", "path_seconds"),
    ):
        seconds = statistics.median(r[key] for r in rounds)
        megabytes = rounds[0]["input_bytes"] / 1e6, rounds[0]["encoded_bytes"] / 1e6
        print(f"{name:34}{seconds:9.3f}{megabytes[0] / seconds:15.0f}{megabytes[1] / seconds:14.0f}")
    for name in ("path_over_least", "path_over_copy", "path_over_write"):
        ratios = sorted(r[name] for r in rounds)
        print(f"{name:34}{statistics.median(ratios):9.2f}   ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    raise SystemExit(main())
