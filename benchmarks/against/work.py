"""What is the work?

GRIB messages, keys, points and a country's outline, made once and written to files, so that both sides
read the very same bytes. ecCodes makes the messages; nothing here knows either side.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

SCHEMA = """
param: Param; step: Step; date: Date; time: Time; expver: Expver; levelist: Double;
[ class, expver, stream, date, time, domain?
    [ type, levtype
        [ step, levelist?, param, timespan?, stattype? ]]]
"""
COMMON = {
    "class": "rd",
    "expver": "0001",
    "stream": "oper",
    "date": "20260101",
    "time": "0000",
    "domain": "g",
    "type": "fc",
    "levtype": "pl",
}
SIZES = {"1MB": (500, 1000, 200), "100KB": (250, 200, 500)}  # rows, columns, messages
LEVELS = (1000, 850, 500, 250, 100)
N_LISTED = 100_000
TINY_BYTES, TINY_AT_ONCE = 64, 1_000_000
GAUSSIAN, N_STEPS, N_POINTS = 320, 100, 100
PACKINGS = {"simple": ("0002", "grid_simple"), "ccsds": ("0003", "grid_ccsds")}  # expver, packing
LARGE = (1280, "0004", "grid_ccsds")  # O1280: of the octahedral grids Polytope has O1280 and O2560 ready-made
ROWS, COLUMNS = 721, 1440
EXPVERS = {"simple": "0002", "ccsds": "0003", "large": "0004"}
N_FIELDS_MADE, N_ENCODED, N_AVERAGED = 8, 48, 96


def make(work: Path) -> None:
    """Write everything both sides need."""
    make_fields(work, {name: count for name, (_, _, count) in SIZES.items()})
    for name, (expver, packing) in PACKINGS.items():
        _write(work, name, octahedral(GAUSSIAN, N_STEPS, expver, packing))
    number, expver, packing = LARGE
    _write(work, "large", octahedral(number, 1, expver, packing))
    write_templates(work)
    _write_points(work)


def make_fields(work: Path, counts: Mapping[str, int]) -> None:
    """Write the schema, and so many messages of each of some `SIZES`."""
    (work / "schema").write_text(SCHEMA, encoding="utf-8")
    for name, count in counts.items():
        rows, columns, _ = SIZES[name]
        _write(work, name, _regular(rows, columns, count))


def config_of(work: Path, root: Path) -> dict[str, object]:
    """Return FDB's configuration of one local store, whose root is made."""
    root.mkdir(exist_ok=True)
    spaces = [{"handler": "Default", "roots": [{"path": str(root)}]}]
    return {"type": "local", "engine": "toc", "schema": str(work / "schema"), "spaces": spaces}


def key(step: int, level: int, expver: str = "0001") -> dict[str, str]:
    """Return what a field is called."""
    return {**COMMON, "expver": expver, "step": str(step), "levelist": str(level), "param": "130"}


def keys_and_messages(work: Path, name: str) -> list[tuple[dict[str, str], bytes]]:
    """Return the fields of one kind: ``1MB``, ``100KB``, ``simple`` or ``ccsds``."""
    keys = json.loads((work / f"{name}.json").read_text())
    data = memoryview((work / f"{name}.grib").read_bytes())
    fields, at = [], 0
    for named, n_bytes in keys:
        fields.append((named, bytes(data[at : at + n_bytes])))
        at += n_bytes
    return fields


def listed(count: int = N_LISTED) -> Iterator[dict[str, str]]:
    """Yield the keys of many small fields."""
    for number in range(count):
        yield key(number // 100, 1 + number % 100)


def listed_columns(count: int, first: int = 0) -> dict[str, str | list[str]]:
    """Return the same keys as columns, from one on: a text for all, or one for each field."""
    numbers = range(first, first + count)
    steps = [str(number // 100) for number in numbers]
    return {**key(0, 0), "step": steps, "levelist": [str(1 + number % 100) for number in numbers]}


def tiny(count: int, first: int = 0) -> bytes:
    """Return the messages of as many small fields, one after another: random, `TINY_BYTES` each."""
    return np.random.default_rng(first).bytes(TINY_BYTES * count)


def tiny_each(count: int, first: int = 0) -> list[bytes]:
    """Return the same messages, each of its own."""
    data = tiny(count, first)
    return [data[at : at + TINY_BYTES] for at in range(0, len(data), TINY_BYTES)]


def one_of(count: int) -> dict[str, str]:
    """Return the key of a field in the middle of many."""
    return key(count // 2 // 100, 1 + count // 2 % 100)


def joined(levels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the key whose three parts are given."""
    return {keyword: value for level in levels for keyword, value in level.items()}


def whole(work: Path, name: str) -> dict[str, list[str]]:
    """Return the one request for all fields of one kind, in the order they were archived."""
    keys = [named for named, _ in json.loads((work / f"{name}.json").read_text())]
    return {keyword: list(dict.fromkeys(named[keyword] for named in keys)) for keyword in keys[0]}


def points(work: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the chosen grid points: index, ascending; latitude and longitude, shape (n, 2)."""
    found = np.load(work / "points.npz")
    return found["index"], found["place"]


def outline(work: Path) -> list[list[float]]:
    """Return a country's outline: [latitude, longitude], not closed."""
    return json.loads((work / "outline.json").read_text())


def model_field(number: int) -> np.ndarray:
    """Return one field of a model on 0.25 degrees: float64, smooth with noise."""
    rows, columns = np.linspace(0, np.pi, ROWS), np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    smooth = np.sin(rows)[:, None] * np.cos(3 * columns + 0.1 * number)
    return (270 + 20 * smooth + np.random.default_rng(number).random(smooth.shape)).ravel()


def _regular(rows: int, columns: int, count: int) -> Iterator[tuple[dict[str, str], bytes]]:
    import eccodes

    handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
    first, last = 90.0, 360 - 360 / columns
    facts = {"Ni": columns, "Nj": rows, "iDirectionIncrementInDegrees": 360 / columns}
    facts |= {"jDirectionIncrementInDegrees": 180 / (rows - 1)}
    facts |= {"latitudeOfFirstGridPointInDegrees": first, "latitudeOfLastGridPointInDegrees": -first}
    facts |= {"longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": last}
    random = np.random.default_rng(rows)
    named = (key(n // len(LEVELS), LEVELS[n % len(LEVELS)]) for n in range(count))
    yield from _messages(handle, facts, named, lambda: 270 + 30 * random.random(rows * columns))


def octahedral(
    number: int, n_steps: int, expver: str, packing: str
) -> Iterator[tuple[dict[str, str], bytes]]:
    """Yield keys and messages of an octahedral grid, a step each."""
    import eccodes

    half = [20 + 4 * row for row in range(number)]
    row_lengths = half + half[::-1]
    handle = eccodes.codes_grib_new_from_samples("reduced_gg_pl_320_grib2")
    eccodes.codes_set(handle, "N", number)
    eccodes.codes_set(handle, "Nj", 2 * number)
    eccodes.codes_set_array(handle, "pl", row_lengths)
    random, n = np.random.default_rng(1), sum(row_lengths)
    eccodes.codes_set_values(handle, np.zeros(n))
    first = _first_latitude(2 * number)
    smooth = 20 * np.sin(np.linspace(0, 400, n))
    named = (key(step, 500, expver) for step in range(n_steps))
    facts = {
        "typeOfLevel": "isobaricInhPa",
        "longitudeOfLastGridPointInDegrees": 360 - 360 / max(row_lengths),
        "latitudeOfFirstGridPointInDegrees": first,
        "latitudeOfLastGridPointInDegrees": -first,
    }
    yield from _messages(handle, facts, named, lambda: 270 + smooth + random.random(n), packing)


def _first_latitude(n_rows: int) -> float:
    """Return the first of so many Gaussian latitudes: of the largest root of a Legendre polynomial."""
    x = np.cos(0.75 * np.pi / (n_rows + 0.5))
    for _ in range(5):
        before, last = 1.0, x
        for n in range(2, n_rows + 1):
            before, last = last, ((2 * n - 1) * x * last - (n - 1) * before) / n
        x -= last * (x * x - 1) / (n_rows * (x * last - before))
    return float(np.degrees(np.arcsin(x)))


def _messages(handle, facts, named, values, packing="grid_simple"):
    import eccodes

    for keyword, value in {"tablesVersion": 30, "setLocalDefinition": 1, **facts}.items():
        eccodes.codes_set(handle, keyword, value)
    for keyword, value in (("class", "rd"), ("type", "fc"), ("stream", "oper"), ("dataDate", 20260101)):
        eccodes.codes_set(handle, keyword, value)
    for keyword, value in (("dataTime", 0), ("paramId", 130), ("bitsPerValue", 16)):
        eccodes.codes_set(handle, keyword, value)
    eccodes.codes_set_values(handle, values())
    eccodes.codes_set(handle, "packingType", packing)
    for name in named:
        eccodes.codes_set(handle, "experimentVersionNumber", name["expver"])
        eccodes.codes_set(handle, "step", int(name["step"]))
        eccodes.codes_set(handle, "level", int(name["levelist"]))
        eccodes.codes_set_values(handle, values())
        yield name, eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)


def _write(work: Path, name: str, fields: Iterator[tuple[dict[str, str], bytes]]) -> None:
    keys = []
    with (work / f"{name}.grib").open("wb") as file:
        for named, message in fields:
            keys.append((named, len(message)))
            file.write(message)
    (work / f"{name}.json").write_text(json.dumps(keys), encoding="utf-8")


def write_templates(work: Path) -> None:
    """MultIO's encoder fills a message in: one of a moment, one of a time interval."""
    import eccodes

    moment = next(_regular(ROWS, COLUMNS, 1))[1]
    handle = eccodes.codes_new_from_message(moment)
    eccodes.codes_set(handle, "productDefinitionTemplateNumber", 8)
    (work / "moment.grib").write_bytes(moment)
    (work / "interval.grib").write_bytes(eccodes.codes_get_message(handle))
    eccodes.codes_release(handle)


def _write_points(work: Path) -> None:
    """Scattered points of the octahedral grid with their places, its section's MD5, and the outline."""
    import eccodes

    _, message = keys_and_messages(work, "simple")[0]
    handle = eccodes.codes_new_from_message(message)
    md5 = eccodes.codes_get_string(handle, "md5GridSection")
    latitude = eccodes.codes_get_array(handle, "latitudes")
    longitude = eccodes.codes_get_array(handle, "longitudes")
    eccodes.codes_release(handle)
    index = np.sort(np.random.default_rng(7).choice(latitude.size, N_POINTS, replace=False))
    np.savez(work / "points.npz", index=index, place=np.stack([latitude, longitude], axis=1)[index])
    (work / "simple.md5").write_text(md5, encoding="utf-8")
    (work / "ccsds.md5").write_text(md5, encoding="utf-8")
    handle = eccodes.codes_new_from_message(keys_and_messages(work, "large")[0][1])
    (work / "large.md5").write_text(eccodes.codes_get_string(handle, "md5GridSection"), encoding="utf-8")
    eccodes.codes_release(handle)
    angle = np.linspace(0, 2 * np.pi, 150, endpoint=False)
    radius = 4 * (1 + 0.2 * np.sin(5 * angle) + 0.08 * np.sin(23 * angle))
    ring = np.stack([47 + radius * np.sin(angle), 8 + 1.4 * radius * np.cos(angle)], axis=1)
    (work / "outline.json").write_text(json.dumps(ring.round(4).tolist()), encoding="utf-8")


def split(data: bytes) -> list[bytes]:
    """Return GRIB2 messages that lie one after another."""
    messages, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at + 8 : at + 16], "big")
        messages.append(data[at : at + length])
        at += length
    return messages


def encoded_request() -> dict[str, str]:
    """Return the request for what the encoding plan stored."""
    return {**COMMON, "step": f"1/to/{N_ENCODED}/by/1", "levelist": "500", "param": "130"}


def decoded(messages: bytes) -> np.ndarray:
    """Return the values of GRIB messages as ecCodes decodes them, a row each."""
    import eccodes

    rows, at = [], 0
    while at < len(messages):
        handle = eccodes.codes_new_from_message(messages[at:])
        rows.append(eccodes.codes_get_values(handle))
        at += eccodes.codes_get_long(handle, "totalLength")
        eccodes.codes_release(handle)
    return np.array(rows)
