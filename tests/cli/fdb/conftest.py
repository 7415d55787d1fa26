"""What the tests of ``dte fdb`` share: small stores, and the verbs run in process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dte_hpc.cli.main import main
from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of


class Told(NamedTuple):
    """How a verb ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run ``dte fdb WORDS``."""

    def call(*words: object) -> Told:
        capsys.readouterr()
        status = main(["fdb", *map(str, words)])
        out, err = capsys.readouterr()
        return Told(status, out, err)

    return call


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A store of two fields, steps 0 and 6, the second of which masks an earlier one."""
    with FDB(tmp_path / "store") as store:
        for step in (0, 6):
            store.archive(message_of(step), {**KEY, "step": step})
        store.flush()
        store.archive(message_of(7), {**KEY, "step": 6})
    return str(tmp_path / "store")
