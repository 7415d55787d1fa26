"""What a hammer's load is."""

import itertools

import pytest

from dte_hpc.base.errors import CorruptData, InvalidRequest
from dte_hpc.fdb import FDB
from dte_hpc.fdb.upkeep.copy import no_progress
from dte_hpc.fdb.upkeep.hammer import Load, Maker, list_steps, read, template_of, write


def load(**words):
    template, _ = template_of(None, **{"class": "rd", "expver": "xxxx"})
    return Load(
        **{"template": template, "n_values": 100, "n_steps": 2, "n_params": 3, "n_levels": 4, **words}
    )


def test_shares_are_every_field_once():
    whole = load()
    assert (whole.n_plane, whole.n_fields) == (12, 24)
    for n_shares in (1, 2, 5, 12):
        shares = [whole.share(number, n_shares) for number in range(n_shares)]
        places = [range(start, stop + 1) for start, stop in shares]
        assert list(itertools.chain(*places)) == list(range(12))
        parts = [load(start_at=start, stop_at=stop) for start, stop in shares]
        assert sum(part.n_fields for part in parts) == 24
    with pytest.raises(InvalidRequest, match="13 processes"):
        whole.share(0, 13)


def test_a_share_that_is_none_is_refused():
    for words in ({"start_at": 12}, {"start_at": -1}, {"start_at": 5, "stop_at": 4}, {"stop_at": 12}):
        with pytest.raises(InvalidRequest, match="share"):
            load(**words)


def test_messages_are_the_same_again_and_differ_from_field_to_field():
    some = load()
    step = next(some.steps())
    first, second = ([bytes(Maker(some).message(m).message) for m in some.fields(step)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 12


def test_a_flush_a_step_and_what_is_missing(tmp_path):
    some = load()
    with FDB(tmp_path) as store:
        measured = write(store, some, Maker(some), no_progress)
        assert (measured.n_fields, measured.last > measured.first) == (24, True)
        assert store.stats()[0].n_flushes == 2
        assert read(store, some, Maker(some), no_progress, md_check=True).n_bytes == measured.n_bytes
        assert list_steps(store, some, no_progress).n_bytes == measured.n_bytes
        with pytest.raises(CorruptData, match="expected 15"):
            list_steps(store, load(n_levels=5), no_progress)


def test_md_check_reads_the_header(tmp_path):
    some = load(n_steps=1, n_levels=1, n_params=1)
    step = next(some.steps())
    with FDB(tmp_path) as store:
        other = Maker(some).message(step.replace(levelist=1, param=130))
        store.archive(bytes(other.message), {**other.metadata, "param": 1})
        store.flush()
        with pytest.raises(CorruptData, match="param"):
            read(store, some, None, no_progress, md_check=True)
