"""Schemas as wide as an operational one: what a rule stores is found, and lies where ECMWF's FDB has it."""

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dte_hpc.base.errors import InvalidKey
from dte_hpc.fdb import FDB, Schema
from dte_hpc.fdb.naming.grammar import Match, Predicate, Rule

REPOSITORY = Path(__file__).parents[2]
BY_TYPE = {
    "Date": ["20260105", "20251231"],
    "Year": ["20260105", "20251231"],
    "Month": ["20260105", "20251231"],
    "YearMonth": ["20260105", "20251231"],
    "MonthOfDate": ["20260105", "20251231"],
    "ClimateDaily": ["20260105", "20251231"],
    "ClimateMonthly": ["20260105", "20251231"],
    "Time": ["0000", "1800"],
    "Expver": ["0001", "abcd"],
    "Double": ["500", "0.5"],
    "Integer": ["3", "12"],
    "Step": ["0", "24", "0-24"],
    "Param": ["130", "167.128"],
    "Grid": ["0.25+0.25", "o320"],
    "First3": ["abc", "xyz"],
}
THEIR_LIMITS = (
    "Could not find a rule to archive",  # a level has more optional keywords than the key has keywords
    "Keywords not used: {date}",  # it is stored as year and month
    "Could not find [",  # a keyword that a rule before the right one demands, or excludes
)
"""What ECMWF's FDB says against keys that it should take by its own schema language, and that we take."""
DATES = """
date: Date; time: Time; expver: Expver; step: Step; levelist: Double; param: Param;
[ class=d1, expver, stream=clmn, date:Year [ date:MonthOfDate, type, levtype [ levelist?, param ]]]
[ class=d1, expver, stream=oper, date, time [ type, levtype [ step, levelist?, param ]]]
[ class=d1, expver, stream=mnth, date:YearMonth [ type, levtype [ levelist?, param ]]]
[ class=d1, expver, stream=dacl [ type, levtype [ date:ClimateDaily, time, levelist?, param ]
                                  ]  [ type=pb, levtype, quantile- [ date:ClimateMonthly, param ]]]
"""
SMALL = """
date: Date; expver: Expver; step: Step; param: Param;
[ class=od/rd, expver, stream=!enfo/efov, date, domain?g
    [ type=!an/fc, levtype [ step, levelist?, param ]]
    [ type=an, levtype, origin? [ step, levelist:Double?, param ]]]
[ class, expver, stream, date, domain? [ type, levtype, gone- [ step, param, number:Integer? ] ]]
"""


def value_of(predicate: Predicate, chance: random.Random) -> str | None:
    """Return a canonical value a predicate accepts, perhaps none if it needs none."""
    if predicate.match is Match.IN:
        return chance.choice(sorted(predicate.values))
    if predicate.accepts(None) and chance.random() < 0.4:
        return None
    while True:
        value = chance.choice(BY_TYPE.get(predicate.kind.name, ["x1", "y2"]))
        if predicate.accepts(value):
            return value


def key_of(rule: Rule, chance: random.Random) -> dict[str, str]:
    """Return a key for a rule; an earlier one may take it."""
    key: dict[str, str] = {}
    for predicate in rule.predicates:
        value = key.get(predicate.keyword) or value_of(predicate, chance)
        if value is not None:
            key[predicate.keyword] = value
    return key


def keys_of(text: str, repeats: int) -> list[dict[str, str]]:
    """Return some keys of every rule, no two of one field."""
    chance = random.Random(20260101)
    schema = Schema(text)
    keys = {}
    for rule in schema.rules * repeats:
        key = key_of(rule, chance)
        try:
            keys[schema.key_of(key)] = key
        except InvalidKey:
            continue
    return list(keys.values())


def schemas() -> dict[str, str]:
    """Return the schemas to try by name."""
    operational = (REPOSITORY / "tests" / "data" / "operational.schema").read_text()
    default = (REPOSITORY / "dte_hpc" / "fdb" / "data" / "schema").read_text()
    return {"operational": operational, "default": default, "dates": DATES, "small": SMALL}


@pytest.mark.parametrize("name", schemas())
def test_every_field_is_found_by_its_own_key(name: str, tmp_path: Path) -> None:
    schema = Schema(schemas()[name])
    keys = keys_of(schema.text, 1 if name == "operational" else 2)
    taken = set()
    with FDB(tmp_path, schema=schema) as store:
        for number, key in enumerate(keys):
            taken.add(schema.split(key)[0].rule.number)
            store.archive(str(number).encode(), key)
    assert len(taken) >= 0.9 * len(schema.rules), "nearly every rule has a field"
    store = FDB(tmp_path, schema=schema)
    assert len(store.list()) == len(keys)
    for number, key in enumerate(keys):
        asked = {k: v for k, v in key.items() if k not in schema.hidden}
        stored = schema.key_of(key)
        found = store.list(asked)
        assert stored in list(found.keys())
        assert str(number).encode() in {found.message(n) for n in range(len(found))}
        inspected = store.inspect(asked)
        assert stored in list(inspected.keys())
    dates = sorted({key["date"] for key in keys if "date" in key})
    assert len(store.list({"date": dates})) == sum("date" in key for key in keys)


@pytest.fixture(scope="session")
def peers_python() -> Path:
    """The Python that has ECMWF's pyfdb."""
    found = Path(os.environ.get("DTE_PEERS_PYTHON") or REPOSITORY / ".venv-peers" / "bin" / "python")
    if not found.exists():
        pytest.skip("ECMWF's pyfdb is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    return found


def told_by_peer(python: Path, root: Path, schema: str, keys: list[dict[str, str]]) -> list[Any]:
    """Return what ECMWF's FDB made of each key: directory and stored key, or what it said."""
    task = json.dumps({"schema": schema, "root": str(root), "keys": keys})
    script = str(Path(__file__).parent / "schema_oracle.py")
    done = subprocess.run([str(python), script], input=task, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.mark.parametrize("name", schemas())
def test_directories_and_keys_are_ecmwfs(name: str, tmp_path: Path, peers_python: Path) -> None:
    schema = Schema(schemas()[name])
    keys = keys_of(schema.text, 1 if name == "operational" else 3)
    told = told_by_peer(peers_python, tmp_path, schema.text, keys)
    refused = [answer for answer in told if isinstance(answer, str)]
    assert len(refused) <= len(keys) / 2
    for answer in refused:
        assert any(reason in answer for reason in THEIR_LIMITS), answer
    for key, answer in zip(keys, told, strict=True):
        if not isinstance(answer, str):
            route, values = schema.split(key)
            assert [route.directory(values), dict(schema.key_of(key))] == answer
