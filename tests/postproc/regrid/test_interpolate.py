"""Interpolation is exact where it must be, and equal to MIR's own."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, InvalidConfig, InvalidGrid, MissingDependency
from dte_hpc.base.field import Field, Metadata
from dte_hpc.grids import grid
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.regrid import mir
from dte_hpc.postproc.regrid.interpolate import Interpolate
from dte_hpc.postproc.regrid.options import InterpolateOptions
from dte_hpc.postproc.regrid.weights import load_weights, weights_directory, weights_path
from dte_hpc.postproc.regrid.weights_file import Weights, write_weights

needs_mir = pytest.mark.skipif(
    importlib.util.find_spec("mir") is None, reason="mir-python, which makes weights, is not installed"
)
PAIRS = [
    ("O32", "10/10"),
    ("N32", "O16"),
    ("F32", "H8"),
    ("H8n", "O16"),
    ("O32", "H4n"),
    ("2/2", "F16"),
    ("2/2", "3/3/60/-30/30/30"),
    ("0.25/0.25/58/-10/50/2", "1/1/57/-9/51/1"),
]


def run(values, source, target, directory, method="linear", **metadata):
    options = InterpolateOptions(grid=target, interpolation=method, weights=str(directory))
    field = Field(metadata=Metadata({"param": 130, "grid": source, "domain": "d", **metadata}), values=values)
    item = MaskedField(field=field, mask=np.ones(values.size, dtype=bool))
    (out,) = Interpolate(options, Context()).process(item)
    return out


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@needs_mir
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_constant_stays_and_a_linear_field_is_exact(source, target, directory):
    constant = run(np.full(grid(source).n_points, 273.15), source, target, directory)
    np.testing.assert_allclose(constant.field.values, 273.15, rtol=1e-13)
    assert constant.metadata["grid"] == grid(target).name
    assert "domain" not in constant.metadata
    assert constant.mask is None


@needs_mir
def test_latitude_comes_out_as_latitude_between_rows(directory):
    source, target = grid("2/2"), grid("3/3/60/-30/30/30")
    out = run(source.coordinates()[0], "2/2", target.name, directory)
    # triangles on the sphere: flat in latitude but for the chord's sagitta, (2 degrees)^2 / 8
    np.testing.assert_allclose(out.field.values, target.coordinates()[0], atol=0.03)


@needs_mir
@pytest.mark.parametrize(("source", "target"), [PAIRS[i] for i in (0, 1, 3, 6)])
def test_nearest_neighbour_takes_the_point_that_our_grid_calls_nearest(source, target, directory):
    """So MIR counts points in our order, for every family, nested HEALPix included."""
    numbers = np.arange(grid(source).n_points, dtype=np.float64)
    taken = run(numbers, source, target, directory, "nearest-neighbour").field.values.astype(np.int64)
    latitude, longitude = grid(target).coordinates()
    ours = grid(source).nearest(latitude, longitude)
    differ = np.flatnonzero(taken != ours)
    np.testing.assert_allclose(  # where they differ, both are as near
        distance(grid(source), taken[differ], latitude[differ], longitude[differ]),
        distance(grid(source), ours[differ], latitude[differ], longitude[differ]),
        rtol=1e-9,
    )


def distance(of, indices, latitude, longitude):
    def unit(lat, lon):
        lat, lon = np.deg2rad(lat), np.deg2rad(lon)
        return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])

    return np.linalg.norm(unit(*of.coordinates_of(indices)) - unit(latitude, longitude), axis=0)


def box_areas(of):
    """Share of the sphere of each point's box: a Gaussian row has its quadrature weight."""
    middles = (of.latitudes[1:] + of.latitudes[:-1]) / 2
    bounds = np.sin(np.deg2rad(np.concatenate([[90.0], middles, [-90.0]])))
    rows = bounds[:-1] - bounds[1:]
    if of.kind != "regular_ll":
        rows = np.polynomial.legendre.leggauss(of.latitudes.size)[1]
    return np.repeat(rows / 2 / of.row_lengths, of.row_lengths)


@needs_mir
@pytest.mark.parametrize("source", ["O32", "N32", "2/2"])
def test_grid_box_average_keeps_the_area_mean(source, directory):
    values = np.random.default_rng(1).normal(280.0, 20.0, grid(source).n_points)
    out = run(values, source, "10/10", directory, "grid-box-average").field.values
    mean = np.sum(values * box_areas(grid(source)))
    np.testing.assert_allclose(np.sum(out * box_areas(grid("10/10"))), mean, rtol=1e-12)


@needs_mir
def test_values_are_mirs_own(directory):
    """The oracle applies the matrix itself: a MIR job from array to array."""
    from eckit.geo import Grid

    values = np.random.default_rng(2).normal(size=grid("O32").n_points)
    out = run(values, "O32", "10/10", directory).field.values
    theirs = mir_job(values, "O32", "10/10")
    assert Grid("10/10").size() == out.size
    np.testing.assert_allclose(out, theirs, atol=1e-12)


def mir_job(values, source, target):
    program = (
        "import sys, numpy, mir\n"
        "values = numpy.frombuffer(sys.stdin.buffer.read())\n"
        "job, out = mir.Job(), mir.ArrayOutput()\n"
        f"job.set('grid', {target!r})\n"
        "job.set('interpolation', 'linear')\n"
        f"job.execute(mir.ArrayInput(values, {source!r}), out)\n"
        "sys.stderr.buffer.write(b'VALUES' + numpy.asarray(out.values()).tobytes())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=values.tobytes(), capture_output=True, check=False, timeout=100
    )
    head, mark, tail = done.stderr.rpartition(b"VALUES")
    assert mark, head.decode()[-500:]
    return np.frombuffer(tail)


@needs_mir
def test_missing_values_spread_by_the_heaviest_only(directory):
    values = np.ones(grid("O32").n_points)
    weights = load_weights("O32", "10/10", "linear", directory)
    values[::7] = np.nan
    out = run(values, "O32", "10/10", directory).field.values
    rows = [slice(*weights.indptr[i : i + 2]) for i in range(weights.n_out)]
    heaviest = [weights.indices[r][np.argmax(weights.weights[r])] for r in rows]
    np.testing.assert_array_equal(np.isnan(out), np.isnan(values[heaviest]))
    np.testing.assert_allclose(out[~np.isnan(out)], 1.0, rtol=1e-14)


@needs_mir
def test_made_weights_say_where_they_come_from(directory):
    weights = load_weights("O32", "10/10", "linear", directory)
    assert (weights.library, weights.n_in, weights.n_out) == ("mir-python", 5248, 19 * 36)
    assert weights_path("O32", "10/10", "linear", directory).name == "O32__10_10__linear.h5"
    np.testing.assert_allclose(np.add.reduceat(weights.weights, weights.indptr[:-1]), 1.0, rtol=1e-14)


@needs_mir
def test_made_again_they_are_the_same_bytes(tmp_path):
    paths = [weights_path("O8", "30/30", "linear", tmp_path / name) for name in "ab"]
    for path in paths:
        load_weights("O8", "30/30", "linear", path.parent)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@needs_mir
def test_mir_speaks_to_nobody(capfd, tmp_path):
    load_weights("O4", "30/30", "linear", tmp_path)
    assert capfd.readouterr() == ("", "")


def by_hand(directory, **changes):
    facts = {"in_grid": "O32", "out_grid": "90/90", "method": "linear", "n_in": 5248} | changes
    one = Weights(
        library="by hand",
        library_version="1",
        indptr=np.arange(13),
        indices=np.arange(12, dtype=np.uint32),
        weights=np.ones(12),
        **facts,
    )
    write_weights(weights_path("O32", "90/90", "linear", directory), one)


def test_weights_that_are_there_need_no_library(tmp_path, monkeypatch):
    monkeypatch.setattr(mir.importlib.util, "find_spec", lambda name: None)
    by_hand(tmp_path)
    out = run(np.arange(5248, dtype=np.float32), "O32", [90, 90], tmp_path)
    np.testing.assert_array_equal(out.field.values, np.arange(12.0))
    with pytest.raises(MissingDependency, match=r"dte-hpc\[weights\]"):
        load_weights("O32", "45/45", "linear", tmp_path)


@pytest.mark.parametrize("changes", [{"in_grid": "O16"}, {"method": "nearest-neighbour"}, {"n_in": 6000}])
def test_a_file_that_holds_other_weights_is_refused(tmp_path, changes):
    by_hand(tmp_path, **changes)
    with pytest.raises(CorruptData, match="holds weights of"):
        load_weights("O32", "90/90", "linear", tmp_path)


def test_what_cannot_be_interpolated_is_told(tmp_path):
    by_hand(tmp_path)
    with pytest.raises(InvalidGrid, match=r"has 7 values; expected 5248 on O32"):
        run(np.zeros(7), "O32", "90/90", tmp_path)
    with pytest.raises(InvalidGrid, match="does not say its grid"):
        run(np.zeros(7), "", "90/90", tmp_path)
    with pytest.raises(InvalidConfig, match="did you mean 'linear'"):
        load_weights("O32", "90/90", "linaer", tmp_path)


@needs_mir
def test_mirs_own_words_are_told_in_one_line(tmp_path):
    with pytest.raises(InvalidGrid, match="MIR cannot make weights from 1/1/57/-9/51/1 to ") as caught:
        load_weights("1/1/57/-9/51/1", "O32", "grid-box-average", tmp_path)
    assert "\n" not in str(caught.value)


def test_where_weights_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("DTE_WEIGHTS", str(tmp_path))
    assert weights_directory() == tmp_path
    assert weights_directory("/else") != tmp_path
    monkeypatch.delenv("DTE_WEIGHTS")
    assert weights_directory().parts[-3:] == (".cache", "dte_hpc", "weights")


def test_points_in_another_order_are_refused():
    latitude, longitude = grid("10/10").coordinates()
    mir.refuse_other_points(grid("10/10"), latitude, longitude + 360.0)
    with pytest.raises(InvalidGrid, match="not in our order"):
        mir.refuse_other_points(grid("10/10"), latitude[::-1], longitude)
    with pytest.raises(InvalidGrid, match="not in our order"):
        mir.refuse_other_points(grid("10/10"), latitude[:-1], longitude[:-1])
