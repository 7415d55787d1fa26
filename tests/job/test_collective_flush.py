"""IO ranks of a job make what the model flushes visible as one."""

import sys

import pytest

from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.toc import SEGMENT
from dte_hpc.job.launch import mpiexec

MODEL = """
import numpy as np
from dte_hpc.fdb import FDB
from dte_hpc.job import run

PLANS = [{{"name": "n", "actions": [{{"type": "aggregate"}}, {{"type": "encode", "packing": "ccsds"}},
                                    {{"type": "sink", "sinks": [{{"type": "fdb5"}}]}}]}}]
METADATA = {{"class": "rd", "expver": "0001", "stream": "oper", "type": "fc", "date": 20260101, "time": 0,
            "levtype": "pl", "domain": "atm"}}
PARAMS = (130, 131, 132, 133, 157)

def model(rank):
    indices = np.array_split(np.arange(5248), rank.size)[rank.rank]
    rank.client.write_domain("atm", indices, global_size=5248, grid="O32")
    reader = FDB({store!r})
    for step in range({n_steps}):
        for level in (500, 850) if step else (500,):  # at step 0 some IO ranks have little or nothing
            for param in PARAMS if step else PARAMS[:1]:
                names = {{**METADATA, "step": step, "levelist": level, "param": param}}
                rank.client.write_field(names, np.full(indices.size, 1.0 * step))
        rank.client.flush()
        assert len(reader.list()) == 10 * step + 1, (step, len(reader.list()))
    rank.client.notify({{"class": "rd", "step": {n_steps} - 1}})

run(model, {{"plans": PLANS, "store": {store!r}, "ranks": {{"io": {io}}}, "budget-bytes": 300_000, {more}}})
"""
N_STEPS = 12


@pytest.mark.parametrize(
    ("n_io", "more"),
    [(2, ""), (2, '"collective-flush": False'), pytest.param(3, "", marks=pytest.mark.slow)],
)
def test_a_flush_of_the_model_is_one_record(job, dte, tmp_path, n_io: int, more: str) -> None:
    """With memory for a few fields only, so that model ranks wait for credit in every step."""
    store = tmp_path / "store"
    ended = job((n_io + 2, MODEL.format(store=str(store), n_steps=N_STEPS, io=n_io, more=more)))
    assert (ended.status, ended.err) == (0, "")
    listing = FDB(store).list()
    assert len(listing) == 10 * (N_STEPS - 1) + 1
    (toc,) = store.glob("*/toc")
    n_flushes = toc.read_bytes()[5::128].count(SEGMENT)
    assert n_flushes == N_STEPS if not more else n_flushes > N_STEPS
    assert len(list(store.glob("*/*.data"))) == n_io
    assert len((store / "journal.jsonl").read_text().splitlines()) == 1
    checked = dte("fdb", "check", "--config", store)
    assert checked.status == 0, checked.out + checked.err


def test_io_ranks_that_disagree_are_told_so_once(outside, tmp_path) -> None:
    plan = "[{name: n, actions: [{type: aggregate}, {type: encode}, {type: sink, sinks: [{type: fdb5}]}]}]"
    for name in ("true", "false"):
        text = f"{{store: {tmp_path / 'store'}, collective-flush: {name}, plans: {plan}}}"
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "model.py").write_text(
        f"from dte_hpc.job import connect\nwith connect({str(tmp_path / 'true.yaml')!r}) as rank: pass\n"
    )
    serve = [":", "-n", "1", sys.executable, "-m", "dte_hpc.cli", "serve", "--config"]
    servers = [*serve, tmp_path / "true.yaml", *serve, tmp_path / "false.yaml"]
    ended = outside(mpiexec(), "-n", "1", sys.executable, tmp_path / "model.py", *servers, timeout=60)
    assert ended.status != 0
    assert ended.err.count("collective-flush: found true on IO rank 0 and false on IO rank 1") == 1, ended.err
