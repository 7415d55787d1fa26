"""statistics-mtg2 gives what MultIO 2.12's gives, its defects aside, and says what has no name."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.options import read_options
from dte_hpc.postproc.plans.document import load_plans
from dte_hpc.postproc.statistics.mtg2 import StatisticsMtg2
from dte_hpc.postproc.statistics.mtg2_settings import Mtg2Options

HERE = Path(__file__)
PEERS = Path(os.environ.get("DTE_PEERS_PYTHON", HERE.parents[3] / ".venv-peers/bin/python"))
INPUT = {
    "class": "od",
    "stream": "oper",
    "expver": "0001",
    "type": "fc",
    "param": 167,
    "levtype": "sfc",
    "grid": "O2",
    "date": 20260101,
    "time": 0,
    "misc-outputStepInSeconds": 3600,
    "misc-integrationStepInSeconds": 600,
    "misc-distanceFromPreviousStepInSeconds": 3600,
}
DAY = {"misc-distanceFromPreviousStepInSeconds": 86400}
HOURLY_MEAN = {"param": 228004, "timespan": 1, "misc-timeIncrementInSeconds": 600}
SAID = ("param", "timespan", "stattype", "step", "date", "time", "foo", "stream")
SAID += ("misc-timeIncrementInSeconds", "misc-distanceFromPreviousStepInSeconds")


def statistics(operations, frequency="1d", **options):
    node = {"output-frequency": frequency, "operations": list(operations), "options": options}
    read, errors = read_options(Mtg2Options, node, "$")
    assert not errors, errors
    return StatisticsMtg2(read, Context())


def fields_of(steps, **named):
    """Two points: the step, and minus the step."""
    return [({**INPUT, **named, "step": step}, [float(step), -float(step)]) for step in steps]


def run(action, fields):
    outs = [
        out
        for metadata, values in fields
        for out in action.process(
            MaskedField(field=Field(metadata=Metadata(metadata), values=np.array(values)))
        )
    ]
    return [(out.metadata, out.field.values.tolist()) for out in [*outs, *action.close()]]


def said(metadata):
    """Keywords that a result is told by; MultIO makes text of what set-metadata says."""
    return {keyword: str(metadata[keyword]) for keyword in SAID if keyword in metadata}


CASES = {
    "days": (("average", "minimum", "maximum", "stddev"), "1d", {}, range(1, 50), {}),
    "step 0 is no sample": (("average",), "1d", {}, range(26), {}),
    "six hours": (("average",), "6h", {}, range(1, 14), {}),
    "the first half of a day is left out": (("average",), "1d", {}, range(1, 38), {"time": 120000}),
    "instants, differences, sums": (
        ("instant", "difference", "inverse-difference", "accumulate"),
        "1d",
        {"initial-condition-present": True, "disable-strict-mapping": True},
        range(50),
        {},
    ),
    "keywords of one's own": (
        ("average",),
        "1d",
        {"set-metadata": {"stream": "wave", "foo": 3}},
        range(1, 26),
        {},
    ),
    "unknown parameter": (
        ("average",),
        "1d",
        {"disable-strict-mapping": True},
        range(1, 26),
        {"param": 99999},
    ),
    "squashed": (("average", "maximum"), "1d", {}, range(1, 26), HOURLY_MEAN),
    "another level": (
        ("average", "maximum", "minimum", "stddev"),
        "1d",
        {"disable-squashing": True},
        range(1, 26),
        HOURLY_MEAN,
    ),
    "months of daily extremes": (
        ("average", "maximum"),
        "1m",
        {},
        range(24, 24 * 33, 24),
        {"param": 237167, "timespan": 24, "misc-timeIncrementInSeconds": 3600, **DAY},
    ),
    "a third level": (
        ("average", "stddev"),
        "1m",
        {"disable-squashing": True},
        range(24, 24 * 33, 24),
        {**HOURLY_MEAN, "stattype": "damx", "misc-timeIncrementInSeconds": 3600, **DAY},
    ),
}


@pytest.fixture(scope="module")
def multios():
    """What MultIO makes of each case: metadata and values."""
    if not PEERS.is_file():
        pytest.skip("ECMWF's multio is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    given = {}
    for name, (operations, frequency, options, steps, named) in CASES.items():
        action = {"type": "statistics-mtg2", "output-frequency": frequency, "operations": operations}
        given[name] = {"action": {**action, "options": options}, "fields": fields_of(steps, **named)}
    command = [str(PEERS), str(HERE.parent / "mtg2_oracle.py")]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False
    )
    if "No module named 'multio'" in done.stderr:
        pytest.skip(f"no multio in {PEERS}")
    assert done.returncode == 0, done.stderr[-2000:]
    return {text.partition("\n")[0]: told(text) for text in done.stdout.split("CASE ")[1:]}


def told(text):
    found = re.findall(r"Message\(.*Field.*metadata=(\{.*\}), payload", text)
    values = json.loads(re.search(r"^VALUES (.*)$", text, re.MULTILINE)[1])
    assert len(values) == 2 * len(found)
    return [(json.loads(metadata), values[2 * i : 2 * i + 2]) for i, metadata in enumerate(found)]


@pytest.mark.parametrize("name", CASES)
def test_values_and_names_are_multios(name, multios):
    operations, frequency, options, steps, named = CASES[name]
    ours, theirs = run(statistics(operations, frequency, **options), fields_of(steps, **named)), multios[name]
    assert len(ours) == len(theirs) > 0
    for (metadata, values), (their_metadata, their_values) in zip(ours, theirs, strict=True):
        assert said(metadata) == said(their_metadata)
        np.testing.assert_allclose(values, their_values, rtol=1e-12)


def test_the_last_sample_of_a_window_is_enough():
    ((metadata, values),) = run(statistics(["average"]), fields_of(range(1, 25)))
    assert (values, metadata["step"], metadata["timespan"]) == ([12.5, -12.5], 24, 24)


@pytest.mark.parametrize("how", [{"stream": "clmn"}, {"output-time-reference": "start-of-window"}])
def test_a_result_may_begin_with_its_window(how):
    """MultIO's first window begins at its first sample: 2026-01-01 01:00, step 23, of 24 hours."""
    named = {k: v for k, v in how.items() if k == "stream"}
    options = {k: v for k, v in how.items() if k != "stream"}
    outs = run(statistics(["average", "instant"], **options), fields_of(range(1, 49), **named))
    assert [(m["date"], m["time"], m["step"]) for m, _ in outs] == [
        *[(20260101, 0, 24)] * 2,
        *[(20260102, 0, 24)] * 2,
    ]


def test_incomplete_windows_say_how_long_they_are():
    """MultIO calls each 24 hours long."""
    action = statistics(["average"], **{"emit-incomplete-statistics": True})
    outs = run(action, fields_of(range(1, 40), time=120000))
    assert [(values[0], m["step"], m["timespan"]) for m, values in outs] == [
        (6.5, 12, 12),
        (24.5, 36, 24),
        (38.0, 39, 3),
    ]


def test_backward_offset_windows_end_where_they_end():
    action = statistics(["average"], "6h", **{"window-type": "backward-offset"})
    outs = run(action, fields_of(range(13)))
    assert [(values[0], m["step"], m["timespan"]) for m, values in outs] == [(2.5, 6, 6), (8.5, 12, 6)]


def apart(*distances):
    """Fields of steps, each with its hours from the one before."""
    return [
        fields_of([step], **{"misc-distanceFromPreviousStepInSeconds": 3600 * hours})[0]
        for step, hours in distances
    ]


def test_distances_may_differ_where_the_plan_says_so():
    loose = {"allow-non-uniform-statistics": True}
    first = apart((6, 6), (12, 6), (13, 1), (20, 7))
    ((_, values),) = run(statistics(["maximum"], **loose), [*first, *apart((24, 4))])
    assert values == [24.0, -6.0]
    with pytest.raises(InvalidPart, match="allow-non-uniform-statistics"):
        run(statistics(["maximum"]), first)
    with pytest.raises(InvalidPart, match="the window ends at 2026-01-02 00:00"):
        run(statistics(["maximum"], **loose), [*first, *apart((26, 6))])


@pytest.mark.parametrize(
    ("operation", "named", "message"),
    [
        ("average", {"misc-outputStepInSeconds": 0}, "a number of seconds"),
        ("average", {"misc-timeIncrementInSeconds": 600}, "no timespan; expected both or none"),
        ("average", {"timespan": 1}, "misc-timeIncrementInSeconds=nothing"),
        ("average", {**HOURLY_MEAN, "timespan": 24}, "expected less than the window"),
        ("instant", HOURLY_MEAN, "expected a value at a moment"),
        ("average", {"param": 99999}, "disable-strict-mapping"),
        ("accumulate", HOURLY_MEAN, "no stattype for accumulate over 1d"),
        ("average", {**HOURLY_MEAN, "stattype": "damx"}, "expected less than the window"),
    ],
)
def test_what_has_no_name_is_refused(operation, named, message):
    with pytest.raises(InvalidPart, match=message):
        run(statistics([operation]), fields_of(range(1, 26), **named))


def test_a_skipped_sample_is_refused():
    """MultIO leaves the window out, and says so in its log."""
    with pytest.raises(InvalidPart, match="skipped sample"):
        run(statistics(["average"]), fields_of([1, 2, 3, 26]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optoins": {}}, "optoins"),
        ({"options": {"step-frequency": 1}}, "step-frequency"),
        ({"operations": ["flux-average"]}, "expected one of instant"),
        ({"operations": ["difference"]}, "initial-condition-present"),
        ({"options": {"output-time-reference": "now"}}, "start-of-forecast, start-of-window"),
        ({"options": {"set-metadata": {"a": [1]}}}, "a text or a number"),
        ({"output-frequency": "1x"}, "such as 6h"),
    ],
)
def test_a_wrong_plan_is_refused(changes, message):
    """MultIO takes unknown keywords of this action without a word."""
    action = {"type": "statistics-mtg2", "output-frequency": "1d", "operations": ["average"], **changes}
    with pytest.raises(InvalidConfig, match=message):
        load_plans({"plans": [{"name": "p", "actions": [{"type": "aggregate"}, action, {"type": "null"}]}]})
