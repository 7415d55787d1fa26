"""Whatever goes wrong on a rank, the job ends soon, non-zero, and says it once."""

import re
import sys

import pytest

MODEL = """
import numpy as np
from dte_hpc.job import run

ENCODE = {encode!r}
SINK = {{"type": "sink", "sinks": [{{"type": "fdb5"}}]}}
PLANS = [{{"name": "n", "actions": [{{"type": "aggregate"}}, ENCODE, SINK]}}]
METADATA = {{"class": "rd", "expver": "0001", "stream": "oper", "type": "fc", "date": 20260101, "time": 0,
            "levtype": "pl", "levelist": 500, "param": 130, "domain": "atm"}}

def model(rank):
    first, last = 5248 * rank.rank // rank.size, 5248 * (rank.rank + 1) // rank.size
    indices = np.arange(first, last)
    {domain}
    for step in range(6):
        metadata, values = {{**METADATA, "step": step}}, np.full(indices.size, 1.0 * step)
        if step == 3:
            {fault}
        rank.client.write_field(metadata, values)
    rank.client.flush()

run(model, {{"plans": PLANS, "store": {store!r}, "ranks": {{"io": 1}}}})
"""
DOMAIN = 'rank.client.write_domain("atm", indices, global_size=5248, grid="O32")'
ENCODE = {"type": "encode", "format": "grib", "packing": "simple"}

CASES = {
    "a model rank raises": (
        {"fault": "if rank.rank == 1: raise ValueError('the model blew up')"},
        "ValueError: the model blew up",
    ),
    "an IO rank raises": (
        {"fault": "metadata['param'] = 'nonsense'"},
        r"IO rank 0 \(rank 2 of the job\): .*param='nonsense'; expected a whole number",
    ),
    "a typo in the plan": (
        {"encode": {"type": "encod"}},
        r"\$\.plans\[0\]\.actions\[1\]\.type: .*'encod' \(did you mean 'encode'\?\)",
    ),
    "a wrong size": (
        {"fault": "if rank.rank == 1: values = values[:-1]"},
        r"model rank 1 .*step=3.* 2623 values for domain .atm.; expected 2624",
    ),
    "an unknown domain": (
        {"fault": "if rank.rank == 1: metadata['domain'] = 'sea'"},
        r"model rank 1 .*'?sea'?",
    ),
    "an overlap": (
        {"domain": "if rank.rank == 0: indices = np.arange(2625)\n    " + DOMAIN},
        r"2624",
    ),
    "a field with a part missing": (
        {"fault": "if rank.rank == 1: continue"},
        r"step=3.*(rank|ranks) \[?1",
    ),
    "a model rank leaves": ({"fault": "if rank.rank == 1: raise SystemExit(0)"}, r"model rank 1"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_clear_message_and_a_non_zero_status(job, tmp_path, name: str) -> None:
    changes, message = CASES[name]
    parts = {"fault": "pass", "encode": ENCODE, "domain": DOMAIN, "store": str(tmp_path / "store"), **changes}
    ended = job((3, MODEL.format(**parts)))
    assert ended.status != 0
    assert ended.seconds < 10 + STARTING_SECONDS
    told = [line for line in ended.err.splitlines() if line.startswith("dte: ")]
    assert len(told) == 1, ended.err
    assert re.search(message, ended.err, re.DOTALL), ended.err
    assert ("Traceback" in ended.err) == (name == "a model rank raises")


STARTING_SECONDS = 5
"""Python, MPI and compiled code on a busy machine of two cores; the ten seconds count from the fault."""


def test_the_same_job_without_a_fault_ends_well(job, tmp_path) -> None:
    parts = {"fault": "pass", "encode": ENCODE, "domain": DOMAIN, "store": str(tmp_path / "store")}
    ended = job((3, MODEL.format(**parts)))
    assert (ended.status, ended.err) == (0, "")


def test_two_programs_make_one_job(outside, tmp_path) -> None:
    from dte_hpc.fdb import FDB
    from dte_hpc.job.launch import mpiexec

    text = MODEL.format(fault="pass", encode=ENCODE, domain=DOMAIN, store="").split("run(model")[0]
    (tmp_path / "model.py").write_text(
        text.replace("import run", "import connect")
        + f"with connect({str(tmp_path / 'job.yaml')!r}) as rank:\n    model(rank)\n"
    )
    plans = [
        {
            "name": "n",
            "actions": [{"type": "aggregate"}, ENCODE, {"type": "sink", "sinks": [{"type": "fdb5"}]}],
        }
    ]
    (tmp_path / "job.yaml").write_text(f"{{store: {tmp_path / 'store'}, plans: {plans}}}")
    server = [sys.executable, "-m", "dte_hpc.cli", "serve", "--config", tmp_path / "job.yaml"]
    ended = outside(mpiexec(), "-n", "2", sys.executable, tmp_path / "model.py", ":", "-n", "2", *server)
    assert (ended.status, ended.err) == (0, "")
    assert sorted(FDB(str(tmp_path / "store")).list({}).column("step")) == list("012345")


@pytest.mark.parametrize(
    ("job_file", "message"),
    [
        ("{plans: [], ranks: {io: 3}}", "job of 3 ranks is to have 3 IO .* at least 4 ranks"),
        ("{plans: [], rank: {io: 1}}", "'rank'"),
        (None, "job.yaml"),
    ],
)
def test_a_wrong_job_is_said_once(job, tmp_path, job_file: str | None, message: str) -> None:
    file = tmp_path / "job.yaml"
    if job_file is not None:
        file.write_text(job_file)
    ended = job((3, f"from dte_hpc.job import run\nrun(print, {str(file)!r})"))
    assert ended.status == 1
    assert ended.err.count("dte (rank") == 1, ended.err
    assert re.search(message, ended.err), ended.err


def test_a_file_that_only_the_server_lacks_is_said_once(job) -> None:
    ended = job(
        (2, "from dte_hpc.job import connect\nwith connect({'plans': []}): print('reached')"),
        (2, "from dte_hpc.job import serve\nfrom dte_hpc.parallel import Role\nserve('gone.yaml', Role.IO)"),
    )
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.count("dte (rank") == 1, ended.err
    assert "rank 2 of the job): gone.yaml" in ended.err
