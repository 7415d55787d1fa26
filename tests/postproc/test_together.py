"""The pipelines of several IO ranks flush as one: all succeed, or all raise and nothing is visible."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart, StorageFailed
from dte_hpc.base.events import Flushed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.toc import SEGMENT
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.together import WithOthers

pytestmark = pytest.mark.mpi
NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "pl", "param": 130}
NAMES |= {"date": 20260101, "time": 0, "grid": "O32"}
ENCODE = {"type": "encode", "packing": "ccsds"}


def to(*sinks):
    return [{"type": "aggregate"}, ENCODE, {"type": "sink", "sinks": list(sinks)}]


def pipeline_of(comm, root, *plans, listener=None):
    named = [{"name": f"plan {number}", "actions": actions} for number, actions in enumerate(plans)]
    more = {} if listener is None else {"listener": listener}
    together = WithOthers(comm)
    return Pipeline(load_plans(named), server_index=comm.rank, store=root, together=together, **more)


def field(rank, step):
    values = np.full(grid("O32").n_points, 270.0 + step)
    return Field(metadata=Metadata(NAMES | {"step": step, "levelist": rank + 1}), values=values)


def found(comm, root):
    """Return (level, step) of what a fresh handle finds, when all ranks have come so far."""
    comm.Barrier()
    listing = FDB(root).list()
    pairs = zip(listing.column("levelist").tolist(), listing.column("step").tolist(), strict=True)
    comm.Barrier()
    return {(int(level), int(step)) for level, step in pairs}


def everything(comm, *steps):
    return {(rank + 1, step) for rank in range(comm.size) for step in steps}


def n_flushes(root):
    return [path.read_bytes()[5::128].count(SEGMENT) for path in sorted(root.glob("*/toc"))]


def test_a_step_is_one_record_and_a_rank_without_fields_takes_part(comm, mpi_tmp_path):
    heard = []
    pipeline = pipeline_of(comm, mpi_tmp_path, to({"type": "fdb5"}), listener=heard.append)
    for step in range(4):
        if comm.rank != step % comm.size:
            pipeline.process(field(comm.rank, step))
        pipeline.flush()
        pipeline.flush()
    pipeline.close()
    absent = {(step % comm.size + 1, step) for step in range(4)}
    assert found(comm, mpi_tmp_path) == everything(comm, *range(4)) - absent
    assert n_flushes(mpi_tmp_path) == ([4] if comm.size > 1 else [])
    n_own = sum(comm.rank != step % comm.size for step in range(4))
    assert sum(event.n_fields for event in heard if isinstance(event, Flushed)) == n_own


def test_stores_may_differ_from_rank_to_rank(comm, mpi_tmp_path):
    """All ranks write to one store, and each to one of its own; every flush is one for all of them."""
    own = {"type": "fdb5", "config": str(mpi_tmp_path / f"own-{comm.rank}")}
    shared = {"type": "fdb5", "config": str(mpi_tmp_path / "shared")}
    sinks = [own, shared] if comm.rank % 2 else [shared, own]
    pipeline = pipeline_of(comm, None, to(*sinks))
    for step in range(2):
        pipeline.process(field(comm.rank, step))
        pipeline.flush()
    pipeline.close()
    assert found(comm, mpi_tmp_path / "shared") == everything(comm, 0, 1)
    for rank in range(comm.size):
        assert len(FDB(mpi_tmp_path / f"own-{rank}").list()) == 2
    assert n_flushes(mpi_tmp_path / "shared") == [2]


@pytest.mark.parametrize("how", ["a sink", "the store"])
def test_what_fails_on_one_rank_is_raised_on_all_and_tried_again(comm, mpi_tmp_path, monkeypatch, how):
    pipeline = pipeline_of(comm, mpi_tmp_path, to({"type": "fdb5"}))
    pipeline.process(field(comm.rank, 0))
    with monkeypatch.context() as patch:
        if comm.rank == comm.size - 1:
            store = next(r for r in pipeline._context.resources.values() if isinstance(r, FDB))
            broken = pipeline._chains[0].actions[-1] if how == "a sink" else store._disk
            patch.setattr(broken, "flush" if how == "a sink" else "sync", refuse)
        with pytest.raises(StorageFailed, match="no more disk"):
            pipeline.flush()
        assert found(comm, mpi_tmp_path) == set()
    pipeline.flush()
    assert found(comm, mpi_tmp_path) == everything(comm, 0)
    pipeline.close()


def test_what_one_rank_cannot_finish_is_raised_on_all_when_they_close(comm, mpi_tmp_path, monkeypatch):
    pipeline = pipeline_of(comm, mpi_tmp_path, to({"type": "fdb5"}))
    pipeline.process(field(comm.rank, 0))
    if comm.rank == comm.size - 1:
        monkeypatch.setattr(pipeline._chains[0].actions[0], "close", refuse_to_close)
    with pytest.raises(InvalidPart, match="half a window"):
        pipeline.close()
    assert found(comm, mpi_tmp_path) == set()


def refuse(*_words):
    raise StorageFailed("no more disk")


def refuse_to_close():
    raise InvalidPart("half a window")
