"""What is remembered and patched equals what ecCodes makes and says, for every field."""

from pathlib import Path

import eccodes
import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import GribEncoder, Packing, grib, headers, mars_key, read_field, read_layout, split
from dte_hpc.codecs.decode import decode
from dte_hpc.grids import grid

FILES = sorted((Path(__file__).parents[1] / "data").glob("*.grib*"))
POINTS = grid("O32")
ENSEMBLE = {"stream": "enfo", "type": "pf"}
KINDS = {
    "pressure level": {},
    "model level": {"levtype": "ml"},
    "surface": {"levtype": "sfc", "param": 167, "levelist": None},
    "mean sea level": {"levtype": "sfc", "param": 151, "levelist": None},
    "accumulated": {"levtype": "sfc", "param": 228, "levelist": None},
    "member": {**ENSEMBLE, "number": 3},
    "average": {"stattype": "average", "startStep": 0, "endStep": 24, "timespan": "24h"},
    "maximum": {"levtype": "sfc", "param": 167, "levelist": None, "stattype": "maximum", "startStep": 0},
    "member's minimum": {**ENSEMBLE, "number": 3, "stattype": "minimum", "startStep": 1, "endStep": 7},
    "text": {"levelist": "500", "step": "6", "date": "20260102", "time": "0600", "param": "130"},
}


def metadata(oracle, **changes) -> Metadata:
    words = {**oracle.field([1.0]).metadata, "domain": "atmosphere", "grid": "O32", **changes}
    return Metadata({k: v for k, v in words.items() if v is not None})


def others(kind: dict) -> list[dict]:
    """Changes of what varies, as a run makes them."""
    changes = [{"date": date, "time": time} for date in (20260102, 20251231, 20240229) for time in (0, 1830)]
    changes += [{"step": step, "endStep": step} for step in (24, 48, 255, 256, 1000)]
    if "startStep" in kind:
        changes += [{"startStep": 24, "endStep": 48, "step": 48}, {"startStep": 5, "endStep": 29, "step": 29}]
    if kind.get("levelist", 1) is not None:
        changes += [{"levelist": level} for level in (1000, 1, 137)]
    if "number" in kind:
        changes += [{"number": 1}, {"number": 50, "step": 12, "endStep": 12}]
    if "startStep" not in kind:
        changes = [{k: v for k, v in each.items() if k != "endStep"} for each in changes]
    return changes


@pytest.mark.parametrize("name", KINDS)
def test_patched_headers_are_ecCodes_own(oracle, name: str) -> None:  # noqa: N802
    maker = headers.HeaderMaker(ccsds=False)
    asked = 0
    for change in [{}, *others(KINDS[name]), *others(KINDS[name])]:
        words = metadata(oracle, **{**KINDS[name], **change})
        expected = grib.make_header(words, POINTS.n_points, POINTS, ccsds=False)
        found = maker.header(words, POINTS.n_points, POINTS)
        assert found[:8] + found[16:] == expected[:8] + expected[16 : len(found)]
        asked += 1
    kind = next(iter(maker._memory._made.values()))
    assert kind.derivable
    assert asked > 20


@pytest.mark.parametrize("name", KINDS)
def test_keys_are_what_ecCodes_says(oracle, name: str) -> None:  # noqa: N802
    encoder = GribEncoder()
    values = np.arange(POINTS.n_points, dtype=np.float32)
    for change in [{}, *others(KINDS[name])]:
        field = oracle.field(values)
        words = metadata(oracle, **{**KINDS[name], **change})
        encoded = encoder.encode(type(field)(metadata=words, values=values))
        found = mars_key(encoded.message)
        assert found.pop("grid") == "O32"
        span = found.pop("timespan", None)
        start, end, process = oracle.keys(encoded.message, "startStep", "endStep", "stepType")
        assert span == (None if process == "instant" else f"{end - start}h")
        assert found == oracle.mars(encoded.message)
        assert {k: encoded.metadata[k] for k in found} == found
        assert found["step"] == int(words.get("endStep", words["step"]))
        assert found["date"] == int(words["date"])
        assert found["time"] == int(words["time"])
        assert found.get("number") == words.get("number")
        if words["levtype"] != "sfc":
            assert found["levelist"] == int(words["levelist"])


@pytest.mark.parametrize(
    ("param", "statistic", "expected"),
    [(130, "average", 235130), (167, "average", 228004), (130, "maximum", 237130)],
)
def test_statistics_have_parameters_of_their_own(oracle, param, statistic, expected) -> None:
    words = metadata(oracle, param=param, stattype=statistic, startStep=0, endStep=24, step=24)
    words = words.replace(levtype="sfc").without("levelist") if param == 167 else words
    field = type(oracle.field([1.0]))(metadata=words, values=np.zeros(POINTS.n_points))
    found = mars_key(GribEncoder().encode(field).message)
    assert (found["param"], found["step"], found["timespan"]) == (expected, 24, "24h")


def encode_statistic(oracle, param: int, statistic: str) -> dict:
    words = metadata(oracle, param=param, levtype="sfc", levelist=None, stattype=statistic, startStep=0)
    field = type(oracle.field([1.0]))(metadata=words, values=np.zeros(POINTS.n_points))
    return mars_key(GribEncoder().encode(field).message)


@pytest.mark.parametrize("param", [164, 167, 210123, 134])
def test_every_statistic_of_a_parameter_has_its_own_key(oracle, param: int) -> None:
    found = [
        encode_statistic(oracle, param, name) for name in ("average", "minimum", "maximum", "accumulate")
    ]
    assert len({tuple(sorted(key.items())) for key in found}) == 4


def test_a_natural_accumulation_needs_no_stattype(oracle) -> None:
    assert "stattype" not in encode_statistic(oracle, 228, "accumulate")


def test_a_statistic_without_a_parameter_is_refused(oracle) -> None:
    with pytest.raises(InvalidPart, match="minimum of 228"):
        encode_statistic(oracle, 228, "minimum")


@pytest.mark.parametrize(
    ("changes", "keyword"),
    [
        ({"param": 167}, "levtype"),
        ({"levtype": "o3d"}, "levtype"),
        ({"param": 130, "levtype": "sfc", "levelist": None, "stream": "wave", "type": 9}, "type"),
    ],
)
def test_words_that_do_not_belong_together(oracle, changes, keyword) -> None:
    with pytest.raises(InvalidPart, match=r"belong together|refuses") as caught:
        grib.make_header(metadata(oracle, **changes), POINTS.n_points, POINTS, ccsds=False)
    assert caught.value.keyword


@pytest.mark.parametrize("kind", ["pressure level", "model level", "average"])
def test_a_level_of_zero_is_not_taken_for_the_level_before(oracle, kind: str) -> None:
    """Its octets are those of a kind whose level was read and blanked."""
    encoder, values = GribEncoder(), np.zeros(POINTS.n_points)
    for level in (500, 0, 850, 0):
        words = metadata(oracle, **{**KINDS[kind], "levelist": level})
        assert encoder.encode(Field(metadata=words, values=values)).metadata["levelist"] == level


def test_a_second_field_asks_ecCodes_nothing(oracle, monkeypatch) -> None:  # noqa: N802
    encoder = GribEncoder()
    values = np.zeros(POINTS.n_points)
    fields = [
        type(oracle.field([1.0]))(metadata=metadata(oracle, **change), values=values)
        for change in ({"step": 1, "levelist": 1}, {"step": 2, "levelist": 2}, {"step": 3, "levelist": 7})
    ]
    for field in fields[:2]:
        encoder.encode(field)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("ecCodes was asked")

    monkeypatch.setattr(grib, "make_header", refuse)
    monkeypatch.setattr(grib, "mars_namespace", refuse)
    assert encoder.encode(fields[2]).metadata["levelist"] == 7


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_real_files_survive(oracle, path: Path) -> None:
    """read_field -> encode with the bits kept: same values, same key; and keys agree with ecCodes'."""
    encoders = [GribEncoder(Packing(packing=kind, bits_per_value="keep")) for kind in ("simple", "ccsds")]
    for message in list(split(path.read_bytes()))[::7]:
        field = read_field(message)
        np.testing.assert_array_equal(field.values, oracle.values(message))
        key = mars_key(message)
        said = oracle.mars(message)
        said["param"] = oracle.keys(message, "paramId")[0]
        assert {k: v for k, v in key.items() if k != "grid"} == said
        for encoder in encoders:
            encoded = encoder.encode(field)
            np.testing.assert_array_equal(oracle.values(encoded.message), field.values)
            np.testing.assert_array_equal(decode(encoded.message), field.values)
            assert mars_key(encoded.message) == key
            assert read_layout(encoded.message).bits == read_layout(message).bits
        assert grid(key["grid"]).n_points == field.values.size
        latitude, longitude = oracle.coordinates(message)
        expected = grid(key["grid"]).coordinates()
        np.testing.assert_allclose(latitude, expected[0], atol=1e-3)
        np.testing.assert_allclose((longitude - expected[1] + 180) % 360 - 180, 0, atol=1e-3)


def made_by_eccodes(sample: str, values: np.ndarray | None = None, **keys: object) -> bytes:
    handle = eccodes.codes_grib_new_from_samples(sample)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    if values is not None:
        eccodes.codes_set_values(handle, values)
    message = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return message


@pytest.mark.parametrize(
    ("table", "number", "expected"),
    [(128, 130, 130), (228, 23, 228023), (140, 229, 140229), (162, 51, 162051)],
)
def test_grib1_parameters_are_param_ids(table: int, number: int, expected: int) -> None:
    message = made_by_eccodes("regular_ll_sfc_grib1", table2Version=table, indicatorOfParameter=number)
    assert mars_key(message)["param"] == expected


def test_an_accumulation_of_grib1_survives(oracle) -> None:
    values = np.random.default_rng(0).random(684)
    keys = {"Ni": 36, "Nj": 19, "iDirectionIncrementInDegrees": 10, "jDirectionIncrementInDegrees": 10}
    keys |= {"longitudeOfLastGridPointInDegrees": 350, "latitudeOfFirstGridPointInDegrees": 90}
    keys |= {"latitudeOfLastGridPointInDegrees": -90, "longitudeOfFirstGridPointInDegrees": 0}
    keys |= {"table2Version": 128, "indicatorOfParameter": 228, "stepType": "accum", "stepRange": "0-24"}
    message = made_by_eccodes("regular_ll_sfc_grib1", values, **keys)
    field = read_field(message)
    assert (field.metadata["startStep"], field.metadata["endStep"]) == (0, 24)
    encoded = GribEncoder(Packing(bits_per_value="keep")).encode(field)
    np.testing.assert_array_equal(oracle.values(encoded.message), field.values)
    key = mars_key(message)
    assert {k: encoded.metadata[k] for k in key} == key
    assert oracle.keys(encoded.message, "stepRange", "stepType") == ["0-24", "accum"]


@pytest.mark.parametrize(
    ("bits", "decimal", "seed"), [(16, 0, 0), (12, 2, 1), (24, 0, 2), (10, -1, 3), (5, 1, 4), (31, 0, 5)]
)
@pytest.mark.parametrize("sample", ["regular_ll_sfc_grib1", "regular_ll_sfc_grib2"])
def test_any_scaling_is_kept_without_loss(oracle, sample: str, bits: int, decimal: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = oracle.keys(made_by_eccodes(sample), "numberOfDataPoints")[0]
    for holes in (False, True):
        values = rng.normal(-40, 300, size)
        keys = {"bitsPerValue": bits, "decimalScaleFactor": decimal, "bitmapPresent": int(holes)}
        if holes:
            values[::3] = 9999
        message = made_by_eccodes(sample, values, **keys)
        field = read_field(message)
        np.testing.assert_array_equal(np.isnan(field.values), holes & (values == 9999))
        np.testing.assert_array_equal(field.values, decode(message))
        np.testing.assert_array_equal(field.values, oracle.values(message))
        for packing in ("simple", "ccsds"):
            again = GribEncoder(Packing(packing=packing, bits_per_value="keep")).encode(field).message
            np.testing.assert_array_equal(oracle.values(again), field.values)


def test_other_packings_are_decoded_by_ecCodes(oracle) -> None:  # noqa: N802
    size = oracle.keys(made_by_eccodes("regular_ll_sfc_grib2"), "numberOfDataPoints")[0]
    values = np.random.default_rng(0).normal(280, 20, size)
    message = made_by_eccodes("regular_ll_sfc_grib2", values, packingType="grid_ieee")
    assert read_layout(message).packing == 0
    np.testing.assert_allclose(decode(message), values, rtol=1e-6)
    field = read_field(message)
    assert "bitsPerValue" not in field.metadata


def test_a_grid_that_is_no_row_grid_has_no_name() -> None:
    message = made_by_eccodes("regular_ll_sfc_grib2", jScansPositively=1)
    assert "grid" not in mars_key(message)


def test_a_field_without_a_grid_says_nothing_of_places(oracle) -> None:
    encoded = GribEncoder().encode(oracle.field([1.0, 2.0, 3.0]))
    assert oracle.keys(encoded.message, "gridType") == ["unstructured_grid"]
    assert "grid" not in encoded.metadata
