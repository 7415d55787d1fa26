"""A small model to start from: a wave that travels east, written hourly.

Three ways to start it; the model's part is the same::

    mpiexec -n 4 python model.py                                              # one program
    mpiexec -n 3 python model.py --connect : -n 1 dte serve --config job.yaml # two programs
    sbatch one-program.sh model.py                                            # Slurm, see README.md
"""

import argparse
from pathlib import Path

import numpy as np

from dte_hpc.grids import grid
from dte_hpc.job import ModelRank, connect, run

GRID = "O48"
FORECAST = {"class": "rd", "expver": "wave", "stream": "oper", "type": "fc", "date": 20260101, "time": 0}
TEMPERATURE = {**FORECAST, "levtype": "pl", "param": 130, "domain": "atmosphere"}


def model(rank: ModelRank) -> None:
    """Compute this rank's points, hour by hour. Called on every model rank; `rank.comm` is theirs alone."""
    latitude, longitude = (np.deg2rad(angle) for angle in grid(GRID).coordinates())
    n_points = latitude.size
    mine = np.arange(n_points * rank.rank // rank.size, n_points * (rank.rank + 1) // rank.size)
    rank.client.write_domain("atmosphere", mine, global_size=n_points, grid=GRID)
    for step in range(24):
        wave = np.cos(latitude[mine]) * np.sin(3 * (longitude[mine] - np.deg2rad(15 * step)))
        for level in (500, 850):
            values = 250.0 + level / 50 + 10 * wave
            rank.client.write_field({**TEMPERATURE, "levelist": level, "step": step}, values)
    rank.client.flush()  # what was written is now durable, and anybody can read it


def main() -> None:
    """Run the model: all ranks of the job are this program, or (--connect) only the model ranks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--job", default=Path(__file__).with_name("job.yaml"), help="the job file")
    parser.add_argument("--connect", action="store_true", help="the other ranks run dte serve")
    arguments = parser.parse_args()
    if arguments.connect:
        with connect(arguments.job) as rank:
            model(rank)
    else:
        run(model, arguments.job)


if __name__ == "__main__":
    main()
