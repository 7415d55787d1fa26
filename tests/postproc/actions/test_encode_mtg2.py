"""Messages of `encode-mtg2`, beside those MultIO 2.12 makes of the same fields, and what is refused."""

import json
import os
import subprocess
from pathlib import Path

import eccodes
import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidGrid, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.layout import grib2_sections
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.actions.encode_mtg2 import EncodeMtg2, EncodeMtg2Options

HERE = Path(__file__)
PEERS = Path(os.environ.get("DTE_PEERS_PYTHON", HERE.parents[3] / ".venv-peers/bin/python"))
PL = {
    "origin": "ecmf", "class": "rd", "stream": "oper", "expver": "xyz1", "type": "fc", "date": 20260101,
    "time": 1200, "step": 6, "levtype": "pl", "levelist": 850, "param": 130, "grid": "O16",
    "packing": "simple", "misc-generatingProcessIdentifier": 153,
}  # fmt: skip
SFC = {key: value for key, value in PL.items() if key != "levelist"} | {"levtype": "sfc", "param": 167}
MEMBER = {"stream": "enfo", "type": "pf", "number": 7, "misc-numberOfForecastsInEnsemble": 50}
DAILY = {"timespan": 24, "step": 24, "misc-timeIncrementInSeconds": 3600}
CASES = {
    "pl": PL,
    "pl-analysis": PL | {"type": "an", "step": 0},
    "pl-ccsds": PL | {"packing": "ccsds"},
    "pl-bits": PL | {"misc-bitsPerValue": 12},
    "pl-cloud-liquid": PL | {"param": 246},
    "pl-cloud-cover": PL | {"param": 248},
    "pl-high": PL | {"levelist": 50},
    "ml": PL | {"levtype": "ml", "levelist": 60},
    "pv": PL | {"levtype": "pv", "levelist": 2000, "param": 3},
    "pt": PL | {"levtype": "pt", "levelist": 315, "param": 60},
    "hl": PL | {"levtype": "hl", "levelist": 100, "param": 131},
    "sfc-2m": SFC,
    "sfc-10m": SFC | {"param": 165},
    "sfc-sea-level": SFC | {"param": 151},
    "sfc-column": SFC | {"param": 136},
    "sfc-surface": SFC | {"param": 34},
    "sfc-from-start": SFC | {"param": 228228, "timespan": "fs"},
    "soil": PL | {"levtype": "sol", "levelist": 2, "param": 260199},
    "snow": PL | {"levtype": "sol", "levelist": 3, "param": 228038},
    "member": PL | MEMBER,
    "member-average": SFC | MEMBER | DAILY | {"param": 228004},
    "average": SFC | DAILY | {"param": 228004},
    "maximum": SFC | {"param": 237167, "timespan": 6, "step": 24, "misc-timeIncrementInSeconds": 3600},
    "deviation": SFC | DAILY | {"param": 239167},
    "pl-average": PL | DAILY | {"param": 235130},
    "daily-maximum": SFC | DAILY | {"param": 228004, "timespan": 1, "stattype": "damx"},
    "monthly-average": SFC | DAILY | {"param": 237167, "timespan": 1, "stattype": "moav_damx", "step": 744},
    "classic": PL | {"grid": "N16"},
    "regular-gaussian": PL | {"grid": "F16"},
    "regular": PL | {"grid": "10.0/10.0"},
    "healpix": PL | {"grid": "H4"},
    "constant": PL | {"param": 129},
}
DIFFERENCES = {
    "ml": ({4}, "MultIO writes 1002 coefficients of model levels that it has compiled in; ours writes none"),
}


def values_of(name, metadata):
    size = grid(metadata["grid"]).n_points
    values = np.random.default_rng(len(name)).normal(250, 20, size)
    return np.full(size, 273.0) if name == "constant" else values


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What MultIO makes of every case, or why not."""
    if not PEERS.exists():
        pytest.skip(f"no Python with pymultio at {PEERS}; DTE_PEERS_PYTHON names one")
    folder = tmp_path_factory.mktemp("mtg2")
    cases = []
    for name, metadata in CASES.items():
        values = values_of(name, metadata)
        np.save(folder / f"{name}.npy", values)
        facts = {**metadata, "misc-globalSize": values.size, "misc-precision": "double"}
        cases.append({"name": name, "type": "encode-mtg2", "encode": {}, "fields": [[facts, f"{name}.npy"]]})
    (folder / "cases.json").write_text(json.dumps(cases))
    run = [str(PEERS), str(HERE.with_name("multio_encode.py")), str(folder)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    if "No module named" in ended.stderr:
        pytest.skip("pymultio is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    assert ended.returncode == 0, ended.stderr[-2000:]
    return {name: said(folder, name) for name in CASES}


def said(folder, name):
    error = folder / f"{name}.error"
    return error.read_text() if error.exists() else (folder / f"{name}.grib").read_bytes()


def encoded(metadata, values=None, action=None):
    action = action or EncodeMtg2(EncodeMtg2Options(), Context())
    values = values_of("", metadata) if values is None else values
    (out,) = action.process(MaskedField(field=Field(metadata=Metadata(metadata), values=values)))
    return out


def sections_of(message):
    found = grib2_sections(memoryview(message))
    parts = {number: bytes(message[at : at + length]) for number, (at, length) in found.items()}
    return {0: bytes(message[:8])} | parts


@pytest.mark.parametrize("name", CASES)
def test_messages_are_multios_octet_by_octet(theirs, name):
    assert isinstance(theirs[name], bytes), theirs[name][:500]
    ours = encoded(CASES[name], values_of(name, CASES[name])).message
    first, second = sections_of(theirs[name]), sections_of(ours)
    different = {number for number in first | second if first.get(number) != second.get(number)}
    assert different == DIFFERENCES.get(name, (set(), ""))[0]


def test_results_of_statistics_are_encoded_as_multio_encodes_them(theirs, tmp_path):
    path = tmp_path / "daily.grib"
    statistics = {"type": "statistics-mtg2", "output-frequency": "1d", "operations": ["average"]}
    sink = {"type": "sink", "sinks": [{"type": "file", "path": str(path)}]}
    pipeline = Pipeline(
        load_plans([{"actions": [{"type": "aggregate"}, statistics, {"type": "encode-mtg2"}, sink]}])
    )
    values = values_of("average", SFC)
    for step in range(1, 37):
        facts = {**SFC, "step": step, "misc-outputStepInSeconds": 3600, "misc-globalSize": values.size}
        pipeline.process(Field(metadata=Metadata(facts), values=values))
    pipeline.close()
    ours = sections_of(path.read_bytes())
    wanted = sections_of(bytes(encoded({**CASES["average"], "step": 36}, values).message))
    assert [ours[number] for number in range(5)] == [wanted[number] for number in range(5)]


def test_a_kinds_further_headers_are_those_of_an_encoder_that_saw_no_other():
    kept = EncodeMtg2(EncodeMtg2Options(), Context())
    varied = ({}, {"step": 12}, {"step": 30}, {"date": 20260301}, {"date": 20251231, "time": 0})
    for kind in ("pl", "ml", "soil", "member", "monthly-average", "average", "maximum"):
        for change in varied:
            facts = {**CASES[kind], **change}
            facts["step"] = max(facts["step"], CASES[kind]["step"]) if "timespan" in facts else facts["step"]
            assert bytes(encoded(facts, action=kept).message) == bytes(encoded(facts).message)


def test_a_message_is_found_again_by_what_its_field_was_called():
    out = encoded(CASES["member"])
    wanted = {"param": 130, "levelist": 850, "step": 6, "number": 7, "date": 20260101, "time": 1200}
    assert wanted.items() <= dict(out.metadata).items()


def test_minutes_and_missing_values_are_written():
    facts = {**PL, "step": "90m", "misc-bitmapPresent": True, "misc-missingValue": -1.0, "grid": "H4_nested"}
    values = np.where(np.arange(192) % 5 == 0, -1.0, 250.0 + np.arange(192))
    handle = eccodes.codes_new_from_message(bytes(encoded(facts, values).message))
    names = (
        "forecastTime",
        "indicatorOfUnitForForecastTime",
        "bitmapPresent",
        "numberOfMissing",
        "orderingConvention",
    )
    assert [eccodes.codes_get(handle, name) for name in names] == [5400, 13, 1, 39, "nested"]
    eccodes.codes_release(handle)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"param": 139, "levtype": "sfc"}, "levtype=sfc and param=139, for which encode-mtg2 knows no level"),
        ({"levtype": "xx"}, "levtype=xx and param=130.*expected hl, ml, pl"),
        ({"timespan": 6}, "130 is no statistic over time, and has timespan=6; expected both or none"),
        ({"param": 235130}, "235130 is a statistic over time, and has no timespan"),
        ({"param": 228, "levtype": "sfc", "levelist": None}, "228 is a statistic over time"),
        ({"param": 235130, "timespan": 24}, "begins no earlier than the forecast"),
        ({"param": 235130, "timespan": 1, "stattype": "yrav"}, "stattype=yrav; expected da or mo"),
        ({"stattype": "damx"}, "stattype=damx and no timespan"),
        ({"dataset": "climate-dt"}, "dataset=climate-dt, which encode-mtg2 has no message for"),
        ({"type": "em"}, "type=em, which encode-mtg2 has no message for"),
        ({"packing": "jpeg"}, "packing=jpeg; expected simple or ccsds"),
        ({"param": "t"}, "param='t'; expected a paramId"),
        ({"levelist": 0.123}, "expected whole pascals"),
        ({"grid": "F8"}, "has 1600 values; expected 512"),
        ({"class": None}, "has no class; encode-mtg2 expected class"),
        ({"step": None}, "has no step"),
        ({"misc-bitsPerValue": 64}, "misc-bitsPerValue=64; expected 1 to 32"),
    ],
)
def test_what_has_no_message_is_refused_by_name(change, words):
    facts = {key: value for key, value in {**PL, **change}.items() if value is not None}
    with pytest.raises((InvalidPart, InvalidGrid), match=words):
        encoded(facts, values_of("", PL))


def test_a_wrong_option_is_found_before_anything_runs():
    with pytest.raises(InvalidConfig, match="did you mean 'cached'"):
        load_plans([{"actions": [{"type": "encode-mtg2", "cache": True}, {"type": "null"}]}])
