"""Which of MultIO's options around a template does `encode` have, and are they right?

ecCodes is not needed to check them: what is asked of the template is in its octets.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dte_hpc.base.config import describe, refuse
from dte_hpc.base.errors import DteError, InvalidConfig, InvalidGrid, InvalidMessage
from dte_hpc.codecs.layout import byte_view, grib2_section, message_length
from dte_hpc.grids import grid

if TYPE_CHECKING:
    from dte_hpc.postproc.actions.template_encoder import TemplateFields

MAX_TEMPLATE_BYTES = 1 << 30
REGULAR = re.compile(r"L(\d+)x(\d+)")
PACKINGS = {0: "simple", 42: "ccsds"}
OUR_PACKING = {"packing": "simple", "bits_per_value": 16, "ccsds_block_size": 32, "ccsds_rsi": 128}
ONLY_WITH_TEMPLATE = {
    "overwrite": (), "additional_metadata": None, "run": None, "atlas_named_grid": None,
    "unstructured_grid_type": "",
}  # fmt: skip


def mistakes(options: Any, place: str) -> Iterator[InvalidConfig]:
    """Yield all that is wrong with a template and what stands around it."""
    if options.grid_downloader_template is not None:
        yield refuse(
            f"{place}.grid-downloader-template",
            repr(options.grid_downloader_template),
            "it left out: no plan downloads the coordinates of a grid here; fields say their uuidOfHGrid",
        )
    if options.template is None or options.format == "raw":
        yield from _without_template(options, place)
        return
    for name, default in OUR_PACKING.items():
        if getattr(options, name) != default:
            yield refuse(_at(place, name), repr(getattr(options, name)), "it left out: the template says it")
    for name in ("overwrite", "additional_metadata", "run"):
        yield from _pair_mistakes(getattr(options, name), _at(place, name))
    yield from _grid_mistakes(options.atlas_named_grid, f"{place}.atlas-named-grid")
    if options.format != "grib":
        yield refuse(f"{place}.format", repr(options.format), "grib, as the template is")
    yield from _template_mistakes(options, f"{place}.template")


def _at(place: str, name: str) -> str:
    return f"{place}.{name.replace('_', '-')}"


def _without_template(options: Any, place: str) -> Iterator[InvalidConfig]:
    for name, default in ONLY_WITH_TEMPLATE.items():
        if options.format != "raw" and getattr(options, name) != default:
            yield refuse(_at(place, name), describe(getattr(options, name)), "a template beside it")


def _pair_mistakes(node: Any, place: str) -> Iterator[InvalidConfig]:
    listed = isinstance(node, list | tuple)
    for index, each in enumerate(node if listed else [{} if node is None else node]):
        at = f"{place}[{index}]" if listed else place
        if not isinstance(each, Mapping):
            yield refuse(at, describe(each), "a mapping of keys to values")
            continue
        for key, value in each.items():
            if not isinstance(key, str) or not isinstance(value, str | int | float):
                yield refuse(f"{at}.{key}", describe(value), "text, a number, or true or false")


def _grid_mistakes(name: str | None, place: str) -> Iterator[InvalidConfig]:
    if name is None:
        return
    try:
        grid(grid_name(name))
    except InvalidGrid as error:
        yield refuse(place, f"{name!r} ({error})", "O1280, N320, F160 or L360x181")


def grid_name(name: str) -> str:
    """Return our name of an atlas grid: those of points with the poles on it, L360x181, are regular grids."""
    found = REGULAR.fullmatch(name.strip())
    if found is None or int(found[1]) < 1 or int(found[2]) < 2:
        return name.strip()
    return f"{360 / int(found[1]):.10g}/{180 / (int(found[2]) - 1):.10g}"


def _template_mistakes(options: Any, place: str) -> Iterator[InvalidConfig]:
    try:
        packing, bits = packing_of(options.template)
        if bits > 32:
            raise InvalidMessage(f"it has {bits} bits a value; expected at most 32")
        if packing not in PACKINGS.values() and "packingType" not in merged(options.overwrite):
            raise InvalidMessage(f"it has {packing}, which is not written here; expected simple or ccsds")
    except OSError as error:
        yield refuse(place, f"the file {options.template!r} ({error.strerror})", "one that is there")
    except DteError as error:
        yield refuse(place, f"{options.template!r}, which cannot shape a message: {error}", "a GRIB2 message")


def read_template(path: str) -> bytes:
    """Return the first message of a file.

    Raises
    ------
    InvalidMessage
        When it does not begin with a GRIB2 message.
    """
    if "\0" in path:
        raise InvalidMessage("its name has a NUL in it")
    if Path(path).stat().st_size > MAX_TEMPLATE_BYTES:
        raise InvalidMessage(f"it is larger than {MAX_TEMPLATE_BYTES} bytes")
    data = Path(path).read_bytes()
    start = max(data.find(b"GRIB"), 0)
    message = data[start : start + message_length(byte_view(data), start)]
    if message[7] != 2:
        raise InvalidMessage(f"it is of GRIB edition {message[7]}; expected 2")
    return message


def packing_of(path: str) -> tuple[str, int]:
    """Return the packing of a template, and its bits a value."""
    message = memoryview(read_template(path))
    at, length = grib2_section(message, 5)
    number = message[at + 9] << 8 | message[at + 10]
    return PACKINGS.get(number, f"packing 5.{number}"), message[at + 19] if length > 19 else 0


def merged(node: Any) -> dict[str, Any]:
    """Return one mapping of a mapping or a list of them; a switch counts as a number."""
    parts = node if isinstance(node, list | tuple) else [node or {}]
    return {
        key: int(value) if isinstance(value, bool) else value for part in parts for key, value in part.items()
    }


def encoder_of(options: Any) -> "TemplateFields":
    """Return what encodes the fields of a plan with checked options."""
    from dte_hpc.postproc.actions import template_encoder  # ecCodes, which checking a plan does without

    run = merged(options.run) | merged(options.additional_metadata)
    name = options.atlas_named_grid
    choices = template_encoder.TemplateChoices(
        run=run,
        overwrites=merged(options.overwrite),
        grid_name=grid_name(name) if name else None,
        unstructured=options.unstructured_grid_type,
    )
    return template_encoder.TemplateFields(read_template(options.template), choices)
