"""What a plan says it would do, with sizes that can be checked by hand."""

from dte_hpc.postproc.plans.document import load_document, load_plans
from dte_hpc.postproc.plans.explain import as_json, draw, explain

DAILY = {"type": "statistics", "output-frequency": "1d", "operations": ["average", "accumulate", "maximum"]}
(PLAN,) = load_plans(
    [
        {
            "name": "daily",
            "enable": False,
            "actions": [
                {"type": "select", "match": {"levtype": "pl"}, "ignore": {"param": [1, 2]}},
                {"type": "aggregate"},
                {"type": "mask", "offset-fields": ["sst"]},
                DAILY,
                {"type": "interpolate", "grid": [1, 1]},
                {"type": "encode", "packing": "ccsds", "bits-per-value": 16},
                {"type": "print"},
                {"type": "sink", "sinks": [{"type": "file", "path": "x"}, {"type": "fdb5", "enable": False}]},
            ],
        }
    ]
)


def test_sizes_of_a_known_grid():
    lines = {line.action: line for line in explain(PLAN, grid_name="O320", value_bytes=4)}
    assert lines["aggregate"].state_bytes == lines["aggregate"].field_bytes == 421_120 * 4
    assert lines["statistics"].state_bytes == 2 * 8 * 421_120  # average and accumulate share one
    assert (lines["statistics"].n_out, lines["statistics"].when) == (3, "at the end of each window of 1 day")
    assert (lines["interpolate"].grid, lines["interpolate"].field_bytes) == ("1/1", 8 * 65_160)
    assert lines["encode"].field_bytes == 2 * 65_160
    assert (lines["sink"].does, lines["sink"].out) == ("file x", None)


def test_without_a_grid_sizes_are_a_point():
    text = draw(PLAN, explain(PLAN))
    assert "[keeps 16 bytes a point a variable]" in text
    assert "3 × a whole field on 1/1, 509.1 KiB" in text
    assert "only levtype=pl, without param=1/2" in text
    assert "(off: it does not run)" in text


def test_a_selected_grid_is_known():
    (plan,) = load_plans([{"actions": [{"type": "select", "match": {"grid": "O32"}}, {"type": "null"}]}])
    assert explain(plan)[0].field_bytes == 5248 * 8


def test_for_programs():
    told = as_json(PLAN, explain(PLAN, grid_name="O32"))
    assert (told["name"], told["enable"], len(told["actions"])) == ("daily", False, 8)
    assert told["actions"][3]["state_bytes"] == 16 * 5248


def fan_out(*branches):
    return {"type": "fan-out", "branches": list(branches)}


def test_branches_and_client_plans_are_drawn_through() -> None:
    transport = {"type": "transport", "hash-keys": ["param"]}
    daily = {"type": "statistics", "output-frequency": "1d", "operations": ["average", "maximum"]}
    document = load_document(
        {
            "client": {"plans": [{"name": "c", "actions": [fan_out([daily, transport])]}]},
            "server": {"plans": [{"name": "s", "actions": [{"type": "aggregate"}, {"type": "null"}]}]},
        }
    )
    (plan,) = document.client
    lines = explain(plan, grid_name="O32", is_client=True)
    statistics, sent = lines[0].branches[0]
    assert (statistics.out, statistics.n_out, statistics.grid) == ("a rank's part of a field", 2, None)
    assert (statistics.field_bytes, statistics.state_value_bytes, sent.out) == (None, 16.0, None)
    drawn = draw(plan, lines, is_client=True)
    for words in ("└─ branch 1 of 1", "8 bytes a point", "keeps 16 bytes a point", "by hash, of param"):
        assert words in drawn
    told = as_json(plan, lines)["actions"][0]["branches"][0]
    assert [each["action"] for each in told] == ["statistics", "transport"]


def test_the_grid_of_a_branch_is_known() -> None:
    branch = [{"type": "interpolate", "grid": [1, 1]}, {"type": "null"}]
    (plan,) = load_document([{"name": "s", "actions": [{"type": "aggregate"}, fan_out(branch)]}]).plans
    (line, _), *_ = explain(plan, grid_name="O32")[1].branches
    assert (line.grid, line.field_bytes) == ("1/1", 8 * 65160)
