"""The rules of CoverageJSON, as OGC 21-069 and its JSON schema have them, for what this package writes."""

from math import prod
from urllib.parse import urlsplit

SYSTEMS = {"GeographicCRS", "ProjectedCRS", "VerticalCRS", "TemporalRS", "IdentifierRS"}
# the common domain types; any other is a full URI
OF_COMMON_TYPES = {
    *("Grid", "VerticalProfile", "PointSeries", "Point", "MultiPointSeries", "MultiPoint"),
    *("PolygonSeries", "Polygon", "MultiPolygonSeries", "MultiPolygon", "Trajectory", "Section"),
}


def check(told):
    """Fail for a document that breaks a rule."""
    assert told["type"] == "CoverageCollection"
    if "domainType" in told:
        assert told["domainType"] in OF_COMMON_TYPES or urlsplit(told["domainType"]).scheme
    assert told["coverages"]
    for parameter in told["parameters"].values():
        check_parameter(parameter)
    referred = check_referencing(told["referencing"])
    for coverage in told["coverages"]:
        check_coverage(coverage, told["parameters"], referred)


def check_parameter(parameter):
    assert parameter["type"] == "Parameter"
    observed = parameter["observedProperty"]
    check_text(observed["label"])
    for described in (parameter, observed):
        if "description" in described:
            check_text(described["description"])
    if "label" in parameter:
        check_text(parameter["label"])
    if "unit" in parameter:
        assert "categories" not in observed
        check_unit(parameter["unit"])


def check_unit(unit):
    """A unit has a label or a symbol, or both; a symbol is a text, or a value and the scheme it is of."""
    assert {"label", "symbol"} & set(unit)
    if "label" in unit:
        check_text(unit["label"])
    if "symbol" in unit:
        symbol = unit["symbol"]
        texts = [symbol] if isinstance(symbol, str) else [symbol["value"], symbol["type"]]
        assert all(isinstance(text, str) and text for text in texts)


def check_text(i18n):
    assert isinstance(i18n, dict)
    assert i18n
    assert all(tag.isalpha() and isinstance(text, str) and text for tag, text in i18n.items())


def check_referencing(referencing):
    """Return the coordinates that are referred to a system; each once."""
    names = []
    for connection in referencing:
        assert connection["system"]["type"] in SYSTEMS
        if connection["system"]["type"] == "TemporalRS":
            assert connection["system"]["calendar"] == "Gregorian"
        names += connection["coordinates"]
    assert len(names) == len(set(names))
    return set(names)


def check_coverage(coverage, parameters, referred):
    assert coverage["type"] == "Coverage"
    domain = coverage["domain"]
    assert domain["type"] == "Domain"
    assert domain.get("domainType") not in OF_COMMON_TYPES
    sizes = {name: check_axis(name, axis, referred) for name, axis in domain["axes"].items()}
    assert sizes
    assert coverage["ranges"]
    assert set(coverage["ranges"]) <= set(parameters)
    for array in coverage["ranges"].values():
        check_array(array, sizes)


def check_axis(name, axis, referred):
    """Return the length of an axis."""
    values = axis["values"]
    assert values
    if "dataType" not in axis:
        kinds = {type(value) is str for value in values}
        assert len(kinds) == 1
        assert all(isinstance(value, str | int | float) for value in values)
        assert name in referred
        return len(values)
    assert axis["dataType"] == "tuple"
    assert all(len(value) == len(axis["coordinates"]) for value in values)
    assert set(axis["coordinates"]) - {"t"} <= referred
    return len(values)


def check_array(array, sizes):
    assert array["type"] == "NdArray"
    assert array["dataType"] in ("float", "integer", "string")
    assert len(array["axisNames"]) == len(array["shape"])
    assert array["shape"] == [sizes[name] for name in array["axisNames"]]
    assert len(array["values"]) == prod(array["shape"])
    assert all(value is None or isinstance(value, int | float) for value in array["values"])
    assert all(size == 1 for name, size in sizes.items() if name not in array["axisNames"])
