"""Messages of `encode` with a template, beside those MultIO 2.12 makes of the same fields."""

import json
import os
import subprocess
from pathlib import Path

import eccodes
import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.layout import grib2_sections
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans

HERE = Path(__file__)
PEERS = Path(os.environ.get("DTE_PEERS_PYTHON", HERE.parents[3] / ".venv-peers/bin/python"))

TEMPLATES = {
    "ll": ("regular_ll_pl_grib2", {"setLocalDefinition": 1}),
    "sfc": ("regular_ll_sfc_grib2", {"setLocalDefinition": 1}),
    "sfc-8": ("regular_ll_sfc_grib2", {"setLocalDefinition": 1, "productDefinitionTemplateNumber": 8}),
    "pf": ("regular_ll_pl_grib2", {"setLocalDefinition": 1, "productDefinitionTemplateNumber": 1}),
    "pf-11": ("regular_ll_sfc_grib2", {"setLocalDefinition": 1, "productDefinitionTemplateNumber": 11}),
    "ml": ("reduced_gg_ml_grib2", {"setLocalDefinition": 1}),
    "gg": ("reduced_gg_pl_32_grib2", {"setLocalDefinition": 1}),
    "seasonal": ("regular_ll_pl_grib2", {"setLocalDefinition": 1, "grib2LocalSectionNumber": 15}),
    "f": ("regular_gg_pl_grib2", {"setLocalDefinition": 1}),
    "healpix": ("GRIB2", {"gridType": "healpix", "Nside": 4, "setLocalDefinition": 1, "tablesVersion": 32}),
    "ocean": ("GRIB2", {"gridType": "unstructured_grid", "setLocalDefinition": 1, "tablesVersion": 32}),
    "ocean-8": (
        "GRIB2",
        {
            "gridType": "unstructured_grid",
            "setLocalDefinition": 1,
            "tablesVersion": 32,
            "productDefinitionTemplateNumber": 8,
        },
    ),
    "ccsds": (
        "regular_ll_pl_grib2",
        {"setLocalDefinition": 1, "packingType": "grid_ccsds", "bitsPerValue": 24},
    ),
    "bitmap": ("regular_ll_pl_grib2", {"setLocalDefinition": 1, "bitmapPresent": 1, "missingValue": 9999}),
    "decimal": ("regular_ll_pl_grib2", {"setLocalDefinition": 1, "bitsPerValue": 0, "decimalScaleFactor": 2}),
}
TIMES = {"startDate": 20260101, "startTime": 120000, "step": 6}
WORDS = {"class": "rd", "stream": "oper", "expver": "xyz1", "type": "fc"}
BASE = {
    **WORDS, **TIMES, "param": "130", "levtype": "pl", "level": 850, "typeOfLevel": "isobaricInhPa",
    "gridType": "regular_ll",
}  # fmt: skip
STATISTIC = {
    "operation": "average", "startStep": 0, "endStep": 24, "step": 24, "sampleIntervalInSeconds": 3600,
    "previousDate": 20260101, "previousTime": 120000, "currentDate": 20260102, "currentTime": 120000,
}  # fmt: skip
OCEAN = {
    **WORDS, **TIMES, "param": "262101", "paramId": 262101, "level": 0, "category": "ocean-2d",
    "operation": "instant",
    "gridType": "unstructured_grid", "typeOfLevel": "oceanSurface", "unstructuredGridType": "eORCA1",
    "unstructuredGridSubtype": "T", "uuidOfHGrid": "d5bde4f52ff3a9bea5629cd9ac514410",
    "currentDate": 20260101, "currentTime": 180000,
}  # fmt: skip


def without(facts, *keys):
    return {key: value for key, value in facts.items() if key not in keys}


SFC = {**without(BASE, "typeOfLevel"), "levtype": "sfc", "level": 0, "param": "167"}
CASES = {
    "pl": ("ll", BASE),
    "level-alone": ("ll", without(BASE, "typeOfLevel")),
    "pl-step": ("ll", {**BASE, "step": 240, "level": 1000}),
    "pl-date-time": ("ll", {**without(BASE, "startDate", "startTime"), "date": 20251231, "time": 1200}),
    "pl-data-date": (
        "ll",
        {**without(BASE, "startDate", "startTime"), "dataDate": 20251231, "dataTime": 123000},
    ),
    "pl-paramId": ("ll", {**without(BASE, "param", "level"), "paramId": 131, "levelist": 300}),
    "pl-analysis": ("ll", {**BASE, "type": "an", "step": 0}),
    "pl-analysis-step": ("ll", {**BASE, "type": "an", "step": 6}),
    "overwrite-text": ("ll", BASE, {"overwrite": {"typeOfProcessedData": "2"}}),
    "sfc": ("sfc", SFC),
    "sfc-average": ("sfc-8", {**SFC, **STATISTIC}),
    "sfc-maximum": ("sfc-8", {**SFC, **STATISTIC, "operation": "maximum", "param": "201"}),
    "sfc-minimum": ("sfc-8", {**SFC, **STATISTIC, "operation": "minimum", "param": "202"}),
    "sfc-accumulate": ("sfc-8", {**SFC, **STATISTIC, "operation": "accumulate", "param": "228"}),
    "sfc-average-an": ("sfc-8", {**SFC, **STATISTIC, "type": "an"}),
    "sfc-steps": (
        "sfc-8",
        {**SFC, "startStep": 6, "endStep": 12, "step": 12, "timeStep": 1800, "param": "228"},
    ),
    "sfc-increment": (
        "sfc-8",
        {**SFC, **STATISTIC, "timeIncrement": 1, "indicatorOfUnitForTimeIncrement": 1},
    ),
    "sfc-no-increment": ("sfc-8", {**SFC, **STATISTIC, "timeIncrement": 0}),
    "sfc-later-window": (
        "sfc-8",
        {
            **SFC,
            **STATISTIC,
            "startStep": 24,
            "endStep": 48,
            "step": 48,
            "previousDate": 20260102,
            "currentDate": 20260103,
        },
    ),
    "member": ("pf", {**BASE, "stream": "enfo", "type": "pf", "ensemble-member": 7, "ensemble-size": 50}),
    "member-average": (
        "pf-11",
        {**SFC, **STATISTIC, "stream": "enfo", "type": "pf", "ensemble-member": 3, "ensemble-size": 50},
    ),
    "ml": ("ml", {**BASE, "levtype": "ml", "level": 60, "typeOfLevel": "hybrid", "gridType": "reduced_gg"}),
    "soil": ("sfc", {**without(SFC, "levtype", "level"), "levtype": "sol", "level": 2, "param": "260199"}),
    "reduced": ("gg", {**BASE, "gridType": "reduced_gg"}),
    "octahedral": ("gg", {**BASE, "gridType": "reduced_gg"}, {"atlas-named-grid": "O16"}),
    "reduced-renamed": ("gg", {**BASE, "gridType": "reduced_gg"}, {"atlas-named-grid": "N16"}),
    "regular-gaussian": ("f", {**BASE, "gridType": "regular_gg"}),
    "healpix-ring": ("healpix", {**BASE, "gridType": "HEALPix", "Nside": 4, "orderingConvention": "ring"}),
    "healpix-nested": (
        "healpix",
        {**BASE, "gridType": "healpix", "Nside": 8, "orderingConvention": "nested"},
    ),
    "ll-named": (
        "ll",
        {
            **BASE,
            "Ni": 12,
            "Nj": 7,
            "north": 90.0,
            "south": -90.0,
            "west": 0.0,
            "east": 360.0,
            "west_east_increment": 30.0,
            "south_north_increment": 30.0,
        },
    ),
    "overwrite": ("ll", BASE, {"overwrite": {"generatingProcessIdentifier": 149, "backgroundProcess": 3}}),
    "run": ("ll", without(BASE, "class", "expver"), {"run": {"class": "rd", "expver": "abcd"}}),
    "additional-metadata": ("ll", without(BASE, "class"), {"additional-metadata": {"class": "ai"}}),
    "overwrite-centre": ("ll", BASE, {"overwrite": {"subCentre": 5}}),
    "ocean": ("ocean", OCEAN),
    "ocean-run": ("ocean", without(OCEAN, "class"), {"run": {"class": "rd"}}),
    "ocean-average": ("ocean-8", {**OCEAN, **STATISTIC}),
    "ocean-layer": (
        "ocean",
        {**OCEAN, "param": "262501", "paramId": 262501, "typeOfLevel": "oceanModelLayer", "level": 5},
    ),
    "ocean-level": (
        "ocean",
        {**OCEAN, "param": "262505", "paramId": 262505, "typeOfLevel": "oceanModel", "level": 3},
    ),
    "seasonal": ("seasonal", {**BASE, "stream": "msmm", "method-number": 1, "system-number": 5}),
    "validity": ("ll", {**BASE, "significanceOfReferenceTime": 2, "step": 0}),
    "bits": ("ll", {**BASE, "bitsPerValue": 12}),
    "ccsds": ("ccsds", BASE),
    "decimal": ("decimal", BASE),
    "bitmap": ("bitmap", BASE),
    "bitmap-in-metadata": ("ll", {**BASE, "missingValue": 9999.0, "bitmapPresent": True}),
    "constant": ("ll", {**BASE, "param": "129"}),
}
DIFFERENCES = {
    "level-alone": (
        {4},
        "without a typeOfLevel MultIO writes the template's level; ours the field's",
    ),
    "overwrite-text": ({1}, "MultIO loses what overwrites section 1; ours writes it"),
    "overwrite-centre": ({1}, "the same"),
}
THEIR_FAILURES = {
    "pl-data-date": "crashed",
    "reduced-renamed": "pl",
}
WITH_MISSING = ("bitmap", "bitmap-in-metadata")


def made(name, folder):
    """A template of ecCodes' samples, in a file."""
    sample, keys = TEMPLATES[name]
    path = folder / f"{name}.tmpl"
    if not path.exists():
        handle = eccodes.codes_grib_new_from_samples(sample)
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        path.write_bytes(eccodes.codes_get_message(handle))
        eccodes.codes_release(handle)
    return str(path)


def n_points(name, metadata, encode):
    if "atlas-named-grid" in encode:
        return grid(encode["atlas-named-grid"]).n_points
    if "Nside" in metadata:
        return 12 * metadata["Nside"] ** 2
    if "Ni" in metadata:
        return metadata["Ni"] * metadata["Nj"]
    if name.startswith("ocean"):
        return 1000
    handle = eccodes.codes_grib_new_from_samples(TEMPLATES[name][0])
    found = eccodes.codes_get(handle, "numberOfDataPoints")
    eccodes.codes_release(handle)
    return found


def values_of(name, size):
    values = np.random.default_rng(len(name)).normal(250, 20, size)
    if name in WITH_MISSING:
        values[::7] = 9999
    return np.full(size, 273.0) if name == "constant" else values


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What MultIO and ours make of every case: name -> (theirs or why not, ours)."""
    if not PEERS.exists():
        pytest.skip(f"no Python with pymultio at {PEERS}; DTE_PEERS_PYTHON names one")
    folder = tmp_path_factory.mktemp("multio")
    cases = [case_of(name, folder) for name in CASES]
    (folder / "cases.json").write_text(json.dumps(cases))
    run = [str(PEERS), str(HERE.with_name("multio_encode.py")), str(folder)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    if "No module named" in ended.stderr:
        pytest.skip("pymultio is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    assert ended.returncode == 0, ended.stderr[-2000:]
    return {case["name"]: (theirs(case["name"], folder), ours(case, folder)) for case in cases}


def case_of(name, folder):
    template, metadata, *more = CASES[name]
    encode = {"format": "grib", "template": made(template, folder), **(more[0] if more else {})}
    size = n_points(template, metadata, encode)
    np.save(folder / f"{name}.npy", values_of(name, size))
    return {
        "name": name,
        "encode": encode,
        "fields": [[{**metadata, "misc-globalSize": size}, f"{name}.npy"]],
    }


def theirs(name, folder):
    error = folder / f"{name}.error"
    return error.read_text() if error.exists() else (folder / f"{name}.grib").read_bytes()


def ours(case, folder):
    path = folder / f"{case['name']}.ours"
    sink = {"type": "sink", "sinks": [{"type": "file", "path": str(path)}]}
    plans = load_plans([{"actions": [{"type": "aggregate"}, {"type": "encode", **case["encode"]}, sink]}])
    pipeline = Pipeline(plans)
    for metadata, values in case["fields"]:
        pipeline.process(Field(metadata=Metadata(metadata), values=np.load(folder / values)))
    pipeline.close()
    return path.read_bytes()


def sections_of(message):
    found = grib2_sections(memoryview(message))
    return {0: message[:8]} | {number: message[at : at + length] for number, (at, length) in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_messages_are_multios_octet_by_octet(both, name):
    their, our = both[name]
    if name in THEIR_FAILURES:
        assert isinstance(their, str)
        assert THEIR_FAILURES[name] in their
        return
    assert isinstance(their, bytes), their[:500]
    first, second = sections_of(their), sections_of(our)
    different = {number for number in first | second if first.get(number) != second.get(number)}
    assert different == DIFFERENCES.get(name, (set(), ""))[0]
