"""Fields from several model ranks to one and two IO ranks; run under mpiexec on 2 and 5 ranks."""

import time

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidPart, RankFailed
from dte_hpc.base.events import Waited
from dte_hpc.ioserver.naming import Slots

N = 1013
MIXED = {"param": 130, "levelist": 500, "domain": "d"}


def truth(metadata, n=N):
    """An analytic field: a wave in the index, its phase from what the field is called."""
    phase = metadata["param"] + 0.1 * metadata.get("levelist", 0) + 0.7 * metadata.get("step", 0)
    return np.sin(0.01 * np.arange(n) + phase)


def share(kind, rank, n_ranks, n=N):
    """The indices of a rank; the last of several ranks has none, and the first most."""
    if kind == "cyclic":
        return np.arange(rank, n, n_ranks)
    full = max(1, n_ranks - 1)
    edges = np.r_[0, (np.linspace(0, 1, full + 1)[1:] ** 0.3 * n).astype(int)]
    edges[-1] = n
    if rank >= full:
        return np.empty(0, int)
    order = np.arange(n) if kind == "blocks" else np.random.default_rng(7).permutation(n)
    return order[edges[rank] : edges[rank + 1]]


def check(fields, names, dtype=np.float64):
    assert len(fields) == len(names)
    for metadata, values, _ in fields:
        assert values.dtype == dtype
        np.testing.assert_array_equal(values, truth(metadata).astype(dtype))
    seen = {(m["param"], m["levelist"], m["step"]) for m, *_ in fields}
    assert seen == set(names)


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("kind", ["blocks", "cyclic", "shuffled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_field_arrives_whole_once_and_at_one_server(stream, comm, kind, dtype):
    names = [(p, level, s) for s in range(4) for p in (129, 130, 131) for level in (500, 850)]

    def model(client, world):
        own = share(kind, world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        order = np.random.default_rng(world.comm.rank).permutation(len(names))
        for param, level, step in (names[i] for i in order):
            metadata = {"param": param, "levelist": level, "step": step, "domain": "d"}
            client.write_field(metadata, truth(metadata)[own].astype(dtype))
            if step == 2 and kind == "cyclic":
                client.progress()
        client.flush()

    outcome = stream(model, io=2 if comm.size >= 4 else 1)
    check(outcome.all_fields, names, dtype)
    for fields in outcome.fields:
        here = {(m["param"], m["levelist"]) for m, *_ in fields}
        assert len(fields) == 4 * len(here)
    assert all(calls[-1] == "close" for calls in outcome.calls)
    assert sum(report.n_fields for report in outcome.reports) == len(names)


@pytest.mark.mpi(min_size=2)
def test_masks_follow_domain_and_level(stream):
    def model(client, world):
        own = share("shuffled", world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        client.write_field({"param": 1, "levelist": 500, "step": 0}, truth({"param": 1})[own])
        client.flush()
        client.write_mask("d", own % 2 == 0)
        client.write_mask("d", own % 5 == 0, level="850")
        for level in (500, 850):
            client.write_field({"param": 1, "levelist": level, "step": 1}, truth({"param": 1})[own])

    masks = {(m["step"], m["levelist"]): mask for m, _, mask in stream(model).all_fields}
    assert masks[0, 500] is None
    np.testing.assert_array_equal(masks[1, 500], np.arange(N) % 2 == 0)
    np.testing.assert_array_equal(masks[1, 850], np.arange(N) % 5 == 0)


@pytest.mark.mpi(min_size=2)
def test_memory_stays_under_the_budget_of_a_slow_server(stream, recording):
    n, n_fields, budget = 60_000, 30, 3_000_000

    def model(client, world):
        own = share("shuffled", world.comm.rank, world.comm.size, n)
        client.write_domain("d", own, global_size=n)
        held = 0
        for step in range(n_fields):
            metadata = {"param": 1, "step": step}
            client.write_field(metadata, truth(metadata, n)[own])
            held = max(held, client.held_bytes)
        client.flush()
        return held

    outcome = stream(model, budget_bytes=budget, pipeline=lambda: recording(seconds=0.02))
    assert len(outcome.all_fields) == n_fields
    for metadata, values, _ in outcome.all_fields:
        np.testing.assert_array_equal(values, truth(metadata, n))
    assert all(0 < report.peak_bytes <= budget for report in outcome.reports)
    assert sum(outcome.results) <= budget
    if outcome.reports and any(isinstance(e, Waited) for e in outcome.events):
        assert all(event.seconds >= 0 for event in outcome.events if isinstance(event, Waited))


@pytest.mark.mpi(min_size=2)
def test_the_model_computes_while_its_last_fields_travel(stream, recording):
    def model(client, world):
        own = share("blocks", world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        start = time.perf_counter()
        for step in range(5):
            client.write_field({"param": 1, "step": step, "levelist": 1}, truth({"param": 1})[own])
        written = time.perf_counter() - start
        client.flush()
        return written, time.perf_counter() - start

    outcome = stream(model, pipeline=lambda: recording(seconds=0.15))
    assert all(written < 0.4 for written, _ in outcome.results)
    assert all(flushed > 0.7 for _, flushed in outcome.results)


@pytest.mark.mpi(min_size=2)
def test_fields_no_plan_wants_are_dropped_and_cost_no_credit(stream, recording):
    def model(client, world):
        own = share("cyclic", world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        for step in range(200):
            client.write_field({"param": 7, "step": step}, truth({"param": 7})[own])
        client.write_field({"param": 8, "step": 0}, truth({"param": 8})[own])

    outcome = stream(model, budget_bytes=400_000, pipeline=lambda: recording(refused=(7,)))
    assert [metadata["param"] for metadata, *_ in outcome.all_fields] == [8]
    assert outcome.reports[0].n_dropped == 200


@pytest.mark.mpi(min_size=2)
def test_a_notification_is_made_once_after_all_have_flushed(stream, comm):
    def model(client, world):
        own = share("blocks", world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        for param in range(6):
            client.write_field({"param": param, "step": 0}, truth({"param": param})[own])
        client.notify({"step": 0, "param": "0/to/5"})

    outcome = stream(model, io=2 if comm.size >= 4 else 1)
    notified = [call for calls in outcome.calls for call in calls if call[0] == "notify"]
    assert notified == [("notify", {"step": 0, "param": "0/to/5"})]
    assert outcome.calls[0].index("flush") < outcome.calls[0].index(notified[0])


@pytest.mark.mpi(min_size=2)
def test_a_collective_error_is_raised_on_all_ranks_and_the_job_can_go_on(stream, comm):
    def model(client, world):
        rank, size = world.comm.rank, world.comm.size
        own = share("blocks", rank, size)
        wrong = np.r_[own[own.size > 0 :], np.array([N] if rank == 0 else [], int)]
        with pytest.raises(InvalidPart, match=rf"domain 'd': model rank 0 gives index {N}") as caught:
            client.write_domain("d", wrong, global_size=N)
        assert caught.value.spokesman == 0
        with pytest.raises(InvalidPart, match=r"domain 'd': 1 of 1014 indices .* the first is 1013"):
            client.write_domain("d", own, global_size=N + 1)
        with pytest.raises(InvalidConfig, match=r"expected at least \d+ bytes"):
            client.write_domain("huge", share("blocks", rank, size, 9_000_000), global_size=9_000_000)
        client.write_domain("d", own, global_size=N)
        with pytest.raises(InvalidPart, match=r"model rank 0 writes a mask"):
            client.write_mask("d", np.zeros(own.size + (rank == 0), bool))
        if size > 1:
            with pytest.raises(
                RankFailed, match=r"model rank 1 calls notify.* where model rank 0 calls flush"
            ):
                client.notify({"step": 1}) if rank == 1 else (client.flush(), client.flush())
            if rank != 0:
                client.write_field(MIXED, truth(MIXED)[own])
            expected = r"field .*levelist=500.* lacks the parts of model ranks \[0\]"
            if share("blocks", 1, size).size:
                with pytest.raises(InvalidPart, match=expected):
                    client.flush()
        client.write_field({**MIXED, "step": 3}, truth({**MIXED, "step": 3})[own])
        client.flush()

    outcome = stream(model)
    check([f for f in outcome.all_fields if "step" in f[0]], [(130, 500, 3)])


@pytest.mark.mpi(min_size=3)
def test_a_rank_may_write_a_field_again_before_the_others_have(stream):
    def model(client, world):
        own = share("cyclic", world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        if world.comm.rank:
            world.comm.Recv(bytearray(1), world.comm.rank - 1)
        for factor in (1, 2, 3):
            client.write_field(MIXED, factor * truth(MIXED)[own])
        if world.comm.rank + 1 < world.comm.size:
            world.comm.Send(bytearray(1), world.comm.rank + 1)
        client.flush()

    fields = stream(model).all_fields
    for factor, (_, values, _) in enumerate(fields, 1):
        np.testing.assert_array_equal(values, factor * truth(MIXED))
    assert len(fields) == 3


@pytest.mark.mpi(min_size=2)
def test_more_templates_than_slots_still_arrive(stream, comm, monkeypatch):
    monkeypatch.setattr("dte_hpc.ioserver.client.Slots", lambda: Slots(3))
    names = [(param, 1, step) for step in range(3) for param in range(10)]

    def model(client, world):
        own = share("cyclic", world.comm.rank, world.comm.size)
        client.write_domain("d", own, global_size=N)
        for param, level, step in names:
            metadata = {"param": param, "levelist": level, "step": step}
            client.write_field(metadata, truth(metadata)[own])

    check(stream(model, checked=False).all_fields, names)


@pytest.mark.mpi(min_size=2)
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_no_budget_and_no_partition_hangs(stream, comm, seed):
    """Budgets from the least that is allowed upwards, any partition, fields in one order on all ranks."""
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30_000))
    owners = random.integers(0, comm.size, n)
    names = [{"param": int(p), "step": int(s)} for s in range(6) for p in range(random.integers(1, 6))]
    budget = int((3 * 9 * n + 40_000 * comm.size) * random.uniform(1, 3))
    io = 2 if comm.size >= 4 else 1

    def model(client, world):
        own = np.flatnonzero(owners % world.comm.size == world.comm.rank)
        client.write_domain("d", own, global_size=n)
        for metadata in names:
            client.write_field(metadata, truth(metadata, n)[own])
            if metadata["step"] % 3 == 2 and metadata["param"] == 0:
                client.flush()

    outcome = stream(model, io=io, budget_bytes=budget)
    assert len(outcome.all_fields) == len(names)
    for metadata, values, _ in outcome.all_fields:
        np.testing.assert_array_equal(values, truth(metadata, n))
    assert all(report.peak_bytes <= budget for report in outcome.reports)
