"""Do extraction ranks serve many queries at once: right, fair, in bounded memory, each hurt by no other?"""

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import FieldNotFound, InvalidConfig, InvalidRequest, RankFailed
from dte_hpc.extract import Limits, extract
from dte_hpc.extract.part import join
from dte_hpc.extract.ranks import ExtractClient, serve_extract
from dte_hpc.extract.serving import Serving
from dte_hpc.job import load_job
from dte_hpc.parallel.roles import Role, World

GLOBE = {"type": "boundingbox", "points": [[90, -180], [-90, 180]]}
BOX = {"type": "boundingbox", "points": [[60, 0], [-60, 180]]}
SERIES = {"type": "timeseries", "points": [[49, 2], [0, 0]], "axis": "step"}
POINT = {"type": "position", "points": [[49, 2]]}
FLIGHT = {"type": "trajectory", "points": [[49, 2, 500, 0], [41, -74, 850, 6]], "inflation": [4, 4, 400, 1]}
ALL = {"levelist": "500/850", "step": "0/3/6"}
CASES = (
    (GLOBE, {**ALL, "param": "130/131"}),
    (POINT, {"levelist": "500", "step": "0", "param": "130"}),
    (BOX, {**ALL, "param": "131"}),
    (FLIGHT, {"param": "130/131"}),
    (SERIES, {**ALL, "param": "130"}),
)
SMALL_PARTS = Serving(part_bytes=20_000, parts_per_query=2, parts_per_rank=6)


@contextlib.contextmanager
def serving(comm, store, settings=SMALL_PARTS):
    """Yield a client on model ranks, None on those that serve and have done so."""
    n_serving = max(1, comm.size // 2)
    role = Role.EXTRACT if comm.rank >= comm.size - n_serving else Role.MODEL
    world = World.split(role, comm)
    if role is Role.EXTRACT:
        serve_extract(world, store, serving=settings)
        yield None
    else:
        with ExtractClient(world) as client:
            yield client
    comm.Barrier()
    world.free()


def same(one, other):
    for name in (
        "values",
        "index",
        "latitude",
        "longitude",
        "place_start",
        "place_of_field",
        "level",
        "step",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert {k: v.tolist() for k, v in one.columns.items()} == {
        k: v.tolist() for k, v in other.columns.items()
    }


@pytest.mark.mpi(min_size=2)
def test_many_queries_at_once_are_all_answered_right(comm, shared_store, asked):
    requests = [asked(feature, **words) for feature, words in CASES]
    with serving(comm, shared_store.store) as client:
        if client:
            pending = [(request, client.ask(request, user=n % 3)) for n, request in enumerate(requests * 3)]
            known = {id(request): extract(shared_store.store, request) for request in requests}
            for request, one in reversed(pending):
                same(one.answer(), known[id(request)])
                assert one.answer() is one.answer()


@pytest.mark.mpi(min_size=2)
def test_parts_come_in_order_and_few_at_a_time(comm, shared_store, asked):
    with serving(comm, shared_store.store) as client:
        if client:
            for feature, words in CASES:
                request, parts = asked(feature, **words), []
                pending = client.ask_parts(request)
                for part in pending.parts():
                    parts.append(part)
                    client.progress()
                    assert len(pending._parts) <= SMALL_PARTS.parts_per_query
                assert [part.number for part in parts] == list(range(parts[0].n_parts))
                same(join(parts), extract(shared_store.store, request))


@pytest.mark.mpi(min_size=2)
def test_who_does_not_take_his_parts_holds_up_nobody(comm, shared_store, asked):
    big, small = (asked(feature, **words) for feature, words in CASES[:2])
    with serving(comm, shared_store.store) as client:
        if client:
            slow = [client.ask_parts(big).parts() for _ in range(4)]
            for parts in slow:
                next(parts)
            for _ in range(3):
                assert client.extract(small).values.size == 1
            for parts in slow:
                assert sum(part.answer.values.size for part in parts) > 40_000


@pytest.mark.mpi(min_size=2)
def test_who_leaves_early_frees_his_query(comm, shared_store, asked):
    big, small = (asked(feature, **words) for feature, words in CASES[:2])
    settings = Serving(part_bytes=20_000, parts_per_query=2, parts_per_rank=6, queries_per_rank=3)
    with serving(comm, shared_store.store, settings) as client:
        if client:
            for n_taken in (0, 1, 2, 5) * 3:
                pending = client.ask_parts(big)
                for number, _ in enumerate(pending.parts()):
                    if number == n_taken:
                        break
                client.ask(big).cancel()
                assert client.extract(small).values.size == 1
            pending = client.ask(big)
            pending.cancel()
            with pytest.raises(RankFailed, match="cancelled"):
                pending.answer()


@pytest.mark.mpi(min_size=2)
def test_one_may_leave_without_taking_anything(comm, shared_store, asked):
    with serving(comm, shared_store.store) as client:
        if client:
            for feature, words in CASES:
                client.ask(asked(feature, **words))
                client.ask_parts(asked(feature, **words))
            client.close()
            with pytest.raises(RankFailed, match="goodbye"):
                client.ask(asked(POINT))


@pytest.mark.mpi(min_size=2)
def test_an_error_hurts_no_other_query(comm, shared_store, asked):
    good = asked(CASES[0][0], **CASES[0][1])
    wrong = (
        (asked(SERIES, levelist="500", step="77"), FieldNotFound),
        (asked({"type": "position", "points": [[91, 0]]}, **ALL), InvalidRequest),
        ({"feature": 3}, InvalidRequest),
    )
    with serving(comm, shared_store.store) as client:
        if client:
            pending = [client.ask(good)]
            failing = [(client.ask(request), error) for request, error in wrong]
            pending.append(client.ask(good))
            for one, error in failing:
                with pytest.raises(error):
                    one.answer()
            with pytest.raises(FieldNotFound):
                list(client.parts(wrong[0][0]))
            for one in pending:
                same(one.answer(), extract(shared_store.store, good))


@pytest.mark.mpi(min_size=2)
def test_a_file_that_cannot_be_read_hurts_no_other_query(comm, shared_store, asked, monkeypatch):
    from dte_hpc.extract import worker

    read_part = worker.read_part

    def fail(query, bounds, number, *rest):
        if number == 2 and query.feature.kind == "boundingbox":
            raise OSError(5, "Input/output error")
        return read_part(query, bounds, number, *rest)

    monkeypatch.setattr(worker, "read_part", fail)
    with serving(comm, shared_store.store) as client:
        if client:
            bad, good = (client.ask(asked(CASES[n][0], **CASES[n][1])) for n in (0, 3))
            with pytest.raises(RankFailed, match="Input/output error"):
                bad.answer()
            assert good.answer().values.size > 10
            with pytest.raises(RankFailed, match="Input/output error"):
                list(client.parts(asked(CASES[0][0], **CASES[0][1])))


@pytest.mark.mpi(min_size=2)
def test_limits_are_those_of_the_job(comm, shared_store, asked):
    limits = Limits(points=6000, values=20_000, bytes=50_000, fields=6)
    with serving(comm, shared_store.store, Serving(limits=limits, part_bytes=20_000)) as client:
        if client:
            for words, said in (
                ({**ALL, "param": "130/131"}, "12 fields; expected at most 6"),
                ({**ALL, "param": "130"}, "31488 values; expected at most 20000"),
            ):
                with pytest.raises(InvalidRequest, match=said):
                    client.extract(asked(GLOBE, **words))
            with pytest.raises(InvalidRequest, match="62976 bytes of field data; expected at most 50000"):
                list(client.parts(asked(GLOBE, **ALL, param="130")))
            few = asked(GLOBE, levelist="500", step="0/3/6", param="130")
            assert client.extract(few).values.size == 3 * 5248


@pytest.mark.mpi(min_size=2)
def test_a_query_that_takes_too_long_says_how_far_it_came(comm, shared_store, asked):
    settings = Serving(limits=Limits(seconds=1e-4), part_bytes=20_000)
    with serving(comm, shared_store.store, settings) as client:
        if client:
            with pytest.raises(
                InvalidRequest, match=r"with \d+ of \d+ parts read; expected at most 0.0001 seconds"
            ):
                client.extract(asked(GLOBE, **ALL, param="130/131"))
            assert client.extract(asked(POINT, levelist="500", step="0")).values.size == 1


@pytest.mark.mpi(min_size=2)
def test_too_many_open_queries_are_refused(comm, shared_store, asked):
    big, small = (asked(feature, **words) for feature, words in CASES[:2])
    settings = Serving(part_bytes=20_000, parts_per_query=2, queries_per_rank=2)
    with serving(comm, shared_store.store, settings) as client:
        if client:
            held = [client.ask_parts(big).parts() for _ in range(2)]
            for parts in held:
                next(parts)
            with pytest.raises(InvalidRequest, match="has 3 queries open; expected at most 2"):
                client.extract(small)
            for parts in held:
                parts.close()
            assert client.extract(small).values.size == 1


@pytest.mark.mpi(min_size=2)
def test_a_rank_that_finds_other_fields_leaves_the_query_to_who_planned_it(
    comm, shared_store, asked, monkeypatch
):
    from dte_hpc.extract import worker

    digest = worker.digest_of
    monkeypatch.setattr(worker, "digest_of", lambda query: (digest(query) + comm.rank) % 2**60)
    with serving(comm, shared_store.store) as client:
        if client:
            for feature, words in CASES:
                request = asked(feature, **words)
                same(client.extract(request), extract(shared_store.store, request))


@pytest.mark.mpi(min_size=2)
def test_a_small_query_does_not_wait_for_the_end_of_a_big_one(comm, shared_store, asked, monkeypatch):
    from dte_hpc.extract import worker

    read_part = worker.read_part

    def slow(query, *rest):
        time.sleep(0.02 * (query.feature.kind == "boundingbox"))
        return read_part(query, *rest)

    monkeypatch.setattr(worker, "read_part", slow)
    settings = Serving(part_bytes=4000, parts_per_query=8, parts_per_rank=100)
    with serving(comm, shared_store.store, settings) as client:
        if client:
            big = [client.ask(asked(GLOBE, **ALL, param="130/131"), user=user) for user in range(2)]
            for user in (1, 2):
                small = client.ask(asked(POINT, levelist="500", step="0"), user=user)
                first = client.wait_any([*big, small])
                assert first is small, first._error
            assert not any(one.is_over for one in big)
            for one in big:
                one.cancel()


@pytest.mark.mpi(min_size=5)
def test_a_big_query_is_read_by_all(comm, shared_store, asked):
    with serving(comm, shared_store.store, Serving(part_bytes=4000, parts_per_query=50)) as client:
        if client:
            ranks = [client.extract(asked(GLOBE, **ALL, param="130/131")).account.ranks for _ in range(5)]
            assert max(ranks) == comm.size // 2


def test_a_job_file_says_what_may_be_asked(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(
        "plans: []\nextract: {limits: {points: 7, seconds: 2}, part-bytes: 1000, gap-bytes: 4096}\n"
    )
    found = load_job(path).extract
    assert (found.limits.points, found.limits.seconds, found.part_bytes) == (7, 2.0, 1000)
    assert found.limits.fields == Limits().fields
    for text, said in (
        (
            "extract: {limits: {point: 7}}",
            r"\$.extract.limits.point: unknown keyword 'point' \(did you mean 'points'",
        ),
        ("extract: {limits: {points: 0}}", r"\$.extract.limits: limit 'points' is 0; expected at least 1"),
        ("extract: {parts-per-query: 0}", r"\$.extract: parts-per-query is 0; expected at least 1"),
    ):
        path.write_text(f"plans: []\n{text}\n")
        with pytest.raises(InvalidConfig, match=said):
            load_job(path)


JOB = """
import os, signal, sys, time
from dte_hpc.job import run
from dte_hpc.extract import worker, lead

def model(rank):
    {model}

{server}
PLANS = [{{"name": "n", "actions": [{{"type": "null"}}]}}]
run(model, {{"plans": PLANS, "store": {store!r}, "ranks": {{"io": 1, "extract": 2}}}})
"""
REQUEST = {
    "class": "od", "stream": "oper", "expver": "0001", "date": "20260101", "time": "0000", "type": "fc",
    "levtype": "pl", "param": "130", "levelist": "500", "step": "0", "feature": GLOBE,
}  # fmt: skip
ENDS = {
    "an extraction rank raises": (
        f"rank.extract.extract({REQUEST})",
        "def broken(*_): raise ValueError('broken')\nworker.read_part = broken",
        "ValueError: broken",
    ),
    "an extraction rank is killed": (
        f"rank.extract.extract({REQUEST})",
        "def broken(*_): os.kill(os.getpid(), signal.SIGKILL)\nworker.read_part = broken",
        "",
    ),
    "a model rank dies with queries open": (
        f"pending = rank.extract.ask({REQUEST}); raise ValueError('the model blew up')",
        "",
        "ValueError: the model blew up",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_rank_that_dies_ends_the_job(job, made, name):
    made.add("O32")
    model, server, said = ENDS[name]
    ended = job((4, JOB.format(model=model, server=server, store=str(made.root))))
    assert ended.status != 0
    assert said in ended.err


def test_a_model_rank_that_returns_leaves_nothing_behind(job, made):
    made.add("O32")
    model = f"pending = [rank.extract.ask({REQUEST}) for _ in range(20)]; pending[3].answer()"
    ended = job((4, JOB.format(model=model, server="", store=str(made.root))))
    assert ended.status == 0, ended.err
    assert ended.err == ""


def test_a_model_rank_imports_no_compiled_code():
    import subprocess

    code = "import sys, dte_hpc.extract.ranks; print(sorted({'numba', 'eccodes'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_64_clients_for_two_minutes(outside, tmp_path):
    script = Path(__file__).parents[2] / "benchmarks" / "clients.py"
    ended = outside(sys.executable, script, "--json", "--folder", tmp_path, timeout=550)
    assert ended.status == 0, ended.out + ended.err
    told = json.loads(ended.out)
    assert told["clients"] == 64
    assert told["wrong"] == 0
    assert told["fewest answers of a client"] > 0
