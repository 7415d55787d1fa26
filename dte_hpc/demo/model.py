"""What does the demonstration model compute, and what does it send?

Each model rank owns a band of the grid's points. At every step it carries the tracers by following
each point back along the rotation (a semi-Lagrangian step with the exact trajectory, so the answer is
the closed form of `solid_body`), and streams its part of every field to the IO ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dte_hpc.base.field import Metadata
from dte_hpc.demo import solid_body
from dte_hpc.grids import grid as grid_named
from dte_hpc.job import ModelRank
from dte_hpc.job.replay import band

DOMAIN = "sphere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is simulated.

    Attributes
    ----------
    grid : str
        Name of the model's grid.
    n_hours : int
        Steps are hourly, from 0 to this one.
    levels : tuple of int
        Pressure levels in hPa.
    parameters : tuple of int
        GRIB paramIds of `solid_body.PARAMETERS`.
    date : int
        Base date, YYYYMMDD, at 00 UTC.
    """

    grid: str = "O320"
    n_hours: int = 24
    levels: tuple[int, ...] = solid_body.LEVELS
    parameters: tuple[int, ...] = solid_body.PARAMETERS
    date: int = 20260101

    @property
    def n_fields(self) -> int:
        """How many fields the model sends."""
        return (self.n_hours + 1) * len(self.levels) * len(self.parameters)

    def metadata(self, parameter: int, level: int, step: int) -> Metadata:
        """Return what one field is called."""
        return Metadata(
            {
                "class": "rd",
                "expver": "demo",
                "stream": "oper",
                "type": "fc",
                "date": self.date,
                "time": 0,
                "step": step,
                "levtype": "pl",
                "levelist": level,
                "param": parameter,
                "grid": self.grid,
                "domain": DOMAIN,
            }
        )


def run_model(rank: ModelRank, run: Run) -> Iterator[int]:
    """Simulate and stream, yielding each step once its fields are on their way; flush and notify at the end.

    Collective over the model ranks. The last fields of a step travel while the next one is computed.
    """
    grid = grid_named(run.grid)
    indices = band(grid.n_points, rank.rank, rank.size)
    points = solid_body.Points.at(*grid.coordinates_of(indices))
    rank.client.write_domain(DOMAIN, indices, global_size=grid.n_points, grid=run.grid)
    for step in range(run.n_hours + 1):
        for parameter in run.parameters:
            for level in run.levels:
                values = solid_body.value(parameter, level, step, points)
                rank.client.write_field(run.metadata(parameter, level, step), values)
        yield step
    rank.client.flush()
    rank.client.notify(run.metadata(run.parameters[0], run.levels[0], run.n_hours).without("domain"))
