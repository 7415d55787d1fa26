"""Statistics against NumPy, the edges of windows, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.statistics.action import Statistics, StatisticsOptions, WindowOptions

ALL = ("average", "minimum", "maximum", "accumulate")
TWINS = {"average": np.mean, "minimum": np.min, "maximum": np.max, "accumulate": np.sum}


def statistics(frequency, operations=ALL, **options):
    chosen = StatisticsOptions(
        output_frequency=frequency, operations=tuple(operations), options=WindowOptions(**options)
    )
    return Statistics(chosen, Context())


def item(step, values, *, time=0, date=20260101, **more):
    metadata = Metadata({"date": date, "time": time, "param": 130, "step": step, **more})
    return MaskedField(
        field=Field(metadata=metadata, values=np.atleast_1d(np.asarray(values, dtype=np.float64)))
    )


def run(action, steps, value=float, **more):
    """Feed one point's samples; return (step at which it came out, metadata, value) of all that comes out."""
    return [
        (step, out.metadata, float(out.field.values[0]))
        for step in steps
        for out in action.process(item(step, value(step), **more))
    ]


@given(
    st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]), st.sampled_from(["3h", "6h", "1d"])
)
@settings(deadline=None, max_examples=40)
def test_all_operations_are_numpys_with_missing_values(seed, dtype, frequency):
    random = np.random.default_rng(seed)
    data = random.normal(-50.0, 10.0, (24, 17)).astype(dtype)
    data[random.random(data.shape) < 0.03] = np.nan
    action = statistics(frequency)
    length = {"3h": 3, "6h": 6, "1d": 24}[frequency]
    outs = []
    for step, values in enumerate(data, start=1):
        field = Field(metadata=item(step, 0.0).metadata, values=values.copy())
        outs += list(action.process(MaskedField(field=field)))
        np.testing.assert_array_equal(field.values, values)
    assert len(outs) == 24 // length * len(ALL)
    windows = data.astype(np.float64).reshape(-1, length, 17)
    for index, out in enumerate(outs):
        name = ALL[index % len(ALL)]
        assert out.metadata["stattype"] == name
        np.testing.assert_allclose(out.field.values, TWINS[name](windows[index // 4], axis=0), rtol=1e-13)


def test_maximum_of_negative_data():
    (out,) = run(statistics("6h", ["maximum"]), range(1, 7), value=lambda step: -step)
    assert out[2] == -1.0


def test_float32_samples_are_added_in_float64():
    action = statistics("1d", ["average"])
    values = np.float32([99999.013, 100000.07])
    for step in range(1, 25):
        outs = list(action.process(MaskedField(field=Field(metadata=item(step, 0).metadata, values=values))))
    np.testing.assert_allclose(outs[0].field.values, values.astype(np.float64), rtol=1e-15)


def test_six_hours_as_multio_has_them():
    outs = run(statistics("6h", ["average"]), range(1, 25))
    assert [(step, value) for step, _, value in outs] == [(6, 3.5), (12, 9.5), (18, 15.5), (24, 21.5)]
    assert [(m["startStep"], m["endStep"], m["step"], m["timespan"]) for _, m, _ in outs] == [
        (first, first + 6, first + 6, "6h") for first in (0, 6, 12, 18)
    ]


def test_days_that_begin_at_noon_have_a_short_first_window():
    outs = run(statistics("1d", ["average"]), range(1, 37), time=1200)
    assert [(step, value) for step, _, value in outs] == [(12, 6.5), (36, 24.5)]
    assert [(m["startStep"], m["endStep"], m["timespan"]) for _, m, _ in outs] == [
        (0, 12, "12h"),
        (12, 36, "24h"),
    ]


@pytest.mark.parametrize(
    ("date", "hours"), [(20240201, 696), (20260201, 672), (20260101, 744), (20260401, 720)]
)
def test_a_month_has_its_own_length(date, hours):
    outs = run(statistics("1m", ["average"]), range(1, hours + 2), date=date)
    assert [(step, m["endStep"], m["timespan"], value) for step, m, value in outs] == [
        (hours, hours, f"{hours}h", (hours + 1) / 2)
    ]


def test_months_follow_each_other_over_the_new_year():
    outs = run(statistics("1m", ["accumulate"], step_frequency=24), range(24, 62 * 24 + 1, 24), date=20251201)
    assert [(m["startStep"], m["endStep"]) for _, m, _ in outs] == [(0, 744), (744, 1488)]


def test_a_run_that_is_taken_up_in_mid_window_begins_there():
    (out,) = run(statistics("1d", ["average"]), range(31, 49))
    assert (out[1]["startStep"], out[1]["endStep"], out[2]) == (30, 48, 39.5)


def test_the_initial_condition_is_no_sample():
    outs = run(statistics("6h", ["average"], initial_condition_present=True), range(13))
    assert [(step, value) for step, _, value in outs] == [(6, 3.5), (12, 9.5)]


def test_without_that_option_step_zero_is_refused_with_advice():
    with pytest.raises(InvalidPart, match="initial-condition-present: true") as caught:
        run(statistics("6h"), [0])
    assert caught.value.step == 0


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([1, 2, 4], "after a skipped sample"),
        ([1, 2, 2], "out of order"),
        ([1, 2, 1], "out of order"),
        ([1, 2, 3, 4, 5, 7], "after a skipped sample"),
    ],
)
def test_a_skipped_or_repeated_sample_names_field_and_step(steps, words):
    with pytest.raises(InvalidPart, match=words) as caught:
        run(statistics("6h"), steps)
    assert caught.value.step == steps[-1]
    assert "param=130" in str(caught.value)


def test_sparse_samples_need_their_step_frequency():
    outs = run(statistics("6h", ["average"], step_frequency=3), [3, 6, 9, 12])
    assert [value for _, _, value in outs] == [4.5, 10.5]
    with pytest.raises(InvalidPart, match="at least one in each window"):
        run(statistics("1h", step_frequency=3), [3])


def test_steps_of_ten_minutes():
    outs = run(statistics("1h", ["average"], time_step=600), range(1, 13))
    assert [(step, m["startStep"], m["endStep"], value) for step, m, value in outs] == [
        (6, 0, 1, 3.5),
        (12, 1, 2, 9.5),
    ]


def test_samples_that_do_not_divide_the_window_stay_in_theirs():
    outs = run(statistics("1d", ["accumulate"], step_frequency=5), range(5, 60, 5))
    assert [(step, value) for step, _, value in outs] == [(20, 50.0), (45, 25 + 30 + 35 + 40 + 45.0)]


def test_variables_do_not_mix_and_cost_nothing_between_windows():
    action = statistics("6h", ["average", "accumulate"])
    for step in range(1, 7):
        for level in (500, 850):
            outs = list(action.process(item(step, [step * level] * 10, levelist=level)))
            assert [o.metadata["levelist"] for o in outs] == ([level, level] if step == 6 else [])
            assert step == 6 or action.state_bytes == (1 if level == 500 and step == 1 else 2) * 80
    assert action.state_bytes == 0
    assert outs[0].field.values[0] == 3.5 * 850


def test_a_partial_window_is_dropped_unless_it_is_wanted(caplog):
    for wanted, n_out in ((False, 0), (True, 1)):
        action = statistics("6h", ["average"], partial_windows=wanted)
        run(action, range(1, 9))
        outs = list(action.close())
        assert len(outs) == n_out
    assert [record.args[0] for record in caplog.records] == [1]
    assert (outs[0].metadata["startStep"], outs[0].metadata["endStep"], outs[0].metadata["timespan"]) == (
        6,
        8,
        "2h",
    )
    assert outs[0].field.values[0] == 7.5


def test_a_field_that_changes_its_size_is_refused():
    action = statistics("6h")
    action.process(item(1, [1.0, 2.0]))
    with pytest.raises(InvalidPart, match="has 3 values; its samples before had 2"):
        action.process(item(2, [1.0, 2.0, 3.0]))


def test_what_comes_out_is_not_written_to_later():
    action = statistics("1h", ["minimum", "accumulate"])
    first = list(action.process(item(1, [1.0])))
    list(action.process(item(2, [-5.0])))
    assert [out.field.values[0] for out in first] == [1.0, 1.0]


def test_variables_are_not_followed_without_end(monkeypatch):
    monkeypatch.setattr("dte_hpc.postproc.statistics.action.MAX_VARIABLES", 2)
    action = statistics("6h")
    for level in (500, 850):
        action.process(item(1, 0.0, levelist=level))
    with pytest.raises(InvalidPart, match="one more variable than the 2"):
        action.process(item(1, 0.0, levelist=1000))


def test_forecasts_side_by_side_do_not_mix():
    action = statistics("3h", ["average"])
    outs = []
    for step in (1, 2, 3):
        for date, offset in ((20260101, 0.0), (20260102, 100.0)):
            outs += [
                (o.metadata["date"], o.field.values[0])
                for o in action.process(item(step, step + offset, date=date))
            ]
    assert outs == [(20260101, 2.0), (20260102, 102.0)]
