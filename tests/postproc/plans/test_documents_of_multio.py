"""Documents in the shapes that MultIO's users write: read, explained, run; and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.decode import read_field
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import split
from dte_hpc.postproc.plans.document import load_document
from dte_hpc.postproc.plans.on_error import OnError

DATA = Path(__file__).with_name("data")
NULL = {"type": "null"}
NAMES = {"class": "rd", "expver": "0001", "stream": "oper", "type": "fc", "date": 20260101, "time": 0}


def plan(*actions, name="p", **facts):
    return {"name": name, "actions": list(actions), **facts}


def mistakes(document):
    with pytest.raises(InvalidConfig) as caught:
        load_document(document)
    return caught.value.mistakes


@pytest.fixture
def fields(tmp_path):
    """A GRIB file of four steps of two surface fields."""
    encoder = GribEncoder(Packing(packing="simple", bits_per_value=16))
    path = tmp_path / "fields.grib"
    with path.open("wb") as file:
        for step in (6, 12, 18, 24):
            for param in (167, 134):
                names = {**NAMES, "levtype": "sfc", "param": param, "step": step, "grid": "O32"}
                values = np.full(5248, float(step))
                file.write(encoder.encode(Field(metadata=Metadata(names), values=values)).message)
    return path


@pytest.fixture(autouse=True)
def variables(tmp_path, monkeypatch):
    """Started elsewhere than where the documents are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWITCH", "yes")
    monkeypatch.setenv("OUT", str(tmp_path))
    monkeypatch.setenv("DTE_WEIGHTS", str(tmp_path / "weights"))


def test_client_server_document_is_read_whole():
    document = load_document(DATA / "client-server.yaml")
    native, half_day = document.plans
    assert (native.name, half_day.name) == ("two-metre-temperature", "half-day")
    assert native.enable
    assert half_day.on_error is OnError.RECOVER
    assert document.client_on_error is OnError.ABORT
    assert [action.name for action in document.client[0].actions] == ["select", "print", "transport"]
    assert half_day.actions[2].options.mapping == str(DATA / "names.yaml")
    assert len(document.notes) == 2


@pytest.mark.parametrize("name", ["client-server", "dissemination"])
def test_dte_plan_check_and_explain(dte, name):
    checked = dte("plan", "check", DATA / f"{name}.yaml")
    assert (checked.status, checked.err) == (0, "")
    explained = dte("plan", "explain", DATA / f"{name}.yaml", "--grid", "O32")
    assert (explained.status, explained.err) == (0, "")
    if name == "client-server":
        assert "note: mpi-communicators: the job splits the world itself" in explained.out
        assert "to the IO ranks, by hash, of param, levtype" in explained.out


def test_client_server_document_runs_on_files(dte, tmp_path, fields):
    ended = dte("plan", "run", DATA / "client-server.yaml", fields)
    assert (ended.status, ended.err) == (0, "")
    native = [read_field(each) for each in split((tmp_path / "server-0-native.grib").read_bytes())]
    assert [int(field.metadata["step"]) for field in native] == [6, 12, 18, 24]
    means = [read_field(each) for each in split((tmp_path / "half-day.grib").read_bytes())]
    assert [field.values[0] for field in means] == [9.0, 12.0, 21.0, 24.0]


def test_dissemination_becomes_files(dte, tmp_path, fields):
    pytest.importorskip("mir")
    ended = dte("plan", "run", DATA / "dissemination.yaml", fields)
    assert (ended.status, ended.err) == (0, "")
    for number, target, param in (("0000", "cold", "167"), ("0001", "pressure", "134")):
        (file,) = (tmp_path / "wishes" / number).iterdir()
        assert file.name == f"wishes_{number}-{target}.grib"
        found = [read_field(each) for each in split(file.read_bytes())]
        assert [(str(f.metadata["param"]), f.values.size) for f in found] == [(param, 19 * 36)] * 4


def test_a_variable_that_is_not_set_is_told_once(monkeypatch):
    monkeypatch.delenv("SWITCH")
    with pytest.raises(InvalidConfig) as caught:
        load_document(DATA / "client-server.yaml")
    assert [place for place, _ in caught.value.mistakes] == ["$.server.plans[0].enable"]
    assert caught.value.lines == ((str(DATA / "client-server.yaml"), 20),)


def test_a_mistake_of_an_included_file_has_its_own_line(tmp_path):
    (tmp_path / "one.yaml").write_text("name: one\nactions:\n  - {type: aggregate}\n  - {type: nul}\n")
    (tmp_path / "all.yaml").write_text("server:\n  plans:\n    - file: one.yaml\n")
    with pytest.raises(InvalidConfig) as caught:
        load_document(tmp_path / "all.yaml")
    assert caught.value.lines == ((str(tmp_path / "one.yaml"), 4),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "which is not there"),
        ("{file: again.yaml}", "files nest once"),
        ("{plans: []}", "a file with one plan"),
    ],
)
def test_files_that_are_no_plan(tmp_path, content, words):
    if content is not None:
        (tmp_path / "one.yaml").write_text(content)
    (_, sentence), *more = mistakes([{"file": "one.yaml"}])
    assert words in sentence
    assert not more


@pytest.mark.parametrize(
    ("node", "place", "words"),
    [
        ("recovr", "on-error", "did you mean 'recover'"),
        ("abort-transport", "on-error", "propagate or recover"),
        ({"type": "recover", "maxRetries": "many"}, "on-error.maxRetries", "a whole number"),
        ({"type": "recover", "retries": 1}, "on-error.retries", "retries"),
    ],
)
def test_mistakes_of_on_error(node, place, words):
    ((at, sentence),) = mistakes([plan({"type": "aggregate"}, NULL, **{"on-error": node})])
    assert at == f"$.plans[0].{place}"
    assert words in sentence


def test_selects_that_contradict_are_told_beside_other_mistakes():
    selects = [{"type": "select", "match": {"param": p}} for p in (130, [131, 132])]
    found = mistakes([plan(*selects, {"type": "aggregate"}, {"type": "nul"}, enable="maybe")])
    assert sorted(at for at, _ in found) == [
        "$.plans[0].actions[1].match",
        "$.plans[0].actions[3].type",
        "$.plans[0].enable",
    ]


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ({"transport": "mqi"}, "$.server.transport"),
        ({"group": 3}, "$.server.group"),
        ({"plan": []}, "$.server.plan"),
    ],
)
def test_mistakes_of_the_server_section(section, place):
    given = {"server": {"plans": [plan({"type": "aggregate"}, NULL)], **section}}
    assert [at for at, _ in mistakes(given)] == [place]


def test_plans_where_no_plan_is_read_are_a_mistake():
    own = {"plans": [plan({"type": "aggregate"}, NULL)]}
    found = mistakes({"server": own, "other": {"transport": "mpi", **own}})
    assert [at for at, _ in found] == ["$.other.plans"]
