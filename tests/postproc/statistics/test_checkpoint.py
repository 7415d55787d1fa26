"""Statistics go on where a job before left off, to the byte; and what is refused instead."""

import os
import random
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData, DteError, InvalidConfig, StorageFailed
from dte_hpc.base.field import Field
from dte_hpc.base.flush_kinds import RESTARTS
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.postproc import Pipeline, load_plans
from dte_hpc.postproc.plans.document import load_document

LAST = 720
N_VARIABLES = 3


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
    assert len(found) == 3 * (30 * (4 + 4 + 3) + 4 + 4)
    return found


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[pytest.mark.slow] * (n >= 2)) for n in range(20)])
def test_a_stopped_run_ends_with_the_same_bytes(model, expected, seed):
    assert run_with_stop(model, seed) == expected


def test_states_nobody_has_met_are_carried_over(model, expected):
    """Two jobs that end at once, one of another number of ranks, lose nothing; nor does a third one."""
    first = start(model, 2, **{"write-restart": True})
    model.feed(first, range(101))
    chains = chains_of(first)
    everywhere(first, lambda pipeline: pipeline.close())
    for size in (3, 2):
        idle = start(model, size, **{"write-restart": True, "read-restart": True, "restart-keep": 1})
        if size == 3:
            idle[0].process(next(model.fields(101)))
        flush(idle)
        flush(idle)
    last = start(model, 1, **{"read-restart": True})
    last[0].process(list(model.fields(101))[1])
    last[0].process(list(model.fields(101))[2])
    model.feed(last, range(102, LAST + 1))
    assert model.messages(chains + chains_of(last)) == expected


NAMES_WITH_HYPHENS = ["inverse-difference", "flux-average", "de-accumulate", "fixed-window-flux-average"]


def single(folder, operations=("average",), frequency="1d", name="only", **options):
    """Return a pipeline of one plan; what came out is in its last action."""
    where = {"restart-path": str(folder), "initial-condition-present": True} | options
    statistics = {"type": "statistics", "output-frequency": frequency, "operations": list(operations)}
    actions = [{"type": "aggregate"}, statistics | {"options": where}, {"type": "debug-sink"}]
    return Pipeline(load_plans([{"name": name, "actions": actions}]))


def out_of(pipeline):
    return [item.field.values for item in chains_of([pipeline])[0].actions[-1].items]


def kept_at(model, folder, *steps, kind="step-and-restart", **options):
    """Run to each of some steps, with a checkpoint there; return the folder of checkpoints."""
    pipeline = single(folder, **{"write-restart": True} | options)
    done = 0
    for step in steps:
        model.feed([pipeline], range(done, step + 1))
        pipeline.flush(kind)
        done = step + 1
    return folder / "StatisticsDump"


@pytest.mark.parametrize("library", [None, "fstream_io", "eckit_codec", "atlas_io"])
def test_defect_3_what_the_default_library_writes_can_be_read(model, tmp_path, library):
    """MultIO 2.12 with restart-lib fstream_io, the default: "wrong file size for restart"."""
    chosen = {"restart-lib": library} if library else {}
    kept_at(model, tmp_path, 30, **chosen)
    pipeline, whole = single(tmp_path, **{"read-restart": True} | chosen), single(tmp_path)
    model.feed([pipeline], range(31, 49))
    model.feed([whole], range(49))
    np.testing.assert_array_equal(out_of(pipeline), out_of(whole)[N_VARIABLES:])


@pytest.mark.parametrize("operation", NAMES_WITH_HYPHENS)
def test_defect_4_operations_with_a_hyphen_go_on(model, tmp_path, operation):
    """MultIO 2.12 cannot load them: its pattern for file names has no hyphen."""
    kept_at(model, tmp_path, 30, operations=[operation])
    pipeline = single(tmp_path, [operation], **{"read-restart": True})
    whole = single(tmp_path, [operation])
    model.feed([pipeline], range(31, 49))
    model.feed([whole], range(49))
    np.testing.assert_array_equal(out_of(pipeline), out_of(whole)[N_VARIABLES:])


def test_defect_5_two_checkpoints_of_one_time(model, tmp_path):
    """MultIO 2.12: "Current restart already exists". Here the second one takes the place of the first."""
    pipeline = single(tmp_path, **{"write-restart": True})
    model.feed([pipeline], range(31))
    for kind in ("step-and-restart", "last-step", "end-of-simulation"):
        pipeline.flush(kind)
    pipeline.close()
    root = tmp_path / "StatisticsDump"
    assert sorted(path.name for path in root.iterdir()) == ["20260402-060000", "latest"]
    assert len(list((root / "latest").iterdir())) == 2
    assert len(single(tmp_path, **{"read-restart": True})._chains[0].actions[1].waiting) == N_VARIABLES


@pytest.mark.parametrize(
    ("kind", "keeps"),
    [("default", False), ("first-step", False), *((kind, True) for kind in RESTARTS)],
)
def test_which_kinds_of_flush_write_a_checkpoint(model, tmp_path, kind, keeps):
    assert (kept_at(model, tmp_path, 3, kind=kind) / "latest").exists() == keeps


def test_a_flush_of_no_kind_is_refused(model, tmp_path):
    with pytest.raises(InvalidConfig, match=r"'last-steps' \(did you mean 'last-step'\?\); expected"):
        single(tmp_path).flush("last-steps")


@pytest.mark.parametrize(
    ("keep", "stay"), [(2, ["20260401-080000", "20260401-120000"]), (1, None), (0, None)]
)
def test_the_newest_checkpoints_stay(model, tmp_path, keep, stay):
    root = kept_at(model, tmp_path, 4, 8, 12, **{"restart-keep": keep})
    found = sorted(path.name for path in root.iterdir() if path.name != "latest")
    assert found == [f"20260401-{hour:02}0000" for hour in (4, 8, 12)[-keep:]]
    assert (root / "latest").resolve().name == "20260401-120000"


def test_age_is_the_order_of_writing_and_leftovers_go(model, tmp_path):
    """A run that begins again from an earlier checkpoint keeps its own, not the later ones."""
    root = kept_at(model, tmp_path, 8, 12)
    killed, foreign = root / "20260401-150000", root / "20200101-000000"
    for folder, name in ((killed, "state-0-0-0011aabb.h5"), (foreign, "multio's")):
        folder.mkdir()
        (folder / name).write_bytes(b"half")
    (root / "20260401-120000" / ".manifest.0011aabb").write_bytes(b"half")
    again = single(
        tmp_path, **{"write-restart": True, "read-restart": True, "restart-time": "20260401-080000"}
    )
    model.feed([again], range(9, 11))
    again.flush("step-and-restart")
    assert sorted(path.name for path in root.iterdir()) == [
        foreign.name,
        *("20260401-100000", "20260401-120000"),
        "latest",
    ]
    assert (foreign / "multio's").exists()
    assert (root / "latest").resolve().name == "20260401-100000"


def damage(root, how):
    folder = (root / "latest").resolve()
    (states,) = folder.glob("state-*.h5")
    if how == "a missing file":
        states.unlink()
    elif how == "a missing manifest":
        (folder / "manifest").unlink()
    elif how == "no checkpoint":
        shutil.rmtree(root)
    elif how == "a cut file":
        os.truncate(states, states.stat().st_size - 1)
    elif how == "a cut manifest":
        os.truncate(folder / "manifest", 40)


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ("a missing file", CorruptData, r"checkpoint file .*state-.*\.h5 is damaged: .*No such file"),
        ("a cut file", CorruptData, r"state-.*\.h5 is damaged: it has \d+ bytes; expected \d+"),
        ("a missing manifest", CorruptData, r"checkpoint .*latest is not whole: .*No such file"),
        ("a cut manifest", CorruptData, r"latest has a manifest that does not match its checksum"),
        (
            "no checkpoint",
            InvalidConfig,
            r"no checkpoint .*latest; expected one that a run with",
        ),
    ],
)
def test_damage_is_refused_before_the_first_field(model, tmp_path, how, error, says):
    damage(kept_at(model, tmp_path, 30), how)
    with pytest.raises(error, match=says):
        single(tmp_path, **{"read-restart": True})


def test_a_flipped_byte_is_refused_wherever_it_is(model, tmp_path):
    root, chance = kept_at(model, tmp_path, 30), np.random.default_rng(1)
    for path in (root / "latest").iterdir():
        whole = path.read_bytes()
        for place in (0, len(whole) - 1, *chance.integers(0, len(whole), 60)):
            changed = bytearray(whole)
            changed[place] ^= 1 << chance.integers(8)
            path.write_bytes(changed)
            with pytest.raises(CorruptData, match=r"checkpoint.* expected|does not match|is not whole"):
                single(tmp_path, **{"read-restart": True})
        path.write_bytes(whole)
    single(tmp_path, **{"read-restart": True})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frequency": "6h"}, r"is of 'only/0' with output-frequency '1d'; expected '6h', as the plan says"),
        (
            {"operations": ["average", "stddev"]},
            r"with operations \['average'\]; expected \['average', 'stddev'\]",
        ),
        ({"time-step": 60}, r"with time-step 3600; expected 60"),
        ({"name": "other"}, r"is of 'only/0'; expected statistics 'other/0'"),
    ],
)
def test_the_checkpoint_of_another_plan_is_refused(model, tmp_path, options, says):
    kept_at(model, tmp_path, 30)
    with pytest.raises(InvalidConfig, match=says):
        single(tmp_path, **{"read-restart": True} | options)


def test_plans_that_would_go_on_from_different_times_are_refused(model, tmp_path):
    kept_at(model, tmp_path, 6, **{"restart-prefix": "a"})
    kept_at(model, tmp_path, 7, **{"restart-prefix": "b", "name": "second"})
    statistics = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
    options = {"read-restart": True, "restart-path": str(tmp_path), "initial-condition-present": True}
    plans = []
    for name, prefix in (("only", "a"), ("second", "b")):
        chosen = statistics | {"options": options | {"restart-prefix": prefix}}
        plans.append({"name": name, "actions": [{"type": "aggregate"}, chosen, {"type": "null"}]})
    with pytest.raises(InvalidConfig, match=r"20260401-060000 and .* of 20260401-070000; expected one time"):
        Pipeline(load_plans(plans))


@pytest.mark.parametrize(
    ("option", "value"),
    [("restart-time", "../x"), ("restart-prefix", "../x"), ("restart-prefix", ""), ("restart-keep", -1)],
)
def test_odd_options_are_told_with_their_place(tmp_path, option, value):
    with pytest.raises(InvalidConfig, match=rf"\.actions\[1\]\.options\.{option}: found"):
        single(tmp_path, **{option: value})


def test_a_variable_the_checkpoint_lacks_is_told(model, tmp_path, caplog):
    kept_at(model, tmp_path, 30)
    pipeline = single(tmp_path, **{"read-restart": True})
    (field, *_) = model.fields(31)
    pipeline.process(Field(metadata=field.metadata.replace(param=999), values=field.values))
    assert "param=999,levelist=500 begin now: the checkpoint has none of this variable" in caplog.text


def test_a_disk_that_fails_leaves_the_checkpoint_before(model, tmp_path, monkeypatch):
    """Each of the calls that write fails once, on one of two ranks: both raise, and `latest` still loads."""
    pipelines = start(model, 2, **{"write-restart": True})
    model.feed(pipelines, range(5))
    flush(pipelines)
    model.feed(pipelines, range(5, 7))
    refused = {"sync": 0, "sync_directory": 0, "write": 0, "rename": 0, "create": 0}
    for name in refused:
        with monkeypatch.context() as patch:
            patch.setattr(Disk, name, refuse)
            with pytest.raises(StorageFailed, match="no more disk"):
                flush(pipelines)
        assert (tmp_path / "kept" / "latest").resolve().name == "20260401-040000", name
        start(model, 1, **{"read-restart": True})
    flush(pipelines)
    assert (tmp_path / "kept" / "latest").resolve().name == "20260401-060000"


def refuse(*_words):
    raise StorageFailed("no more disk")


@pytest.mark.parametrize("word", ["write-restart", "read-restart"])
def test_a_client_plan_keeps_no_state(word):
    statistics = {"type": "statistics", "output-frequency": "1d", "operations": ["average"]}
    actions = [statistics | {"options": {word: True}}, {"type": "null"}]
    with pytest.raises(InvalidConfig, match=rf"actions\[0\].options.{word}: found true in a client plan"):
        load_document({"client": {"plans": [{"name": "p", "actions": actions}]}, "server": {"plans": []}})


def test_a_full_disk_is_told_and_not_a_crash(tmp_path):
    """In a process of its own: HDF5 that is told of a failed write ends it by a segmentation fault."""
    script = """
import resource, sys
from pathlib import Path
import numpy as np
from dte_hpc.base.errors import StorageFailed
from dte_hpc.base.field import Metadata
from dte_hpc.postproc.statistics.checkpoint_file import write_states
from dte_hpc.postproc.statistics.running import Window
import datetime
now = datetime.datetime(2026, 1, 1)
window = dict(base=now, begin=now, end=now, last=now, metadata=Metadata({"param": 1}))
states = [(Metadata({"param": n}), Window(**window, state={"total": np.ones(5000)})) for n in range(5)]
resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))
try:
    write_states(Path(sys.argv[1]), states)
except StorageFailed as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "full.h5")], capture_output=True, text=True, check=True
    )
    assert "full.h5 cannot be written" in ended.stdout
    assert "File too large" in ended.stdout
    assert ended.stderr == ""
