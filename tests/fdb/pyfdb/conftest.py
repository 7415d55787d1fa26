"""The operations of `operations.py`, run once with ours and once with ECMWF's pyfdb."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
OPERATIONS = Path(__file__).with_name("operations.py")


def peers_python():
    """Return the interpreter that has ECMWF's packages, None if there is none."""
    found = Path(os.environ.get("DTE_PEERS_PYTHON") or REPOSITORY / ".venv-peers" / "bin" / "python")
    return found if found.exists() else None


def run(python, module, folder, *options):
    """Run the operations with one module; return the answers of each."""
    for name in ("FDB_CONFIG", "FDB_CONFIG_FILE", "FDB_HOME", "DTE_FDB_CONFIG"):
        assert name not in os.environ
    stores, answers = folder / "stores", folder / "answers.json"
    stores.mkdir()
    done = subprocess.run(
        [str(python), *options, str(OPERATIONS), module, str(stores), str(answers)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(answers.read_text())


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    return run(sys.executable, "dte_hpc.fdb.pyfdb", tmp_path_factory.mktemp("ours"), "-W", "error")


@pytest.fixture(scope="session")
def peers():
    python = peers_python()
    if python is None:
        pytest.skip("ECMWF's pyfdb is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    return python


@pytest.fixture(scope="session")
def theirs(peers, tmp_path_factory):
    return run(peers, "pyfdb", tmp_path_factory.mktemp("theirs"))
