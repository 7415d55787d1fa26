"""What our pyfdb promises beyond being the same as ECMWF's."""

import logging
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import dte_hpc.fdb.pyfdb as pyfdb
from dte_hpc.base.errors import CorruptData, InvalidRequest, StorageLocked
from dte_hpc.fdb.places.config import VARIABLES
from dte_hpc.fdb.pyfdb.reports import in_bytes

SCHEMA = """
param: Param; step: Step; date: Date; levelist: Double; expver: Expver; time: Time;
[ class, expver, stream=oper, date, time
    [ type, levtype
        [ step, levelist?, param ]]
]
[ class, expver, stream=enfo, date
    [ time, type, number
        [ levtype, step, param ]]
]
"""
OPER = {"class": "od", "expver": "0001", "stream": "oper", "date": "20240101", "time": "0000", "type": "fc"}
FIELD = {**OPER, "levtype": "sfc", "step": "0", "param": "167"}
MEMBER = {**FIELD, "stream": "enfo", "number": "3"}


@pytest.fixture
def config(tmp_path):
    (tmp_path / "schema").write_text(SCHEMA)
    roots = [{"path": str(tmp_path / "store")}]
    return {"type": "local", "schema": str(tmp_path / "schema"), "spaces": [{"roots": roots}]}


@pytest.fixture
def fdb(config):
    return pyfdb.FDB(config)


def archived(fdb, *keys):
    for number, key in enumerate(keys):
        fdb.archive(f"message {number}".encode(), key)
    fdb.flush()
    return fdb


def only(elements):
    (element,) = elements
    return element


def test_a_handle_sees_what_others_flushed_after_it_looked(fdb, config):
    assert fdb.retrieve(FIELD).readall() == b""
    archived(pyfdb.FDB(config), FIELD)
    assert fdb.retrieve(FIELD).readall() == b"message 0"
    pyfdb.FDB(config).archive(b"newer", FIELD)
    assert fdb.retrieve(FIELD).readall() == b"newer"


def test_a_refused_key_leaves_nothing_behind(fdb):
    with pytest.raises(RuntimeError, match="UserError: keywords not used: foo"):
        fdb.archive(b"x", {**FIELD, "foo": "1"})
    assert not fdb.dirty()
    archived(fdb, FIELD)
    assert len(list(fdb.list({}))) == 1


def test_keys_are_made_canonical_where_theirs_are_refused_or_kept(fdb):
    archived(fdb, {**FIELD, "expver": "1", "date": "2024-01-01", "time": "0"})
    assert only(fdb.list(FIELD)).combined_key() == dict(sorted(FIELD.items()))


def test_a_retrieve_may_leave_keywords_out(fdb):
    archived(fdb, FIELD, {**FIELD, "step": "6"})
    assert fdb.retrieve({"class": "od", "param": "167"}).readall() == b"message 0message 1"


def test_errors_tell_what_the_store_told(fdb):
    with pytest.raises(RuntimeError, match="UserError: Bad value: the request asks for step=xx") as caught:
        next(fdb.list({"step": "xx"}))
    assert isinstance(caught.value.__cause__, InvalidRequest)
    assert caught.value.__cause__.keyword == "step"
    assert pickle.loads(pickle.dumps(caught.value.__cause__)).keyword == "step"


def test_damaged_messages_are_not_given_out(fdb, tmp_path):
    archived(fdb, FIELD)
    (data,) = (tmp_path / "store").rglob("*.data")
    data.write_bytes(b"Message 0")
    for handle in (fdb.retrieve(FIELD), only(fdb.list(FIELD)).data_handle):
        with pytest.raises(RuntimeError, match=r"ReadError: .*checksum") as caught:
            handle.readall()
        assert isinstance(caught.value.__cause__, CorruptData)
        assert not handle.opened


def test_archiving_into_a_locked_database(fdb):
    archived(fdb, FIELD)
    disable, archive = pyfdb.ControlAction.DISABLE, pyfdb.ControlIdentifier.ARCHIVE
    (element,) = fdb.control({"class": "od"}, disable, [archive])
    words = r"UserError: Database .* matched for archived is LOCKED against archiving"
    with pytest.raises(RuntimeError, match=words) as caught:
        archived(fdb, FIELD)
    assert isinstance(caught.value.__cause__, StorageLocked)
    list(fdb.control({"class": "od"}, pyfdb.ControlAction.ENABLE, [archive]))
    archived(fdb, FIELD)
    assert element.controlIdentifiers() == [archive]


def test_keys_are_split_as_their_own_rule_says(fdb):
    archived(fdb, FIELD, {**FIELD, "levtype": "pl", "levelist": "500"}, MEMBER)
    by_stream = {}
    for element in fdb.list({}):
        by_stream.setdefault(element.combined_key()["stream"], []).append(
            [list(level) for level in pyfdb.ListElement.keys(element)]
        )
    assert by_stream == {
        "oper": [
            [["class", "date", "expver", "stream", "time"], ["levtype", "type"], ["param", "step"]],
            [
                ["class", "date", "expver", "stream", "time"],
                ["levtype", "type"],
                ["levelist", "param", "step"],
            ],
        ],
        "enfo": [
            [["class", "date", "expver", "stream"], ["number", "time", "type"], ["levtype", "param", "step"]]
        ],
    }
    assert sorted(str(e) for e in fdb.list({}, level=2)) == [
        "{class=od,expver=0001,stream=enfo,date=20240101}{time=0000,type=fc,number=3},length=0,timestamp=0",
        "{class=od,expver=0001,stream=oper,date=20240101,time=0000}{type=fc,levtype=pl},length=0,timestamp=0",
        "{class=od,expver=0001,stream=oper,date=20240101,time=0000}{type=fc,levtype=sfc},length=0,timestamp=0",
    ]


def test_keys_and_combined_keys_agree_for_every_field(fdb):
    keys = [
        {**FIELD, "date": f"2024010{day}", "step": str(step), "param": str(param), **level}
        for day in (1, 2)
        for step in (0, 6)
        for param in (130, 131)
        for level in ({"levtype": "sfc"}, {"levtype": "pl", "levelist": "500"})
    ]
    archived(fdb, *keys, MEMBER)
    wanted = sorted(tuple(sorted(key.items())) for key in [*keys, MEMBER])
    elements = list(fdb.list({}))
    assert sorted(tuple(e.combined_key().items()) for e in elements) == wanted
    assert (
        sorted(tuple(sorted({**a, **b, **c}.items())) for a, b, c in (e.keys() for e in elements)) == wanted
    )
    changed = elements[0].keys()
    changed[0]["class"] = changed[1]["type"] = changed[2]["step"] = "changed"
    assert "changed" not in str([e.keys() for e in elements])


def test_axes_hold_an_empty_value_where_a_keyword_is_left_out(fdb):
    archived(fdb, FIELD, {**FIELD, "levtype": "pl", "levelist": "1000"}, {**FIELD, "step": "12"})
    assert dict(fdb.axes({}))["levelist"] == ["", "1000"]
    assert dict(fdb.axes({"levtype": "sfc"}))["levelist"] == [""]
    assert dict(fdb.axes({"levtype": "pl"}))["levelist"] == ["1000"]
    assert "levelist" not in fdb.axes({}, level=2)


def test_paths_with_odd_characters_are_addresses_still(fdb):
    archived(fdb, {**FIELD, "expver": "a?#1"})
    uri = only(fdb.list({})).uri
    assert Path(uri.path()).exists()
    assert (uri.query(), uri.fragment(), uri == pyfdb.URI.of_file(uri.path())) == ("", "", True)


def test_purge_removes_files_and_tells_which(tmp_path, config):
    archived(pyfdb.FDB(config), FIELD)  # nobody has this handle any more: its writer is not at work
    other = archived(pyfdb.FDB(config), FIELD)
    files = {str(path) for path in (tmp_path / "store").rglob("*.data")}
    told = [str(element) for element in other.purge({"class": "od"}, porcelain=True)]
    removed = {path for path in told if path.endswith(".data")}
    assert removed < files
    assert len(removed) == 1
    lines = [str(element) for element in other.purge({}, doit=True)]
    assert {f"Removing: {path}" for path in told} <= set(lines)
    assert {str(path) for path in (tmp_path / "store").rglob("*.data")} == files - removed


def test_wiping_an_index_says_how_many_fields_go(fdb):
    archived(
        fdb,
        FIELD,
        {**FIELD, "levtype": "pl", "levelist": "500"},
        {**FIELD, "levtype": "pl", "levelist": "850"},
    )
    messages = [element.msg() for element in fdb.wipe({"class": "od", "levtype": "pl"})]
    assert "Fields to delete: 2" in messages
    assert len(list(fdb.list({}))) == 3
    assert "Fields to delete: 2" in [e.msg() for e in fdb.wipe({"class": "od", "levtype": "pl"}, doit=True)]
    assert [e.combined_key()["levtype"] for e in fdb.list({})] == ["sfc"]


def test_stats_count_bytes_as_theirs(fdb):
    archived(fdb, FIELD)
    element = only(fdb.stats({}))
    assert "Fields                          : 1\nSize of fields                  : 9 (9 bytes)\n" in str(
        element
    )
    assert [in_bytes(n) for n in (0, 1, 1023, 1024, 32196, 6144, 1 << 30)] == [
        "0 (0 bytes)",
        "1 (1 byte)",
        "1,023 (1023 bytes)",
        "1,024 (1 Kbyte)",
        "32,196 (31.4414 Kbytes)",
        "6,144 (6 Kbytes)",
        "1,073,741,824 (1 Gbyte)",
    ]


def test_threads_may_share_a_handle(fdb):
    def work(number):
        for step in range(20):
            fdb.archive(b"x", {**FIELD, "step": str(step), "param": str(number)})
        fdb.flush()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(fdb.list({}))) == 80


def test_what_would_be_purged_or_wiped_may_be_asked_while_others_ask(fdb):
    archived(fdb, FIELD)
    errors = []
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        try:
            for _ in range(5):
                assert list(fdb.purge({}))
                assert list(fdb.wipe({}))
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


SCRIPT = """
import sys
import dte_hpc.fdb.pyfdb as pyfdb
fdb = pyfdb.FDB(open(sys.argv[1]).read())
fdb.archive(b"left", {field})
"""


def test_what_a_program_leaves_unflushed_is_flushed_at_its_end(fdb, config, tmp_path):
    import yaml

    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("{field}", repr(FIELD)), file], check=True, timeout=60
    )
    assert fdb.retrieve(FIELD).readall() == b"left"


def test_the_environment_names_the_store(config, tmp_path, monkeypatch):
    import yaml

    monkeypatch.setenv("FDB_CONFIG", yaml.safe_dump(config))
    fdb = archived(pyfdb.FDB(), FIELD)
    assert str(tmp_path / "store") in repr(fdb)
    assert fdb.config()[0]["spaces"]


def test_without_a_configuration_the_error_says_what_is_expected(monkeypatch):
    for name in (*VARIABLES, "FDB_ROOT_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    with pyfdb.FDB() as fdb:
        assert (fdb.config(), fdb.dirty(), repr(fdb)) == (({}, {}), False, "FDB()")
        with pytest.raises(RuntimeError, match="UserError: no store was named"):
            list(fdb.list({}))
    with pytest.raises(RuntimeError, match=r"UserError: .*mapping"):
        pyfdb.FDB("- a\n- b\n")


@pytest.mark.parametrize(("option", "found"), [("--print-home", "dte_hpc"), ("--print-home-deps", "numpy")])
def test_the_home_is_printed(option, found):
    done = subprocess.run(
        [sys.executable, "-m", "dte_hpc.fdb.pyfdb", option],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found in done.stderr
    assert "INFO" in done.stderr


def test_without_an_option_help_is_printed(monkeypatch, capsys):
    from dte_hpc.fdb.pyfdb.__main__ import main

    monkeypatch.setattr(sys, "argv", ["pyfdb"])
    monkeypatch.setattr(logging, "basicConfig", lambda **_options: None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "--print-home" in capsys.readouterr().out


def test_threads_that_ask_a_new_handle_at_once_all_get_the_same(fdb, config):
    archived(fdb, *({**FIELD, "date": f"202401{day:02d}"} for day in range(1, 31)))
    for _ in range(10):
        shared, barrier, counts = pyfdb.FDB(config), threading.Barrier(8), []

        def ask(shared=shared, barrier=barrier, counts=counts):
            barrier.wait()
            counts.append(len(list(shared.status({"step": "0"}))))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counts == [30] * 8
