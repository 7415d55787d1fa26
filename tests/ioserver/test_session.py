"""What an IO rank does, without MPI: the client of a single process."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidGrid, InvalidPart, RankFailed
from dte_hpc.base.field import Metadata, Part
from dte_hpc.ioserver import LocalClient
from dte_hpc.ioserver.calls import Call, Calls, refuse_difference
from dte_hpc.ioserver.domain import Domain, DomainName
from dte_hpc.ioserver.pending import PendingField
from dte_hpc.ioserver.protocol import Verb
from dte_hpc.ioserver.runs import compress


def test_a_single_process_has_the_same_verbs(recording):
    pipeline = recording()
    order = np.random.default_rng(1).permutation(40)
    with LocalClient(pipeline) as client:
        client.write_domain("d", order, global_size=40)
        client.write_mask("d", order % 2 == 0)
        client.write_mask("d", order % 3 == 0, level=500)
        values = order.astype(np.float32)
        client.write_field({"param": 1, "step": 0}, values)
        client.write_field(
            Part(metadata=Metadata({"param": 1, "levelist": 500, "domain": "d"}), values=values)
        )
        values[:] = -1
        client.flush()
        client.flush()
        client.notify({"step": 0})
    assert pipeline.calls == ["flush", "flush", "flush", ("notify", {"step": 0}), "flush", "close"]
    (first, one, every), (_, _, third) = pipeline.fields
    assert first == {"param": 1, "step": 0, "domain": "d"}
    np.testing.assert_array_equal(one, np.arange(40, dtype=np.float32))
    np.testing.assert_array_equal(every, np.arange(40) % 2 == 0)
    np.testing.assert_array_equal(third, np.arange(40) % 3 == 0)
    assert client.report.n_fields == 2
    client.close()


def test_the_grid_of_a_domain_fills_in_and_must_fit(recording):
    pipeline = recording()
    with LocalClient(pipeline) as client:
        with pytest.raises(InvalidGrid, match=r"domain 'd' has 41 points; expected the .* of its grid O4"):
            client.write_domain("d", np.arange(41), global_size=41, grid="O4")
        n = sum(2 * (4 * i + 16) for i in range(1, 5))
        client.write_domain("d", np.arange(n), global_size=n, grid="O4")
        client.write_field({"param": 1}, np.zeros(n))
        client.write_field({"param": 2, "grid": "mine"}, np.zeros(n))
    assert [metadata["grid"] for metadata, *_ in pipeline.fields] == ["O4", "mine"]


@pytest.mark.parametrize(
    ("metadata", "values", "says"),
    [
        ({"param": 1, "domain": "x"}, np.zeros(4), r"field .*param=1.* model rank 0 .*'x'.* expected one of"),
        (
            {"param": 1},
            np.zeros(3),
            r"field .*param=1.* model rank 0 writes 3 values for domain .d.; expected 4",
        ),
        ({"param": 1}, np.zeros(4, int), r"model rank 0: field param=1 has values of int64"),
        ({"param": [1]}, np.zeros(4), r"model rank 0: metadata has 'param'"),
        ({"param": 1}, None, r"model rank 0: field param=1 has values of NoneType"),
    ],
)
def test_a_wrong_part_names_rank_and_field(recording, metadata, values, says):
    with LocalClient(recording()) as client:
        client.write_domain("d", np.arange(4), global_size=4)
        with pytest.raises(InvalidPart, match=says):
            client.write_field(metadata, values)


def test_a_client_that_is_not_open_says_so(recording):
    client = LocalClient(recording())
    for call in (client.flush, lambda: client.write_field({"param": 1}, np.zeros(1))):
        with pytest.raises(InvalidPart, match="not open"):
            call()


def test_a_domain_must_fit_the_budget_and_is_described_once(recording):
    with LocalClient(recording(), budget_bytes=100_000) as client:
        with pytest.raises(InvalidConfig, match="expected at least"):
            client.write_domain("big", np.arange(10_000), global_size=10_000)
        client.write_domain("d", np.arange(100), global_size=100)
        with pytest.raises(InvalidPart, match="twice"):
            client.write_domain("d", np.arange(100), global_size=100)
        for bad in (np.zeros(3, bool), np.zeros(100)):
            with pytest.raises(InvalidPart, match=r"model rank 0 writes a mask.*expected bool \(100,\)"):
                client.write_mask("d", bad)
        with pytest.raises(InvalidPart, match="unknown"):
            client.write_mask("e", np.zeros(3, bool))
        with pytest.raises(InvalidPart, match="whole numbers"):
            client.write_domain("f", np.zeros(100), global_size=100)


def test_calls_that_differ_name_the_ranks():
    calls = Calls([0, 1, 2])
    flush = Call(Verb.FLUSH, 4, b"", np.empty(0, np.uint8))
    assert not calls.add(2, Call(Verb.NOTIFY, 4, b'{"step":1}', np.empty(0, np.uint8)))
    assert not calls.add(0, flush)
    assert calls.waiting() == {0, 2}
    assert calls.add(1, flush)
    with pytest.raises(RankFailed, match=r'model rank 2 calls notify\({"step":1}\) where .* 0 calls flush'):
        refuse_difference(calls.take())
    assert calls.waiting() == frozenset()


def test_numbers_of_two_kinds_in_one_field_are_refused():
    what = DomainName(name="d", global_size=4, grid=None)
    domain = Domain(what, {0: compress(np.arange(2)), 1: compress(np.arange(2, 4))})
    field = PendingField(Metadata({"param": 1}), domain, wanted=True)
    assert not field.add(0, np.zeros(2), 0)
    with pytest.raises(InvalidPart, match="param=1: model rank 1 sends float32 and model rank 0 float64"):
        field.add(1, np.zeros(2, np.float32), 0)
