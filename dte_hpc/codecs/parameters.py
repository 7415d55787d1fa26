"""What is a parameter called, and in which unit is it?

From ``data/parameters.csv``: paramId, short name, name and units, as ecCodes gives them; and
``data/standard_names.csv``: what the CF conventions call the quantity.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What is known of a parameter.

    Attributes
    ----------
    param_id : str
        The number of ECMWF's parameter database, or whatever the store calls the parameter.
    short_name, name, units : str
        As ecCodes says; the short name of an unknown parameter is its identifier, its unit is empty.
    """

    param_id: str
    short_name: str
    name: str
    units: str


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("dte_hpc.codecs").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def _table() -> dict[str, Parameter]:
    """Return the parameters by number."""
    return {
        row["paramId"]: Parameter(
            param_id=row["paramId"], short_name=row["shortName"], name=row["name"], units=row["units"]
        )
        for row in _rows("parameters.csv")
    }


@cache
def _standard_names() -> dict[str, str]:
    return {row["paramId"]: row["standard_name"] for row in _rows("standard_names.csv")}


def standard_name(param: str) -> str | None:
    """Return the CF conventions' name of a parameter's quantity, by its number; None when there is none."""
    return _standard_names().get(parameter(param).param_id)


def parameter(param: str) -> Parameter:
    """Return what is known of a parameter by its number: ``167``, or ``167.128`` as GRIB1 has it."""
    number, dot, table = param.partition(".")
    if dot and number.isdigit() and table.isdigit():
        param_id = number if int(table) in (0, 128) else str(int(table) * 1000 + int(number))
    else:
        param_id = param
    unknown = Parameter(param_id=param, short_name=param, name=param, units="")
    return _table().get(param_id, unknown)
