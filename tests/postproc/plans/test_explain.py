"""What a plan says it would do, with sizes that can be checked by hand."""

from dte_hpc.postproc.plans.document import load_plans
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
