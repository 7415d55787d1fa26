"""Stores that ECMWF's FDB shall write: what is archived, and what is asked of them afterwards.

`like` names the store with the same fields in whose stead FDB is asked, because it cannot list its own: it
puts pages of 4 MiB on the stacks of its threads.
"""

from pathlib import Path

SCHEMA = """
param: Param; step: Step; date: Date; time: Time; expver: Expver; levelist: Double; number: Integer;
[ class, expver, stream=oper/wave, date, time, domain?
    [ type, levtype
        [ step, quantile?, levelist?, param ]]]
[ class, expver, stream=enfo, year, model-
    [ type
        [ date: ClimateDaily, time, number?, levelist?, latitude?, longitude?, foo?, param ]]]
"""
BASE = {
    "class": "od",
    "expver": "0001",
    "stream": "oper",
    "date": "20260101",
    "time": "0000",
    "domain": "g",
    "type": "fc",
    "levtype": "pl",
}


def archive(text, **key):
    return ["archive", text.encode().hex(), {**BASE, **{k: str(v) for k, v in key.items()}}]


DATABASE = "class=od,expver=0001,stream=oper,date=20260101,time=0000,domain=g"
WIDE = {
    "class": "od",
    "expver": "0001",
    "stream": "enfo",
    "year": "2026",
    "model": "x",
    "date": "20260105",
    "time": "0600",
    "type": "pf",
}


def wide(text, **key):
    return ["archive", text.encode().hex(), {**WIDE, **{k: str(v) for k, v in key.items()}}]


def many_flushes(n_flushes=6):
    steps = []
    for step in range(n_flushes):
        fields = [(level, param) for level in (500, 850.5) for param in (130, 131)]
        steps += [archive(f"step {step} {at} {p}", step=step, levelist=at, param=p) for at, p in fields]
        steps.append(["flush"])
    return steps


def range_of(n_values):
    return [str(number) for number in range(n_values)]


def asked(**values):
    return {**BASE, **values}


MASKED = [
    *many_flushes(3),
    archive("again", step=0, levelist=500, param=130),
    archive("and again, in one flush", step=1, levelist=500, param=130),
    archive("and again, the last of it", step=1, levelist=500, param=130),
    ["flush"],
    ["reopen"],
    archive("another writer", step=2, levelist=500, param=130),
    ["flush"],
]
DATABASES = [
    *many_flushes(2),
    archive("another date", step=0, levelist=500, param=130, date=20260102),
    archive("another stream", step="0-24", levelist=500, param="140.229", stream="wave"),
    archive("a surface", step=0, param=167, levtype="sfc"),
    wide("a member", param=130, number=3),
    ["flush"],
    *[["archive", "78", {k: v for k, v in BASE.items() if k != "domain"} | {"step": "06", "param": "1"}]],
    ["flush"],
]
OPTIONAL = [
    archive("no level", step=6, param=167),
    archive("a level", step=6, levelist=2, param=167),
    archive("a quantile", step=6, quantile="1:3", param=167),
    archive("a quantile and a level", step=6, quantile="99:100", levelist=2, param=167),
    archive("minutes", step="30m", param=167),
    archive("", step=7, param=167),
    archive("after nothing", step=8, param=167),
    ["flush"],
]
REQUESTS = [
    asked(step="0", levelist="500", param="130"),
    asked(step=["2", "1", "0"], levelist=["850.5", "500"], param=["131", "130"]),
    asked(step="0", levelist="1000", param="130"),
]


def messages():
    """A few real fields on two grids, in two editions of GRIB."""
    data = Path(__file__).parents[2] / "data"
    few = (data / "pl_regular_ll.grib").read_bytes()[: 8 * 1560]
    return [(data / "healpix_H8.grib2").read_bytes(), few]


CASES = {
    "grib": {"steps": [["messages", text.hex()] for text in messages()] + [["flush"]]},
    "masked": {"steps": MASKED, "requests": REQUESTS},
    "databases": {"steps": DATABASES, "requests": REQUESTS[:1]},
    "optional": {"steps": OPTIONAL, "requests": [asked(step="8", param="167")]},
    "sub-tocs": {"steps": MASKED, "requests": REQUESTS, "env": {"FDB_SUB_TOCS": "1"}},
    "sub-tocs-open": {"steps": [*MASKED, ["die"]], "requests": REQUESTS, "env": {"FDB_SUB_TOCS": "1"}},
    "wide": {
        "steps": [
            wide("one", param=130, number=1, levelist=10),
            wide(
                "all", param=131, number=12345, levelist=12.25, latitude=89.9, longitude=-179.9, foo="b" * 20
            ),
            ["flush"],
        ]
    },
    "hidden": {
        "steps": [
            *many_flushes(2),
            [
                "tool",
                "fdb-hide",
                "--doit",
                "class=od,expver=0001,stream=oper,date=20260101,time=0000,domain=g",
            ],
            *many_flushes(1),
        ],
        "requests": REQUESTS[:2],
    },
    "purged": {
        "steps": [*many_flushes(2), ["reopen"], *many_flushes(1), ["reopen"], ["purge", {"class": "od"}]],
        "requests": REQUESTS[:1],
    },
    "split": {"steps": MASKED, "requests": REQUESTS, "split": True},
    "version-1": {"steps": MASKED, "requests": REQUESTS, "env": {"FDB_SERIALISATION_VERSION": "1"}},
    "version-2": {"steps": DATABASES, "requests": REQUESTS[:1], "env": {"FDB_SERIALISATION_VERSION": "2"}},
    "pages": {
        "steps": [
            ["many", BASE, {"step": range_of(60), "levelist": range_of(50), "param": ["130"]}],
            ["flush"],
        ],
        "requests": [asked(step=["0", "59"], levelist=["1", "49", "37"], param="130")],
    },
    "large-pages": {
        "steps": MASKED,
        "requests": REQUESTS,
        "env": {"FDB_INDEX_TYPE": "BTreeIndex4MB"},
        "like": "masked",
    },
}
for case in CASES.values():
    case["schema"] = SCHEMA
