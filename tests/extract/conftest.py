"""Stores of analytic fields, and a reader that counts."""

import os

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.extract.pread import cut_short
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid as grid_of_name

KEY = {"class": "od", "stream": "oper", "expver": "0001", "date": 20260101, "time": 0, "type": "fc"}


def wave(name, level=500.0, step=0.0, param=130):
    """Return a smooth field that differs at every point, level and step: float64, shape (n_points,)."""
    latitude, longitude = (np.deg2rad(a) for a in grid_of_name(name).coordinates())
    turned = longitude - np.deg2rad(15 * step)
    return 250 + param / 10 + level / 100 + 20 * np.cos(latitude) * np.sin(turned) + 5 * np.sin(3 * latitude)


class Made:
    """A store, and what was put into it."""

    def __init__(self, root):
        self.root = root
        self.store = FDB(root)

    def add(self, name, *, packing="simple", levels=(500,), steps=(0,), params=(130,), change=None, **key):
        for param in params:
            for level in levels:
                for step in steps:
                    self.add_one(name, packing, level, step, param, change, key)
        self.store.flush()
        return self

    def add_one(self, name, packing, level, step, param, change, key):
        metadata = {**KEY, "param": param, "step": step, "grid": name, "levtype": "sfc", **key}
        if level is not None:
            metadata |= {"levtype": "pl", "levelist": level}
        values = wave(name, level or 0, step, param)
        if change is not None:
            values = change(values)
        how = packing if isinstance(packing, Packing) else Packing(packing=packing)
        self.store.archive(GribEncoder(how).encode(Field(metadata=Metadata(metadata), values=values)))


@pytest.fixture
def made(tmp_path):
    """An empty store to put analytic fields into."""
    return Made(tmp_path / "store")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """An empty store for all tests of a module."""
    return Made(tmp_path_factory.mktemp("made") / "store")


@pytest.fixture
def asked():
    """Return a function from a feature and keywords to a request."""

    def request(feature, **words):
        return {
            **{k: str(v) for k, v in KEY.items()},
            "levtype": "pl",
            "param": "130",
            **words,
            "feature": feature,
        }

    return request


class CountingReader:
    """Reads with os.pread, and counts what it asked for."""

    def __init__(self):
        self.n_bytes = 0
        self.n_reads = 0

    def read(self, fds, offsets, lengths, out):
        at = 0
        for fd, offset, length in zip(fds.tolist(), offsets.tolist(), lengths.tolist(), strict=True):
            piece = os.pread(fd, length, offset)
            if len(piece) != length:
                raise cut_short(fd, offset, length)
            out[at : at + length] = np.frombuffer(piece, np.uint8)
            at += length
            self.n_bytes += length
            self.n_reads += 1
        assert at == out.size


@pytest.fixture
def counting():
    """A reader that counts."""
    return CountingReader()


@pytest.fixture
def shared_store(comm, tmp_path_factory):
    """One store for all ranks; rank 0 fills it."""
    root = comm.bcast(str(tmp_path_factory.mktemp("shared")) if comm.rank == 0 else None)
    made = Made(root)
    if comm.rank == 0:
        made.add("O32", levels=(500, 850), steps=(0, 3, 6))
        made.add("O32", packing="ccsds", levels=(500, 850), steps=(0, 3, 6), params=(131,))
        made.add(
            "O32", levels=(None,), steps=(0,), params=(167,), change=lambda v: np.where(v > 260, np.nan, v)
        )
    comm.Barrier()
    yield made
    comm.Barrier()
