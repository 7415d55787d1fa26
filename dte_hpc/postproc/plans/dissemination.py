"""How do the requests of a dissemination file become plans?

A plan with ``dissemination: FILE`` stands for one plan a request of the file: select, interpolate, encode
and sink. Its options and the names of its files are MultIO's (config/PlanConfigurator.cc, Apache-2.0).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dte_hpc.base.config import as_list, describe, refuse, unknown_keyword
from dte_hpc.base.errors import DteError, InvalidConfig

KEYWORDS = (
    "name",
    "enable",
    "on-error",
    "dissemination",
    "input",
    "templates",
    "templates-path",
    "output-path",
    "output-name",
    "per-server",
    "debug",
)
SELECTED = ("param", "levtype", "levelist")
MAX_REQUESTS = 10_000
MAX_FILE_BYTES = 16 * 1024 * 1024


def expand(given: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    """Return the plans that a dissemination plan stands for.

    Raises
    ------
    InvalidConfig
        For an option nobody reads, a file that is not there, or a request that says too little.
    """
    for keyword in given:
        if keyword not in KEYWORDS:
            raise unknown_keyword(place, keyword, KEYWORDS)
    if not isinstance(given.get("name"), str):
        raise refuse(f"{place}.name", describe(given.get("name")), "the name of the plans")
    requests = list(_requests(str(given["dissemination"]), f"{place}.dissemination"))
    return [_plan(given, request, f"{index:04d}", place) for index, request in enumerate(requests)]


def _requests(path: str, place: str) -> Iterator[dict[str, list[str]]]:
    try:
        text = Path(path).read_text(encoding="utf-8")[:MAX_FILE_BYTES]
    except (OSError, ValueError) as error:
        raise refuse(place, f"{path!r}, which cannot be read ({error})", "a file of MARS requests") from error
    text = re.sub(r"[#!][^\n]*", "", text)
    lines = [line.strip() for line in re.sub(r",\s*\n", ",", text).splitlines() if line.strip()]
    if not 0 < len(lines) <= MAX_REQUESTS:
        raise refuse(place, f"{len(lines)} requests in {path}", f"1 to {MAX_REQUESTS}")
    kept: dict[str, list[str]] = {}
    for line in lines:
        _verb, *pairs = [word.strip() for word in line.split(",") if word.strip()]
        kept = {**kept, **dict(_pair(pair, place) for pair in pairs)}
        yield kept


def _pair(text: str, place: str) -> tuple[str, list[str]]:
    keyword, sign, values = text.partition("=")
    if not sign or not keyword.strip() or not values.strip():
        raise refuse(place, f"{text!r} in a request", "keyword = value")
    return keyword.strip().lower(), [value.strip().strip("\"'") for value in values.split("/")]


def _plan(
    given: Mapping[str, Any], request: Mapping[str, list[str]], number: str, place: str
) -> dict[str, Any]:
    name = f"{given['name']}_{number}"
    debug = int(given.get("debug", 0))
    show = [{"type": "print", "prefix": f"{name}-{when}"} for when in ("before", "after")]
    actions = [
        _select(request, place),
        {"type": "aggregate"},
        *show[: 1 if debug > 0 else 0],
        _interpolate(given, request, place),
        *show[1 : 2 if debug > 1 else 1],
        _encode(given, request, place),
        _sink(given, request, number),
    ]
    side = {keyword: given[keyword] for keyword in ("enable", "on-error") if keyword in given}
    return {"name": name, "actions": actions, **side}


def _select(request: Mapping[str, list[str]], place: str) -> dict[str, Any]:
    """Return the select, with the words and ranges of the MARS language in full."""
    from dte_hpc.fdb.mars import mars_request  # the language, which other plans do without

    asked = {keyword: request[keyword] for keyword in SELECTED if keyword in request}
    try:
        match = {keyword: list(values) for keyword, values in mars_request(asked).items()}
    except DteError as error:
        raise InvalidConfig(f"{place}.dissemination: {error}", place=f"{place}.dissemination") from error
    return {"type": "select", "match": [match], "enforce-same-key-types": False}


def _interpolate(given: Mapping[str, Any], request: Mapping[str, list[str]], place: str) -> dict[str, Any]:
    if "grid" not in request:
        raise refuse(f"{place}.dissemination", "a request without 'grid'", "the grid it wants")
    grid = request["grid"]
    made: dict[str, Any] = {
        "type": "interpolate",
        "grid": [float(x) for x in grid] if len(grid) == 2 else grid[0],
    }
    if "area" in request:
        made["area"] = [float(edge) for edge in request["area"]]
    if "interpolation" in request:
        made["interpolation"] = request["interpolation"][0]
    return made | ({"input": given["input"]} if "input" in given else {})


def _encode(given: Mapping[str, Any], request: Mapping[str, list[str]], place: str) -> dict[str, Any]:
    made = {"type": "encode", "format": "grib"}
    if "templates" not in given:
        return made
    levtype = request.get("levtype", [""])[0]
    named = [each for each in as_list(f"{place}.templates", given["templates"]) if levtype in each]
    if not named:
        raise refuse(
            f"{place}.templates", f"none for levtype {levtype!r}", "a template for each levtype asked for"
        )
    return made | {"template": str(Path(str(given.get("templates-path", "."))) / str(named[-1][levtype]))}


def _sink(given: Mapping[str, Any], request: Mapping[str, list[str]], number: str) -> dict[str, Any]:
    name = f"{given['name']}_{number}"
    stem = str(given.get("output-name", name))
    if "target" in request:
        stem = f"{name}-{request['target'][0]}"
    path = Path(str(given.get("output-path", "."))) / str(given["name"]) / number / f"{Path(stem).name}.grib"
    return {
        "type": "sink",
        "sinks": [
            {"type": "file", "path": str(path), "append": False, "per-server": given.get("per-server", True)}
        ],
    }
