"""A small model whose run may be stopped, and plans that keep their state."""

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import grid
from dte_hpc.postproc import Pipeline, load_plans

GRID = "O4"
VARIABLES = ((130, 500), (130, 850), (131, 500))
NAMES = {"class": "od", "stream": "oper", "expver": "0001", "type": "fc", "levtype": "pl", "grid": GRID}
NAMES |= {"date": 20260401, "time": 0}
LAST_STEP = 720
ENCODED = ["average", "minimum", "maximum", "accumulate"]
DEVIATIONS = ["stddev", "variance", {"operation": "histogram", "edges": [250, 270, 290]}]
GROWN = ["de-accumulate", "fixed-window-flux-average", "inverse-difference"]


class Model:
    """Thirty days by the hour, the same whenever they are asked for."""

    def __init__(self, root):
        self.root = root

    def plans(self, **options):
        """Daily and monthly statistics, and accumulated ones, that keep their state as some options say."""
        where = {"restart-path": str(self.root), "restart-prefix": "kept"}
        begun = {"initial-condition-present": True, "solver-reset-accumulate-fields-every": "never"}
        return load_plans(
            [
                self._plan("daily", "1d", ENCODED, where | options, {"type": "encode"}),
                self._plan("monthly", "1m", ENCODED, where | options, {"type": "encode"}),
                self._plan("daily deviations", "1d", DEVIATIONS, where | options),
                self._plan("monthly deviations", "1m", DEVIATIONS, where | options),
                self._plan("grown", "1d", GROWN, where | begun | options),
            ]
        )

    def pipeline(self, *, together=None, **options):
        return Pipeline(self.plans(**options), checkpoints_together=together)

    def fields(self, step):
        for param, level in VARIABLES:
            random = np.random.default_rng((step, param, level))
            values = random.normal(270.0, 10.0, grid(GRID).n_points)
            yield Field(
                metadata=Metadata(NAMES | {"step": step, "param": param, "levelist": level}), values=values
            )

    def feed(self, pipelines, steps):
        """Give every variable to one of some pipelines, at some steps; without an initial condition at 0."""
        for step in steps:
            for number, field in enumerate(self.fields(step)):
                pipelines[number % len(pipelines)].process(field)

    @staticmethod
    def _plan(name, frequency, operations, options, *more):
        statistics = {
            "type": "statistics",
            "output-frequency": frequency,
            "operations": operations,
            "options": options,
        }
        chosen = [{"type": "select", "ignore": {"step": 0}}] * (name != "grown")
        actions = [*chosen, {"type": "aggregate"}, statistics, *more, {"type": "debug-sink", "keep": 10_000}]
        return {"name": name, "actions": actions}

    @staticmethod
    def messages(chains):
        """Return the bytes of every message, or field, that came out of some plans, by plan and metadata."""
        found = {}
        for chain in chains:
            for item in chain.actions[-1].items:
                name = (chain.name, item.metadata)
                data = item.field.values if hasattr(item, "field") else item.message
                assert found.setdefault(name, bytes(data)) == bytes(data), name
        return found


@pytest.fixture
def model(tmp_path):
    return Model(tmp_path)


@pytest.fixture(scope="session")
def model_at():
    return Model
