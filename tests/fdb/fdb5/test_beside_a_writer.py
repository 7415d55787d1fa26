"""Our handle stays open while FDB's writer goes on."""

import runpy
import threading
import time
from pathlib import Path

import pytest

DEFINED = runpy.run_path(str(Path(__file__).with_name("cases.py")))
BASE, SCHEMA = DEFINED["BASE"], DEFINED["SCHEMA"]
N_FLUSHES = 6


def steps():
    for number in range(N_FLUSHES):
        for step in (str(number), "99"):
            yield [
                "archive",
                f"{step} in flush {number}".encode().hex(),
                {**BASE, "step": step, "param": "1"},
            ]
        yield ["flush"]
        yield ["await", f"seen-{number}"]


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, {"FDB_SUB_TOCS": "1"}])
def test_every_flush_is_seen_by_an_open_handle(tmp_path, peers_python, run_peer, real_store, environment):
    case = {"schema": SCHEMA, "steps": list(steps()), "env": environment}
    skipped = []
    real = real_store(tmp_path, case)
    (tmp_path / "schema").write_text(SCHEMA)
    writer = threading.Thread(target=run_peer, args=(peers_python, "write", case, tmp_path))
    writer.start()
    store = real.open(skipped)
    for number in range(N_FLUSHES):
        deadline = time.monotonic() + 60
        while len(found := store.list()) < number + 2:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert len(found) == number + 2
        newest = store.retrieve({**BASE, "step": "99", "param": "1"}).read()
        assert newest == f"99 in flush {number}".encode()
        (tmp_path / f"seen-{number}").touch()
    writer.join(60)
    assert real.rows(store.list()) == real.rows(real.open(skipped).list())
    assert len(store.list(masked=True)) >= N_FLUSHES + 1
    assert skipped == []
