"""Fields of one series that say differently how their values are held: one missing value, and none."""

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import Pipeline
from dte_hpc.postproc.plans.document import load_plans

NAME = {"date": 20260101, "time": 0, "levtype": "sfc", "param": "167", "step": 1, "number": 0}


def run(action, fields):
    """Put fields of (facts, values) through an action; return what comes out."""
    plans = load_plans({"plans": [{"actions": [{"type": "aggregate"}, action, {"type": "debug-sink"}]}]})
    pipeline = Pipeline(plans)
    kept = pipeline._chains[0].actions[-1].items
    for facts, values in fields:
        pipeline.process(Field(metadata=Metadata({**NAME, **facts}), values=np.array(values)))
    pipeline.close()
    return [item.field.values for item in kept]


@pytest.mark.parametrize("prefix", ["", "misc-"])
@pytest.mark.parametrize(
    ("action", "differ"),
    [
        ({"type": "statistics", "output-frequency": "2h", "operations": ["average"]}, ("step", 1, 2)),
        ({"type": "ensemble-statistics", "members": 2, "operations": ["average"]}, ("number", 0, 1)),
        (
            {"type": "derive", "fields": [{"derive": "(a + b) / 2", "inputs": {"a": 1, "b": 2}, "param": 3}]},
            ("param", "1", "2"),
        ),
    ],
)
def test_a_missing_value_in_one_of_them_only(action, differ, prefix):
    keyword, first, second = differ
    flags = {f"{prefix}bitmapPresent": True, f"{prefix}missingValue": -9.0}
    (found,) = run(action, [({keyword: first}, [1.0, 1.0]), ({keyword: second, **flags}, [3.0, -9.0])])
    np.testing.assert_array_equal(found, [2.0, np.nan])
