"""Our store against the conformance class."""

from pathlib import Path

from dte_hpc.fdb import FDB
from dte_hpc.testing.store import StoreConformance


class TestFDB(StoreConformance):
    def open(self, path: Path) -> FDB:
        return FDB(path / "store")
