"""A plan that recovers drops what fails and goes on; branches each get every item."""

import logging

import numpy as np
import pytest

from dte_hpc.base.errors import DteError
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import Pipeline, load_plans

FILE = {"type": "file"}


def field(grid="O32", n_points=5248, **names):
    return Field(
        metadata=Metadata({"param": 130, "grid": grid, "levtype": "sfc", **names}), values=np.ones(n_points)
    )


def plan(on_error, *more):
    actions = [{"type": "aggregate"}, {"type": "interpolate", "grid": "1/1"}, {"type": "null"}]
    return {"name": "p", "on-error": on_error, "actions": actions}


def test_recover_logs_and_drops_the_item(caplog):
    pipeline = Pipeline(load_plans([plan({"type": "recover", "maxRetries": 3})]))
    with caplog.at_level(logging.ERROR, "dte_hpc.plan"):
        pipeline.process(field(grid="O48"))
    assert "plan 'p' drops" in caplog.text
    assert "'interpolate' ($.plans[0].actions[1])" in caplog.text
    pipeline.close()


def test_propagate_is_the_default():
    pipeline = Pipeline(load_plans([plan("propagate")]))
    with pytest.raises(DteError):
        pipeline.process(field(grid="O48"))


def test_each_branch_gets_each_item(caplog):
    branches = [[{"type": "print", "prefix": name}, {"type": "null"}] for name in ("left", "right")]
    actions = [{"type": "aggregate"}, {"type": "fan-out", "branches": branches}]
    pipeline = Pipeline(load_plans([{"name": "p", "actions": actions}]))
    with caplog.at_level(logging.INFO, "dte_hpc.plan"):
        pipeline.process(field())
    pipeline.close()
    assert [name in caplog.text for name in ("left: field", "right: field")] == [True, True]


@pytest.mark.parametrize(("on_error", "ends"), [("recover", False), ("propagate", True)])
def test_branches_inherit_on_error_and_one_that_fails_takes_nothing_from_the_next(on_error, ends, caplog):
    failing = [{"type": "interpolate", "grid": "1/1"}, {"type": "null"}]
    shown = [{"type": "print", "prefix": "next"}, {"type": "null"}]
    actions = [{"type": "aggregate"}, {"type": "fan-out", "branches": [failing, shown]}]
    pipeline = Pipeline(load_plans([{"name": "p", "on-error": on_error, "actions": actions}]))
    with caplog.at_level(logging.INFO, "dte_hpc.plan"):
        if ends:
            with pytest.raises(DteError):
                pipeline.process(field(grid="O48"))
        else:
            pipeline.process(field(grid="O48"))
            assert "drops" in caplog.text
            assert "next: field" in caplog.text


@pytest.mark.parametrize("innermost", ["action", "branch"])
def test_the_innermost_word_decides(innermost):
    failing = {"type": "interpolate", "grid": "1/1", "on-error": "propagate"}
    if innermost == "action":
        actions = [{"type": "aggregate"}, failing, {"type": "null"}]
    else:
        actions = [{"type": "aggregate"}, {"type": "fan-out", "branches": [[failing, {"type": "null"}]]}]
    pipeline = Pipeline(load_plans([{"name": "p", "on-error": "recover", "actions": actions}]))
    with pytest.raises(DteError):
        pipeline.process(field(grid="O48"))
