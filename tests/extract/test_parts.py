"""Do the parts of an answer make the whole, is none too large, and do limits stop what is too much?"""

import itertools

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidRequest
from dte_hpc.extract import Limits, Options, extract
from dte_hpc.extract.cost import measured, seconds_of_fields
from dte_hpc.extract.part import join
from dte_hpc.extract.pieces import pieces, seconds_of_pieces
from dte_hpc.extract.run import extract_parts, plan, read_watched

GLOBE = {"type": "boundingbox", "points": [[90, -180], [-90, 180]]}
BOX = {"type": "boundingbox", "points": [[60, 0], [-60, 180]]}
FLIGHT = {"type": "trajectory", "points": [[49, 2, 500, 0], [41, -74, 850, 6]], "inflation": [4, 4, 400, 1]}
SERIES = {"type": "timeseries", "points": [[49, 2], [0, 0], [49, 2]], "axis": "step"}
ALL = {"levelist": "500/850", "step": "0/3/6", "param": "130/131"}
CASES = ((GLOBE, ALL), (BOX, ALL), (FLIGHT, {"param": "130/131"}), (SERIES, ALL))
PART_BYTES = (3000, 30_000, 200_000, 1 << 30)


@pytest.fixture(scope="module")
def filled(made_once):
    made_once.add("O32", levels=(500, 850), steps=(0, 3, 6))
    return made_once.add("O32", packing="ccsds", levels=(500, 850), steps=(0, 3, 6), params=(131,))


def same(one, other):
    assert (one.kind, one.axis, one.grids) == (other.kind, other.axis, other.grids)
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


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("part_bytes", PART_BYTES)
def test_parts_joined_are_the_whole(filled, asked, case, part_bytes):
    feature, words = CASES[case]
    request = asked(feature, **words)
    whole = extract(filled.store, request)
    parts = list(extract_parts(filled.store, request, part_bytes=part_bytes))
    same(join(parts), whole)
    assert [part.number for part in parts] == list(range(parts[0].n_parts))
    assert sum(part.answer.values.size for part in parts) == whole.values.size == parts[0].n_values
    if feature is not SERIES:
        assert all(8 * part.answer.values.size <= part_bytes for part in parts)
    joined = join(parts).account
    assert (joined.fields, joined.points) == (whole.account.fields, whole.account.points)
    if words["param"] == "130" or part_bytes >= 1 << 30:
        assert joined.bytes_read == whole.account.bytes_read


def test_parts_come_one_by_one(filled, asked, monkeypatch):
    from dte_hpc.extract import run

    n_read = []
    read = run.read_values
    monkeypatch.setattr(run, "read_values", lambda *a, **k: n_read.append(1) or read(*a, **k))
    parts = extract_parts(filled.store, asked(GLOBE, **ALL), part_bytes=20_000)
    assert n_read == []
    next(parts)
    next(parts)
    assert len(n_read) == 2


@pytest.mark.parametrize("part_bytes", [5000, 1 << 20])
def test_what_is_reduced_over_the_shape_comes_in_parts_too(filled, asked, part_bytes):
    request = {**asked(BOX, **ALL), "reduce": {"over": "shape", "statistics": ["mean", 0.9]}}
    same(
        join(list(extract_parts(filled.store, request, part_bytes=part_bytes))),
        extract(filled.store, request),
    )


def test_what_is_reduced_over_the_time_is_one_part(filled, asked):
    request = {**asked(BOX, **ALL), "reduce": {"over": "time", "statistics": "max"}}
    (part,) = extract_parts(filled.store, request, part_bytes=5000)
    same(part.answer, extract(filled.store, request))


def test_each_part_is_an_answer(filled, asked):
    for part in extract_parts(filled.store, asked(BOX, **ALL), part_bytes=20_000):
        assert part.answer.to_xarray()
        assert part.answer.to_covjson()["type"] == "CoverageCollection"


def test_pieces_are_even_and_short(filled, asked):
    query, _ = plan(filled.store, asked(GLOBE, **ALL))
    total = seconds_of_fields(query).sum()
    for n_bytes, seconds in itertools.product((1000, 40_000, 1 << 30), (total / 50, total / 3, 1.0)):
        bounds = pieces(query, n_bytes, seconds)
        assert bounds[0] == 0
        assert bounds[-1] == query.read_start()[-1]
        assert (np.diff(bounds) > 0).all()
        assert 8 * np.diff(bounds).max() <= n_bytes + 8
        assert seconds_of_pieces(query, bounds).max() <= 1.1 * seconds + 1e-9


def test_a_field_that_is_decoded_whole_is_not_cut(made, asked):
    made.add("O32", levels=(None,), params=(167,), change=lambda v: np.where(v > 260, np.nan, v))
    request = asked(GLOBE, levtype="sfc", param="167", step="0")
    (part,) = extract_parts(made.store, request, part_bytes=1000)
    np.testing.assert_array_equal(part.answer.values, extract(made.store, request).values)


def test_too_many_bytes_are_refused_before_reading(filled, asked, monkeypatch):
    from dte_hpc.extract import run

    monkeypatch.setattr(run, "read_values", lambda *_a, **_k: pytest.fail("it was read"))
    request = asked(GLOBE, **ALL)
    with pytest.raises(InvalidRequest, match=r"asks for \d+ bytes of field data; expected at most 5000"):
        extract(filled.store, request, options=Options(limits=Limits(bytes=5000)))
    with pytest.raises(InvalidRequest, match="expected at most 5000"):
        next(extract_parts(filled.store, request, options=Options(limits=Limits(bytes=5000))))


def test_few_bytes_of_large_fields_are_not_refused(filled, asked):
    request = asked(SERIES, levelist="500", step="0/3/6", param="130")
    answer = extract(filled.store, request, options=Options(limits=Limits(bytes=100)))
    assert answer.account.bytes_read <= 100 < answer.account.bytes_whole_fields


def test_a_request_that_takes_too_long_is_stopped_and_says_how_far_it_came(filled, asked, monkeypatch):
    from dte_hpc.extract import run

    monkeypatch.setattr(run, "LOOK_SECONDS", 1e-6)
    options = Options(limits=Limits(seconds=0))
    with pytest.raises(
        InvalidRequest, match=r"stopped after .* seconds of work, with \d+ of \d+ values read"
    ) as told:
        extract(filled.store, asked(GLOBE, **ALL), options=options)
    assert 0 < told.value.done < told.value.total
    parts = extract_parts(filled.store, asked(GLOBE, **ALL), options=options, part_bytes=20_000)
    next(parts)
    with pytest.raises(InvalidRequest, match="expected at most 0 seconds"):
        next(parts)


def test_an_answer_in_parts_has_no_limit_on_values(filled, asked):
    options = Options(limits=Limits(values=10))
    with pytest.raises(InvalidRequest, match="values; expected at most 10"):
        extract(filled.store, asked(GLOBE, **ALL), options=options)
    assert sum(1 for _ in extract_parts(filled.store, asked(GLOBE, **ALL), options=options)) == 1


def test_somebody_watches(filled, asked, monkeypatch):
    from dte_hpc.extract import run

    monkeypatch.setattr(run, "LOOK_SECONDS", 1e-5)
    told = []
    options = Options(progress=lambda done, total: told.append((done, total)))
    answer = extract(filled.store, asked(GLOBE, **ALL), options=options)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == (answer.values.size, answer.values.size)


def test_reading_under_the_eyes_is_reading(filled, asked, monkeypatch):
    from dte_hpc.extract import run

    query, account = plan(filled.store, asked(GLOBE, **ALL))
    whole = read_watched(query, 0, int(query.read_start()[-1]), account, Options())
    monkeypatch.setattr(run, "LOOK_SECONDS", 1e-5)
    some = read_watched(query, 1234, 54321, account, Options())
    np.testing.assert_array_equal(some, whole[1234:54321])


@pytest.mark.parametrize("name", ["points", "bytes", "seconds"])
def test_a_limit_that_is_none(name):
    with pytest.raises(InvalidConfig, match=f"limit '{name}' is -1"):
        Limits(**{name: -1})


def test_rates_are_those_of_this_machine():
    rates = measured()
    assert 1e-8 < rates.read < 1e-3
    assert 1e-11 < rates.simple < 1e-6
