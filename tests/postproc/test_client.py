"""Plans of the model ranks decide what is sent, and what else becomes of a part (one process)."""

import numpy as np
import pytest

from dte_hpc.base.errors import DteError, InvalidConfig, InvalidPart
from dte_hpc.ioserver import LocalClient
from dte_hpc.postproc import Pipeline
from dte_hpc.postproc.client import ClientPlans
from dte_hpc.postproc.plans.document import load_client, load_document

NAMES = {"levtype": "sfc", "date": 20260101, "time": 0, "stream": "oper", "class": "rd", "expver": "0001"}
SCALE = {"type": "scale", "custom-mappings": [{"param-in": 167, "param-out": 168, "scaling": 2.0}]}
TRANSPORT = {"type": "transport", "target": "server"}
KEEP = {"type": "debug-sink"}
SERVER = {"plans": [{"name": "all", "actions": [{"type": "aggregate"}, KEEP]}]}


def select(*params):
    return {"type": "select", "match": {"param": list(params)}}


def plan(name, *actions, **facts):
    return {"name": name, "actions": list(actions), **facts}


class Run:
    """What came to the server's plan, and how often anything was sent."""

    def __init__(self, *plans, aborted=None, **client):
        document = load_document({"client": {"plans": list(plans), **client}, "server": SERVER})
        self.server = Pipeline(document.plans)
        more = {} if aborted is None else {"abort": aborted.append}
        self.plans = ClientPlans(document, **more)
        self.client = LocalClient(self.server, plans=self.plans)
        (self.kept,) = (action for action in self.server._chains[0] if hasattr(action, "items"))

    def write(self, *params, steps=(1,), **more):
        with self.client as client:
            client.write_domain("d", np.arange(4), global_size=4)
            for step in steps:
                for param in params:
                    values = np.full(4, param + step, np.float64)
                    client.write_field({**NAMES, "param": param, "step": step, "domain": "d", **more}, values)
        return [
            (item.metadata["param"], item.metadata["step"], item.field.values[0]) for item in self.kept.items
        ]


def test_what_no_transport_accepts_is_not_sent():
    run = Run(plan("p", select(167), TRANSPORT))
    assert [run.client.field_accepted({"param": p}) for p in (167, 130)] == [True, False]
    assert run.write(167, 130) == [(167, 1, 168.0)]
    assert run.client.report.n_parts == 1


def test_however_many_plans_send_a_part_it_is_sent_once():
    run = Run(
        plan("a", TRANSPORT),
        plan("b", select(167), {"type": "print"}, TRANSPORT),
        plan("c", SCALE, TRANSPORT),
    )
    assert run.write(130, 167) == [(130, 1, 131.0), (167, 1, 168.0), (168, 1, 336.0)]
    assert run.client.report.n_parts == 3


def test_statistics_of_parts_are_sent_when_they_are_done_also_at_the_end():
    daily = {
        "type": "statistics",
        "output-frequency": "2h",
        "operations": ["average"],
        "options": {"partial-windows": True},
    }
    run = Run(plan("p", daily, TRANSPORT))
    assert [value for *_, value in run.write(130, steps=(1, 2, 3))] == [131.5, 133.0]
    assert run.client.report.n_parts == 2


def test_a_plan_without_transport_works_here_and_sends_nothing():
    run = Run(plan("local", select(130), KEEP), plan("sent", select(167), TRANSPORT))
    assert run.write(130, 167) == [(167, 1, 168.0)]


def test_branches_send_too():
    branches = [[SCALE, TRANSPORT], [select(167), KEEP]]
    run = Run(plan("p", {"type": "fan-out", "branches": branches}))
    assert run.write(167) == [(168, 1, 336.0)]


def test_active_matchers_are_accepted_as_well():
    run = Run(plan("p", select(167), TRANSPORT), **{"active-matchers": [{"param": [130]}]})
    assert [run.client.field_accepted({"param": p}) for p in (167, 130, 131)] == [True, True, False]


def test_without_client_plans_every_field_is_accepted():
    assert LocalClient(Pipeline(load_document(SERVER).plans)).field_accepted({"param": 1})


def test_a_field_that_lacks_a_hash_key_is_refused():
    run = Run(plan("p", {**TRANSPORT, "hash-keys": ["category", "param"]}))
    with pytest.raises(InvalidPart, match="has no 'category'"):
        run.write(167)


@pytest.mark.parametrize(
    ("on_error", "own", "n_aborts", "arrives"),
    [
        ("propagate", None, 0, False),
        ("recover", None, 0, True),
        ("abort-transport", None, 1, False),
        ("abort-transport", "propagate", 0, False),
        ("propagate", "recover", 0, True),
    ],
)
def test_on_error(on_error, own, n_aborts, arrives):
    """A parameter without a mean rate is an error of average-rate; the innermost word decides."""
    facts = {} if own is None else {"on-error": own}
    aborted = []
    run = Run(
        plan("rates", {"type": "average-rate"}, TRANSPORT, **facts),
        plan("sent", TRANSPORT),
        aborted=aborted,
        **{"on-error": on_error},
    )
    if arrives:
        assert run.write(167) == [(167, 1, 168.0)]
    else:
        with pytest.raises(DteError):
            run.write(167)
    assert len(aborted) == n_aborts


def mistake(*plans, **document):
    with pytest.raises(InvalidConfig) as caught:
        load_document({"client": {"plans": list(plans)}, **({"server": SERVER} | document)})
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("action", "place"),
    [
        ({"type": "aggregate"}, "type"),
        ({"type": "mask"}, "type"),
        ({"type": "interpolate", "grid": [1, 1]}, "type"),
        ({"type": "renumber-healpix"}, "type"),
        ({"type": "transport", "target": "elsewhere"}, "target"),
        ({"type": "transport", "distribution": "evn"}, "distribution"),
        ({"type": "fan-out", "branches": [[{"type": "mask"}, TRANSPORT]]}, "branches[0][0].type"),
    ],
)
def test_what_cannot_work_on_a_part_is_refused(action, place):
    end = [] if action["type"] in ("transport", "fan-out") else [TRANSPORT]
    assert [at for at, _ in mistake(plan("p", action, *end))] == [f"$.client.plans[0].actions[0].{place}"]


def test_a_transport_in_a_branch_on_the_server_is_refused():
    branch = {"type": "fan-out", "branches": [[TRANSPORT]]}
    server = {"plans": [plan("p", {"type": "aggregate"}, branch)]}
    with pytest.raises(InvalidConfig) as caught:
        load_document({"server": server})
    assert caught.value.place == "$.server.plans[0].actions[1].branches[0][0].type"


def test_a_transport_needs_a_server():
    with pytest.raises(InvalidConfig, match="no server in the document"):
        load_document({"client": {"plans": [plan("p", TRANSPORT)]}})


def test_model_ranks_read_their_own_section_only(tmp_path):
    text = "{client: {plans: [{name: p, actions: [{type: transport}]}]}, server: {plans: [{actions: wrong}]}}"
    (tmp_path / "p.yaml").write_text(text)
    assert [each.name for each in load_client(tmp_path / "p.yaml").client] == ["p"]
    (tmp_path / "q.yaml").write_text("plans: [{actions: wrong}]")
    assert load_client(tmp_path / "q.yaml") is None
    assert load_client([{"name": "p"}]) is None
