"""What is a parameter called, and in which unit is it?

From ``data/parameters.csv``: paramId, short name, name and units, as ecCodes gives them.
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


@cache
def _table() -> dict[str, Parameter]:
    """Return the parameters by number."""
    text = resources.files("dte_hpc.extract").joinpath("data", "parameters.csv").read_text(encoding="utf-8")
    by_number: dict[str, Parameter] = {}
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for row in csv.DictReader(lines):
        known = Parameter(
            param_id=row["paramId"], short_name=row["shortName"], name=row["name"], units=row["units"]
        )
        by_number[known.param_id] = known
    return by_number


def parameter(param: str) -> Parameter:
    """Return what is known of a parameter by its number: ``167``, or ``167.128`` as GRIB1 has it."""
    number, dot, table = param.partition(".")
    if dot and number.isdigit() and table.isdigit():
        param_id = number if int(table) in (0, 128) else str(int(table) * 1000 + int(number))
    else:
        param_id = param
    unknown = Parameter(param_id=param, short_name=param, name=param, units="")
    return _table().get(param_id, unknown)
