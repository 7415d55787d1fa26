import subprocess
import sys
from pathlib import Path

import pytest

from dte_hpc.base.compiled import cache_slot

ASK = """import sys
from dte_hpc.base.compiled import cache_slot
print(cache_slot(), flush=True)
sys.stdin.read(1)
"""


def test_each_process_has_its_own_slot_and_slots_are_used_again(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("DTE_CACHE", str(tmp_path))

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", ASK], stdin=-1, stdout=-1, text=True)

    first, second = start(), start()
    slots = {process.stdout.readline() for process in (first, second)}
    for process in (first, second):
        process.communicate("x")
    with start() as third:
        again = third.communicate("x")[0]
    assert len(slots) == 2
    assert again in slots


def test_a_given_folder_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    assert cache_slot() == "/somewhere"


def test_a_new_slot_is_a_copy_of_the_seed(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("DTE_CACHE", str(tmp_path))
    seed = "from dte_hpc.base.compiled import claim_seed\nprint(claim_seed())"
    folder = subprocess.run(
        [sys.executable, "-c", seed], capture_output=True, text=True, check=True
    ).stdout.strip()
    (Path(folder) / "kernel.nbc").write_text("compiled")
    slot = subprocess.run(
        [sys.executable, "-c", ASK], input="x", capture_output=True, text=True, check=True
    ).stdout
    assert slot.strip() != folder
    assert (Path(slot.strip()) / "kernel.nbc").read_text() == "compiled"
