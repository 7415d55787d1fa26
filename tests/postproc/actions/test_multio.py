"""scale, average-rate, metadata-mapping and select beside MultIO's own: names and values that come out.

MultIO (the wheel of PyPI) is asked once for all cases, in a Python of its own: ``DTE_PEERS_PYTHON``, or
``.venv-peers`` in the repository.
"""

import json
import logging
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.params import table
from dte_hpc.postproc.plugs import ACTIONS, find

HERE = Path(__file__).parent
MAPPING = """
mappings:
  - match: {nemoParam: nemo-id}
    map: {param: param-id, levtype: kind}
    optional-map: {gridType: grid}
data:
  - {nemo-id: sst, param-id: 262101, kind: o2d, grid: eORCA}
  - {nemo-id: ssh, param-id: 262102, kind: o2d}
"""


def case(name, action, *metadata, **words):
    fields = [({"step": 1, **each}, [1.5 + i, -2.0, 3e5 * i]) for i, each in enumerate(metadata)]
    return {"name": name, "actions": [action], "fields": fields, **words}


def select(name, **blocks):
    fields = [
        {"param": param, "levtype": levtype, "level": level, "step": step}
        for param in (130, 131)
        for levtype, level in (("pl", 500), ("sfc", 0))
        for step in (1, 2)
    ]
    return case(name, {"type": "select", **blocks}, *fields)


PARAMS = [{"param": param} for param in (8, 130, 231010, 228, 243, 260509)]
MEAN_RATES = [int(before) for before, _ in table("average-rate.txt")]
OWN = [{"param-in": 130, "param-out": 131, "scaling": 2.5}, {"param-in": 8, "param-out": 9, "scaling": -1.0}]
CASES = [
    case("to local", {"type": "scale", "preset-mappings": "wmo-to-local"}, *PARAMS),
    case("own factors", {"type": "scale", "custom-mappings": OWN}, *PARAMS),
    case("rates", {"type": "average-rate"}, *({"param": 20, "timespan": h} for h in (1, 6, 24))),
    case("rates of others", {"type": "average-rate"}, *({"param": p, "timespan": 3} for p in MEAN_RATES)),
    select("match", match=[{"param": 130}]),
    select("match one of", match=[{"param": [130, 131], "levtype": "sfc"}, {"step": 2}]),
    select("ignore", ignore=[{"levtype": "pl", "step": 2}]),
    select("match and ignore", match=[{"param": 130}], ignore=[{"step": 2}]),
    select("nothing", match=[{"param": []}]),
    select("no such keyword", match=[{"number": 1}]),
    select("any", any=[{"match": [{"step": 2}]}, {"ignore": [{"param": 130}]}]),
    select("all", all=[{"match": [{"step": 2}]}, {"ignore": [{"param": 130}]}]),
    select("not", **{"not": {"match": [{"levtype": "pl"}]}}),
    select("the other spelling", match=[{"levelist": 500}]),
    case("to wmo", {"type": "scale", "preset-mappings": "local-to-wmo"}, {"param": 8}, {"param": 231010}),
    {
        **case("recover", {"type": "scale", "custom-mappings": OWN}, {"name": "x"}, {"param": 8}),
        "plan": {"on-error": "recover"},
    },
]
MAPPED = [
    ("mapping", {}, {"nemoParam": "sst"}),
    ("mapping keeps", {}, {"nemoParam": "ssh", "levtype": "sfc"}),
    ("mapping overwrites", {"overwrite-existing": True}, {"nemoParam": "ssh", "levtype": "sfc"}),
    ("mapping lets pass", {"enforce-match": False}, {"param": 1}),
]
OTHERWISE = ("to wmo", "recover", "the other spelling")


@pytest.fixture(scope="module")
def mapping(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapping") / "m.yaml"
    path.write_text(MAPPING)
    return str(path)


@pytest.fixture(scope="module")
def cases(mapping):
    mapped = [
        case(name, {"type": "metadata-mapping", "mapping": mapping, **options}, metadata)
        for name, options, metadata in MAPPED
    ]
    return {each["name"]: each for each in [*CASES, *mapped]}


@pytest.fixture(scope="module")
def theirs(cases, tmp_path_factory):
    """What MultIO makes of every case, by its name."""
    python = Path(os.environ.get("DTE_PEERS_PYTHON") or HERE.parents[2] / ".venv-peers" / "bin" / "python")
    found = python.exists() and subprocess.run([python, "-c", "import multio, mpi4py"], capture_output=True)
    if not found or found.returncode:
        pytest.skip(f"no MultIO in {python} (pip install pymultio mpi4py; DTE_PEERS_PYTHON)")
    folder = tmp_path_factory.mktemp("multio")
    (folder / "cases.json").write_text(json.dumps(list(cases.values())))
    subprocess.run([python, HERE / "multio_fields.py", folder], capture_output=True, check=True, timeout=120)
    return json.loads((folder / "results.json").read_text())


def ours(case):
    """What comes out here: names and values."""
    (action,) = case["actions"]
    plan = {**case.get("plan", {}), "actions": [{"type": "aggregate"}, action, {"type": "debug-sink"}]}
    pipeline = Pipeline(load_plans([plan]))
    sink = next(each for each in pipeline._chains[0] if isinstance(each, find(ACTIONS, "debug-sink")))
    for metadata, values in case["fields"]:
        pipeline.process(Field(metadata=Metadata(metadata), values=np.array(values)))
    return [dict(item.metadata) for item in sink.items], [item.field.values for item in sink.items]


@pytest.mark.parametrize(
    "name", [c["name"] for c in CASES if c["name"] not in OTHERWISE] + [m[0] for m in MAPPED]
)
def test_as_multio(name, cases, theirs):
    names, values = ours(cases[name])
    wanted = theirs[name]
    assert not wanted["error"]
    added = ("misc-bitmapPresent", "misc-format", "misc-precision")
    assert names == [{k: v for k, v in each.items() if k not in added} for each in wanted["names"]]
    np.testing.assert_allclose(np.array(values).ravel(), np.array(wanted["rows"]).ravel(), rtol=1e-14)


def test_a_select_knows_every_spelling(cases, theirs):
    """MultIO's knows the one that is written: levelist lets no field pass whose level is called level."""
    assert theirs["the other spelling"]["names"] == []
    assert [each["level"] for each in ours(cases["the other spelling"])[0]] == [500] * 4


def test_defect_9_the_preset_goes_one_way(cases, theirs):
    """MultIO's local-to-wmo brings a field that is WMO's already back to local units."""
    assert [each["param"] for each in theirs["to wmo"]["names"]] == [231010, 8]
    names, values = ours(cases["to wmo"])
    assert [each["param"] for each in names] == [231010, 231010]
    np.testing.assert_array_equal(values[0], 1000 * np.array(cases["to wmo"]["fields"][0][1]))
    np.testing.assert_array_equal(values[1], cases["to wmo"]["fields"][1][1])


def test_defect_10_a_plan_that_recovers_goes_on(cases, theirs, caplog):
    """MultIO's recover tries again with what it has given away, until the process dies."""
    assert "ended by signal" in theirs["recover"]["error"]
    with caplog.at_level(logging.ERROR, "dte_hpc.plan"):
        names, _ = ours(cases["recover"])
    assert [each["param"] for each in names] == [9]
    assert "no parameter" in caplog.text
