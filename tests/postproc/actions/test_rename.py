"""What scale, average-rate, metadata-mapping, renumber-healpix and print make of a field."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import grid
from dte_hpc.postproc import load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.missing import with_nan
from dte_hpc.postproc.options import read_options
from dte_hpc.postproc.plugs import ACTIONS, find

VALUES = np.array([1.0, 2.0, np.nan, 4.0])


def run(name, options, metadata, values=VALUES):
    """One action on one field; the field it was given is untouched afterwards."""
    kind = find(ACTIONS, name)
    checked, errors = read_options(kind.Options, options, "$")
    assert not errors, errors
    before = values.copy()
    values.flags.writeable = False
    (out,) = kind(checked, Context()).process(
        MaskedField(field=Field(metadata=Metadata(metadata), values=values))
    )
    np.testing.assert_array_equal(values, before)
    return out.metadata, out.field.values


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("preset", "before", "after", "factor"),
    [
        ("local-to-wmo", 8, 231010, 1000.0),
        ("local-to-wmo", "8", 231010, 1000.0),
        ("local-to-wmo", 231010, 231010, 1.0),  # MultIO 2.12 makes it 8: a missing break
        ("wmo-to-local", 231010, 8, 1 / 1000.0),
        ("wmo-to-local", 260509, 243, 1 / 100.0),
        ("wmo-to-local", 8, 8, 1.0),
    ],
)
def test_scale(kind, preset, before, after, factor):
    metadata, values = run("scale", {"preset-mappings": preset}, {"param": before}, VALUES.astype(kind))
    assert metadata["param"] == after
    assert values.dtype == kind
    np.testing.assert_array_equal(values, (VALUES * factor).astype(kind))


def test_scale_of_ones_own_wins_and_changes_every_spelling():
    own = {
        "custom-mappings": [{"param-in": 8, "param-out": 9, "scaling": 2}],
        "preset-mappings": "local-to-wmo",
    }
    metadata, values = run("scale", own, {"paramId": 8})
    assert dict(metadata) == {"paramId": 9}
    np.testing.assert_array_equal(values, VALUES * 2)


def test_scale_needs_a_parameter():
    with pytest.raises(InvalidPart, match="no parameter"):
        run("scale", {"preset-mappings": "local-to-wmo"}, {"step": 1})


@pytest.mark.parametrize(("span", "seconds"), [(1, 3600), ("24", 86400), ("30m", 1800), ("1d", 86400)])
def test_average_rate(span, seconds):
    metadata, values = run("average-rate", {}, {"param": 20, "timespan": span})
    assert metadata["param"] == 235022
    np.testing.assert_allclose(values, VALUES / seconds, rtol=1e-15)


@pytest.mark.parametrize(
    "metadata", [{"param": 20}, {"param": 20, "timespan": "fs"}, {"param": 9999, "timespan": 1}]
)
def test_average_rate_refuses(metadata):
    with pytest.raises(InvalidPart, match="expected"):
        run("average-rate", {}, metadata)


MAPPING = """
mappings:
  - match: {nemoParam: nemo-id}
    map: {param: param-id}
    optional-map: {level: lev}
  - {match: {nemoParam: nemo-id}, target-path: encoder-overwrites, map: {bits: param-id}}
data:
  - {nemo-id: sst, param-id: 262101, lev: 7}
  - {nemo-id: ssh, param-id: 262102}
"""


def test_metadata_mapping(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(MAPPING)
    options = {"mapping": str(file)}
    metadata, values = run("metadata-mapping", options, {"nemoParam": "sst", "levelist": 3})
    assert values is VALUES
    assert metadata["param"] == 262101
    assert metadata["levelist"] == 3
    assert "level" not in metadata
    assert metadata["encoder-overwrites.bits"] == 262101
    metadata, _ = run(
        "metadata-mapping", {**options, "overwrite-existing": True}, {"nemoParam": "sst", "levelist": 3}
    )
    assert metadata["level"] == 7
    assert "levelist" not in metadata
    with pytest.raises(InvalidPart, match="expected one of the 2 values"):
        run("metadata-mapping", {**options, "enforce-match": False}, {"nemoParam": "other"})
    with pytest.raises(InvalidPart, match="nemoParam=None"):
        run("metadata-mapping", options, {"param": 1})
    assert dict(run("metadata-mapping", {**options, "enforce-match": False}, {"param": 1})[0]) == {"param": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("data: []\n", "mappings"),
        ("mapping: []\n", "unknown keyword"),
        ("data: [{a: 1}]\nmappings: [{match: {x: b}}]\n", "no 'b'"),
        ("data: [{a: 1}]\nmappings: [{match: {x: a}, map: {y: c}}]\n", "'c' is None"),
    ],
)
def test_a_wrong_mapping_file_is_found_before_anything_runs(tmp_path, text, words):
    file = tmp_path / "m.yaml"
    if text is not None:
        file.write_text(text)
    plan = [
        {
            "actions": [
                {"type": "aggregate"},
                {"type": "metadata-mapping", "mapping": str(file)},
                {"type": "null"},
            ]
        }
    ]
    with pytest.raises(InvalidConfig, match=words):
        load_plans(plan)


def test_renumber_healpix():
    ring = np.arange(12.0 * 16)
    metadata, values = run(
        "renumber-healpix",
        {"cache-file-name": "unused"},
        {"gridType": "HEALPix", "Nside": 4, "orderingConvention": "ring"},
        ring,
    )
    assert metadata["orderingConvention"] == "nested"
    nested = grid("H4n")
    np.testing.assert_array_equal(values[nested.from_row_order(np.arange(192))], ring)
    assert run("renumber-healpix", {}, {"grid": "H4"}, ring)[0]["grid"] == "H4n"
    for wrong in (
        {"grid": "H4n"},
        {"grid": "O32"},
        {"gridType": "HEALPix", "Nside": 3, "orderingConvention": "ring"},
    ):
        with pytest.raises(InvalidPart):
            run("renumber-healpix", {}, wrong, ring)


def test_print_to_standard_output(capsys):
    run("print", {"stream": "cout", "prefix": "here"}, {"param": 130})
    assert capsys.readouterr().out == "here: field param=130, 4 values\n"


def test_debug_sink_keeps_the_last_with_values_of_their_own():
    kind = find(ACTIONS, "debug-sink")
    sink = kind(kind.Options(keep=2), Context())
    values = np.zeros(1)
    for number in range(3):
        values[0] = number
        sink.process(MaskedField(field=Field(metadata=Metadata({"step": number}), values=values)))
    assert [(item.metadata["step"], item.field.values[0]) for item in sink.items] == [(1, 1.0), (2, 2.0)]


def test_missing_value_of_a_producer_becomes_nan_once():
    values = np.array([1.0, np.finfo(np.float32).max], np.float32)
    said = {"misc-missingValue": 3.4028234663852886e38, "misc-bitmapPresent": True}
    field = Field(metadata=Metadata(said), values=values)
    np.testing.assert_array_equal(with_nan(field).values, np.float32([1, np.nan]))
    assert values[1] == np.finfo(np.float32).max
    for none in (
        {},
        {**said, "misc-bitmapPresent": False},
        {"bitmapPresent": True},
        {**said, "misc-missingValue": 5},
    ):
        field = Field(metadata=Metadata(none), values=values)
        assert with_nan(field) is field
    with pytest.raises(InvalidPart, match="expected a number"):
        with_nan(Field(metadata=Metadata({**said, "misc-missingValue": "x"}), values=values))
