"""Make tests/data/fdb5 anew: stores written by ECMWF's pyfdb, each with what pyfdb says is in it.

python tests/fdb/fdb5/make_data.py PEERS_PYTHON
"""

import json
import lzma
import sys
import tarfile
import tempfile
from pathlib import Path

from cases import CASES
from running import run_peer

DATA = Path(__file__).parents[2] / "data" / "fdb5"
NOT_MOVED = {"split"}  # its toc has absolute paths


def main(python):
    DATA.mkdir(exist_ok=True)
    for name, case in CASES.items():
        if name in NOT_MOVED:
            continue
        with tempfile.TemporaryDirectory() as root:
            run_peer(python, "write", case, root)
            if "like" not in case:
                Path(root, "told.json").write_text(json.dumps(run_peer(python, "tell", case, root)))
            with (
                lzma.open(DATA / f"{name}.tar.xz", "wb", preset=9) as packed,
                tarfile.open(fileobj=packed, mode="w") as tar,
            ):
                for path in ("store", "schema", "told.json"):
                    if Path(root, path).exists():
                        tar.add(f"{root}/{path}", path, filter=nobody)


def nobody(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main(sys.argv[1])
