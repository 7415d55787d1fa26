"""Kinds of flush reach every IO rank, and statistics go on in a job of other ranks, to the byte."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.grids import grid
from dte_hpc.ioserver import LocalClient
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.together import Alone, WithOthers

GRID = "O4"
N_POINTS = grid(GRID).n_points
LAST, STOP = 60, 31


def test_a_kind_is_handed_on_and_an_unknown_one_is_told(recording):
    pipeline = recording()
    with LocalClient(pipeline) as client:
        client.flush()
        client.flush("last-step")
        client.flush(kind="first-step")
        with pytest.raises(InvalidConfig, match=r"'laststep' \(did you mean 'last-step'\?\)"):
            client.flush("laststep")
    assert pipeline.calls == ["flush", ("flush", "last-step"), ("flush", "first-step"), "flush", "close"]


@pytest.mark.mpi
def test_kinds_travel_over_mpi(stream):
    def model(client, world):
        client.flush("step-and-restart")
        with pytest.raises(InvalidConfig, match="flush of kind 'odd'; expected one of default"):
            client.flush("odd")
        client.flush()

    if (outcome := on_ranks(stream, model)) is not None:
        assert outcome.calls[0] == [("flush", "step-and-restart"), "flush", "flush", "close"]


def on_ranks(stream, model, **options):
    from mpi4py import MPI

    return stream(model, **options) if MPI.COMM_WORLD.size > 1 else None


@pytest.mark.mpi
@pytest.mark.parametrize("flushes_together", [True, False])
def test_a_job_goes_on_on_another_number_of_io_ranks(comm, mpi_tmp_path, stream, flushes_together):
    if comm.size == 1:
        pytest.skip("needs a model rank and an IO rank")
    more, fewer = max(1, comm.size - 2), 1
    whole = run(stream, mpi_tmp_path / "none", range(1, LAST + 1), fewer, flushes_together)
    first = run(stream, mpi_tmp_path / "kept", range(1, STOP + 1), more, flushes_together, writes=True)
    assert comm.bcast((mpi_tmp_path / "kept" / "StatisticsDump" / "latest").exists())
    second = run(
        stream,
        mpi_tmp_path / "kept",
        range(STOP + 1, LAST + 1),
        fewer,
        flushes_together,
        writes=True,
        reads=True,
    )
    assert len(whole) == 2 * 5 * 3
    assert first | second == whole
    assert not set(first) & set(second)


class Watched:
    """The plans of an IO rank, which looks like one that records."""

    def __init__(self, pipeline):
        self._pipeline, self._sink = pipeline, pipeline._chains[0].actions[-1]
        self.accepts, self.process = pipeline.accepts, pipeline.process
        self.flush, self.notify, self.close = pipeline.flush, pipeline.notify, pipeline.close
        self.calls = []

    @property
    def fields(self):
        return [(item.metadata, bytes(item.message)) for item in self._sink.items]


def run(stream, root, steps, io, flushes_together, *, writes=False, reads=False):
    """Return the messages of a job that ends after some steps, by metadata."""

    def model(client, world):
        own = np.arange(world.comm.rank, N_POINTS, world.comm.size)
        client.write_domain("d", own, global_size=N_POINTS, grid=GRID)
        names = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "pl"}
        names |= {"param": 130, "date": 20260101, "time": 0}
        for step in steps:
            for level in (1000, 850, 700, 500, 250):
                values = np.random.default_rng((step, level)).normal(270.0, 10.0, N_POINTS)
                client.write_field(names | {"step": step, "levelist": level}, values[own])
        client.flush("step-and-restart")

    options = {"write-restart": writes, "read-restart": reads, "restart-path": str(root)}
    statistics = {
        "type": "statistics",
        "output-frequency": "1d",
        "operations": ["average", "maximum", "minimum"],
    }
    actions = [
        {"type": "aggregate"},
        statistics | {"options": options},
        {"type": "encode"},
        {"type": "debug-sink"},
    ]
    plans = load_plans([{"name": "daily", "actions": actions}])

    def pipeline(comm):
        others = WithOthers(comm)
        together = others if flushes_together else Alone()
        return Watched(Pipeline(plans, together=together, checkpoints_together=others))

    outcome = stream(model, io=io, pipeline_on=pipeline)
    return {metadata: data for fields in outcome.fields for metadata, data in fields}
