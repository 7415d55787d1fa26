"""What is extracted from?

Fields of the octahedral grid O1280 (quick: O320), the same messages for both sides: a time series, simply
packed and compressed, levels times steps for a flight, and many fields of O32. A few of them have values of
their own, the others repeat those under another key.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import work

N_DIFFERENT = 4
LEVELS = (1000, 925, 850, 700, 500, 400, 300, 250, 200, 100)
FLIGHT_STEPS = 12
EXPVERS = {"simple": "0002", "ccsds": "0003", "flight": "0004", "small_simple": "0005", "small_ccsds": "0006"}
MESSAGES = {"flight": "ccsds"}  # kinds that repeat another's messages
PACKINGS = ("simple", "ccsds")
SMALL, N_SMALL = 32, 10_000
PARAM = "130"


def make(folder: Path, number: int, n_steps: int) -> None:
    """Write the messages that differ, and what is asked: the grid's number, its section's MD5, and steps."""
    (folder / "schema").write_text(work.SCHEMA, encoding="utf-8")
    md5: dict[str, str] = {}
    for packing in PACKINGS:
        for name, size in ((packing, number), (f"small_{packing}", SMALL)):
            fields = list(work.octahedral(size, N_DIFFERENT, EXPVERS[name], f"grid_{packing}"))
            (folder / f"{name}.grib").write_bytes(b"".join(message for _, message in fields))
            md5[name] = _md5(fields[0][1])
    told = {"number": number, "n_steps": n_steps, "md5": md5 | {"flight": md5["ccsds"]}}
    (folder / "facts.json").write_text(json.dumps(told), encoding="utf-8")


def facts(folder: Path) -> dict:
    """Return ``number`` of the grid, ``n_steps``, and ``md5`` of each kind's grid section."""
    return json.loads((folder / "facts.json").read_text())


def fields(folder: Path, name: str) -> Iterator[tuple[dict[str, str], bytes]]:
    """Yield keys and messages of a kind: steps of one level, or ``flight``, levels and steps."""
    import eccodes

    messages = work.split((folder / f"{MESSAGES.get(name, name)}.grib").read_bytes())
    handles = [eccodes.codes_new_from_message(message) for message in messages]
    for number, (step, level) in enumerate(places(folder, name)):
        handle = handles[number % len(handles)]
        eccodes.codes_set(handle, "experimentVersionNumber", EXPVERS[name])
        eccodes.codes_set(handle, "step", step)
        eccodes.codes_set(handle, "level", level)
        yield work.key(step, level, EXPVERS[name]), eccodes.codes_get_message(handle)
    for handle in handles:
        eccodes.codes_release(handle)


def places(folder: Path, name: str) -> list[tuple[int, int]]:
    """Return step and level of each field, in the order they are archived."""
    if name == "flight":
        return [(step, level) for step in range(FLIGHT_STEPS) for level in LEVELS]
    return [(step, 500) for step in range(N_SMALL if "small" in name else facts(folder)["n_steps"])]


def common(name: str) -> dict[str, str]:
    """Return what all fields of one kind are called, but for step and level."""
    return {**work.COMMON, "expver": EXPVERS[name], "param": PARAM}


def indices(folder: Path, count: int, seed: int = 7) -> np.ndarray:
    """Return scattered points of the grid, ascending."""
    half = 20 + 4 * np.arange(facts(folder)["number"])
    return np.sort(np.random.default_rng(seed).choice(2 * int(half.sum()), count, replace=False))


def before(folder: Path, count: int, n_fields: int) -> np.ndarray:
    """Return the points of the query that comes before the clock: others, as many unless that takes long."""
    return indices(folder, count if n_fields == 1 else min(count, 100), seed=8)


def _md5(message: bytes) -> str:
    import eccodes

    handle = eccodes.codes_new_from_message(message)
    md5: str = eccodes.codes_get_string(handle, "md5GridSection")
    eccodes.codes_release(handle)
    return md5
