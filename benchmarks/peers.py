"""How fast is the engine beside ECMWF's own packages?

``python benchmarks/peers.py`` does the same work with dte_hpc (this Python) and with pyfdb, pygribjump,
polytope-python and pymultio (the Python of ``.venv-peers``), in turn, each sample in its own process and
with the results compared before any time is taken. What is the same and what is not: README.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "against"))

from cases import CASES  # noqa: E402
from report import heading, line, machine, summary  # noqa: E402
from rounds import Row, measure  # noqa: E402
from work import make  # noqa: E402


def main() -> int:
    arguments = parse()
    chosen = [case for case in CASES if not arguments.only or case.name in arguments.only]
    pythons = {"ours": sys.executable, "theirs": arguments.peers}
    folder = Path(tempfile.mkdtemp(prefix="dte-peers-", dir=arguments.folder))
    where, rows = machine(), []
    try:
        make(folder)
        if not arguments.json:
            print(heading(where, arguments.folder, arguments.rounds), flush=True)
        for case in chosen:
            rows.append(measure(case, folder, pythons, arguments.rounds))
            if not arguments.json:
                print(line(rows[-1]), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        print(as_json(where, arguments.folder, rows))
    return int(any(row.trouble for row in rows))


def parse() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5, help="counted pairs, after one that is not")
    parser.add_argument("--folder", default="/dev/shm", help="where stores are written (2 GB)")
    parser.add_argument(
        "--peers", default=str(HERE.parent / ".venv-peers/bin/python"), help="the Python that has the peers"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def as_json(where: dict[str, object], folder: str, rows: list[Row]) -> str:
    samples = [
        {**summary(row), "samples": {"ours": row.ours, "theirs": row.theirs, "floor": row.floor}}
        for row in rows
    ]
    return json.dumps({"machine": where, "folder": folder, "rows": samples}, indent=1)


if __name__ == "__main__":
    raise SystemExit(main())
