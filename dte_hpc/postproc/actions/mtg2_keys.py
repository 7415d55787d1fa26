"""Which ecCodes keys does a field have in a message that is shaped by its MARS keywords alone?

What MultIO's encode-mtg2 writes (ecmwf/multio 2.12, checked by running it): who made the field and how,
its grid, parameter, level, member and time, and how it is packed.
"""

from collections.abc import Iterator, Mapping

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.key import Scalar
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.codecs.gridkeys import grid_keys
from dte_hpc.grids import grid
from dte_hpc.postproc.actions.mtg2_level import level_keys
from dte_hpc.postproc.actions.mtg2_times import Times, time_keys
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.regrid.target import plain_name

Facts = Mapping[str, Scalar]
UNMAPPED = (
    "truncation", "dataset", "chem", "wavelength", "direction", "frequency", "channel", "ident", "instrument",
    "iteration", "hdate", "quantile", "anoffset", "method", "system", "fcmonth", "fcperiod", "reference",
    "refdate", "coeffindex", "obstype", "diagnostic",
)  # fmt: skip
"""MARS's keywords of products that have other GRIB templates."""
NEEDED = ("class", "stream", "type", "expver", "levtype", "param", "grid")
GENERATING = {"an": 0, "fc": 2, "cf": 4, "pf": 4}
"""WMO's table 4.3 for the types that are encoded."""
PROCESSED = {"an": 0, "fc": 3, "cf": 3, "pf": 4}
"""WMO's table 1.4 for them; MultIO calls a forecast of no ensemble a control forecast."""
SIGNIFICANCE = {"an": 0}
FORECAST_START = 1
SPHERE = 6
RESOLUTION = {"reduced_gg": 0x00, "regular_gg": 0x20, "regular_ll": 0x30, "healpix": 0x00}
"""WMO's flag table 3.3 for the grids that are encoded: which increments are given."""
PERTURBED, CONTROL, UNKNOWN_SIZE = 6, 1, 255
PACKINGS = ("simple", "ccsds")
TWENTY_FOUR = (141, 228141, 244, *range(210001, 228000))
BITS = {**dict.fromkeys(TWENTY_FOUR, 24), 248: 8, 260510: 10, 260511: 10}
BITS_ON_PRESSURE = {246: 12, 247: 12}
DEFAULT_BITS, MAX_BITS = 16, 32
"""Facts from ECMWF metkit (Apache-2.0), mars2grib/backend/deductions/bitsPerValue.h."""


def refuse_unmapped(facts: Facts) -> None:
    """Refuse a field that lacks what every message says, or has a keyword that no message here says."""
    lacking = [keyword for keyword in NEEDED if value_of(facts, keyword) is None]
    if lacking:
        raise InvalidPart(f"field {facts} has no {lacking[0]}; encode-mtg2 expected {', '.join(NEEDED)}")
    for keyword in UNMAPPED:
        if keyword in facts:
            raise InvalidPart(
                f"field {facts} has {keyword}={facts[keyword]}, which encode-mtg2 has no message for; "
                "expected none, or the action encode with a template",
                keyword=keyword,
            )
    if value_of(facts, "type") not in GENERATING:
        raise InvalidPart(
            f"field {facts} has type={value_of(facts, 'type')}, which encode-mtg2 has no message for; "
            f"expected {', '.join(GENERATING)}",
            keyword="type",
        )


def param_of(facts: Facts) -> int:
    """Return a field's parameter; InvalidPart when it is no number."""
    found = value_of(facts, "param")
    if not str(found).isdecimal():
        raise InvalidPart(
            f"field {facts} has param={found!r}; expected a paramId, such as 167", keyword="param"
        )
    return int(str(found))


def assignments_of(facts: Facts, times: Times, n_values: int, tables: int) -> Iterator[Assignment]:
    """Yield what is set in an empty message for a field, in an order that ecCodes takes.

    Parameters
    ----------
    tables : int
        Version of WMO's tables where the metadata do not say it.
    """
    param = param_of(facts)
    yield from _origin(facts, times, tables)
    yield from _grid(facts, n_values)
    yield Assignment("paramId", param)
    yield from level_keys(facts, param)
    yield from _process(facts)
    yield from time_keys(times)
    yield from _packing(facts, param)


def _origin(facts: Facts, times: Times, tables: int) -> Iterator[Assignment]:
    yield Assignment("tablesVersion", misc(facts, "tablesVersion", tables))
    yield Assignment("centre", value_of(facts, "origin") or "ecmf")
    yield Assignment("subCentre", misc(facts, "subCentre", 0))
    yield Assignment("setLocalDefinition", 1)
    yield Assignment("grib2LocalSectionNumber", 1)
    member = value_of(facts, "number") is not None
    yield Assignment(
        "productDefinitionTemplateNumber", (8 if times.ranges else 0) + (_member(times) if member else 0)
    )
    if times.ranges:
        yield Assignment("numberOfTimeRanges", len(times.ranges))
    for keyword in ("class", "type", "stream"):
        yield Assignment(keyword, value_of(facts, keyword))
    yield Assignment("expver", str(value_of(facts, "expver")).rjust(4, "0"))
    kind = str(value_of(facts, "type"))
    yield Assignment("significanceOfReferenceTime", SIGNIFICANCE.get(kind, FORECAST_START))
    yield Assignment("typeOfProcessedData", misc(facts, "typeOfProcessedData", PROCESSED[kind]))
    yield Assignment("productionStatusOfProcessedData", misc(facts, "productionStatusOfProcessedData", 0))
    yield Assignment("dataDate", int(f"{times.reference:%Y%m%d}"))
    yield Assignment("dataTime", int(f"{times.reference:%H%M}"))
    yield Assignment("second", times.reference.second)


def _member(times: Times) -> int:
    """Return what a template's number is higher by for one member of an ensemble."""
    return 3 if times.ranges else 1


def _grid(facts: Facts, n_values: int) -> Iterator[Assignment]:
    name = str(value_of(facts, "grid"))
    keys = grid_keys(grid(plain_name(name)), n_values)
    kind = str(keys["gridType"])
    if kind not in RESOLUTION:
        raise InvalidPart(
            f"field {facts} has the grid {name} ({kind}), which encode-mtg2 has no message for; expected a "
            "Gaussian, a regular or a HEALPix grid",
            grid=name,
        )
    for key, value in keys.items():
        yield Assignment(key, value)
    yield Assignment("shapeOfTheEarth", SPHERE)
    yield Assignment("resolutionAndComponentFlags", RESOLUTION[kind])
    if kind == "reduced_gg":
        yield Assignment("interpretationOfNumberOfPoints", 1)
        yield Assignment("iDirectionIncrement", None)


def _process(facts: Facts) -> Iterator[Assignment]:
    kind = str(value_of(facts, "type"))
    yield Assignment("typeOfGeneratingProcess", misc(facts, "typeOfGeneratingProcess", GENERATING[kind]))
    yield Assignment("backgroundProcess", misc(facts, "backgroundProcess", 255))
    yield Assignment("generatingProcessIdentifier", misc(facts, "generatingProcessIdentifier", 255))
    for key in ("hoursAfterDataCutoff", "minutesAfterDataCutoff"):
        yield Assignment(key, misc(facts, key, None))
    number = value_of(facts, "number")
    if number is None:
        return
    ensemble = PERTURBED if int(str(number)) else CONTROL
    yield Assignment("typeOfEnsembleForecast", misc(facts, "typeOfEnsembleForecast", ensemble))
    yield Assignment("perturbationNumber", int(str(number)))
    yield Assignment("numberOfForecastsInEnsemble", misc(facts, "numberOfForecastsInEnsemble", UNKNOWN_SIZE))


def _packing(facts: Facts, param: int) -> Iterator[Assignment]:
    packing = facts.get("packing", PACKINGS[0])
    if packing not in PACKINGS:
        raise InvalidPart(
            f"field {facts} has packing={packing}; expected {' or '.join(PACKINGS)}", keyword="packing"
        )
    yield Assignment("packingType", f"grid_{packing}")
    yield Assignment("bitsPerValue", _bits(facts, param))
    if value_of(facts, "bitmapPresent"):
        yield Assignment("bitmapPresent", 1)
        yield Assignment("missingValue", misc(facts, "missingValue", 9999))


def _bits(facts: Facts, param: int) -> int:
    special = BITS_ON_PRESSURE if value_of(facts, "levtype") == "pl" else {}
    bits = misc(facts, "bitsPerValue", special.get(param, BITS.get(param, DEFAULT_BITS)))
    if not isinstance(bits, int) or not 1 <= bits <= MAX_BITS:
        raise InvalidPart(
            f"field {facts} has misc-bitsPerValue={bits!r}; expected 1 to {MAX_BITS}", keyword="bitsPerValue"
        )
    return bits


def misc(facts: Facts, keyword: str, default: Scalar | None) -> Scalar | None:
    """Return what a producer says of the message besides MARS's keywords: ``misc-`` and the ecCodes key."""
    found = facts.get(f"misc-{keyword}")
    return default if found is None else found
