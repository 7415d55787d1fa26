"""Is the model that people start from true, started both ways?"""

import sys
from pathlib import Path

import pytest

from dte_hpc.fdb import FDB
from dte_hpc.job.launch import mpiexec

FOLDER = Path(__file__).parents[2] / "jobs" / "slurm"
PYTHON = sys.executable
SERVER = (PYTHON, "-m", "dte_hpc.cli", "serve", "--config", FOLDER / "job.yaml")
WAYS = {
    "one program": ("-n", "4", PYTHON, FOLDER / "model.py"),
    "two programs": ("-n", "2", PYTHON, FOLDER / "model.py", "--connect", ":", "-n", "2", *SERVER),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_hour_and_the_daily_mean_are_stored(outside, tmp_path, monkeypatch, way: str) -> None:
    monkeypatch.chdir(tmp_path)
    ended = outside(mpiexec(), *WAYS[way])
    assert (ended.status, ended.err) == (0, "")
    listed = FDB("wave-store").list({})
    assert len(listed) == 24 * 2 + 2
    assert sorted({str(param) for param in listed.column("param")}) == ["130", "235130"]


@pytest.mark.parametrize("script", ["one-program.sh", "two-programs.sh"])
def test_a_script_asks_for_what_it_lacks(outside, script: str) -> None:
    ended = outside("bash", FOLDER / script)
    assert ended.status != 0
    assert "the model program" in ended.err
