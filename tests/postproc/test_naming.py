"""Old and new spellings of one keyword."""

import pytest

from dte_hpc.postproc.naming import mars_time_of, read_table, spellings, value_of


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("misc-globalSize", "globalSize"),
        ("globalSize", "misc-globalSize"),
        ("precision", "misc-precision"),
        ("level", "levelist"),
        ("levelist", "level"),
        ("paramId", "param"),
        ("startDate", "date"),
        ("dataDate", "startDate"),
        ("endStep", "step"),
        ("step", "endStep"),
        ("category", "levtype"),
    ],
)
def test_every_spelling_answers(given, asked):
    assert value_of({given: 7, "other": 1}, asked) == 7


def test_the_very_spelling_comes_first_and_falsy_values_count():
    assert value_of({"level": 3, "levelist": 0}, "levelist") == 0
    assert value_of({"level": 3, "levelist": 0}, "level") == 3
    assert value_of({"dataDate": 1, "startDate": 2}, "date") == 2


def test_nothing_answers():
    assert value_of({"levtype": "pl"}, "category") is None
    assert value_of({}, "unheard-of") is None
    assert spellings("unheard-of") == ()


@pytest.mark.parametrize(
    ("metadata", "hhmm"),
    [
        ({"time": 1200}, 1200),
        ({"time": "0600"}, 600),
        ({"startTime": 120000}, 1200),
        ({"dataTime": 2400}, 2400),
        ({"startTime": 13000}, 130),
        ({"time": "noon"}, None),
        ({}, None),
    ],
)
def test_the_time_of_day_is_hours_and_minutes(metadata, hhmm):
    assert mars_time_of(metadata) == hhmm


def test_the_table_is_read_line_by_line():
    assert read_table(["# a = b", "", "a = b c", "a < d", "b = b"]) == {
        "a": ("b", "c", "d"),
        "b": ("a", "c"),
        "c": ("a", "b"),
    }
