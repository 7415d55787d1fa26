import json
import multiprocessing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidRequest, StorageFailed
from dte_hpc.base.request import Request
from dte_hpc.notify import journal


def test_what_is_appended_is_read_in_order(tmp_path):
    assert list(journal.read(tmp_path)) == []
    for step in range(5):
        record = journal.append(tmp_path, Request({"class": "od", "step": [step, step + 1]}))
        assert record.sequence == step + 1
    records = list(journal.read(tmp_path, 4))
    assert [r.sequence for r in records] == [4, 5]
    assert dict(records[1].request) == {"class": ("od",), "step": ("4", "5")}
    assert records[0].time <= records[1].time
    assert records[0].time.endswith("Z")
    lines = (tmp_path / journal.JOURNAL).read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5]


def write_some(root, number):
    for step in range(20):
        journal.append(root, Request({"writer": number, "step": step}))


def test_several_writers_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_some, args=(tmp_path, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    records = list(journal.read(tmp_path, listener=pytest.fail))
    assert [r.sequence for r in records] == list(range(1, 61))
    assert len({(r.request["writer"], r.request["step"]) for r in records}) == 60


def test_a_torn_end_costs_nothing_else(tmp_path):
    """Cut the last record at every byte: earlier ones stay, and the next append goes on with a new number."""
    for step in range(3):
        journal.append(tmp_path, Request({"step": step}))
    path = tmp_path / journal.JOURNAL
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        events = []
        assert [r.sequence for r in journal.read(tmp_path, listener=events.append)] == [1, 2]
        assert events == []  # not there yet
        record = journal.append(tmp_path, Request({"step": 9}))
        assert record.sequence == (3 if end == start else 4)
        found = [r.sequence for r in journal.read(tmp_path, listener=events.append)]
        assert found[:2] + found[-1:] == [1, 2, record.sequence]
        assert len(events) + len(found) == (3 if end == start else 4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_flipped_bit_is_skipped_and_told(tmp_path, data):
    path = tmp_path / journal.JOURNAL
    path.unlink(missing_ok=True)
    for step in range(3):
        journal.append(tmp_path, Request({"step": step}))
    damaged = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    events, found = [], []
    found = [r.sequence for r in journal.read(tmp_path, listener=events.append)]
    assert set(found) < {1, 2, 3}
    assert len(found) + len(events) >= 2
    assert journal.append(tmp_path, Request({"step": 9})).sequence > max(found, default=0)


def test_what_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(StorageFailed, match="journal"):
        journal.append(tmp_path / "absent", Request({"step": 1}))
    with pytest.raises(InvalidRequest, match="at most"):
        journal.append(tmp_path, Request({"step": [f"{n:0250d}" for n in range(5000)]}))
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / journal.JOURNAL).unlink(missing_ok=True)
    (tmp_path / journal.JOURNAL).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        journal.append(tmp_path, Request({"step": 1}))
    assert (tmp_path / "elsewhere").read_text() == ""
