"""Stores that ECMWF's FDB wrote: those kept in tests/data/fdb5, and new ones where its pyfdb is at hand."""

import json
import os
import runpy
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from dte_hpc.base.events import RecordSkipped
from dte_hpc.fdb import FDB

HERE = Path(__file__).parent
CASES = runpy.run_path(str(HERE / "cases.py"))["CASES"]
RUN_PEER = runpy.run_path(str(HERE / "running.py"))["run_peer"]


class Real(NamedTuple):
    """A store of FDB's, and what FDB says is in it."""

    root: Path
    case: dict
    told: dict

    @property
    def path(self):
        """The root of the databases."""
        return self.root / "store"

    @property
    def database(self):
        """The directory of the only database."""
        (found,) = self.path.iterdir()
        return found

    def open(self, skipped=None):
        """Open the store with our engine; what is passed over is put into a list."""
        spaces = [{"roots": [{"path": str(self.path)}]}]
        if self.case.get("split"):
            homes = ({"path": f"{self.root}/catalogue"}, {"path": f"{self.root}/data"})
            spaces = [{"catalogueRoots": [homes[0]], "storeRoots": [homes[1]]}]

        def listen(event):
            if isinstance(event, RecordSkipped) and skipped is not None:
                skipped.append(event)

        config = {"engine": "fdb5-toc", "schema": f"{self.root}/schema", "spaces": spaces}
        return FDB(config, listener=listen)

    def rows(self, listing):
        """Return the fields of a listing as FDB told them: key, file, offset, length."""
        paths = [listing.path(number).removeprefix(f"{self.root}/") for number in range(len(listing))]
        columns = (listing.keys(), paths, listing.offset.tolist(), listing.length.tolist())
        return sorted((tuple(sorted(key.items())), *rest) for key, *rest in zip(*columns, strict=True))

    def told_rows(self, which):
        """Return what FDB told, keywords without a value and fields without a byte left out."""
        return sorted(
            (tuple(sorted((k, v) for k, v in key.items() if v)), file, offset, length)
            for key, file, offset, length in self.told[which]
            if length
        )


@pytest.fixture(scope="session")
def peers_python():
    """The Python that has ECMWF's pyfdb."""
    found = Path(os.environ.get("DTE_PEERS_PYTHON", HERE.parents[2] / ".venv-peers/bin/python"))
    if not found.exists():
        pytest.skip(f"{found} is not there: ECMWF's pyfdb is needed to write a store")
    return found


@pytest.fixture
def kept(tmp_path, data):
    """Unpack one of the stores of tests/data/fdb5."""

    def unpack(name):
        root = tmp_path / name
        with tarfile.open(data / "fdb5" / f"{name}.tar.xz") as tar:
            tar.extractall(root, filter="data")
        case = CASES[name]
        told = root / "told.json"
        if "like" in case:
            told = unpack(case["like"]).root / "told.json"
        return Real(root, case, json.loads(told.read_text()))

    return unpack


@pytest.fixture
def written(tmp_path, peers_python):
    """Have FDB write a store."""

    def write(case, name="written"):
        root = tmp_path / name
        root.mkdir()
        RUN_PEER(peers_python, "write", case, root)
        return Real(root, case, RUN_PEER(peers_python, "tell", case, root) if "like" not in case else {})

    return write


@pytest.fixture(scope="session")
def run_peer():
    """Run something in the Python that has ECMWF's pyfdb."""
    return RUN_PEER


@pytest.fixture(scope="session")
def real_store():
    """Open a store that is being written."""
    return lambda root, case: Real(root, case, {})
