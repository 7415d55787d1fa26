"""What do the IO ranks of the demonstration make of the fields?

Three plans: every field as it is, daily statistics of the tracers, and every field on a regular grid.
"""

from pathlib import Path
from typing import Any

from dte_hpc.demo import solid_body
from dte_hpc.job import JobConfig, Ranks

COARSE = "1/1"
SUBDIRECTORY = "store"


def demo_job(folder: Path, ranks: Ranks) -> JobConfig:
    """Return the job that keeps its store in a folder."""
    root = str(folder / SUBDIRECTORY)
    sink = {"type": "sink", "sinks": [{"type": "fdb5"}]}
    simple = {"type": "encode", "format": "grib", "packing": "simple", "bits-per-value": 16}
    ccsds = {**simple, "packing": "ccsds"}
    tracers = {"param": [solid_body.TEMPERATURE, solid_body.SPECIFIC_HUMIDITY]}
    daily = {
        "type": "statistics",
        "output-frequency": "1d",
        "operations": ["average", "minimum", "maximum"],
        "options": {"initial-condition-present": True},
    }
    plans: list[dict[str, Any]] = [
        {"name": "native", "actions": [{"type": "aggregate"}, simple, sink]},
        {
            "name": "daily",
            "actions": [{"type": "select", "match": [tracers]}, {"type": "aggregate"}, daily, simple, sink],
        },
        {
            "name": "coarse",
            "actions": [
                {"type": "aggregate"},
                {"type": "interpolate", "grid": COARSE, "interpolation": "linear"},
                ccsds,
                sink,
            ],
        },
    ]
    return JobConfig(plans=plans, ranks=ranks, store=root)
