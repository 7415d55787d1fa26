"""Whole jobs that go wrong: each ends within 10 s, non-zero, with one clear message."""

import pytest

HEAD = """
import sys, time
import numpy as np
from dte_hpc.base.errors import InvalidPart, StorageFailed
from dte_hpc.ioserver import IOClient, serve
from dte_hpc.parallel import Role, World, assign_roles, guard
from dte_hpc.parallel.mpi import job

class Pipeline:
    def accepts(self, metadata): return True
    def process(self, field, mask):
        if field.metadata["param"] == 13: raise ValueError("the plan broke")
        print("processed", dict(field.metadata), float(field.values.sum()), flush=True)
    def flush(self, kind): print("flushed", flush=True)
    def notify(self, metadata): pass
    def close(self): pass

N = 1000
def model(world, body, n_ranks):
    with IOClient(world) as client:
        rank = world.comm.rank
        own = np.array_split(np.arange(N), n_ranks)[rank]
        client.write_domain("d", own, global_size=N)
        body(client, rank, own)
"""
JOB = """
with guard():
    world = World.split(assign_roles(job().size, job().rank, io={io}))
    if world.role is Role.IO:
        serve(world, Pipeline, budget_bytes={budget})
    else:
        model(world, body, world.comm.size)
"""


def program(body, io=1, budget=1 << 26):
    return HEAD + "def body(client, rank, own):\n" + body + JOB.format(io=io, budget=budget)


WRITE = "    client.write_field({'param': %s, 'step': 0}, np.ones(own.size))\n"


def ends_badly(result, sentence):
    status, out, err, seconds = result
    assert status != 0
    assert seconds < 10
    assert err.count(sentence) == 1, err
    return out, err


def test_a_model_rank_that_raises(job):
    body = WRITE % 1 + "    if rank == 1: raise ValueError('negative flux')\n    client.flush()\n"
    _, err = ends_badly(job((3, program(body))), "ValueError: negative flux")
    assert "dte: model rank 1 (rank 1 of the job) failed:\nTraceback" in err


def test_an_io_rank_that_raises(job):
    _, err = ends_badly(job((3, program(WRITE % 13 + "    client.flush()\n"))), "ValueError: the plan broke")
    assert "dte: IO rank 0 (rank 2 of the job) failed:\nTraceback" in err


def test_a_part_that_does_not_fit(job):
    body = "    client.write_field({'param': 1, 'step': 5}, np.ones(own.size + rank))\n    client.flush()\n"
    _, err = ends_badly(job((3, program(body))), "model rank 1 writes 501 values")
    assert "step=5" in err
    assert "Traceback" not in err


def test_defect_11_an_incomplete_field_is_said_once(job):
    body = "    if rank == 1:\n    " + WRITE % 7 + "    time.sleep(0.1)\n"
    _, err = ends_badly(job((4, program(body))), "lacks the parts of model ranks [0, 2]")
    assert "param=7" in err
    assert "Traceback" not in err


def test_a_client_left_open(job):
    body = HEAD + JOB.format(io=1, budget=1 << 26).replace(
        "model(world, body, world.comm.size)", "client = IOClient(world).open()"
    )
    _, err = ends_badly(job((2, body)), "model rank 0 ends with its IO client open")
    assert "close()" in err


def test_ranks_that_starve_each_other_are_told(job):
    body = """
    for step in range(40) if rank else reversed(range(40)):
        client.write_field({'param': 1, 'step': step}, np.ones(own.size))
    client.flush()
"""
    _, err = ends_badly(job((3, program(body, budget=120_000))), "have used all their credit")
    assert "model ranks [0, 1]" in err
    assert "larger budget" in err
    assert "Traceback" not in err


def test_a_rank_that_forgets_a_field_while_the_others_run_out_of_credit(job):
    body = """
    for step in range(40) if rank else ():
        client.write_field({'param': 1, 'step': step}, np.ones(own.size))
    client.flush()
"""
    ends_badly(job((3, program(body, budget=120_000))), "model ranks [1] have used all their credit")


def test_ranks_that_starve_each_other_at_two_servers(job):
    # Parameters 1.. are cut by the server they go to: rank 0 fills one server first, rank 1 the other.
    body = """
    from dte_hpc.base.field import Metadata
    from dte_hpc.ioserver.naming import cut, server_of
    names = [{'param': p, 'domain': 'd'} for p in range(60)]
    to = [server_of(cut(Metadata(name))[0], 2) for name in names]
    for server in (0, 1) if rank else (1, 0):
        for name, place in zip(names, to):
            if place == server:
                client.write_field(name, np.ones(own.size))
    client.flush()
"""
    _, err = ends_badly(job((4, program(body, io=2, budget=120_000))), "Write every field on all ranks")
    assert "model ranks [0]" in err
    assert "model ranks [1]" in err


@pytest.mark.parametrize("order", [0, 1])
def test_two_programs_make_one_job(job, order):
    serving = HEAD + "with guard(): serve(World.split(Role.IO), Pipeline)\n"
    modelling = (
        HEAD
        + "def body(client, rank, own):\n"
        + WRITE % 1
        + "    client.flush()\nwith guard(): model(World.split(Role.MODEL), body, 2)\n"
    )
    programs = [(2, modelling), (1, serving)]
    status, out, err, _ = job(*(programs if order == 0 else programs[::-1]))
    assert (status, err) == (0, "")
    assert "processed {'domain': 'd', 'param': 1, 'step': 0} 1000.0" in out
    assert out.count("flushed") == 2, "once when the model asks, once when it closes"


def test_a_job_without_io_ranks(job):
    text = HEAD + "with guard(): IOClient(World.split(Role.MODEL))\n"
    status, _, err, seconds = job((1, text))
    assert status != 0
    assert seconds < 10
    assert "0 IO ranks; expected" in err
