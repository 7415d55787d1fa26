"""A plan is read as written, and each mistake is told with its place."""

from pathlib import Path

import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.actions.select import SelectOptions
from dte_hpc.postproc.plans.document import load_plans
from dte_hpc.postproc.statistics.action import StatisticsOptions

SINK = {"type": "sink", "sinks": [{"type": "file", "path": "out.grib"}]}
ENCODE = {"type": "encode"}
AGGREGATE = {"type": "aggregate"}
DAILY = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
NULL = {"type": "null"}


def plans_of(*actions, **facts):
    return {"plans": [{"name": "p", "actions": list(actions), **facts}]}


def mistakes(document):
    with pytest.raises(InvalidConfig) as caught:
        load_plans(document)
    return caught.value.mistakes


def places(document):
    return [place for place, _ in mistakes(document)]


def test_a_plan_is_read_as_written():
    (plan,) = load_plans(
        plans_of({"type": "select", "match": {"param": 167}}, AGGREGATE, DAILY, ENCODE, SINK)
    )
    assert (plan.name, plan.enable) == ("p", True)
    assert [action.name for action in plan.actions] == ["select", "aggregate", "statistics", "encode", "sink"]
    assert plan.actions[0].options == SelectOptions(match={"param": 167})
    assert isinstance(plan.actions[2].options, StatisticsOptions)
    assert plan.actions[2].options.operations == ("average",)
    assert plan.actions[2].place == "$.plans[0].actions[2]"


def test_bare_server_and_list_forms_are_the_same(tmp_path: Path):
    document = plans_of(AGGREGATE, ENCODE, SINK)
    file = tmp_path / "plan.yaml"
    file.write_text(
        "server:\n  plans:\n  - name: p\n    actions:\n    - type: aggregate\n    - type: encode\n"
        "    - {type: sink, sinks: [{type: file, path: out.grib}]}\n"
    )
    bare = load_plans(document)
    assert load_plans(document["plans"]) == bare
    assert [a.options for a in load_plans(file)[0].actions] == [a.options for a in bare[0].actions]
    assert load_plans(str(file))[0].actions[0].place == "$.server.plans[0].actions[0]"


@pytest.mark.parametrize(("given", "is_on"), [(True, True), ("no", False), ("True", True), ("0", False)])
def test_enable_is_a_bool_or_its_text(given, is_on):
    assert load_plans(plans_of(AGGREGATE, NULL, enable=given))[0].enable is is_on


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        ({"plan": []}, "$.plan", "did you mean 'plans'"),
        ({}, "$", "neither 'plans' nor 'server'"),
        ({"plans": [], "server": {"plans": []}}, "$", "both 'plans' and 'server'"),
        ({"plans": {}}, "$.plans", "a list"),
        ({"server": {"plans": [], "transprot": "mpi"}}, "$.server.transprot", "unknown keyword"),
        ({"plans": ["daily"]}, "$.plans[0]", "a mapping"),
        ({"plans": [{"name": "p", "action": []}]}, "$.plans[0].action", "did you mean 'actions'"),
        (plans_of(), "$.plans[0].actions", "0 actions"),
        (plans_of(AGGREGATE, NULL, enable="maybe"), "$.plans[0].enable", "true or false"),
        (plans_of(AGGREGATE, NULL, name=""), "$.plans[0].name", "text"),
        (plans_of(AGGREGATE, "null"), "$.plans[0].actions[1]", "a mapping"),
        (plans_of(AGGREGATE, {"kind": "null"}), "$.plans[0].actions[1].type", "nothing"),
        (plans_of({"type": "agregate"}, NULL), "$.plans[0].actions[0].type", "did you mean 'aggregate'"),
        (plans_of({"type": ["null"]}), "$.plans[0].actions[0].type", "one of aggregate"),
        (plans_of({"type": "select"}, NULL), "$.plans[0].actions[0]", "'match' nor 'ignore'"),
        (plans_of({"type": "select", "match": 3}, NULL), "$.plans[0].actions[0].match", "a mapping"),
        (
            plans_of({"type": "select", "match": [{"a": 1}, 2]}, NULL),
            "$.plans[0].actions[0].match[1]",
            "mapping",
        ),
        (
            plans_of({"type": "select", "ignore": {"param": [1, {}]}}, NULL),
            "$.plans[0].actions[0].ignore.param",
            "a text, a number",
        ),
        (
            plans_of(AGGREGATE, DAILY | {"output-frequency": "1q"}, NULL),
            "$.plans[0].actions[1].output-frequency",
            "'1q'",
        ),
        (
            plans_of(AGGREGATE, DAILY | {"operations": ["average", "maximun"]}, NULL),
            "$.plans[0].actions[1].operations[1]",
            "did you mean 'maximum'",
        ),
        (
            plans_of(AGGREGATE, DAILY | {"operations": ["average", "average"]}, NULL),
            "$.plans[0].actions[1].operations[1]",
            "each operation once",
        ),
        (plans_of(AGGREGATE, DAILY | {"operations": []}, NULL), "$.plans[0].actions[1].operations", "none"),
        (
            plans_of(AGGREGATE, DAILY | {"operations": [3]}, NULL),
            "$.plans[0].actions[1].operations[0]",
            "text",
        ),
        (
            plans_of(AGGREGATE, DAILY | {"options": {"step-freqency": 3}}, NULL),
            "$.plans[0].actions[1].options.step-freqency",
            "did you mean 'step-frequency'",
        ),
        (
            plans_of(AGGREGATE, DAILY | {"options": {"time-step": 0}}, NULL),
            "$.plans[0].actions[1].options.time-step",
            "at least 1",
        ),
        (
            plans_of(AGGREGATE, {"type": "statistics", "operations": ["average"]}, NULL),
            "$.plans[0].actions[1]",
            "no 'output-frequency'",
        ),
        (
            plans_of(AGGREGATE, {"type": "interpolate", "grid": "Q3"}, NULL),
            "$.plans[0].actions[1].grid",
            "Q3",
        ),
        (
            plans_of(AGGREGATE, {"type": "interpolate", "grid": {}}, NULL),
            "$.plans[0].actions[1].grid",
            "text",
        ),
        (
            plans_of(AGGREGATE, {"type": "interpolate", "grid": "1/1", "interpolation": "liner"}, NULL),
            "$.plans[0].actions[1].interpolation",
            "did you mean 'linear'",
        ),
        (
            plans_of(AGGREGATE, {"type": "encode", "format": "grb"}, SINK),
            "$.plans[0].actions[1].format",
            "'grib'",
        ),
        (
            plans_of(AGGREGATE, {"type": "encode", "packing": "jpeg"}, SINK),
            "$.plans[0].actions[1].packing",
            "ccsds",
        ),
        (
            plans_of(AGGREGATE, {"type": "encode", "bits-per-value": 33}, SINK),
            "$.plans[0].actions[1].bits-per-value",
            "1 to 32, or keep",
        ),
        (
            plans_of(AGGREGATE, {"type": "encode", "bits-per-value": "kepe"}, SINK),
            "$.plans[0].actions[1].bits-per-value",
            "1 to 32, or keep",
        ),
        (
            plans_of(
                AGGREGATE,
                {"type": "statistics", "output-frequency": "1d", "operations": ["average"]},
                {"type": "encode", "bits-per-value": "keep"},
                SINK,
            ),
            "$.plans[0].actions[2].bits-per-value",
            "the values of 'statistics' had no packing",
        ),
        (plans_of(AGGREGATE, ENCODE, {"type": "sink", "sinks": []}), "$.plans[0].actions[2].sinks", "none"),
        (
            plans_of(AGGREGATE, ENCODE, {"type": "sink", "sinks": [{"type": "fdb"}]}),
            "$.plans[0].actions[2].sinks[0].type",
            "did you mean 'fdb5'",
        ),
        (
            plans_of(
                AGGREGATE, ENCODE, {"type": "sink", "sinks": [{"type": "file", "paht": "x", "path": "y"}]}
            ),
            "$.plans[0].actions[2].sinks[0].paht",
            "did you mean 'path'",
        ),
        (
            plans_of(
                AGGREGATE, ENCODE, {"type": "sink", "sinks": [{"type": "file", "path": "y", "enable": 3}]}
            ),
            "$.plans[0].actions[2].sinks[0].enable",
            "true or false",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(document, place, words):
    found = mistakes(document)
    assert [at for at, _ in found] == [place]
    assert words in found[0][1]
    assert found[0][1].startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("actions", "place", "words"),
    [
        ([DAILY, NULL], "$.plans[0].actions[0].type", "put 'aggregate' before it"),
        ([AGGREGATE, AGGREGATE, NULL], "$.plans[0].actions[1].type", "parts of a field"),
        ([AGGREGATE, SINK], "$.plans[0].actions[1].type", "put 'encode' before it"),
        (
            [AGGREGATE, ENCODE, {"type": "interpolate", "grid": "1/1"}, SINK],
            "$.plans[0].actions[2].type",
            "encoded",
        ),
        (
            [AGGREGATE, ENCODE, DAILY, SINK],
            "$.plans[0].actions[2].type",
            "an encoded message; expected a whole",
        ),
        ([AGGREGATE, ENCODE], "$.plans[0].actions[1].type", "an end: "),
        ([AGGREGATE, ENCODE, SINK, {"type": "print"}], "$.plans[0].actions[3].type", "'print' after 'sink'"),
        ([AGGREGATE, NULL, NULL], "$.plans[0].actions[2].type", "nothing after it"),
        ([ENCODE, SINK], "$.plans[0].actions[0].type", "put 'aggregate' before it"),
    ],
)
def test_an_impossible_order_is_told_once(actions, place, words):
    found = mistakes(plans_of(*actions))
    assert [at for at, _ in found] == [place]
    assert words in found[0][1]


def test_orders_that_are_possible_pass():
    select, show = {"type": "select", "match": {"param": 1}}, {"type": "print"}
    for actions in (
        [
            select,
            AGGREGATE,
            select,
            DAILY,
            select,
            {"type": "interpolate", "grid": [2, 2]},
            ENCODE,
            select,
            show,
            SINK,
        ],
        [show, NULL],
        [AGGREGATE, {"type": "mask"}, DAILY, DAILY | {"output-frequency": "1m"}, NULL],
    ):
        assert load_plans(plans_of(*actions))


def test_every_mistake_of_a_file_is_told_in_its_order():
    document = {
        "plans": [
            {"name": "a", "enabel": 1, "actions": [DAILY | {"foo": 1, "bar": 2}, {"type": "enocde"}, SINK]},
            {
                "name": "a",
                "actions": [AGGREGATE, {"type": "encode", "packing": "x", "bits-per-value": 0}, SINK],
            },
        ]
    }
    assert places(document) == [
        "$.plans[0].enabel",
        "$.plans[0].actions[0].foo",
        "$.plans[0].actions[0].bar",
        "$.plans[0].actions[0].type",
        "$.plans[0].actions[1].type",
        "$.plans[1].actions[1].packing",
        "$.plans[1].actions[1].bits-per-value",
        "$.plans[1].name",
    ]


def test_the_sentence_lists_all_mistakes_and_the_file(tmp_path: Path):
    file = tmp_path / "plan.yaml"
    file.write_text("plans: [{name: p, actions: [{type: agregate}, {type: nul}]}]")
    with pytest.raises(InvalidConfig, match=r"2 mistakes in .*plan\.yaml:\n\$\.plans\[0\].*\n\$\.plans\[0\]"):
        load_plans(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(InvalidConfig, match=r"gone\.yaml cannot be read"):
        load_plans(tmp_path / "gone.yaml")


def test_of_many_mistakes_a_dozen_are_told_and_all_are_kept():
    actions = [{"type": "aggregate"}, {"type": "sink", "sinks": [{"type": "netcdf"}]}]
    with pytest.raises(InvalidConfig) as caught:
        load_plans([{"name": f"p{number}", "actions": actions} for number in range(300)])
    assert len(caught.value.mistakes) == 300
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("300 mistakes")
    assert len(lines) == 14
    assert lines[-1] == "and 288 more"


@pytest.mark.parametrize("kinds", [("netcdf", "hdf5"), ("zarr", "zarr"), ("hdf5", "hdf5")])
def test_two_sinks_of_one_path_are_told_with_both_places(kinds):
    one, other = (
        {"type": kind, "path": path} for kind, path in zip(kinds, ("o/a.x", "./o//a.x"), strict=True)
    )
    plans = [
        {"name": name, "actions": [{"type": "aggregate"}, {"type": "sink", "sinks": [sink]}]}
        for name, sink in (("p", one), ("q", {"type": "multio", "sinks": [other]}))
    ]
    place = r"\$\.plans\[1\]\.actions\[1\]\.sinks\[0\]\.sinks\[0\]\.path"
    with pytest.raises(InvalidConfig, match=rf"{place}: .* \$\.plans\[0\]\.actions\[1\]\.sinks\[0\]"):
        load_plans(plans)
    load_plans([plans[0], {**plans[1], "enable": False}])
    other["per-server"] = True
    load_plans(plans)


@pytest.mark.parametrize("sink", [{"type": "single-field-sink", "root-path": "o/"}, {"type": "sink"}])
def test_two_plans_of_one_root_or_pattern_are_refused_where_both_may_take_a_field(sink):
    if sink["type"] == "sink":
        sink = {"type": "sink", "sinks": [{"type": "netcdf", "path": "o/{param}.nc"}]}

    def plans(*params):
        return [
            {
                "name": f"p{n}",
                "actions": [{"type": "select", "match": {"param": param}}, {"type": "aggregate"}, sink],
            }
            for n, param in enumerate(params)
        ]

    load_plans(plans(167, 168))
    with pytest.raises(InvalidConfig, match=r"\$\.plans\[0\]\.actions\[2\]"):
        load_plans(plans(167, 167))
