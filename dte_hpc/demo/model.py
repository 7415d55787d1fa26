"""What does the demonstration model compute, and what does it send?

Each model rank owns a band of the grid's points. At every step it carries the tracers by following
each point back along the rotation (a semi-Lagrangian step with the exact trajectory, so the answer is
the closed form of `solid_body`), and streams its part of every field to the IO ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dte_hpc.base.field import Metadata
from dte_hpc.demo import solid_body
from dte_hpc.grids import grid as grid_named
from dte_hpc.job import ModelRank

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

    def fields(self, step: int) -> Iterator[Metadata]:
        """Yield the metadata of every field of one step."""
        for parameter in self.parameters:
            for level in self.levels:
                yield self.metadata(parameter, level, step)

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
    """Simulate and stream, yielding each step once its fields are on their way.

    Collective over the model ranks. The last fields of a step travel while the next one is computed.
    """
    indices = band(grid_named(run.grid).n_points, rank.rank, rank.size)
    points = Points_of(run.grid, indices)
    rank.client.write_domain(DOMAIN, indices, global_size=grid_named(run.grid).n_points, grid=run.grid)
    for step in range(run.n_hours + 1):
        for metadata in run.fields(step):
            level, parameter = int(metadata["levelist"]), int(metadata["param"])
            rank.client.write_field(metadata, solid_body.value(parameter, level, step, points))
        yield step
    rank.client.flush()
    rank.client.notify(
        run.metadata(run.parameters[0], run.levels[0], run.n_hours).without("step", "param", "levelist")
    )


def Points_of(grid_name: str, indices: np.ndarray) -> solid_body.Points:
    latitude, longitude = grid_named(grid_name).coordinates_of(indices)
    return solid_body.Points.at(latitude, longitude)


def band(n_points: int, rank: int, size: int) -> np.ndarray:
    """Return the indices a rank owns: bands of equal length, the remainder spread over the first."""
    bounds = np.linspace(0, n_points, size + 1).astype(np.int64)
    return np.arange(bounds[rank], bounds[rank + 1], dtype=np.int64)
