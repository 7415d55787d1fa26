"""Which of ecCodes' keys say what a field's metadata say, and do the words belong together?

Without ecCodes: `grib` sets the keys, in the order they have here.
"""

import math
from collections.abc import Mapping
from typing import Any

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.key import Scalar

NOT_IN_HEADER = frozenset(
    {
        "domain", "timespan", "packingType",
        "bitsPerValue", "decimalScaleFactor", "binaryScaleFactor", "referenceValue",
        "operation", "operation-frequency", "sampleIntervalInSeconds", "step-frequency", "timeStep",
        "previousDate", "previousTime", "currentDate", "currentTime", "startStepInHours", "endStepInHours",
        "gridType", "gridName", "Ni", "Nj", "north", "south", "west", "east", "west_east_increment",
        "south_north_increment", "Nside", "orderingConvention",  # all of which `grid` says
    }
)  # fmt: skip
HANDLED = frozenset(
    {
        "class", "type", "stream", "expver", "date", "time", "param", "number", "grid", "levtype", "levelist",
        "step", "startStep", "endStep", "stattype", "quantile",
    }
)  # fmt: skip
COMPARED = (
    *("class", "type", "stream", "expver", "date", "time", "step"),
    *("levtype", "levelist", "number", "quantile"),
)
STARTS = frozenset({"startDate", "startTime"})  # what MultIO calls date and time
OF_ALL_MEMBERS = ("em", "es")
LEVEL_TYPES = {
    "pl": "isobaricInhPa",
    "ml": "hybrid",
    "pt": "theta",
    "pv": "potentialVorticity",
    "hl": "heightAboveGround",
}
UNKNOWN_SIZE = 255


def identity_keys(metadata: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return the ecCodes keys that say who made a field and when, in the order they must be set in."""
    keys: dict[str, Any] = {"centre": "ecmf", "setLocalDefinition": 1}
    if "quantile" in metadata:  # ecCodes takes type pb only where there is room for a quantile
        keys["productDefinitionTemplateNumber"] = template_number(metadata)
        keys |= _quantile_keys(metadata)
    for keyword in ("class", "type", "stream", "expver"):
        if keyword in metadata:
            keys[keyword] = _expver(metadata[keyword]) if keyword == "expver" else metadata[keyword]
    keys.setdefault("productDefinitionTemplateNumber", template_number(metadata))
    if "date" in metadata:
        keys["dataDate"] = integer(metadata, "date")
    if "time" in metadata:
        keys["dataTime"] = integer(metadata, "time")
    return keys


def _expver(value: Scalar) -> str:
    return str(value).rjust(4, "0")


def template_number(metadata: Mapping[str, Scalar]) -> int:
    """Return the product definition template: 0, 1 with a number, 8 over a time range, 11 for both.

    Of all members of an ensemble: 2, a quantile: 86, and 12 and 87 over a time range.
    """
    over_time = "stattype" in metadata or "startStep" in metadata
    if "quantile" in metadata:
        return 87 if over_time else 86
    if metadata.get("type") in OF_ALL_MEMBERS and "number" not in metadata:
        return 12 if over_time else 2
    return (1 if "number" in metadata else 0) + (
        (10 if "number" in metadata else 8) if "stattype" in metadata else 0
    )


def _quantile_keys(metadata: Mapping[str, Scalar]) -> dict[str, int]:
    """Return what MARS's name of a quantile says: ``10:100`` is the tenth of a hundred."""
    nth, _, parts = str(metadata["quantile"]).partition(":")
    if not (nth.isdecimal() and parts.isdecimal()):
        raise InvalidPart(
            f"field {metadata} has quantile={metadata['quantile']!r}; expected one as 10:100",
            keyword="quantile",
        )
    return {"totalNumberOfQuantiles": int(parts), "quantileValue": int(nth)}


def integer(metadata: Mapping[str, Scalar], keyword: str) -> int:
    """Return a keyword's value as a whole number; InvalidPart when it is none."""
    value = metadata[keyword]
    try:
        number = int(value)
        if float(value) != number:
            raise ValueError(value)
    except (ValueError, OverflowError) as error:
        raise InvalidPart(
            f"field {metadata} has {keyword}={value!r}; expected a whole number", keyword=keyword
        ) from error
    return number


def level_keys(metadata: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return the ecCodes keys of the level, in the order they must be set in."""
    kind = metadata.get("levtype")
    if "levelist" not in metadata or kind == "sfc":
        return {}
    if not isinstance(kind, str):
        raise InvalidPart(f"field {metadata} has a levelist but no levtype; expected both", keyword="levtype")
    level = metadata["levelist"]
    if kind == "pl" and not float(level).is_integer():
        return {"typeOfLevel": "isobaricInPa", "level": _pascals(metadata, float(level))}
    keys: dict[str, Any] = {"typeOfLevel": LEVEL_TYPES[kind]} if kind in LEVEL_TYPES else {}
    return keys | {"level": integer(metadata, "levelist")}


def _pascals(metadata: Mapping[str, Scalar], hectopascals: float) -> int:
    pascals = round(hectopascals * 100)
    if not math.isclose(pascals, hectopascals * 100):
        raise InvalidPart(
            f"field {metadata} has the level {hectopascals} hPa; expected whole pascals", keyword="levelist"
        )
    return pascals


def product_keys(metadata: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return the ecCodes keys of member and step, and all that nobody here knows, to be set last."""
    keys: dict[str, Any] = {}
    if "number" in metadata:  # ecCodes names a member only where the ensemble has a size: 255 is "not known"
        keys = {"number": integer(metadata, "number"), "numberOfForecastsInEnsemble": UNKNOWN_SIZE}
    if "startStep" in metadata or "endStep" in metadata:
        keys["startStep"] = integer(metadata, "startStep") if "startStep" in metadata else 0
        keys["endStep"] = integer(metadata, "endStep" if "endStep" in metadata else "step")
    elif "step" in metadata:
        keys["step"] = metadata["step"]
    known = NOT_IN_HEADER | HANDLED | (STARTS if "date" in metadata else frozenset())
    return keys | {k: v for k, v in metadata.items() if k not in known}


def refuse_difference(metadata: Mapping[str, Scalar], said: Mapping[str, Scalar]) -> None:
    """Refuse metadata that would be found again under another key: the words depend on each other."""
    wanted = {keyword: metadata[keyword] for keyword in COMPARED if keyword in metadata}
    if "endStep" in metadata:
        wanted["step"] = metadata["endStep"]
    if "stattype" not in metadata and "param" in metadata:
        wanted["param"] = metadata["param"]
    if metadata.get("levtype") == "sfc":
        wanted.pop("levelist", None)
    if said.get("step") == f"{metadata.get('startStep')}-{metadata.get('endStep')}":
        wanted.pop("step")  # what ecCodes calls a mean, deviation or quantile of members over a time range
    for keyword, value in wanted.items():
        if _comparable(said.get(keyword, "")) != _comparable(value):
            raise InvalidPart(
                f"field {metadata} has {keyword}={value}, for which ecCodes says "
                f"{said.get(keyword, 'nothing')}; expected words that belong together",
                keyword=keyword,
                value=value,
            )


def _comparable(value: Scalar) -> Scalar:
    try:
        return float(value)
    except ValueError:
        return str(value).lower()
