"""Fields brought over together are what each would be alone, and a flush lets none wait."""

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.regrid.interpolate import Interpolate
from dte_hpc.postproc.regrid.options import InterpolateOptions
from dte_hpc.postproc.regrid.weights import weights_path
from dte_hpc.postproc.regrid.weights_file import Weights, write_weights

N_IN = {"O4": 208, "30/30": 84}


@pytest.fixture
def directory(tmp_path):
    """Weights by hand, from two grids to 90/90: three to a row, at random."""
    random = np.random.default_rng(3)
    for name, n_in in N_IN.items():
        made = Weights(
            in_grid=name,
            out_grid="90/90",
            method="linear",
            library="by hand",
            library_version="1",
            n_in=n_in,
            indptr=np.arange(13) * 3,
            indices=random.integers(0, n_in, 36).astype(np.uint32),
            weights=random.random(36),
        )
        write_weights(weights_path(name, "90/90", "linear", tmp_path), made)
    return tmp_path


def fields(count, missing=()):
    random = np.random.default_rng(4)
    for n in range(count):
        name = "30/30" if n == 5 else "O4"
        values = random.normal(size=N_IN[name])
        if n in missing:
            values[::3] = np.nan
        yield MaskedField(
            field=Field(metadata=Metadata({"param": 130, "levelist": n, "grid": name}), values=values)
        )


def action(directory, at_once):
    return Interpolate(
        InterpolateOptions(grid="90/90", weights=str(directory), fields_at_once=at_once), Context()
    )


@pytest.mark.parametrize("at_once", [2, 4, 7, 8, 32])
@pytest.mark.parametrize("missing", [(), (2, 9)])
def test_together_is_one_after_the_other(directory, at_once, missing):
    single, together = action(directory, 1), action(directory, at_once)
    expected = [out for item in fields(11, missing) for out in single.process(item)]
    found = []
    for item in fields(11, missing):
        found += together.process(item)
        item.field.values.setflags(write=True)
        item.field.values[:] = -1.0  # the producer's to write over
    found += together.held()
    assert list(together.close()) == []
    assert [out.metadata for out in found] == [out.metadata for out in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.field.values, theirs.field.values, rtol=1e-14, atol=1e-14)


def test_a_flush_lets_go_of_what_waits_also_in_a_branch(directory, tmp_path):
    path = tmp_path / "out"
    actions = [
        {"type": "interpolate", "grid": "90/90", "weights": str(directory), "fields-at-once": 8},
        {"type": "encode", "format": "raw"},
        {"type": "sink", "sinks": [{"type": "file", "path": str(path)}]},
    ]
    plan = {"name": "p", "actions": [{"type": "aggregate"}, {"type": "fan-out", "branches": [actions]}]}
    pipeline = Pipeline(load_plans([plan]))
    for count, item in enumerate(fields(3), 1):
        pipeline.process(item.field)
        pipeline.flush()
        assert path.stat().st_size == count * 12 * 8
    pipeline.close()
