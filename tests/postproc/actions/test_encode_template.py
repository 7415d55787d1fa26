"""Messages shaped like a template: what ecCodes says of them, patched headers, and plans that are wrong."""

import eccodes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.actions.encode import Encode

WORDS = {
    "class": "rd", "stream": "enfo", "expver": "xyz1", "type": "pf", "startDate": 20260101,
    "startTime": 120000, "step": 6, "param": "130", "levtype": "pl", "level": 850, "ensemble-member": 1,
    "ensemble-size": 50,    "gridType": "regular_ll", "misc-globalSize": 496,
}  # fmt: skip
VALUES = np.random.default_rng(1).normal(270, 20, 496)


def template(path, sample="regular_ll_pl_grib2", **keys):
    handle = eccodes.codes_grib_new_from_samples(sample)
    for key, value in {"setLocalDefinition": 1, **keys}.items():
        eccodes.codes_set(handle, key, value)
    path.write_bytes(eccodes.codes_get_message(handle))
    eccodes.codes_release(handle)
    return str(path)


@pytest.fixture(scope="module")
def of_members(tmp_path_factory):
    return template(tmp_path_factory.mktemp("templates") / "pf", productDefinitionTemplateNumber=1)


def encoder(**encode):
    plans = load_plans([{"actions": [{"type": "aggregate"}, {"type": "encode", **encode}, {"type": "null"}]}])
    return Encode(plans[0].actions[1].options, Context())


def encoded(action, values=VALUES, **words):
    facts = Metadata({key: value for key, value in {**WORDS, **words}.items() if value is not None})
    (out,) = action.process(MaskedField(field=Field(metadata=facts, values=values)))
    return out


def keys(message, *names):
    handle = eccodes.codes_new_from_message(bytes(message))
    found = [eccodes.codes_get(handle, name) for name in names]
    eccodes.codes_release(handle)
    return found


def test_a_message_is_found_again_by_what_its_field_was_called(of_members):
    out = encoded(encoder(format="grib", template=of_members))
    assert {
        "param": 130,
        "levelist": 850,
        "step": 6,
        "number": 1,
        "date": 20260101,
        "time": 1200,
    }.items() <= dict(out.metadata).items()
    assert keys(out.message, "class", "expver", "numberOfForecastsInEnsemble") == ["rd", "xyz1", 50]


fields = st.fixed_dictionaries(
    {
        "startDate": st.sampled_from([20240229, 20251231, 20260101]),
        "startTime": st.sampled_from([0, 63000, 120000, 120015]),
        "step": st.integers(0, 400),
        "level": st.sampled_from([1, 10, 850, 1000]),
        "ensemble-member": st.integers(0, 50),
        "param": st.sampled_from(["130", "129"]),
        "timeReference": st.sampled_from([None, "current"]),
    }
)


@settings(max_examples=15, deadline=None)
@given(st.lists(fields, min_size=2, max_size=8))
def test_patched_headers_are_those_of_an_encoder_that_never_saw_another_field(of_members, many):
    kept = encoder(format="grib", template=of_members)
    for words in many:
        fresh = encoded(encoder(format="grib", template=of_members), **words)
        assert bytes(encoded(kept, **words).message) == bytes(fresh.message)


@pytest.mark.parametrize("packing", ["grid_simple", "grid_ccsds"])
def test_one_point_can_be_read_from_a_message_with_missing_values(tmp_path, packing):
    shape = template(tmp_path / "t", packingType=packing, bitsPerValue=20)
    values = np.where(np.arange(496) % 5 == 0, np.nan, VALUES)
    action = encoder(encoding={"format": "grib", "template": shape, "overwrite": [{"backgroundProcess": 3}]})
    out = encoded(action, values, **{"ensemble-member": None, "ensemble-size": None, "type": "fc"})
    assert keys(out.message, "packingType", "bitsPerValue", "bitmapPresent", "backgroundProcess") == [
        packing, 20, 1, 3,
    ]  # fmt: skip
    assert (out.block_offsets is not None) == (packing == "grid_ccsds")
    assert out.layout.n_packed == np.isfinite(values).sum()


def test_what_a_field_cannot_be_is_told(of_members):
    action = encoder(format="grib", template=of_members)
    with pytest.raises(InvalidPart, match="expected 496, the points of its template's grid"):
        encoded(action, VALUES[:10])
    with pytest.raises(InvalidPart, match="does not say when it is"):
        encoded(action, step=None)
    with pytest.raises(InvalidPart, match=r"ecCodes writes type=.* has 'nonsense'"):
        encoded(action, type="nonsense")
    with pytest.raises(InvalidPart, match="ecCodes refuses indicatorOfUnitForTimeRange=1"):
        encoded(action, operation="average", startStep=0, endStep=6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"template": "absent"}, r"template: found the file 'absent'"),
        ({"template": "OF", "bits-per-value": 24}, "bits-per-value: found 24; expected it left out"),
        ({"template": "OF", "overwrite": {"a": [1]}}, r"overwrite.a: found a list"),
        ({"template": "OF", "overwrites": {}}, "did you mean 'overwrite'"),
        ({"template": "OF", "atlas-named-grid": "Q7"}, "atlas-named-grid: found 'Q7'"),
        ({"template": "OF", "grid-downloader-template": "OF"}, "no plan downloads"),
        ({"run": {"class": "rd"}}, "run: found a mapping of class; expected a template beside it"),
        ({"encoding": {"template": "absent"}}, r"encoding.template: found the file 'absent'"),
        ({"encoding": {"template": "OF"}, "packing": "ccsds"}, "all of them in it"),
        ({"encoding": {"encoding": {}}}, "unknown keyword 'encoding'"),
        ({"template": "GRIB1"}, "it is of GRIB edition 1; expected 2"),
        ({"template": "IEEE"}, "packing 5.4, which is not written here"),
        ({"template": "TEXT"}, "cannot shape a message"),
    ],
)
def test_a_wrong_plan_is_found_before_anything_runs(tmp_path, of_members, options, words):
    paths = {
        "OF": of_members,
        "GRIB1": template(tmp_path / "1", "regular_ll_pl_grib1"),
        "IEEE": template(tmp_path / "i", packingType="grid_ieee"),
        "TEXT": str(tmp_path / "text"),
    }
    (tmp_path / "text").write_text("no GRIB")
    options = {
        key: paths.get(value, value) if isinstance(value, str) else value for key, value in options.items()
    }
    if "encoding" in options and "template" in options["encoding"]:
        nested = options["encoding"]
        options["encoding"] = {**nested, "template": paths.get(nested["template"], nested["template"])}
    with pytest.raises(InvalidConfig, match=words):
        encoder(**options)
