"""Which ecCodes keys does MultIO set in a template, and to what?

In MultIO's order, which matters where ecCodes derives one key from another (facts from its GribEncoder.cc,
Apache-2.0). A key that a template may lack is only set where it is.
"""

from collections.abc import Iterator, Mapping

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.key import Scalar
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.postproc.actions.template_times import OVERWRITES, Times, significance_of
from dte_hpc.postproc.naming import value_of

PROCESSES = {
    "average": 0, "accumulate": 1, "maximum": 2, "minimum": 3, "difference": 4, "stddev": 6,
    "inverse-difference": 8,
}  # fmt: skip
OCEAN_PARAMS = {
    "instant": 0, "average": 1000, "accumulate": 2000, "maximum": 3000, "minimum": 4000, "stddev": 5000,
}  # fmt: skip
EXPERIMENTAL = 212
GENERATING = {"an": 0, "in": 1, "fc": 2, "pf": 4, "tpa": 12}
SURFACES = ("First", "Second")
HOURS, SECONDS, MISSING_CODE = 1, 13, 255
UNTIL_START = 2
WITHOUT_LEVEL = ("surface", "meanSea", "oceanSurface", "oceanModelLayer", "oceanModel")
NOT_SAID = ("hoursAfterDataCutoff", "minutesAfterDataCutoff")
REGULAR_LL = ("Ni", "Nj", "north", "south", "west", "east", "west_east_increment", "south_north_increment")
MICRODEGREES = 1_000_000
IDENTITY = ("class", "stream", "expver")
DATASET = (
    "subCentre", "tablesVersion", "setLocalDefinition", "grib2LocalSectionNumber",
    "productionStatusOfProcessedData", "dataset", "activity", "experiment", "generation", "model",
    "realization", "resolution",
)  # fmt: skip
OTHERS = {
    "generatingProcessIdentifier": "generatingProcessIdentifier", "number": "number",
    "ensemble-size": "numberOfForecastsInEnsemble", "method-number": "methodNumber",
    "system-number": "systemNumber",
}  # fmt: skip
Facts = Mapping[str, Scalar]


def assignments_of(metadata: Facts, times: Times, unstructured: str) -> Iterator[Assignment]:
    """Yield what is set in the template for a field; `unstructured` is the plan's unstructured-grid-type."""
    ocean = str(metadata.get("category", "")).startswith("ocean")
    yield from (Assignment(key, None, where_defined=True) for key in NOT_SAID)
    yield from _level(metadata)
    yield from _identity(metadata)
    yield from _grid(metadata)
    if ocean and value_of(metadata, "type") in GENERATING:
        yield Assignment("typeOfGeneratingProcess", GENERATING[str(value_of(metadata, "type"))])
    for keyword, value in metadata.items():
        if keyword.startswith(OVERWRITES):
            yield Assignment(keyword.removeprefix(OVERWRITES), value, where_defined=True)
    yield from _time(metadata, times)
    for key in ("missingValue", "bitmapPresent", "bitsPerValue"):
        found = value_of(metadata, key)
        if found is not None:
            yield Assignment(key, int(found) if isinstance(found, bool) else found, where_defined=True)
    if ocean:
        yield from _ocean(metadata, unstructured)


def _level(metadata: Facts) -> Iterator[Assignment]:
    kind, levtype = metadata.get("typeOfLevel"), metadata.get("levtype")
    level = value_of(metadata, "levelist")
    if kind is not None:
        yield Assignment("typeOfLevel", kind)
        if level is not None and kind not in WITHOUT_LEVEL:
            yield Assignment("level", _number(metadata, "levelist", level), where_defined=True)
        return
    healpix_ocean = str(metadata.get("gridType", "")).lower() == "healpix" and levtype in ("o2d", "o3d")
    if levtype is not None and not healpix_ocean:
        yield Assignment("levtype", levtype, where_defined=True)
    if levtype == "sfc":
        yield Assignment("level", 0)
        for surface in SURFACES:
            yield Assignment(f"scaleFactorOf{surface}FixedSurface", None)
            yield Assignment(f"scaledValueOf{surface}FixedSurface", None)
    elif level is not None:
        yield Assignment("level", _number(metadata, "levelist", level), where_defined=True)


def _identity(metadata: Facts) -> Iterator[Assignment]:
    param = value_of(metadata, "param")
    if param is not None:
        yield Assignment("paramId", _number(metadata, "param", str(param).partition(".")[0]))
    for keyword in IDENTITY:
        found = value_of(metadata, keyword)
        if found is not None:
            yield Assignment(keyword, str(found).rjust(4, "0") if keyword == "expver" else found, True)
    if "dataset" in metadata:
        for keyword in DATASET:
            if keyword in metadata:
                yield Assignment(keyword, metadata[keyword], where_defined=True)
    for keyword, key in OTHERS.items():
        found = value_of(metadata, keyword)
        if found is not None:
            yield Assignment(key, found, where_defined=True)
    kind = value_of(metadata, "type")
    if kind is not None:
        yield Assignment("type", kind)


def _grid(metadata: Facts) -> Iterator[Assignment]:
    kind = str(metadata.get("gridType", "")).lower()
    if kind == "regular_ll" and all(name in metadata for name in REGULAR_LL):
        ni, nj, north, south, west, east, dx, dy = (float(metadata[name]) for name in REGULAR_LL)
        yield Assignment("Ni", int(ni))
        yield Assignment("Nj", int(nj))
        for key, degrees in (
            ("latitudeOfFirstGridPoint", north), ("longitudeOfFirstGridPoint", west),
            ("latitudeOfLastGridPoint", south), ("longitudeOfLastGridPoint", east - dx),
            ("iDirectionIncrement", dx), ("jDirectionIncrement", dy),
        ):  # fmt: skip
            yield Assignment(key, round(degrees * MICRODEGREES))
    elif kind == "healpix":
        if "Nside" in metadata:
            yield Assignment("Nside", metadata["Nside"], where_defined=True)
        yield Assignment("longitudeOfFirstGridPointInDegrees", 45.0)
        if "orderingConvention" in metadata:
            yield Assignment("orderingConvention", metadata["orderingConvention"], where_defined=True)


def _time(metadata: Facts, times: Times) -> Iterator[Assignment]:
    significance = significance_of(metadata)
    if significance is not None:
        yield Assignment("significanceOfReferenceTime", significance)
    for unit in ("year", "month", "day", "hour", "minute", "second"):
        yield Assignment(unit, getattr(times.reference, unit))
    yield Assignment("stepUnits", HOURS)
    yield Assignment("startStep", times.start)
    if times.is_range:
        yield Assignment("indicatorOfUnitForTimeRange", HOURS)
        yield Assignment("endStep", times.end)
        yield from _statistic(metadata, times)
    if "date-of-analysis" in metadata:
        yield from _analysis(metadata)


def _statistic(metadata: Facts, times: Times) -> Iterator[Assignment]:
    operation = metadata.get("operation", metadata.get("stattype"))
    if operation is not None and operation != "instant":
        if operation not in PROCESSES:
            raise InvalidPart(
                f"field {metadata} has operation={operation!r}; expected one of {', '.join(PROCESSES)}",
                keyword="operation",
            )
        yield Assignment("typeOfStatisticalProcessing", PROCESSES[str(operation)])
    yield Assignment("typeOfTimeIncrement", UNTIL_START if times.from_start else MISSING_CODE)
    told = metadata.get("timeIncrement")
    if told is not None:
        unit = metadata.get("indicatorOfUnitForTimeIncrement") if told else MISSING_CODE
        if unit is not None:
            yield Assignment("indicatorOfUnitForTimeIncrement", unit)
        yield Assignment("timeIncrement", told)
        return
    sample = value_of(metadata, "sampleIntervalInSeconds")
    yield Assignment("indicatorOfUnitForTimeIncrement", SECONDS)
    sample = value_of(metadata, "timeStep") if sample is None else sample
    if sample is not None:
        yield Assignment("timeIncrement", sample)


def _analysis(metadata: Facts) -> Iterator[Assignment]:
    date = _number(metadata, "date-of-analysis", metadata["date-of-analysis"])
    time = _number(metadata, "time-of-analysis", metadata.get("time-of-analysis", 0))
    values = (date // 10000, date // 100 % 100, date % 100, time // 10000, time // 100 % 100)
    for unit, value in zip(("year", "month", "day", "hour", "minute"), values, strict=True):
        yield Assignment(f"{unit}OfAnalysis", value)


def _ocean(metadata: Facts, unstructured: str) -> Iterator[Assignment]:
    param = _number(metadata, "param", value_of(metadata, "param") or "")
    operation = str(metadata.get("operation", metadata.get("stattype", "instant")))
    if param // 1000 == EXPERIMENTAL:
        yield Assignment("paramId", param + 4000)
    elif operation in OCEAN_PARAMS:
        yield Assignment("paramId", param + OCEAN_PARAMS[operation])
    kind, level = metadata.get("typeOfLevel"), value_of(metadata, "levelist")
    if kind is not None:
        yield Assignment("typeOfLevel", kind)
    if kind in ("oceanModelLayer", "oceanModel"):
        number = _number(metadata, "level", "" if level is None else level)
        depths = (number - 1, number) if kind == "oceanModelLayer" else (number,)
        for surface, depth in zip(SURFACES, depths, strict=False):
            yield Assignment(f"scaledValueOf{surface}FixedSurface", depth)
            yield Assignment(f"scaleFactorOf{surface}FixedSurface", 0)
    if metadata.get("gridType") == "unstructured_grid":
        found = metadata.get("unstructuredGridType", unstructured)
        if found:
            yield Assignment("unstructuredGridType", found)
        for key in ("unstructuredGridSubtype", "uuidOfHGrid"):
            if key in metadata:
                yield Assignment(key, metadata[key])


def _number(metadata: Facts, keyword: str, value: Scalar) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise InvalidPart(
            f"field {metadata} has {keyword}={value!r}; expected a whole number", keyword=keyword
        ) from error
