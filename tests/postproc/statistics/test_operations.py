"""Every operation against its NumPy twin, windows of every unit, and what a plan may not say of them."""

import eccodes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import Packing
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.plans.document import load_plans
from dte_hpc.postproc.statistics.action import Statistics

unhurried = settings(deadline=None, max_examples=40)
samples = hnp.arrays(
    np.float64,
    st.tuples(st.just(12), st.integers(1, 5)),
    elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan),
)
EDGES = [-1000.0, -10.0, 0.0, 10.0, 1000.0]


def made(operations, frequency="12h", **more):
    """Return the action that a plan with these operations has."""
    node = {"type": "statistics", "output-frequency": frequency, "operations": operations, **more}
    (plan,) = load_plans(
        {"plans": [{"name": "p", "actions": [{"type": "aggregate"}, node, {"type": "null"}]}]}
    )
    action = plan.actions[1].kind(plan.actions[1].options, Context())
    assert isinstance(action, Statistics)
    return action


def fed(action, data, *, first=1, **more):
    """Return (metadata, values) of all that comes out; a row of data is a sample."""
    return [
        (out.metadata, out.field.values)
        for step, values in enumerate(data, start=first)
        for out in action.process(
            MaskedField(
                field=Field(
                    metadata=Metadata({"date": 20260101, "time": 0, "param": 130, "step": step, **more}),
                    values=np.atleast_1d(np.asarray(values, np.float64)),
                )
            )
        )
    ]


def without_few(values, data, least):
    """A point with fewer than `least` samples is missing."""
    return np.where(np.sum(~np.isnan(data), axis=0) < least, np.nan, values)


def binned(data):
    """Return NumPy's histogram of each point."""
    columns = [np.histogram(column[~np.isnan(column)], EDGES)[0] for column in data.T]
    return np.array(columns, np.float64).T


@unhurried
@given(samples, st.integers(1, 12) | st.just(-1))
def test_operations_are_numpys(data, threshold):
    least = 12 if threshold == -1 else threshold
    operations = [
        "average", "minimum", "maximum", "accumulate", "stddev", "variance",
        {"operation": "probability", "above": 3}, {"operation": "probability", "below": 3, "as": "percent"},
        {"operation": "probability", "between": [-10, 10]},
        {"operation": "histogram", "edges": EDGES}, {"operation": "quantile", "at": [0, 0.3, 0.5, 1]},
    ]  # fmt: skip
    outs = fed(made(operations, options={"value-count-threshold": threshold}), data)
    there = np.ma.masked_invalid(data)
    n = np.maximum(there.count(axis=0), 1)
    twins = [
        there.mean(axis=0), there.min(axis=0), there.max(axis=0), there.sum(axis=0),
        there.std(axis=0), there.var(axis=0),
        (there > 3).sum(axis=0) / n, (there < 3).sum(axis=0) / n * 100,
        ((there >= -10) & (there <= 10)).sum(axis=0) / n, *binned(data),
    ]  # fmt: skip
    filled = np.where(there.count(axis=0), data, 0.0)
    twins += list(np.nanquantile(filled, [0, 0.3, 0.5, 1], axis=0))
    assert len(outs) == len(twins)
    scale = np.nanmax(np.abs(data), initial=1.0)
    for (metadata, values), twin in zip(outs, twins, strict=True):
        expected = without_few(np.ma.filled(np.ma.asarray(twin, np.float64), np.nan), data, least)
        power = {"variance": 2}.get(metadata["stattype"], 1)
        room = 1e-6 * scale if metadata["stattype"] == "stddev" else 1e-11 * scale**power
        np.testing.assert_allclose(values, expected, rtol=1e-10, atol=room, err_msg=metadata["stattype"])


@unhurried
@given(samples, st.sampled_from(["hour", "day", "month", "year", "never"]), st.sampled_from([0, 600, 1200]))
def test_what_grows_is_counted_from_the_window_before_or_from_a_reset(data, reset, time):
    operations = [
        "difference",
        "inverse-difference",
        "de-accumulate",
        "fixed-window-flux-average",
        "flux-average",
    ]
    options = {"initial-condition-present": True, "solver-reset-accumulate-fields-every": reset}
    outs = fed(made(operations, "3h", options=options), data, first=0, time=time)
    assert len(outs) == 5 * 3  # 0 is the initial condition; 3, 6 and 9 end windows
    for window in range(3):
        hour = time // 100 + 3 * window
        is_reset = reset == "hour" or (
            hour % 24 == 0 and (reset == "day" or (reset != "never" and hour == 0))
        )
        last, grown = data[3 * window + 3], data[3 * window + 3] - (0.0 if is_reset else data[3 * window])
        twins = (grown, -grown, grown, grown / 10800, last / 10800)
        for (metadata, values), twin in zip(outs[5 * window : 5 * window + 5], twins, strict=True):
            np.testing.assert_allclose(values, twin, rtol=1e-14, err_msg=str(metadata))


def test_results_that_grew_are_named_as_multio_names_them():
    operations = ["difference", "inverse-difference", "de-accumulate", "fixed-window-flux-average", "instant"]
    outs = fed(made(operations, "2h", options={"initial-condition-present": True}), np.ones((3, 2)), first=0)
    assert [m.get("stattype") for m, _ in outs] == [
        "difference", "inverse-difference", "accumulate", "average", None,
    ]  # fmt: skip


def test_results_of_one_operation_are_told_from_each_other():
    operations = [
        {"operation": "probability", "above": 3}, {"operation": "probability", "between": [1, 2]},
        {"operation": "histogram", "edges": [0, 1, 2]}, {"operation": "quantile", "at": [0.1, 0.9]},
    ]  # fmt: skip
    outs = fed(made(operations, "1h"), np.ones((1, 2)))
    assert len({metadata for metadata, _ in outs}) == len(outs) == 6


@unhurried
@given(
    hnp.arrays(np.float64, st.tuples(st.just(12), st.integers(1, 5)), elements=st.floats(0, 100, width=32))
)
def test_a_quantile_by_bins_is_within_a_bin_of_the_true_one(data):
    edges = [float(edge) for edge in range(0, 101, 5)]
    outs = fed(made([{"operation": "quantile", "at": [0.25, 0.5, 0.9], "edges": edges}]), data)
    for (_, values), at in zip(outs, (0.25, 0.5, 0.9), strict=True):
        true = np.quantile(data, at, axis=0, method="inverted_cdf")
        assert np.all(np.abs(values - true) <= 5.0)


def test_more_samples_than_a_quantile_may_keep_are_refused_with_advice():
    action = made([{"operation": "quantile", "at": [0.5]}], "1m")
    with pytest.raises(InvalidPart, match=r"max-samples=64 .* or edges for its bins"):
        fed(action, np.ones((1, 2)))


@pytest.mark.parametrize(
    ("frequency", "date", "seconds", "ends"),
    [
        ("90min", 20260101, 1800, ["90m", 3]),
        ("30min", 20260101, 600, ["30m", 1, "90m"]),
        ("1w", 20260101, 86400, [96, 264]),  # a Thursday: to Monday, then a week
        ("1y", 20260701, 86400 * 4, [184 * 24]),
        ("2m", 20260101, 86400, [59 * 24]),
    ],
)
def test_windows_of_minutes_weeks_and_years(frequency, date, seconds, ends):
    n = 9 if seconds < 3600 else 12 if frequency == "1w" else 60
    outs = fed(made(["average"], frequency, options={"time-step": seconds}), np.ones((n, 1)), date=date)
    assert [metadata["step"] for metadata, _ in outs][: len(ends)] == ends


def test_mapping_param_renames_what_it_fits():
    rules = [
        {"where": {"param-is": 130, "operation-is": "average"}, "map-to-param": 235130},
        {"where": {"operation-is": "maximum", "output-frequency-is": "1d"}, "map-to-param": 1},
    ]
    outs = fed(made(["average", "maximum"], "1h", **{"mapping-param": rules}), np.ones((1, 1)))
    assert [metadata["param"] for metadata, _ in outs] == [235130, 130]


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ({"operations": ["difference"]}, ".operations[0]", "initial-condition-present: true"),
        ({"operations": ["averge"]}, ".operations[0]", "did you mean 'average'"),
        ({"operations": ["probability"]}, ".operations[0]", "a mapping with operation, above, below"),
        ({"operations": [{"operation": "probability"}]}, ".operations[0]", "one of above, below, between"),
        (
            {"operations": [{"operation": "probability", "above": 1, "below": 2}]},
            ".operations[0]",
            "above and below",
        ),
        (
            {"operations": [{"operation": "probability", "between": [2, 1]}]},
            ".operations[0].between",
            "two rising",
        ),
        (
            {"operations": [{"operation": "histogram", "edges": [1]}]},
            ".operations[0].edges",
            "2 to 1024 rising",
        ),
        ({"operations": [{"operation": "quantile", "at": [2]}]}, ".operations[0].at", "from 0 to 1"),
        ({"operations": [{"operation": "quantile", "att": [0.5], "at": [0.5]}]}, ".operations[0].att", "at"),
        ({"output-frequency": "6x"}, ".output-frequency", "such as 6h"),
        ({"output-frequency": "0h"}, ".output-frequency", "such as 6h"),
        (
            {"options": {"value-count-threshold": 0}},
            ".options.value-count-threshold",
            "or -1 for every sample",
        ),
        (
            {"options": {"window-type": "forward"}},
            ".options.window-type",
            "one of forward-offset, backward-offset",
        ),
        (
            {"options": {"solver-reset-accumulate-fields-every": "week"}},
            ".options.solver-reset-accumulate-fields-every",
            "one of hour, day, month, year, never",
        ),
        ({"options": {"max-samples": 10**6}}, ".options.max-samples", "at most 10000"),
        ({"options": {"time-steps": 1}}, ".options.time-steps", "did you mean 'time-step'"),
        (
            {"mapping-param": [{"where": {"param": 1}, "map-to-param": 2}]},
            ".mapping-param[0].where",
            "param-is",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(more, place, words):
    node = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]} | more
    with pytest.raises(InvalidConfig, match=r"statistics|expected") as caught:
        load_plans({"plans": [{"name": "p", "actions": [{"type": "aggregate"}, node, {"type": "null"}]}]})
    assert f"$.plans[0].actions[1]{place}" in str(caught.value)
    assert words in str(caught.value)


FILE = {"type": "sink", "sinks": [{"type": "file", "path": "x"}]}
SHARE = {"operation": "probability", "above": 1}


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ({"operations": ["average", SHARE]}, ".operations[1]", "such as netcdf"),
        ({"operations": [{"operation": "quantile", "at": [0.5]}]}, ".operations[0]", "quantile over time"),
        (
            {"operations": [{"operation": "histogram", "edges": [0, 1]}]},
            ".operations[0]",
            "histogram over time",
        ),
        ({"output-frequency": "90min"}, ".output-frequency", "whole hours"),
    ],
)
def test_what_no_message_can_say_is_refused_before_encode(more, place, words):
    node = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]} | more
    actions = [{"type": "aggregate"}, node, {"type": "encode"}, FILE]
    with pytest.raises(InvalidConfig, match="before 'encode'") as caught:
        load_plans({"plans": [{"name": "p", "actions": actions}]})
    assert f"$.plans[0].actions[1]{place}" in str(caught.value)
    assert words in str(caught.value)
    actions[2] = {"type": "encode", "format": "raw"}
    assert load_plans({"plans": [{"name": "p", "actions": actions}]})


@pytest.mark.parametrize(
    ("operation", "code", "param"),
    [
        ("average", 0, 235130), ("accumulate", 1, 130), ("maximum", 2, 237130), ("minimum", 3, 238130),
        ("difference", 4, 130), ("stddev", 6, 239130), ("variance", 7, 130), ("inverse-difference", 8, 130),
    ],
)  # fmt: skip
def test_a_message_says_what_was_done_over_time(operation, code, param):
    named = {
        "class": "rd",
        "expver": "0001",
        "stream": "oper",
        "type": "fc",
        "levtype": "pl",
        "levelist": 500,
    }
    options = {"initial-condition-present": True}
    samples = np.random.default_rng(1).normal(280, 5, (7, 65160))
    ((metadata, values),) = fed(
        made([operation], "6h", options=options), samples, first=0, grid="1/1", startDate=20260101, **named
    )
    assert metadata["previousDate"] == 20260101  # what MultIO's producers find, and no key of GRIB's
    packing = Packing(packing="simple", bits_per_value=24)
    message = plugs.find(plugs.CODECS, "grib")(packing).encode(Field(metadata=metadata, values=values))
    handle = eccodes.codes_new_from_message(bytes(message.message))
    found = {
        key: eccodes.codes_get(handle, key) for key in ("typeOfStatisticalProcessing", "paramId", "stepRange")
    }
    np.testing.assert_allclose(eccodes.codes_get_values(handle), values, atol=1e-3)
    eccodes.codes_release(handle)
    assert found == {"typeOfStatisticalProcessing": code, "paramId": param, "stepRange": "0-6"}
    assert message.metadata["stattype"] == operation
