"""A pipeline that records, and a job in miniature on the ranks of a test."""

import time

import pytest


class RecordingPipeline:
    """Keeps what it is given; can be slow, and can refuse parameters."""

    def __init__(self, seconds=0.0, refused=()):
        self.fields, self.calls = [], []
        self.seconds, self.refused = seconds, refused

    def accepts(self, metadata):
        return metadata["param"] not in self.refused

    def process(self, field, mask):
        time.sleep(self.seconds)
        kept = None if mask is None else mask.copy()
        self.fields.append((dict(field.metadata), field.values.copy(), kept))

    def flush(self, kind="default"):
        self.calls.append("flush" if kind == "default" else ("flush", kind))

    def notify(self, metadata):
        self.calls.append(("notify", dict(metadata)))

    def close(self):
        self.calls.append("close")


@pytest.fixture
def recording():
    return RecordingPipeline


@pytest.fixture
def stream(comm):
    """Run `model(client, world)` on all but the last ranks, which serve; returns what all ranks recorded."""

    def run(model, *, io=1, budget_bytes=1 << 26, pipeline=RecordingPipeline, pipeline_on=None, checked=True):
        from dte_hpc.ioserver import IOClient, serve
        from dte_hpc.parallel import Role, World, assign_roles

        events, pipelines, report, result = [], [], None, None
        world = World.split(assign_roles(comm.size, comm.rank, io=io), comm)

        def factory():
            pipelines.append(pipeline_on(world.comm) if pipeline_on else pipeline())
            return pipelines[0]

        if world.role is Role.IO:
            report = serve(world, factory, budget_bytes=budget_bytes, listener=events.append)
        else:
            with IOClient(world, listener=events.append, checked=checked) as client:
                result = model(client, world)
        mine = (
            pipelines[0].fields if pipelines else None,
            pipelines[0].calls if pipelines else None,
            report,
            result,
        )
        everybody = comm.allgather(mine)
        world.free()
        servers = [told for told in everybody if told[0] is not None]
        return Outcome(
            fields=[server[0] for server in servers],
            calls=[server[1] for server in servers],
            reports=[server[2] for server in servers],
            results=[told[3] for told in everybody if told[0] is None],
            events=events,
        )

    return run


class Outcome:
    def __init__(self, **facts):
        self.__dict__.update(facts)

    @property
    def all_fields(self):
        return [field for fields in self.fields for field in fields]
