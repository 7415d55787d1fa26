"""Statistics beside MultIO's own: the same samples through both, values and keywords compared.

MultIO (the wheel of PyPI, with mpi4py) is asked once for all cases, in a Python of its own:
``DTE_PEERS_PYTHON``, or ``.venv-peers`` in the repository.
"""

import itertools
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.missing import with_nan
from dte_hpc.postproc.plans.document import load_plans

HERE = Path(__file__).parent
FREE = ("instant", "average", "minimum", "accumulate", "flux-average")  # maximum: see defect 1
GROWN = ("difference", "inverse-difference", "de-accumulate", "fixed-window-flux-average")
WRITTEN = (
    *("sampleIntervalInSeconds", "step-frequency", "operation", "operation-frequency"),
    *("startDate", "startTime", "previousDate", "previousTime", "currentDate", "currentTime"),
    *("startStepInHours", "endStepInHours", "param", "level", "levtype"),
)
MISSING = 9999.0


def values_of(step):
    """Return five points' samples: of both signs, never the same."""
    return np.sin(step * np.array([0.1, 0.7, 1.3, 2.9, 4.1])) * 100.0 - 3.0


def case(
    frequency, operations, steps, *, time=0, date=20260101, kind="float64", md=None, missing=(), **options
):
    """Return one case of `theirs`; `missing` are (step, point)."""
    fields = []
    for step in steps:
        metadata = {
            "category": "atm",
            "name": "t",
            "param": "130",
            "paramId": 130,
            "levtype": "pl",
            "level": 500,
            "levelist": 500,
            "gridType": "regular_ll",
            "domain": "atm",
            "misc-globalSize": 5,
            "step": step,
            "startDate": date,
            "startTime": time,
            "date": date,
            "time": time,
        }
        if missing:
            metadata |= {"bitmapPresent": True, "missingValue": MISSING}
        values = values_of(step)
        values[[point for at, point in missing if at == step]] = MISSING
        fields.append((metadata | (md or {}), values.astype(kind).astype(float).tolist()))
    action = {
        "type": "statistics",
        "output-frequency": frequency,
        "operations": list(operations),
        "options": {keyword.replace("_", "-"): value for keyword, value in options.items()},
    }
    return {"action": action, "fields": fields, "kind": kind}


def same_cases():
    """Yield name and case of all that must come to the same."""
    lengths = {"1h": 5, "2h": 8, "6h": 20, "1d": 38, "1m": 24 * 61}
    for frequency, time, initial in itertools.product(lengths, (0, 60000, 120000), (False, True)):
        every = 24 if frequency == "1m" else 1
        steps = range(0 if initial else every, lengths[frequency], every)
        yield (
            f"{frequency} from {time} {'with' if initial else 'without'} initial",
            case(
                frequency, FREE + GROWN * initial, steps, time=time,
                step_frequency=every, initial_condition_present=initial,
            ),
        )  # fmt: skip
    for reset, frequency in itertools.product(("hour", "day", "month", "year", "never"), ("6h", "1d")):
        yield (
            f"{frequency}, reset every {reset}",
            case(
                frequency, GROWN, range(73), time=60000, date=20251231,
                initial_condition_present=True, solver_reset_accumulate_fields_every=reset,
            ),
        )  # fmt: skip
    for seconds, every in ((600, 1), (1800, 2), (7200, 1), (3600, 3), (900, 4)):
        steps = range(every, 90, every)
        yield (
            f"{every} steps of {seconds} s",
            case("6h", FREE, steps, step_frequency=every, time_step=seconds),
        )
        md = {"step-frequency": every, "timeStep": seconds}
        yield f"{every} steps of {seconds} s by metadata", case("6h", FREE, steps, md=md)
    later = {"startDate": 20251231, "startTime": 120000}
    yield "startDate", case("1d", FREE, range(1, 49), md=later)
    yield "current time", case("1d", FREE, range(1, 49), md=later, use_current_time=True)
    yield "five hours apart", case("1d", FREE, range(5, 60, 5), step_frequency=5)
    yield "taken up in mid window", case("1d", FREE, range(31, 49))
    yield "leap February", case("1m", FREE, range(24, 720, 24), step_frequency=24, date=20240201)
    yield "over new year", case("1m", FREE, range(24, 1500, 24), step_frequency=24, date=20251201)
    yield "repeated initial condition", case("6h", FREE, (0, 0, *range(1, 7)), initial_condition_present=True)
    missing = [(2, 0), (3, 0), (9, 1), *((step, 2) for step in range(1, 13))]
    for operation in ("average", "minimum", "accumulate", "instant"):
        yield f"{operation} with missing", case("6h", [operation], range(1, 13), missing=missing)
    for operation in ("average", "minimum"):
        yield (
            f"{operation} over a threshold",
            case("6h", [operation], range(1, 13), missing=missing, value_count_threshold=5),
        )
    yield "float32", case("6h", ("minimum", "instant"), range(1, 13), kind="float32")


SAME = dict(same_cases())
# What MultIO does wrong, or not at all; test_defects.py has what is right.
DEFECTS = {
    "maximum": case("6h", ["maximum"], range(1, 7)),
    "two counted": case(
        "6h", ["average", "minimum"], range(1, 7), missing=[(1, 0), (2, 0)], value_count_threshold=4
    ),
    "backward": case(
        "6h", ["average"], range(13), initial_condition_present=True, window_type="backward-offset"
    ),
    "backward without": case("6h", ["average"], range(13), window_type="backward-offset"),
    "skipped": case("6h", ["average"], (1, 2, 4, 5, 6)),
    "skipped last": case("6h", ["average"], (1, 2, 3, 4, 5, 7)),
}
DEFECTS["maximum"]["fields"] = [(md, [-1.0] * 5) for md, _ in DEFECTS["maximum"]["fields"]]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What MultIO says of every case."""
    python = Path(os.environ.get("DTE_PEERS_PYTHON", HERE.parents[2] / ".venv-peers/bin/python"))
    probe = "from mpi4py import MPI; import multio"
    if (
        not python.is_file()
        or subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode
    ):
        pytest.skip("MultIO is not there (DTE_PEERS_PYTHON, or .venv-peers in the repository)")
    work = tmp_path_factory.mktemp("multio")
    cases = SAME | DEFECTS
    (work / "cases.json").write_text(json.dumps(list(cases.values())))
    subprocess.run(
        [python, HERE / "theirs.py", "cases.json", "results.json"],
        cwd=work, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return dict(zip(cases, json.loads((work / "results.json").read_text()), strict=True))


def ours(of):
    """Return metadata and values of every field that our statistics make of a case."""
    (plan,) = load_plans(
        {"plans": [{"name": "p", "actions": [{"type": "aggregate"}, of["action"], {"type": "null"}]}]}
    )
    step = plan.actions[1]
    action = step.kind(step.options, Context())
    return [
        (out.metadata, out.field.values)
        for metadata, values in of["fields"]
        for out in action.process(MaskedField(field=with_nan(
            Field(metadata=Metadata(metadata), values=np.array(values, of["kind"])))))
    ]  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_values_and_keywords_are_multios(theirs, name):
    found, expected = ours(SAME[name]), theirs[name]
    assert expected["error"] is None
    assert len(found) == len(expected["outs"]) > 0
    for (metadata, values), (names, numbers) in zip(found, expected["outs"], strict=True):
        assert {k: metadata[k] for k in WRITTEN} == {k: names[k] for k in WRITTEN}
        np.testing.assert_allclose(
            np.where(np.isnan(values), MISSING, values), numbers, rtol=1e-12, atol=1e-11
        )


def test_multio_still_has_the_defects_that_differences_from_multio_lists(theirs):
    (maximum,) = theirs["maximum"]["outs"]
    assert maximum[1] == [np.finfo(float).tiny] * 5
    mean, _ = theirs["two counted"]["outs"]
    assert abs(mean[1][1] - np.mean([values_of(step)[1] for step in range(1, 7)])) > 1
    means = [values for _, values in theirs["backward"]["outs"]]
    np.testing.assert_allclose(means[0], np.mean([values_of(step) for step in range(1, 6)], axis=0))
    assert "greater than the current point" in theirs["backward without"]["error"]


def test_a_skipped_sample_is_refused_here_and_left_out_of_the_mean_by_multio(theirs):
    for name in ("skipped", "skipped last"):
        with pytest.raises(InvalidPart, match="after a skipped sample"):
            ours(DEFECTS[name])
    assert theirs["skipped"]["error"] is None
    assert "upper Bound violation" in theirs["skipped last"]["error"]
