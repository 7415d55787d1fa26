"""Weights come back as they were written, and damaged ones do not."""

import dataclasses
import threading

import h5py
import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, StorageFailed
from dte_hpc.postproc.regrid.weights_file import Weights, read_weights, write_weights

WEIGHTS = Weights(
    in_grid="O2",
    out_grid="90/90",
    method="linear",
    library="by hand",
    library_version="1",
    n_in=4,
    indptr=np.array([0, 2, 2, 3]),
    indices=np.array([3, 0, 1], dtype=np.uint32),
    weights=np.array([0.25, 0.75, 1.0]),
)


def test_weights_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "made" / "w.h5"
    write_weights(path, WEIGHTS)
    back = read_weights(path)
    for field in dataclasses.fields(Weights):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(WEIGHTS, field.name))
    assert (back.n_out, back.n_bytes) == (3, 4 * 8 + 3 * 4 + 3 * 8)
    assert [p.name for p in path.parent.iterdir()] == ["w.h5"]


def test_equal_weights_are_equal_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        write_weights(tmp_path / name, WEIGHTS)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_many_writers_leave_one_whole_file(tmp_path):
    path = tmp_path / "w.h5"
    threads = [threading.Thread(target=write_weights, args=(path, WEIGHTS)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_weights(path).n_out == 3
    assert len(list(tmp_path.iterdir())) == 1


def test_every_kind_of_damage_is_found(tmp_path):
    path = tmp_path / "w.h5"
    write_weights(path, WEIGHTS)
    whole = path.read_bytes()
    for name, index, value in (("weights", 1, 0.5), ("indices", 0, 2), ("indptr", 1, 1)):
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            file[name][index] = value
        with pytest.raises(CorruptData, match="checksum"):
            read_weights(path)
    for cut in (0, 100, len(whole) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(CorruptData, match="not a whole weights file"):
            read_weights(path)


@pytest.mark.parametrize(("name", "value"), [("version", 99), ("format", "else"), ("n-out", 7)])
def test_another_format_is_refused(tmp_path, name, value):
    path = tmp_path / "w.h5"
    write_weights(path, WEIGHTS)
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
    with pytest.raises(CorruptData):
        read_weights(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_in": 3}, "input point 3 of 3"),
        ({"indptr": np.array([0, 2, 1, 3])}, "backwards"),
        ({"indptr": np.array([1, 2, 2, 3])}, "backwards"),
        ({"indptr": np.array([0, 2, 2, 4])}, "say 4 weights"),
        ({"weights": np.array([1.0])}, "say 3 weights"),
        ({"indices": np.array([3, 0, 1])}, "expected int64, uint32 and float64"),
    ],
)
def test_arrays_a_kernel_must_not_run_over_are_refused(changes, words):
    with pytest.raises(CorruptData, match=words):
        dataclasses.replace(WEIGHTS, **changes)


def test_a_directory_that_refuses_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_weights(tmp_path / "file" / "w.h5", WEIGHTS)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "w.h5")
