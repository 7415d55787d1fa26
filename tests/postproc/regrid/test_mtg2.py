"""interpolate-mtg2 brings one field to several grids, each as interpolate does alone."""

import importlib.util

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidConfig, InvalidGrid
from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Context, Flow, MaskedField, Stage
from dte_hpc.postproc.options import read_options
from dte_hpc.postproc.plans.document import load_plans
from dte_hpc.postproc.regrid.interpolate import Interpolate
from dte_hpc.postproc.regrid.mtg2 import InterpolateMtg2, InterpolateMtg2Options
from dte_hpc.postproc.regrid.options import InterpolateOptions

needs_mir = pytest.mark.skipif(
    importlib.util.find_spec("mir") is None, reason="mir-python, which makes weights, is not installed"
)
LOW = {"additional-metadata": {"resolution": "low"}}


def options(*outputs):
    read, errors = read_options(InterpolateMtg2Options, {"outputs": list(outputs)}, "$")
    assert not errors, errors
    return read


def item():
    values = np.random.default_rng(3).normal(size=grid("10/10").n_points)
    return MaskedField(field=Field(metadata=Metadata({"param": 130, "grid": "10/10"}), values=values))


def alone(given, target, method, directory):
    chosen = InterpolateOptions(grid=target, interpolation=method, weights=str(directory))
    (out,) = Interpolate(chosen, Context()).process(given)
    return out


@needs_mir
def test_two_grids_come_of_one_field(tmp_path):
    cache = {"cache-path": str(tmp_path)}
    nearest = {"options": {"interpolation": "nearest-neighbour", "caching": True}}
    chosen = options(
        {"grid": "30/30", **cache},
        {"grid": "O8", **cache, **nearest, **LOW},
        {"grid": "O4", "enable": False},
    )
    given = item()
    first, second = InterpolateMtg2(chosen, Context()).process(given)
    np.testing.assert_array_equal(first.field.values, alone(given, "30/30", "linear", tmp_path).field.values)
    np.testing.assert_array_equal(
        second.field.values, alone(given, "O8", "nearest-neighbour", tmp_path).field.values
    )
    assert dict(first.metadata) == {"param": 130, "grid": "30/30"}
    assert dict(second.metadata) == {"param": 130, "grid": "O8", "resolution": "low"}


@needs_mir
def test_a_field_may_come_over_another_grid(tmp_path):
    over = {"intgrid": "O16", "intermediate-interpolation": "nearest-neighbour"}
    chosen = options({"grid": "30/30", "cache-path": str(tmp_path), "options": over})
    given = item()
    (out,) = InterpolateMtg2(chosen, Context()).process(given)
    between = alone(given, "O16", "nearest-neighbour", tmp_path)
    expected = alone(between, "30/30", "linear", tmp_path)
    np.testing.assert_array_equal(out.field.values, expected.field.values)


def test_a_field_without_a_grid_is_refused():
    field = Field(metadata=Metadata({"param": 130}), values=np.zeros(4))
    with pytest.raises(InvalidGrid, match="does not say its grid"):
        list(InterpolateMtg2(options({"grid": "30/30"}), Context()).process(MaskedField(field=field)))


def test_what_comes_out_is_explained():
    chosen = options({"grid": "30/30"}, {"grid": "O8"}, {"grid": "O4", "enable": False})
    explained = InterpolateMtg2.explain(chosen, Flow(stage=Stage.FIELD))
    assert (explained.does, explained.flow.n_out, explained.flow.grid) == ("to 30/30, O8", 2, None)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([{"grid": "30/30", "gird": "x"}], r"outputs\[0\].*gird"),
        ([{"grid": "30/30", "options": {"foo": 1}}], "foo"),
        ([{"grid": "30/30", "options": {"interpolation": "liner"}}], "did you mean 'linear'"),
        ([{"grid": "30/30", "additional-metadata": {"resolution": "lo"}}], "one of low, standard, high"),
        ([{"grid": "nowhere"}], "nowhere"),
        ([{"grid": "30/30"}, {"grid": "30/30"}], "another grid, or another resolution"),
        ([{"grid": "30/30", "options": {"intermediate-interpolation": "linear"}}], "intgrid"),
        ([{"grid": "30/30", "options": {"interpolation": "matrix"}}], "interpolation-matrix"),
        ([], "1 to 64"),
        ([{}], "grid"),
    ],
)
def test_a_wrong_plan_is_refused(outputs, message):
    actions = [
        {"type": "aggregate"},
        {"type": "interpolate-mtg2", "outputs": outputs},
        {"type": "null"},
    ]
    with pytest.raises(InvalidConfig, match=message):
        load_plans({"plans": [{"name": "p", "actions": actions}]})
