"""Do several ranks give the answer of one, and fail as one?"""

import itertools

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, DteError, FieldNotFound, InvalidRequest, RankFailed
from dte_hpc.extract import extract
from dte_hpc.extract.part import join
from dte_hpc.extract.ranks import ExtractClient, serve_extract
from dte_hpc.extract.run import extract_parts, plan
from dte_hpc.extract.shares import shares
from dte_hpc.extract.wire import Kept, pack_part, unpack_part
from dte_hpc.parallel.roles import Role, World

FLIGHT = {"type": "trajectory", "points": [[49, 2, 500, 0], [41, -74, 850, 6]], "inflation": [4, 4, 400, 1]}
BOX = {"type": "boundingbox", "points": [[-60, 0], [60, 180]]}
SERIES = {"type": "timeseries", "points": [[49, 2], [0, 0]], "axis": "step"}
PROFILE = {"type": "verticalprofile", "points": [[49, 2]]}
ALL = {"levelist": "500/850", "step": "0/3/6"}
CASES = (
    (FLIGHT, {"param": "130/131"}),
    (BOX, {**ALL, "param": "130/131"}),
    (SERIES, {**ALL, "param": "130"}),
    (PROFILE, {**ALL, "param": "131"}),
    (BOX, {"levtype": "sfc", "param": "167", "step": "0"}),
    (SERIES, {"levelist": "500", "param": "130", "step": "3"}),
)


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
    assert (one.kind, one.axis, one.grids) == (other.kind, other.axis, other.grids)


@pytest.mark.mpi
def test_any_number_of_ranks_gives_the_answer_of_one(comm, shared_store, asked):
    for feature, words in CASES:
        request = asked(feature, **words)
        together = extract(shared_store.store, request if comm.rank == 0 else {}, comm=comm)
        if comm.rank == 0:
            alone = extract(shared_store.store, request)
            same(together, alone)
            assert together.account.ranks == comm.size
            assert together.account.points == alone.account.points
            if "131" not in words["param"]:
                for name in ("bytes_requested", "bytes_read", "bytes_decoded", "reads"):
                    assert getattr(together.account, name) >= getattr(alone.account, name) - 2 * comm.size
        else:
            assert together.values.size == 0


@pytest.mark.mpi
def test_an_error_is_the_same_on_every_rank(comm, shared_store, asked):
    wrong = asked({"type": "position", "points": [[91, 0]]}, **ALL)
    with pytest.raises(InvalidRequest, match=r"feature.points\[0\]"):
        extract(shared_store.store, wrong if comm.rank == 0 else {}, comm=comm)
    with pytest.raises(FieldNotFound):
        extract(shared_store.store, asked(SERIES, levelist="500", step="77"), comm=comm)
    with pytest.raises(InvalidRequest, match="not JSON"):
        extract(shared_store.store, {"feature": object()}, comm=comm)


@pytest.mark.mpi
def test_a_rank_that_cannot_read_fails_all(comm, shared_store, asked, monkeypatch):
    from dte_hpc.extract import run
    from dte_hpc.extract.pread import cut_short

    def fail(*_, **__):
        raise cut_short(-1, 3, 4)

    if comm.rank == comm.size - 1:
        monkeypatch.setattr(run, "read_values", fail)
    with pytest.raises(CorruptData, match="bytes 3 to 7"):
        extract(shared_store.store, asked(BOX, **ALL), comm=comm)


@pytest.mark.mpi
def test_a_rank_whose_disk_fails_fails_all(comm, shared_store, asked, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    if comm.rank == comm.size - 1:
        monkeypatch.setattr(shared_store.store, "list", fail)
    with pytest.raises(RankFailed, match="Input/output error"):
        extract(shared_store.store, asked(BOX, **ALL), comm=comm)


@pytest.mark.mpi(min_size=2)
def test_model_ranks_are_served(comm, shared_store, asked):
    n_serving = max(1, comm.size // 2)
    role = Role.EXTRACT if comm.rank >= comm.size - n_serving else Role.MODEL
    world = World.split(role, comm)
    try:
        if role is Role.EXTRACT:
            n_served = serve_extract(world, shared_store.store)
            if world.comm.rank == 0:
                assert n_served == (comm.size - n_serving) * (len(CASES) + 1)
        else:
            with ExtractClient(world) as client:
                for feature, words in CASES:
                    request = asked(feature, **words)
                    same(client.extract(request), extract(shared_store.store, request))
                with pytest.raises(FieldNotFound):
                    client.extract(asked(SERIES, levelist="500", step="77"))
                with pytest.raises(InvalidRequest, match="not JSON"):
                    client.extract({"feature": object()})
            with pytest.raises(RankFailed, match="goodbye"):
                client.extract({})
    finally:
        comm.Barrier()
        world.free()


@pytest.mark.mpi
def test_without_extraction_ranks_there_is_no_client(comm):
    world = World.split(Role.MODEL, comm)
    with pytest.raises(InvalidRequest, match="no extraction rank"):
        ExtractClient(world)
    world.free()


def test_work_is_shared_by_bytes(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 3, 6)).add("2/2", params=(131,))
    for feature, words in ((FLIGHT, {}), (BOX, ALL), (BOX, {"levelist": "500", "step": "0"}), (SERIES, ALL)):
        query, _ = plan(made.store, asked(feature, **words))
        for n_ranks in (1, 2, 3, 7, 200):
            bounds = shares(query, n_ranks)
            assert bounds[0] == 0
            assert bounds[-1] == query.read_start()[-1]
            assert (np.diff(bounds) >= 0).all()
    query, _ = plan(made.store, asked(BOX, **ALL))
    counts = np.diff(shares(query, 3))
    assert counts.max() < 1.2 * counts.min()


def test_a_large_field_is_cut_inside(made, asked):
    made.add("F32", steps=(0,))
    globe = {"type": "boundingbox", "points": [[-90, -180], [90, 180]]}
    query, _ = plan(made.store, asked(globe, levelist="500", step="0"))
    assert shares(query, 2).tolist() == [0, 0, 8192] or shares(query, 2)[1] in (0, 4096, 8192)


def test_parts_travel_as_bytes(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 3))
    request = asked(BOX, levelist="500/850", step="0/3")
    (part,) = extract_parts(made.store, request)
    data = pack_part(part)
    back = unpack_part(data)
    same(part.answer, back.answer)
    same(join([back]), extract(made.store, request))
    assert back.answer.account.as_dict() == part.answer.account.as_dict()
    assert back.whole.as_dict() == part.whole.as_dict()
    for cut, first in itertools.product((0, 10, 40, data.size // 2, data.size - 9), (False, True)):
        damaged = data[:cut].copy()
        if first and cut:
            damaged[0] ^= 1
        with pytest.raises(DteError):
            unpack_part(damaged)


def test_points_that_are_known_do_not_travel_again(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 3))
    request = asked(BOX, levelist="500/850", step="0/3")
    parts = list(extract_parts(made.store, request, part_bytes=8 * 3000))
    assert len(parts) > 2
    sending, receiving = Kept(), Kept()
    packed = [pack_part(part, sending) for part in parts]
    assert packed[-1].size < packed[0].size
    same(join([unpack_part(data, receiving) for data in packed]), extract(made.store, request))
    with pytest.raises(RankFailed, match="not known"):
        unpack_part(packed[-1])
