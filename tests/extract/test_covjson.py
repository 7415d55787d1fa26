"""Is an answer valid CoverageJSON, and one that covjsonkit decodes?"""

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.extract import extract, json_text
from dte_hpc.extract.to_covjson import write_covjson

_SPEC = importlib.util.spec_from_file_location("covjson_rules", Path(__file__).with_name("covjson_rules.py"))
covjson_rules = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(covjson_rules)

FEATURES = {
    "PointSeries": {"type": "timeseries", "points": [[48.9, 2.4], [40.6, -73.8]], "axis": "step"},
    "VerticalProfile": {"type": "verticalprofile", "points": [[48.9, 2.4]]},
    "MultiPoint": {"type": "boundingbox", "points": [[40, 0], [50, 10]]},
    "MultiPoint polygon": {"type": "polygon", "shape": [[40, 0], [50, 0], [45, 12]]},
    "MultiPoint circle": {"type": "circle", "center": [[40, 0]], "radius": 5},
    "PointSeries position": {"type": "position", "points": [[48.9, 2.4]]},
    "MultiPoint frame": {
        "type": "frame",
        "outer_box": [[30, -10], [60, 20]],
        "inner_box": [[40, 0], [50, 10]],
    },
    "MultiPoint country": {"type": "country", "country": "France"},
    "Trajectory": {
        "type": "trajectory",
        "points": [[40, 0, 500, 0], [60, 30, 850, 6]],
        "inflation": [3, 3, 100, 2],
        "inflate": "box",
    },
}


@pytest.fixture
def answers(made, asked):
    """Return a function from a feature's name to the answer."""
    made.add("O32", levels=(500, 850), steps=(0, 3, 6), params=(130, 131))

    def answer(name):
        words = {} if name == "Trajectory" else {"levelist": "500/850", "step": "0/3/6"}
        return extract(made.store, asked(FEATURES[name], param="130/131", **words))

    return answer


def axis_sizes(domain):
    return {name: len(axis["values"]) for name, axis in domain["axes"].items()}


@pytest.mark.parametrize("name", FEATURES)
def test_it_is_a_coverage_collection_whose_ranges_fit_their_axes(answers, name):
    answer = answers(name)
    told = json.loads(json.dumps(answer.to_covjson(), allow_nan=False))
    assert told["type"] == "CoverageCollection"
    assert told["domainType"] == name.split()[0]
    assert set(told["parameters"]) == {"t", "u"}
    assert told["parameters"]["t"]["unit"] == {"symbol": "K"}
    n_values = 0
    for coverage in told["coverages"]:
        assert coverage["type"] == "Coverage"
        assert coverage["mars:metadata"]["Forecast date"] == "2026-01-01T00:00:00Z"
        sizes = axis_sizes(coverage["domain"])
        assert set(coverage["ranges"]) == {"t", "u"}
        for numbers in coverage["ranges"].values():
            assert numbers["shape"] == [sizes[axis] for axis in numbers["axisNames"]]
            assert len(numbers["values"]) == numbers["shape"][0]
            n_values += len(numbers["values"])
        assert all(size == 1 for axis, size in sizes.items() if axis not in numbers["axisNames"])
    assert n_values == answer.values.size


def test_series_hold_each_points_values(answers):
    answer = answers("PointSeries")
    first, second = answer.to_covjson()["coverages"][:2]
    assert first["domain"]["axes"]["t"]["values"] == [f"2026-01-01T{h:02d}:00:00Z" for h in (0, 3, 6)]
    assert first["ranges"]["t"]["values"] == answer.table[:3, 0].tolist()
    assert second["ranges"]["t"]["values"] == answer.table[:3, 1].tolist()
    assert second["domain"]["axes"]["latitude"]["values"] == [answer.latitude[1]]


def test_a_box_repeats_its_points_for_each_level(answers):
    answer = answers("MultiPoint")
    coverage = answer.to_covjson()["coverages"][0]
    composite = coverage["domain"]["axes"]["composite"]
    assert composite["coordinates"] == ["latitude", "longitude", "levelist"]
    n = answer.index.size
    assert len(composite["values"]) == 2 * n
    assert composite["values"][n] == [answer.latitude[0], answer.longitude[0], 850]


def test_a_trajectory_tells_step_place_and_level_of_each_point(answers):
    answer = answers("Trajectory")
    (coverage,) = answer.to_covjson()["coverages"]
    columns = answer.point_columns()
    half = answer.values.size // 2
    rows = np.array(coverage["domain"]["axes"]["composite"]["values"])
    for number, name in enumerate(("step", "latitude", "longitude", "levelist")):
        np.testing.assert_array_equal(rows[:, number], columns[name][:half])
    assert coverage["ranges"]["u"]["values"] == answer.values[half:].tolist()


def test_missing_values_are_null(made, asked):
    made.add("O32", change=lambda v: np.where(np.arange(v.size) % 2, np.nan, v))
    told = extract(made.store, asked(FEATURES["MultiPoint"], levelist="500", step="0")).to_covjson()
    values = told["coverages"][0]["ranges"]["t"]["values"]
    assert None in values
    json.dumps(told, allow_nan=False)


def test_steps_and_levels_that_one_parameter_lacks_are_null(made, asked):
    made.add("O32", levels=(500, 850), steps=(0, 3, 6)).add("O32", steps=(0, 6), params=(131,))
    words = {"param": "130/131", "levelist": "all", "step": "all"}
    for name in ("PointSeries", "MultiPoint", "VerticalProfile"):
        told = extract(made.store, asked(FEATURES[name], **words)).to_covjson()
        covjson_rules.check(told)
        assert all(set(coverage["ranges"]) == {"t", "u"} for coverage in told["coverages"])
    series = extract(made.store, asked(FEATURES["PointSeries"], **words)).to_covjson()
    assert [v is None for v in series["coverages"][0]["ranges"]["u"]["values"]] == [False, True, False]


@pytest.mark.parametrize("name", FEATURES)
def test_it_keeps_the_rules_and_is_the_same_in_parts(answers, name, monkeypatch):
    answer = answers(name)
    told = answer.to_covjson()
    covjson_rules.check(told)
    (ground, *_) = (r["coordinates"] for r in told["referencing"] if r["system"]["type"] == "GeographicCRS")
    assert ground in (["longitude", "latitude"], ["y", "x"])
    monkeypatch.setattr(json_text, "AT_ONCE", 7)
    file = io.StringIO()
    write_covjson(answer, file)
    assert json.loads(file.getvalue()) == json.loads(json.dumps(told))


def test_the_rules_ask_for_what_the_standard_does_and_no_more(answers):
    told = answers("MultiPoint").to_covjson()
    del told["parameters"]["t"]["description"], told["parameters"]["t"]["unit"]
    told["parameters"]["u"]["unit"] = {
        "symbol": {"value": "m/s", "type": "http://www.opengis.net/def/uom/UCUM/"}
    }
    covjson_rules.check(told)
    for wrong in ({"unit": {}}, {"unit": {"symbol": ""}}, {"description": "no text of a language"}):
        with pytest.raises(AssertionError):
            covjson_rules.check_parameter({**told["parameters"]["t"], **wrong})
    with pytest.raises(AssertionError):
        covjson_rules.check({**told, "domainType": "BoundingBox"})


DECODE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from covjsonkit.api import Covjsonkit
found = {}
for name, told in json.load(sys.stdin).items():
    parts = Covjsonkit({}).decode(told).to_xarray()
    parts = parts if isinstance(parts, list) else [parts]
    kinds = ("t" if "t" in parts[0].data_vars else "T", "u")
    found[name] = {"sums": [sum(float(np.nansum(p[k].values.astype(float))) for p in parts) for k in kinds],
                   "latitude": [float(np.ravel(p["latitude"])[0]) for p in parts],
                   "longitude": [float(np.ravel(p["longitude"])[0]) for p in parts]}
print(json.dumps(found))
"""


def python_with_covjsonkit():
    """Return a Python that has covjsonkit; skip where there is none."""
    peers = os.environ.get("DTE_PEERS_PYTHON") or Path(__file__).parents[2] / ".venv-peers" / "bin" / "python"
    for python in (sys.executable, str(peers)):
        if (
            Path(python).exists()
            and not subprocess.run([python, "-c", "import covjsonkit"], capture_output=True).returncode
        ):
            return python
    pytest.skip("covjsonkit is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")


def test_covjsonkit_decodes_every_kind(answers):
    python = python_with_covjsonkit()
    got = {name: answers(name) for name in FEATURES}
    text = json.dumps({name: answer.to_covjson() for name, answer in got.items()})
    done = subprocess.run([python, "-c", DECODE], input=text, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    for name, decoded in json.loads(done.stdout).items():
        answer, half = got[name], got[name].values.size // 2
        assert decoded["sums"] == pytest.approx([answer.values[:half].sum(), answer.values[half:].sum()])
        assert decoded["latitude"][0] == answer.latitude[0]
        assert decoded["longitude"][0] == answer.longitude[0]
