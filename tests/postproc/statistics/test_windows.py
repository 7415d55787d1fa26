"""Windows of hours, days and calendar months, and when a field was sampled."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.postproc.statistics.windows import Frequency, clock_of, hours_since

moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "1q", "-1h", "1.5h", "1H", "1d1h", "9999999h", " 1h"])
def test_what_is_no_frequency(text):
    assert Frequency.of(text) is None


@pytest.mark.parametrize(
    ("text", "start", "floor", "end"),
    [
        ("6h", datetime(2026, 1, 1, 5, 30), datetime(2026, 1, 1, 5), datetime(2026, 1, 1, 11)),
        ("1d", datetime(2026, 2, 28, 12), datetime(2026, 2, 28), datetime(2026, 3, 1)),
        ("2day", datetime(2024, 2, 28), datetime(2024, 2, 28), datetime(2024, 3, 1)),
        ("1m", datetime(2024, 2, 29, 23), datetime(2024, 2, 1), datetime(2024, 3, 1)),
        ("1month", datetime(2026, 12, 31), datetime(2026, 12, 1), datetime(2027, 1, 1)),
        ("14m", datetime(2026, 11, 5), datetime(2026, 11, 1), datetime(2028, 1, 1)),
    ],
)
def test_floor_and_end(text, start, floor, end):
    frequency = Frequency.of(text)
    assert frequency is not None
    assert frequency.floor(start) == floor
    assert frequency.after(floor) == end


@given(moments, st.integers(1, 400), st.sampled_from(["h", "d", "m"]))
def test_a_window_holds_its_moment_and_the_next_begins_where_it_ends(moment, count, unit):
    frequency = Frequency.of(f"{count}{unit}")
    assert frequency is not None
    start = frequency.floor(moment)
    end = frequency.after(start)
    assert start <= moment < end
    assert frequency.floor(end) == end
    assert (end - start) >= count * {
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
        "m": timedelta(days=28),
    }[unit]


def clock(**metadata):
    return clock_of(
        Metadata({"date": 20260228, "time": 1200} | metadata), step_frequency=1, time_step_seconds=3600
    )


def test_a_clock_reads_date_time_and_step():
    now = clock(step=13)
    assert (now.base, now.now) == (datetime(2026, 2, 28, 12), datetime(2026, 3, 1, 1))
    assert (now.before, now.interval) == (datetime(2026, 3, 1), timedelta(hours=1))
    assert clock(step=0).before == clock(step=0).base


@pytest.mark.parametrize("time", [0, "0", "0000", "00:00", 0.0])
def test_midnight_is_written_in_many_ways(time):
    assert clock(step=1, time=time, date="2026-03-01").base == datetime(2026, 3, 1)


def test_metadata_win_over_options():
    now = clock(step=6, timeStep=600, **{"step-frequency": 3})
    assert (now.now, now.interval) == (datetime(2026, 2, 28, 13), timedelta(minutes=30))


@pytest.mark.parametrize(
    ("metadata", "keyword"),
    [
        ({}, "step"),
        ({"step": -1}, "step"),
        ({"step": "x"}, "step"),
        ({"step": 1.5}, "step"),
        ({"step": 1, "date": 20260230}, "date"),
        ({"step": 1, "date": "today"}, "date"),
        ({"step": 1, "timeStep": 0}, "timeStep"),
        ({"step": 10**12}, "step"),
    ],
)
def test_nonsense_names_the_keyword(metadata, keyword):
    with pytest.raises(InvalidPart) as caught:
        clock(**metadata)
    assert caught.value.keyword == keyword


def test_hours_since():
    base = datetime(2026, 1, 1)
    assert hours_since(base, datetime(2026, 2, 1)) == 744
    assert hours_since(base, base + timedelta(minutes=30)) is None
