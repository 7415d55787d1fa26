"""A request for one field is answered by a number, or by a search, as it is by comparing columns."""

import datetime
import tempfile
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import FieldNotFound
from dte_hpc.base.request import Request
from dte_hpc.fdb import FDB
from dte_hpc.fdb.finding import matching
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.finding.lookup import ABSENT, UNSURE, Lookup, Lookups
from dte_hpc.fdb.naming import kinds
from dte_hpc.testing.store import KEY, message_of


class GeneralRoad(FDB):
    """A store that never looks a field up by its number."""

    def _single(self, request: Request, defaults: Collection[str]) -> Listing | None:
        return None


STEPS, PARAMS = ["24", "0-24", "12-24", "6"], ["167", "167.128", "130"]
LEVELS, NUMBERS, EXPVERS = [None, "500", "850"], [None, "1"], ["0001", "0002"]


def key_of(step, param, level, number, expver) -> dict[str, str]:
    key = {**KEY, "step": step, "param": param, "levelist": level, "number": number, "expver": expver}
    return {k: str(v) for k, v in key.items() if v is not None}


KEYS = st.builds(key_of, *map(st.sampled_from, (STEPS, PARAMS, LEVELS, NUMBERS, EXPVERS)))


NUMBERED, SOUGHT = -(10**9), 10**9  # requests that do without a lookup


@pytest.fixture(params=[NUMBERED, SOUGHT], ids=["numbered", "sought"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.N_SOUGHT", request.param)


@pytest.mark.usefixtures("road")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(KEYS, st.just(None)), min_size=1, max_size=25), st.data())
def test_all_roads_give_the_same(keys, data):
    """Also with masked and deleted fields, several flushes, databases, and forms that answer second best."""
    with tempfile.TemporaryDirectory() as root:
        store = FDB(root)
        for number, key in enumerate(keys):
            if key is None:
                store.flush()
            else:
                store.archive(message_of(number), key)
        stored = [key for key in keys if key]
        store.flush()
        if stored:
            store.delete(data.draw(st.sampled_from(stored)))
            store.flush()
        general = GeneralRoad(root)
        for _ in range(6):
            request = dict(data.draw(st.one_of(KEYS, st.sampled_from(stored or [KEY]))))
            for keyword in data.draw(st.sets(st.sampled_from(["levelist", "number", "domain", "step"]))):
                request.pop(keyword, None)
            found, expected = (s.inspect(request, missing="report") for s in (store, general))
            assert list(map(found.message, range(len(found)))) == list(
                map(expected.message, range(len(expected)))
            )
            assert list(found.keys()) == list(expected.keys())
            assert (found.n_missing, found.missing) == (expected.n_missing, expected.missing)


@pytest.fixture
def store(tmp_path: Path) -> FDB:
    store = FDB(tmp_path)
    for step in range(5):
        store.archive(message_of(step), {**KEY, "step": step})
    store.flush()
    return store


def lookups_row(store: FDB, request: dict[str, object], lookups: Lookups) -> int:
    wanted = matching.wanted_of(Request(request), store.schema)
    table = store.databases()[0].table()
    return lookups.row(table, wanted, frozenset(wanted), store.schema.hidden)


@pytest.mark.usefixtures("road")
def test_one_field_takes_a_short_road(store: FDB) -> None:
    assert lookups_row(store, {**KEY, "step": 3}, Lookups()) == 3
    assert lookups_row(store, {**KEY, "step": 9}, Lookups()) in (ABSENT, UNSURE)
    assert lookups_row(store, {**KEY, "step": 3, "number": 1}, Lookups()) in (ABSENT, UNSURE)
    del (several := dict(KEY))["step"]
    assert lookups_row(store, several, Lookups()) == UNSURE


def test_a_large_snapshot_is_numbered_when_that_pays(store: FDB, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.seek", lambda *_: made.append(0) or UNSURE)
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.ROWS_A_REQUEST", 2)
    lookups, request = Lookups(), {**KEY, "step": 3}
    assert [lookups_row(store, request, lookups) for _ in range(9)] == [UNSURE] * 6 + [3] * 3
    assert len(made) == 6


def test_sparse_numbers_are_searched(store: FDB, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (10, 11):
        store.archive(message_of(step), {**KEY, "step": step, "levelist": 100 + step, "param": step})
    store.flush()
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.N_SOUGHT", NUMBERED)
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.DENSE_KEYS", 0)
    table = store.databases()[0].table()
    assert Lookup(table, ["step", "levelist", "param"])._numbers is not None
    assert store.retrieve({**KEY, "step": 11, "levelist": 111, "param": 11}).read() == message_of(11)
    with pytest.raises(FieldNotFound):
        store.retrieve({**KEY, "step": 11, "levelist": 110, "param": 11})


def test_keys_with_too_many_combinations_take_the_general_road(
    store: FDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.N_SOUGHT", NUMBERED)
    monkeypatch.setattr("dte_hpc.fdb.finding.lookup.MAX_NUMBERS", 2)
    assert lookups_row(store, {**KEY, "step": 3}, Lookups()) == UNSURE
    assert store.retrieve({**KEY, "step": 3}).read() == message_of(3)


@pytest.mark.usefixtures("road")
def test_the_newest_of_a_key_is_found_after_every_flush(store: FDB) -> None:
    for number in range(10, 13):
        store.archive(message_of(number), {**KEY, "step": 3})
        store.flush()
        assert store.retrieve({**KEY, "step": 3}).read() == message_of(number)


def test_a_relative_date_means_another_day_after_midnight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, today = FDB(tmp_path), datetime.datetime.now(datetime.UTC)
    for days in (0, 1):
        date = today + datetime.timedelta(days=days - 1)
        store.archive(message_of(days), {**KEY, "date": f"{date:%Y%m%d}"})
    store.flush()
    for days in (0, 1):

        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz=None, days=days):
                return today + datetime.timedelta(days=days)

        for module in (kinds, matching):
            monkeypatch.setattr(module.datetime, "datetime", Clock)
        assert store.retrieve({**KEY, "date": -1}).read() == message_of(days)
        monkeypatch.undo()


def test_what_is_missing_is_reported(store: FDB) -> None:
    found = store.retrieve({**KEY, "step": "1/7/3/8/9"}, missing="report")
    assert found.read() == message_of(1) + message_of(3)
    assert [combination["step"] for combination in found.missing] == ["7", "8", "9"]
    assert found.n_missing == 3
    complete = store.inspect({**KEY, "step": 1}, missing="report")
    assert (complete.missing, complete.n_missing) == ((), 0)
    many = store.inspect({**KEY, "step": "1/to/20000"}, missing="report")
    assert (many.n_missing, len(many.missing)) == (20_000 - 4, 10_000)
