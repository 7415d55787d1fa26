"""``dte plan``: exit status, places, and output for programs."""

import json

import pytest

from dte_hpc.cli.main import main

RIGHT = "plans: [{name: p, actions: [{type: aggregate}, {type: interpolate, grid: 1/1}, {type: 'null'}]}]"
WRONG = "plans: [{name: p, actions: [{type: agregate}, {type: 'null', x: 1}]}]"


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_right_plan(file, capsys):
    assert main(["plan", "check", file(RIGHT)]) == 0
    assert capsys.readouterr().out == "right: 1 plans, 3 actions\n"
    assert main(["plan", "check", "--json", file(RIGHT)]) == 0
    assert json.loads(capsys.readouterr().out)["right"] is True


def test_a_wrong_plan(file, capsys):
    for task in ("check", "explain"):
        assert main(["plan", task, file(WRONG)]) == 2
        told = capsys.readouterr().err
        assert "2 mistakes" in told
        assert "$.plans[0].actions[0].type" in told
        assert "$.plans[0].actions[1].x" in told
    assert main(["plan", "check", "--json", file(WRONG)]) == 2
    places = [mistake["place"] for mistake in json.loads(capsys.readouterr().out)["mistakes"]]
    assert places == ["$.plans[0].actions[0].type", "$.plans[0].actions[1].x"]


def test_no_yaml_and_no_file(file, capsys, tmp_path):
    assert main(["plan", "check", file("plans: [")]) == 2
    assert "line 1" in capsys.readouterr().err
    assert main(["plan", "check", str(tmp_path / "gone.yaml")]) == 2


def test_explain(file, capsys):
    assert main(["plan", "explain", file(RIGHT), "--grid", "O32", "--float32"]) == 0
    drawing = capsys.readouterr().out
    assert "linear from O32 to 1/1" in drawing
    assert "→ a whole field on O32, 20.5 KiB, each field" in drawing
    assert main(["plan", "explain", file(RIGHT), "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert plan["actions"][1]["grid"] == "1/1"
    assert main(["plan", "explain", file(RIGHT), "--grid", "Q9"]) == 2


def test_no_plan_and_a_name_that_is_none(file, capsys):
    for text in ("[]", "plans: []"):
        assert main(["plan", "check", file(text)]) == 2
        assert "$.plans: found a list of 0; expected at least one plan" in capsys.readouterr().err
    assert main(["plan", "check", file("plans: [{name: [p], actions: [{type: 'null'}]}]")]) == 2
    assert "$.plans[0].name: found ['p']; expected text" in capsys.readouterr().err


def test_a_whole_job_is_checked_too(tmp_path, capsys):
    plans = "plans: [{actions: [{type: aggregate}, {type: 'null'}]}]\n"
    (tmp_path / "job.yaml").write_text("ranks: {io: 2}\nstore: here\n" + plans)
    assert main(["plan", "check", str(tmp_path / "job.yaml")]) == 0
    (tmp_path / "job.yaml").write_text("ranks: {oi: 2}\nstore: here\n" + plans)
    assert main(["plan", "check", str(tmp_path / "job.yaml")]) == 2
    assert "$.ranks.oi: unknown keyword 'oi'" in capsys.readouterr().err
    (tmp_path / "job.yaml").write_text("store: here\n" + plans.replace("aggregate", "agregate"))
    assert main(["plan", "check", str(tmp_path / "job.yaml")]) == 2
    assert "$.plans[0].actions[0].type" in capsys.readouterr().err
