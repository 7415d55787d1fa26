"""Ensemble statistics are NumPy's over the members, in any order, and are stored under names of their own."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import grib
from dte_hpc.codecs.header_keys import template_number
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Context, Flow, MaskedField, Stage
from dte_hpc.postproc.pipeline import Pipeline
from dte_hpc.postproc.plans.document import load_plans
from dte_hpc.postproc.statistics.ensemble import EnsembleStatistics
from dte_hpc.postproc.statistics.ensemble_settings import EnsembleOptions

LEVELS = (0.1, 0.5, 0.9)
OPERATIONS = (
    "average",
    "stddev",
    "minimum",
    "maximum",
    {"operation": "probability", "above": 0.5},
    {"operation": "probability", "below": 0.0, "as": "percent"},
    {"operation": "probability", "between": (-0.5, 0.5)},
    {"operation": "quantile", "at": LEVELS},
)


def twins(members):
    """NumPy's answers for members of shape (n_members, n_points), in the order of `OPERATIONS`."""
    absent = np.isnan(members).any(axis=0)
    counted = [members > 0.5, 100.0 * (members < 0.0), (members >= -0.5) & (members <= 0.5)]
    yield from (members.mean(axis=0), members.std(axis=0), members.min(axis=0), members.max(axis=0))
    yield from (np.where(absent, np.nan, each.mean(axis=0)) for each in counted)
    yield from np.quantile(members, LEVELS, axis=0)


def ensemble(operations=OPERATIONS, members=5, **options):
    return EnsembleStatistics(
        EnsembleOptions(operations=tuple(operations), members=members, **options), Context()
    )


def item(number, values, **more):
    named = {"date": 20260101, "time": 0, "param": 167, "levtype": "sfc", "step": 12, "type": "pf"}
    values = np.atleast_1d(np.asarray(values))
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    return MaskedField(field=Field(metadata=Metadata({**named, "number": number, **more}), values=values))


@given(st.randoms(use_true_random=False), st.sampled_from([np.float32, np.float64]), st.integers(2, 12))
@settings(deadline=None, max_examples=40)
def test_any_order_of_members_gives_what_numpy_gives(random, dtype, n_members):
    rng = np.random.default_rng(random.randrange(2**32))
    data = rng.normal(size=(2, n_members, 9)).astype(dtype)
    data[rng.random(data.shape) < 0.03] = np.nan
    action = ensemble(members=n_members)
    arrivals = [(step, number) for step in (0, 1) for number in range(n_members)]
    random.shuffle(arrivals)
    outs = {0: [], 1: []}
    for step, number in arrivals:
        came = list(action.process(item(number + 1, data[step, number].copy(), step=step)))
        outs[step] += came
    for step, found in outs.items():
        expected = list(twins(data[step].astype(np.float64)))
        assert len(found) == len(expected) == 10
        for out, wanted in zip(found, expected, strict=True):
            assert out.field.values.dtype == np.float64
            assert out.metadata["step"] == step
            np.testing.assert_allclose(out.field.values, wanted, rtol=1e-12, atol=1e-12)
    assert action.state_bytes == 0


def test_results_have_names_of_their_own():
    operations = [*OPERATIONS, {"operation": "probability", "above": 1, "param": 131060}]
    action = ensemble(operations, members=1)
    outs = [out.metadata for out in action.process(item(3, [1.0, 2.0], bitsPerValue=12))]
    assert len(set(outs)) == len(outs)
    assert not any("number" in metadata or "bitsPerValue" in metadata for metadata in outs)
    assert [m.get("type") for m in outs] == ["em", "es", *[None] * 5, "pb", "pb", "pb", "ep"]
    assert [m["quantile"] for m in outs[7:10]] == ["10:100", "50:100", "90:100"]
    assert [m["ensemble"] for m in outs[2:6]] == [
        "minimum",
        "maximum",
        "probability-above-0.5",
        "probability-below-0.0",
    ]
    assert outs[10]["param"] == 131060


def test_a_probability_with_a_parameter_is_in_percent():
    action = ensemble([{"operation": "probability", "above": 1, "param": 131060}], members=4)
    outs = [out for n in range(4) for out in action.process(item(n, [float(n)]))]
    assert outs[0].field.values.tolist() == [50.0]


def test_missing_members_of_a_point_are_left_out_above_a_threshold():
    action = ensemble(["average", "maximum"], members=3, value_count_threshold=2)
    for number, values in enumerate([[1.0, np.nan, 7.0], [np.nan, np.nan, 8.0], [3.0, 5.0, 9.0]]):
        outs = list(action.process(item(number, values)))
    np.testing.assert_array_equal(outs[0].field.values, [2.0, np.nan, 8.0])
    np.testing.assert_array_equal(outs[1].field.values, [3.0, np.nan, 9.0])


def test_the_control_forecast_is_member_0_and_a_list_names_members():
    action = ensemble(["average"], members=(0, 2))
    control = item(0, [1.0], type="cf").metadata.without("number")
    assert not list(action.process(MaskedField(field=Field(metadata=control, values=np.array([1.0])))))
    with pytest.raises(InvalidPart, match="is member 1; expected one of members"):
        action.process(item(1, [9.0]))
    (out,) = action.process(item("2", [2.0]))
    assert out.field.values.tolist() == [1.5]


def test_what_makes_no_sense_is_refused():
    action = ensemble(["average"])
    action.process(item(1, [1.0]))
    with pytest.raises(InvalidPart, match="member 1, which came already"):
        action.process(item(1, [1.0]))
    with pytest.raises(InvalidPart, match="2 values; its other members had 1"):
        action.process(item(2, [1.0, 2.0]))
    with pytest.raises(InvalidPart, match="expected a member's whole number"):
        action.process(item("x", [1.0]))


def test_fields_that_lack_members_are_told_of_and_dropped(caplog):
    action = ensemble(["average"], members=(1, 2, 3))
    action.process(item(2, [1.0]))
    with caplog.at_level(logging.INFO, "dte_hpc.plan"):
        action.flush()
        assert "1 fields wait for members" in caplog.text
        caplog.clear()
        assert not list(action.close())
    assert "1 of 3 (without 1, 3)" in caplog.text
    assert "they are dropped" in caplog.text
    assert action.groups == {}


def test_fields_that_lack_members_are_emitted_on_request(caplog):
    action = ensemble(["average", {"operation": "quantile", "at": [0.5]}], members=3, partial=True)
    for number in (1, 2):
        action.process(item(number, [float(number)]))
    mean, median = action.close()
    assert (mean.field.values[0], median.field.values[0]) == (1.5, 1.5)
    assert mean.metadata["numberOfForecastsInEnsemble"] == 2
    assert "what there is is emitted" in caplog.text


def test_state_is_components_and_no_fields():
    action = ensemble(["average", "stddev", "minimum", "maximum"], members=50)
    for number in range(49):
        action.process(item(number, np.zeros(1000)))
    assert action.state_bytes == 4 * 8 * 1000
    explained = EnsembleStatistics.explain(action._options, Flow(stage=Stage.FIELD))
    assert explained.state_bytes_a_value == 32.0
    assert explained.does == "average, stddev, minimum, maximum of 50 members"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 0}, "1 to 100000 members"),
        ({"members": [1, 1]}, "each member once"),
        ({"operations": ["averge"]}, "did you mean 'average'"),
        ({"operations": ["instant"]}, "expected one of average"),
        ({"operations": [{"operation": "quantile", "at": [0.5]}], "members": 65}, "max-samples=64"),
        ({"operations": [{"operation": "probability"}]}, "one of above, below, between"),
        ({"operations": [{"operation": "probability", "above": 1, "param": "x"}]}, "a parameter's number"),
        ({"operations": [{"operation": "quantile", "at": [0.5], "param": 1}]}, "for a probability only"),
        ({"member": 3}, "member"),
        ({"value-count-threshold": 0}, "at least 1"),
    ],
)
def test_a_wrong_plan_is_refused(changes, message):
    with pytest.raises(InvalidConfig, match=message):
        load_plans(plan({"operations": ["average"], "members": 2, **changes}, {"type": "null"}))


def plan(options, *after):
    actions = [{"type": "aggregate"}, {"type": "ensemble-statistics", **options}, *after]
    return {"plans": [{"name": "p", "actions": actions}]}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("minimum", "minimum, for which MARS has no type"),
        ({"operation": "probability", "above": 1}, "a probability without 'param'"),
        ({"operation": "quantile", "at": [1 / 3]}, "whole permilles"),
    ],
)
def test_what_has_no_name_in_grib_is_refused_before_anything_runs(operation, message):
    encode = ({"type": "encode"}, {"type": "null"})
    with pytest.raises(InvalidConfig, match=message):
        load_plans(plan({"operations": [operation], "members": 2}, *encode))
    load_plans(plan({"operations": [operation], "members": 2}, {"type": "null"}))


@pytest.mark.parametrize(
    ("named", "template", "window"),
    [
        ({}, {"em": 2, "es": 2, "pb": 86}, False),
        ({"param": 228, "startStep": 0, "endStep": 12}, {"em": 12, "es": 12, "pb": 87}, True),
    ],
)
def test_eccodes_reads_every_result_back_under_its_own_name(named, template, window):
    quantiles = {"operation": "quantile", "at": [0.1, 0.995]}
    action = ensemble(["average", "stddev", quantiles], members=2)
    made, who = grid("10/10"), {"class": "od", "stream": "enfo", "expver": "0001"}
    for number in (1, 2):
        outs = list(action.process(item(number, np.ones(made.n_points), **who, **named)))
    for out in outs:
        said = grib.mars_namespace(grib.make_header(out.metadata, made.n_points, made, ccsds=False))
        assert said["type"] == out.metadata["type"]
        assert said.get("quantile") == out.metadata.get("quantile")
        assert said["step"] == ("0-12" if window else "12")
        assert "number" not in said
        assert template_number(out.metadata) == template[str(said["type"])]


def test_a_plan_from_members_to_messages(tmp_path):
    rain = {"operation": "probability", "above": 1, "param": 131060}
    sink = {"type": "sink", "sinks": [{"type": "file", "path": str(tmp_path / "out.grib")}]}
    document = plan({"operations": ["average", rain], "members": 3}, {"type": "encode"}, sink)
    pipeline = Pipeline(load_plans(document))
    named = {"class": "od", "stream": "enfo", "expver": "0001", "param": 228, "startStep": 0, "endStep": 12}
    for number in range(3):
        values = np.full(grid("10/10").n_points, float(number))
        pipeline.process(item(number, values, grid="10/10", stattype="accumulate", **named).field)
    pipeline.close()
    said = grib.mars_namespace((tmp_path / "out.grib").read_bytes())
    assert (said["type"], said["param"], said["step"]) == ("em", 228, "0-12")
    assert (tmp_path / "out.grib").read_bytes().count(b"GRIB") == 2
