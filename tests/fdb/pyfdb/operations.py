"""What a script does with pyfdb, run with ECMWF's and with ours: ``python operations.py MODULE FOLDER``.

Each function below is one operation on a store of its own; what it returns is printed as JSON, an exception
as its type and the beginning of its text. Paths become FOLDER, and file names with stamps their ending, so
that two runs can be compared.
"""

import importlib
import io
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

SCHEMA = """
param: Param; step: Step; date: Date; levelist: Double; expver: Expver; time: Time;
[ class, expver, stream, date, time, domain?
    [ type, levtype
        [ step, levelist?, param ]]
]
"""
OF_DATABASE = dict(**{"class": "ea"}, expver="0001", stream="oper", date="20200101", time="1800", domain="g")
SFC = dict(OF_DATABASE, type="an", levtype="sfc")
FIELD = dict(SFC, step="0", param="167")
LEVELS = dict(OF_DATABASE, type="an", levtype="pl", param="130")
OPERATIONS = {}


def operation(function):
    OPERATIONS[function.__name__] = function
    return function


class Case:
    """A store with thirteen fields in two indexes of one database, and one in another."""

    def __init__(self, module, folder):
        self.module = module
        self.folder = Path(folder)
        (self.folder / "store").mkdir(parents=True)
        (self.folder / "schema").write_text(SCHEMA)
        self.config = {
            "type": "local",
            "engine": "toc",
            "schema": str(self.folder / "schema"),
            "spaces": [{"handler": "Default", "roots": [{"path": str(self.folder / "store")}]}],
        }

    def new(self, **changes):
        return self.module.FDB(dict(self.config, **changes))

    def filled(self):
        fdb = self.new()
        for step in ("0", "6", "12"):
            for param in ("131", "132", "167"):
                fdb.archive(f"{step}-{param}".encode(), dict(SFC, step=step, param=param))
        for step in ("0", "6"):
            for level in ("500", "850"):
                fdb.archive(f"{step}-{level}".encode(), dict(LEVELS, step=step, levelist=level))
        fdb.archive(b"next day", dict(FIELD, date="20200102"))
        fdb.flush()
        return fdb

    def files(self):
        return sorted(
            f"{path.parent.name}/{path.name}"
            for path in (self.folder / "store").rglob("*")
            if path.suffix in (".lock", ".allow") or path.name in ("schema", "toc", "stray")
        )


def told(function):
    """Return what a call gives, or how it fails."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - both modules' exceptions are compared
        text = str(error)
        kind = "UserError" if text.startswith(("UserError", "Serious bug")) else text[:36]
        return [type(error).__name__, kind]


def found(elements):
    return sorted(",".join(f"{k}={v}" for k, v in element.combined_key().items()) for element in elements)


def counted(case, fdb, requests, **options):
    return {
        str(request): told(lambda request=request: found(fdb.list(request, **options)))
        for request in requests
    }


# -- list


@operation
def list_everything(case):
    return found(case.filled().list({}))


@operation
def list_of_an_empty_store(case):
    return [told(lambda request=request: found(case.new().list(request))) for request in ({}, FIELD)]


@operation
def list_at_each_level(case):
    fdb = case.filled()
    elements = {level: list(fdb.list({}, level=level)) for level in (0, 1, 2, 3, 4)}
    return {
        level: sorted(json.dumps(element.keys()) for element in found) for level, found in elements.items()
    }


@operation
def list_elements_without_a_location(case):
    fdb = case.filled()
    return [
        [e.has_location(), e.offset(), e.length(), e.uri, e.data_handle, str(e)]
        for level in (1, 2)
        for e in sorted(fdb.list({"date": "20200101"}, level=level), key=str)
    ]


@operation
def list_elements_with_a_location(case):
    elements = sorted(case.filled().list(dict(FIELD, step="0/6/12")), key=str)
    return [
        [
            e.has_location(),
            e.offset(),
            e.length(),
            Path(e.uri.path()).suffix,
            e.uri.scheme(),
            e.data_handle.readall(),
        ]
        for e in elements
    ]


@operation
def list_elements_show_themselves(case):
    element = next(case.filled().list(FIELD))
    return re.sub(r"timestamp=\d+", "timestamp=", str(element))


@operation
def list_elements_cannot_be_changed(case):
    element = next(case.filled().list(FIELD))
    return [told(lambda name=name: setattr(element, name, None)) is None for name in ("data_handle", "uri")]


@operation
def list_is_lazy(case):
    fdb = case.filled()
    elements = fdb.list({"nonsense": "1"})
    return [type(elements).__name__, told(lambda: next(elements))]


@operation
def list_by_values(case):
    fdb = case.filled()
    requests = [
        {"class": "ea", **more}
        for more in (
            {"step": "0/6"},
            {"step": ["0", "6"]},
            {"step": [0, 6]},
            {"step": 6},
            {"step": "06"},
            {"step": {"12"}},
            {"step": "0/to/12/by/6"},
            {"step": ["0", "to", "12", "by", "6"]},
            {"step": "0/to/12"},
            {"step": "99"},
            {"step": []},
            {"levelist": "500"},
            {"levelist": 500.0},
            {"levelist": "500/to/850/by/350"},
            {"date": "2020-01-01"},
            {"date": "20200101/to/20200103"},
            {"date": "0"},
            {"date": "-1"},
            {"date": "20200101/to/20200109/by/2"},
            {"time": "18"},
            {"time": "18:00"},
            {"time": "6"},
            {"time": "0/to/18/by/6"},
            {"time": "180000"},
            {"time": 18},
            {"expver": "1"},
            {"expver": 1},
            {"expver": "01"},
            {"levtype": "surface"},
            {"levtype": "SFC"},
            {"levtype": "pressure levels"},
            {"type": "analysis"},
            {"type": "AN"},
            {"type": "fc"},
            {"stream": "atmospheric model"},
            {"domain": "globe"},
            {"number": "3"},
            {"number": "1/to/3"},
            {"hdate": "20200101"},
            {"target": "x"},
            {"expect": "any"},
            {"levtype": "sfc", "param": "2t"},
            {"levtype": "sfc", "param": "2T"},
            {"levtype": "sfc", "param": "167.128"},
            {"levtype": "sfc", "param": "u/v"},
            {"levtype": "sfc", "param": "131"},
            {"levtype": "sfc", "param": 167},
            {"levtype": "pl", "param": "t"},
        )
    ]
    requests += [
        {"class": "ERA5"},
        {"class": "era5"},
        {"CLASS": "ea"},
        {"Param": "167"},
        {"parameter": "167"},
        {"level": "500"},
        {"class": "od"},
    ]
    return counted(case, fdb, requests)


@operation
def list_of_what_cannot_be(case):
    fdb = case.filled()
    requests = [
        {"class": "ea", **more}
        for more in (
            {"foo": "1"},
            {"klass": "ea"},
            {"step": "xx"},
            {"step": "-1"},
            {"step": ""},
            {"step": ["0/6"]},
            {"levelist": "x"},
            {"levelist": "5e2"},
            {"date": "20209999"},
            {"date": "2020-1-1"},
            {"date": "yesterday"},
            {"time": "1860"},
            {"time": "99"},
            {"levtype": "bad"},
            {"type": "zz"},
            {"stream": "foo"},
            {"param": "nosuch"},
        )
    ]
    requests += [
        {"class": "zz"},
        {"class": "ea/od"},
        {"class": ["ea", "od"]},
        {"class": None},
        {"class": {"a": 1}},
    ]
    return counted(case, fdb, requests)


@operation
def list_masked_fields(case):
    fdb = case.filled()
    fdb.archive(b"again", FIELD)
    fdb.flush()
    return [
        [len(list(fdb.list(FIELD))), len(list(fdb.list(FIELD, include_masked=True)))],
        [e.data_handle.readall() for e in fdb.list(FIELD)],
        sorted(e.data_handle.readall() for e in fdb.list(FIELD, True, 3)),
    ]


# -- retrieve, inspect, data handles


@operation
def retrieve_in_the_order_asked_for(case):
    fdb = case.filled()
    requests = [
        dict(FIELD, **more)
        for more in (
            {},
            {"step": "12/0/6"},
            {"step": "0/to/12/by/6"},
            {"step": ["0", 6, 12.0]},
            {"param": "2t"},
            {"param": "999"},
            {"step": "0/3/6"},
            {"step": "99"},
            {"expver": "1", "time": "18", "date": "2020-01-01"},
            {"target": "x"},
            {"expect": "any"},
            {"grid": "1/1"},
            {"timespan": "1h"},
            {"param": "167/167"},
            {"date": "20200102/20200101"},
            {"time": "0/to/18/by/6"},
            {"foo": "1"},
            {"class": "ea/od"},
        )
    ]
    requests += [dict(LEVELS, step="0", levelist="850/500"), dict(LEVELS, step="6/0", levelist="500/850")]
    return {
        str(request): told(lambda request=request: fdb.retrieve(request).readall()) for request in requests
    }


@operation
def retrieve_of_everything(case):
    return told(lambda: case.filled().retrieve({}))


@operation
def inspect(case):
    fdb = case.filled()
    return [
        found(fdb.inspect(request))
        for request in (FIELD, dict(FIELD, step="0/3/6"), dict(FIELD, step="9"), {})
    ]


@operation
def data_handle_in_steps(case):
    handle = case.filled().retrieve(dict(FIELD, step="0/6/12"))
    answers = [told(handle.read), told(lambda: handle.readinto(bytearray(3))), repr(handle), handle.size()]
    handle.open()
    answers += [repr(handle), handle.read(3), handle.read(0), handle.read(4), handle.size()]
    answers += [handle.read(100), handle.read(4), handle.read(), handle.opened, told(lambda: handle.read(-5))]
    handle.close()
    handle.close()
    return [*answers, handle.readall(), handle.readall(), handle.opened, told(lambda: handle.read(2))]


@operation
def data_handle_pads_with_zeros(case):
    handle = case.filled().retrieve(dict(FIELD, step="0/6/12"))
    answers = []
    for sizes in ((2, -1), (10, 10, 10), (15, 15), (16,), (17,), (1, 16)):
        with handle:
            answers.append([handle.read(size) for size in sizes])
    return answers


@operation
def data_handle_readall_goes_on(case):
    handle = case.filled().retrieve(dict(FIELD, step="0/6"))
    handle.open()
    handle.open()
    return [handle.read(2), handle.readall(), handle.readall(4), handle.opened]


@operation
def data_handle_readinto(case):
    handle = case.filled().retrieve(dict(FIELD, step="0/6"))
    answers, small, large = [], bytearray(4), bytearray(40)
    with handle:
        answers += [handle.readinto(small), bytes(small), handle.readinto(memoryview(small)), bytes(small)]
        answers += [handle.readinto(large), bytes(large), handle.readinto(large)]
    copied = io.BytesIO()
    with handle:
        shutil.copyfileobj(handle, copied)
    return [*answers, copied.getvalue()]


@operation
def data_handle_of_nothing(case):
    handle = case.filled().retrieve(dict(FIELD, step="99"))
    with handle:
        return [handle.size(), handle.read(4), handle.read(), handle.readinto(bytearray(3)), handle.readall()]


@operation
def data_handle_of_an_element(case):
    handle = next(case.filled().list(FIELD)).data_handle
    answers = [told(lambda: handle.read(2)), handle.size(), repr(handle)]
    with handle:
        answers += [handle.read(2), handle.read(200), handle.read(1), handle.read()]
    return [*answers, handle.readall(), handle.opened]


# -- archive, flush


@operation
def archive_what_does_not_fit(case):
    fdb = case.new()
    identifiers = [
        dict(FIELD, foo="1"),
        SFC,
        dict(FIELD, step=["1"]),
        dict(FIELD, step="1/2"),
        [("a", "1"), ("a", "2")],
        {("a", "b")},
        dict(FIELD, step=1),
        "class=ea",
    ]
    return [told(lambda one=one: fdb.archive(b"x", one)) for one in identifiers] + [
        told(lambda: fdb.archive(b"no grib")),
        told(lambda: fdb.archive(b"")),
    ]


@operation
def archive_in_other_forms(case):
    fdb = case.new()
    fdb.archive(identifier=list(FIELD.items()), data=b"pairs")
    fdb.archive(b"later step", dict(FIELD, step="06"))
    fdb.archive(bytearray(b"level"), dict(LEVELS, step="0", levelist="500.0"))
    fdb.flush()
    return [found(fdb.list({})), fdb.retrieve(FIELD).readall()]


@operation
def flush_makes_visible(case):
    fdb = case.new()
    answers = [fdb.dirty()]
    fdb.archive(b"one", FIELD)
    answers += [fdb.dirty(), len(list(fdb.list({}))), len(list(case.new().list({})))]
    fdb.flush()
    fdb.flush()
    return [*answers, fdb.dirty(), len(list(fdb.list({}))), len(list(case.new().list({})))]


@operation
def leaving_a_with_block_flushes(case):
    with case.new() as fdb:
        fdb.archive(b"one", FIELD)
    return [len(list(case.new().list({}))), fdb.dirty()]


@operation
def leaving_a_with_block_by_an_error_flushes(case):
    def leave():
        with case.new() as fdb:
            fdb.archive(b"one", FIELD)
            raise LookupError("out")

    return [told(leave), len(list(case.new().list({})))]


@operation
def a_handle_nobody_has_is_flushed(case):
    fdb = case.new()
    fdb.archive(b"one", FIELD)
    del fdb
    return len(list(case.new().list({})))


@operation
def directories_are_named_alike(case):
    case.filled()
    return case.files()


# -- configuration, enabled


@operation
def configurations(case):
    fdb, yaml = case.module.FDB, json.dumps(case.config)
    file = case.folder / "config.yaml"
    file.write_text(yaml)
    return [
        *[told(lambda one=one: one.config()) for one in (case.new(), fdb(yaml), fdb(file))],
        fdb(case.config, {"useSubToc": True}).config(),
        fdb(case.config, user_config="useSubToc: true").config(),
        told(lambda: fdb(3)),
        told(lambda: fdb(case.folder / "missing.yaml")),
        told(lambda: case.new(type="nonsense")),
    ]


@operation
def enabled_by_the_configuration(case):
    flags = list(case.module.ControlIdentifier)
    settings = (
        {},
        {"writable": False},
        {"visitable": False},
        {"writable": False, "visitable": False},
        {"list": False},
        {"retrieve": False},
        {"archive": False},
        {"wipe": False},
    )
    return [[case.new(**one).enabled(flag) for flag in flags] for one in settings]


# -- control, status


def states(elements):
    return sorted(
        [e.key(), [str(c) for c in e.controlIdentifiers()], e.location().path(), repr(e)] for e in elements
    )


@operation
def status(case):
    fdb = case.filled()
    requests = ({}, {"class": "ea"}, OF_DATABASE, {"class": "od"}, {"date": "20200102"})
    return [states(fdb.status(request)) for request in requests]


@operation
def control_acts_when_it_is_read(case):
    fdb, m = case.filled(), case.module
    elements = fdb.control(OF_DATABASE, m.ControlAction.DISABLE, [m.ControlIdentifier.RETRIEVE])
    return [case.files(), states(elements), case.files()]


@operation
def control_of_everything(case):
    fdb, m = case.filled(), case.module
    flags = [c for c in m.ControlIdentifier if c]
    return [
        states(fdb.control({}, m.ControlAction.DISABLE, flags)),
        case.files(),
        states(case.new().status({})),
        states(fdb.control({}, m.ControlAction.ENABLE, flags)),
        case.files(),
    ]


@operation
def control_of_nothing(case):
    fdb, m = case.filled(), case.module
    action, flag = m.ControlAction, m.ControlIdentifier
    return [
        states(fdb.control({}, action.NONE, [flag.RETRIEVE])),
        states(fdb.control({}, action.DISABLE, [])),
        states(fdb.control({}, action.DISABLE, [flag.NONE])),
        told(lambda: states(fdb.control({}, action.DISABLE, [flag.RETRIEVE | flag.LIST]))),
        states(fdb.control({"class": "od"}, action.DISABLE, [flag.LIST])),
    ]


@operation
def locked_databases(case):
    m = case.module
    answers = {}
    for flag in (m.ControlIdentifier.LIST, m.ControlIdentifier.RETRIEVE, m.ControlIdentifier.ARCHIVE):
        list(case.filled().control(OF_DATABASE, m.ControlAction.DISABLE, [flag]))
        fdb = case.new()
        answers[str(flag)] = [
            len(list(fdb.list({}))),
            len(list(fdb.list({}, level=1))),
            fdb.retrieve(FIELD).readall(),
            told(lambda fdb=fdb: fdb.archive(b"x", dict(FIELD, step="99"))),
            len(list(fdb.status({}))),
        ]
        list(fdb.control(OF_DATABASE, m.ControlAction.ENABLE, [flag]))
    return answers


@operation
def locked_against_wiping(case):
    fdb, m = case.filled(), case.module
    list(fdb.control(OF_DATABASE, m.ControlAction.DISABLE, [m.ControlIdentifier.WIPE]))
    return [told(lambda: list(case.new().wipe(OF_DATABASE, doit=True)))[0], len(found(case.new().list({})))]


@operation
def status_and_control_elements_compare(case):
    fdb, m = case.filled(), case.module
    one = next(fdb.control(OF_DATABASE, m.ControlAction.DISABLE, [m.ControlIdentifier.LIST]))
    same, other = next(fdb.status(OF_DATABASE)), next(fdb.status({"date": "20200102"}))
    return [one == same, same == one, one != same, same == other, same == "x", str(one.controlIdentifiers())]


# -- axes, stats


@operation
def axes(case):
    fdb = case.filled()
    requests = (
        {},
        {"class": "ea"},
        {"class": "od"},
        {"levtype": "pl"},
        {"date": "20200102"},
        {"param": "167"},
    )
    return [[dict(fdb.axes(one, level)) for level in (1, 2, 3)] for one in requests] + [repr(fdb.axes({}))]


@operation
def axes_are_a_mapping(case):
    a = case.filled().axes({"date": "20200101"})
    answers = [list(a), list(a.keys()), list(a.values()), [list(item) for item in a.items()], len(a)]
    answers += [
        a["step"],
        a.has_key("step"),
        "step" in a,
        "foo" in a,
        a.get("foo"),
        isinstance(a, dict),
        dict(a),
    ]
    for change in (lambda: a.__setitem__("x", 1), lambda: a.__delitem__("step"), a.clear, lambda: a["foo"]):
        answers.append(told(change))
    return [*answers, a == dict(a), a == {"class": "ea"}, a != dict(a)]


@operation
def axes_made_by_hand(case):
    axis = case.module.IndexAxis
    return [
        repr(axis({"a": "1/2", "b": 3})),
        axis({"a": "1"}) == {"a": "1"},
        axis({"a": ["1"]}) == axis({"a": 1}),
        axis({"a": 1})["a"],
        told(lambda: axis(3))[0],
    ]


@operation
def stats(case):
    fdb = case.filled()
    fdb.archive(b"again", FIELD)
    fdb.flush()
    answers = []
    for request in ({}, OF_DATABASE, {"class": "od"}):
        elements = sorted(case.new().stats(request), key=str)
        answers.append([[e.index_statistics(), str(e).replace(e.db_statistics(), "...")] for e in elements])
    return answers


# -- wipe, purge


def kinds(case, elements):
    return [
        [e.type().name, e.msg(), sorted(re.sub(r".*(\.\w+)$", r"\1", repr(u)) for u in e.uris())]
        for e in elements
    ]


@operation
def wipe_tells(case):
    fdb = case.filled()
    requests = (OF_DATABASE, {"class": "od"}, dict(OF_DATABASE, levtype="pl"))
    return [kinds(case, case.new().wipe(one)) for one in requests] + [len(found(fdb.list({})))]


@operation
def wipe_deletes_a_database(case):
    case.filled()
    told_of = kinds(case, case.new().wipe(OF_DATABASE, doit=True))
    return [told_of[0][0], found(case.new().list({})), case.files()]


@operation
def wipe_deletes_an_index(case):
    case.filled()
    list(case.new().wipe(dict(OF_DATABASE, levtype="pl"), doit=True))
    return found(case.new().list({}))


@operation
def wipe_of_everything(case):
    case.filled()
    list(case.new().wipe({}, doit=True))
    return [found(case.new().list({})), case.files()]


@operation
def wipe_of_a_field_deletes_nothing(case):
    case.filled()
    answer = told(lambda: [str(e.type()) for e in case.new().wipe(FIELD, doit=True)] and None)
    return [answer, len(found(case.new().list({})))]


@operation
def wipe_with_a_stray_file(case):
    case.filled()
    (case.folder / "store" / "ea:0001:oper:20200101:1800:g" / "stray").write_text("x")
    answers = [kinds(case, case.new().wipe(OF_DATABASE))[-2:]]
    answers += [
        told(lambda: list(case.new().wipe(OF_DATABASE, doit=True)))[0],
        len(found(case.new().list({}))),
    ]
    list(case.new().wipe(OF_DATABASE, doit=True, unsafe_wipe_all=True))
    return [*answers, found(case.new().list({})), case.files()]


@operation
def purge(case):
    case.filled()
    for _ in range(2):
        fdb = case.new()
        for step in ("0", "6", "12"):
            for param in ("131", "132", "167"):
                fdb.archive(b"again", dict(SFC, step=step, param=param))
        fdb.flush()
    del fdb
    answers = [len(list(case.new().list({}, include_masked=True)))]
    answers.append(len(list(case.new().purge({"class": "ea"}))) > 0)
    answers.append(len(list(case.new().list({}, include_masked=True))))
    answers.append(len(list(case.new().purge({"class": "ea"}, doit=True))) > 0)
    return [*answers, len(list(case.new().list({}, include_masked=True))), len(list(case.new().list({})))]


@operation
def purge_of_nothing(case):
    fdb = case.filled()
    inner = [
        told(lambda one=one: len(list(fdb.purge(one)))) for one in (FIELD, dict(OF_DATABASE, levtype="pl"))
    ]
    return [
        len(list(fdb.purge({}))) > 0,
        len(list(fdb.purge({"class": "od"}))),
        len(list(fdb.list({}))),
        inner,
    ]


# -- types


@operation
def elements_are_not_made_by_users(case):
    m = case.module
    made = (
        m.ListElement,
        m.WipeElement,
        m.StatusElement,
        m.PurgeElement,
        m.StatsElement,
        m.ControlElement,
        m.DataHandle,
    )
    return [told(lambda one=one: one("x")) for one in made]


@operation
def enums(case):
    m = case.module
    flags = m.ControlIdentifier
    kind = importlib.import_module(m.__name__ + ".pyfdb_iterator").WipeElementType
    shown = [str(flags.LIST | flags.RETRIEVE), repr(flags.NONE), str(flags(0)), str(m.ControlAction.ENABLE)]
    return [
        [[e.name, int(e), str(e), repr(e)] for e in one] for one in (flags, m.ControlAction, kind)
    ] + shown


@operation
def uris(case):
    uri = case.module.URI
    texts = [
        "scheme://user:secret@host:8443/a/b?q=1&r=2#part",
        "/a/b:c/d",
        "",
        "file:///x",
        "host/path",
        "a?b",
    ]
    answers = []
    for text in texts:
        u = uri(text)
        parts = (u.netloc, u.scheme, u.username, u.password, u.hostname, u.port, u.path, u.query, u.fragment)
        answers.append(
            [part() for part in parts] + [str(u), repr(u), u == uri(text), u != uri("/other"), u == text]
        )
    return [
        *answers,
        str(uri(Path("/p/q"))),
        uri("//h/p", scheme="s").scheme(),
        uri("/a#b", allow_fragments=False).path(),
    ]


@operation
def names(case):
    m = case.module
    modules = [
        importlib.import_module(f"{m.__name__}.{name}") for name in ("pyfdb", "pyfdb_iterator", "pyfdb_type")
    ]
    public = sorted({n for n in dir(m.FDB) if not n.startswith("_")} - {"FDB", "logger"})
    needed = [n for n in ("MarsSelection", "MarsIdentifier", "UserInputMapper") if hasattr(modules[2], n)]
    return [public, needed, [hasattr(m, n) for n in m.__all__].count(False), m.__version__]


@operation
def selections_are_mapped(case):
    mapper = importlib.import_module(case.module.__name__ + ".pyfdb_type").UserInputMapper
    inside = [{"a": "1/2", "b": 3, "c": [1, "2", 3.5], "d": ("x",)}, {"a": "0/to/6/by/1"}, {}]
    return [
        *[mapper.map_selection_to_internal(one) for one in inside],
        *[mapper.map_selection_to_external(one) for one in ({"a": ["1", 2], "b": 3, "c": "x"}, {})],
        *[
            told(lambda one=one: mapper.map_selection_to_internal(one))
            for one in ({"a": None}, {"a": {"b": 1}})
        ],
    ]


def main():
    module = importlib.import_module(sys.argv[1])
    answers = {}
    for name, function in OPERATIONS.items():
        folder = tempfile.mkdtemp(dir=sys.argv[2])
        answer = told(lambda function=function, folder=folder: function(Case(module, folder)))
        text = json.dumps(
            answer, default=lambda value: value.decode("latin-1") if isinstance(value, bytes) else str(value)
        )
        answers[name] = json.loads(clean(text.replace(folder, "FOLDER")))
    Path(sys.argv[3]).write_text(json.dumps(answers))


def clean(text):
    """Return text without what differs from run to run: the names of data and index files, and the user's."""
    text = re.sub(r"FDB Owner: [\w-]+", "FDB Owner: OWNER", text)
    return re.sub(r"[\w:]*\.?\d{8}\.\d{6}\.[\w\-.]*\.(data|index)", r"FILE.\1", text)


if __name__ == "__main__":
    main()
