"""Statistics go on where a job before left off, to the byte; and what is refused instead."""

import contextlib
import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, DteError, InvalidConfig, StorageFailed
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.postproc.statistics import checkpoint
from dte_hpc.postproc.statistics.manifest import read_manifest

LAST = 720


class Ranks:
    """Several ranks in one process, a thread each."""

    flushes_stores = False

    def __init__(self, rank, shared):
        self.rank, self.size = rank, shared["barrier"].parties
        self._shared = shared

    @classmethod
    def of(cls, size):
        shared = {"barrier": threading.Barrier(size, timeout=60), "said": [None] * size}
        return [cls(rank, shared) for rank in range(size)]

    def _tell(self, what):
        self._shared["said"][self.rank] = what
        self._shared["barrier"].wait()
        said = list(self._shared["said"])
        self._shared["barrier"].wait()
        return said

    def on_all(self, work):
        error = None
        try:
            work()
        except DteError as caught:
            error = caught
        errors = [each for each in self._tell(error) if each is not None]
        if errors:
            raise errors[0]

    def tell_all(self, text):
        return self._tell(text)

    def flush(self, resources): ...


def everywhere(pipelines, call):
    """Let all ranks make a collective call; raise the first error."""
    with ThreadPoolExecutor(len(pipelines)) as pool:
        list(pool.map(call, pipelines))


def start(model, size, **options):
    return [model.pipeline(together=ranks, **options) for ranks in Ranks.of(size)]


def chains_of(pipelines):
    return [chain for pipeline in pipelines for chain in pipeline._chains]


def flush(pipelines, kind="step-and-restart"):
    everywhere(pipelines, lambda pipeline: pipeline.flush(kind))


def run_with_stop(model, seed):
    """Return what comes out of a run that stops somewhere, and of one on other ranks that goes on there."""
    chance = random.Random(seed)
    stop, before, after = chance.randint(1, LAST - 1), *chance.sample([1, 2, 3], 2)
    first = start(model, before, **{"write-restart": True})
    chains = chains_of(first)
    model.feed(first, range(stop + 1))
    if chance.random() < 0.5:
        flush(first)
        model.feed(first, range(stop + 1, min(stop + 30, LAST)))  # these are lost: it is killed
    else:
        everywhere(first, lambda pipeline: pipeline.close())
    second = start(model, after, **{"write-restart": True, "read-restart": True})
    model.feed(second, range(stop + 1, LAST + 1))
    return model.messages(chains + chains_of(second))


@pytest.fixture(scope="module")
def expected(model_at, tmp_path_factory):
    """What comes out of the run that nothing stops."""
    model = model_at(tmp_path_factory.mktemp("whole"))
    pipelines = [model.pipeline()]
    model.feed(pipelines, range(LAST + 1))
    found = model.messages(chains_of(pipelines))
    assert len(found) == 3 * (30 * (4 + 6 + 3) + 4 + 6)
    return found


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[pytest.mark.slow] * (n >= 2)) for n in range(20)])
def test_a_stopped_run_ends_with_the_same_bytes(model, expected, seed):
    assert run_with_stop(model, seed) == expected
