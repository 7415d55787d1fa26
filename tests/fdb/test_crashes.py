"""A kill at any system call, or a power failure, leaves what was acknowledged and never half of a flush."""

import errno
import os
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from dte_hpc.base.errors import StorageFailed
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.fdb import FDB
from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.places.paths import HOST
from dte_hpc.fdb.upkeep.check import check
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.testing.faults import KILLED, FaultyDisk, KillingDisk, PowerDisk
from dte_hpc.testing.store import KEY, message_of

DATES = (20260101, 20260102)
Held = dict[int, dict[int, bytes]]
Step = tuple[Callable[[FDB], object], Callable[[Held], None]]


def message(number: int) -> bytes:
    """Return one of some small GRIB messages; its step is the number."""
    if number not in _messages:
        metadata = {k: v for k, v in KEY.items() if k != "domain"} | {"grid": "O8", "time": 0}
        values = np.arange(number, number + 544.0)
        field = Field(metadata=Metadata({**metadata, "step": number}), values=values)
        _messages[number] = bytes(GribEncoder(Packing(packing="simple")).encode(field).message)
    return _messages[number]


_messages: dict[int, bytes] = {}


def put(date: int, step: int, body: bytes) -> Step:
    """Archive without a flush: nothing changes yet."""
    return (lambda store: store.archive(body, {**KEY, "date": date, "step": step})), (lambda held: None)


def flush(*fields: tuple[int, int, bytes]) -> list[Step]:
    """Archive some fields and flush."""

    def update(held: Held) -> None:
        for date, step, body in fields:
            held.setdefault(date, {})[step] = body

    return [*(put(*one) for one in fields), (lambda store: store.flush(), update)]


def nothing(held: Held) -> None:
    """Change nothing that is read."""


def without(date: int, *steps: int) -> Callable[[Held], None]:
    def update(held: Held) -> None:
        for step in steps:
            held[date].pop(step, None)

    return update


D1, D2 = DATES
SCENARIOS: dict[str, list[Step]] = {
    "flush": [
        *flush((D1, 50, message_of(1, 900)), (D2, 51, message_of(2, 40_000))),
        *flush((D1, 50, message_of(3, 40_000)), (D1, 52, message_of(4))),
        *flush((20260103, 1, message_of(5)), (D1, 1, message_of(6))),
    ],
    "delete": [(lambda store: store.delete({"date": D1, "step": "1/2"}), without(D1, 1, 2))],
    "purge": [(lambda store: store.purge(doit=True), nothing)],
    "compact": [(lambda store: store.compact(doit=True), nothing)],
    "wipe": [(lambda store: store.wipe({"date": D1}, doit=True), lambda held: held.pop(D1) and None)],
    "reindex": [
        (
            lambda store: store.reindex({"date": D1}, doit=True),
            lambda held: held[D1].update({70: message(70), 71: message(71)}),
        )
    ],
    "control": [
        (lambda store: store.control({"date": D1}, "disable", Control.WIPE), nothing),
        (lambda store: store.control({"date": D1}, "enable", Control.WIPE), nothing),
    ],
}
SCENARIOS["everything"] = [
    *SCENARIOS["flush"],
    *SCENARIOS["delete"],
    *SCENARIOS["compact"],
    *flush((D1, 1, message_of(8)), (D2, 60, message_of(9))),
    *SCENARIOS["purge"],
]


BEGINNING = [
    *(flush((D1, number % 5, message_of(100 + number))) for number in range(15)),
    flush((D2, 7, message_of(200)), (D2, 8, message_of(201))),
]


def fill(root: Path) -> None:
    """Make the store in which scenarios begin: masked fields, what a killed writer left, a merge to come."""
    stores = [FDB(root), FDB(root)]
    for number, steps in enumerate(BEGINNING):
        for do, _ in steps:
            do(stores[number % 2])
    for store in stores:
        store.close()
    folder = next(root.glob(f"*:{D1}:*"))
    (folder / f"20260101.000000.{HOST}.999999999.0.data").write_bytes(message(70) + message(71))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Held]:
    """A store whose writers are gone, and what is in it."""
    top = tmp_path_factory.mktemp("start") / "top"
    top.mkdir()
    assert in_child(lambda: fill(top / "a" / "store")) == 0
    steps = [step for several in BEGINNING for step in several]
    return top, after({}, steps, len(steps))


def in_child(do: Callable[[], object]) -> int:
    """Do something in another process; return its exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            do()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing of this process may go on in the tests
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def after(start_: Held, steps: list[Step], n: int) -> Held:
    """Return what is stored after some steps."""
    held = {date: dict(fields) for date, fields in start_.items()}
    for _, update in steps[:n]:
        update(held)
    return held


def read(root: Path) -> Held:
    """Return what a fresh handle reads."""
    listing = FDB(root).list()
    held: Held = {}
    for number, key in enumerate(listing.keys()):
        held.setdefault(int(key["date"]), {})[int(key["step"])] = listing.message(number)
    return held


def judge(root: Path, before: Held, later: Held, what: str, *, clean: bool = True) -> None:
    """Each database is as before the step that was cut short, or as after it, and everything can be done."""
    found = read(root) if root.exists() else {}
    for date in {*before, *later, *found}:
        states = before.get(date, {}), later.get(date, {})
        assert found.get(date, {}) in states, f"{what}: {date} has {sorted(found.get(date, {}))}"
    if clean:
        report = check(FDB(root))
        assert not report.is_damaged, f"{what}: {report.findings}"
    with FDB(root) as store:
        for number, date in enumerate(DATES):
            store.control({"date": date}, "enable", Control.WIPE)
            store.archive(message_of(900 + number), {**KEY, "date": date, "step": 99})
    for number, date in enumerate(DATES):
        found.setdefault(date, {})[99] = message_of(900 + number)
    assert read(root) == found, what
    if not clean:
        return
    FDB(root).purge(doit=True)
    assert read(root) == found, f"{what}: after purge"
    FDB(root).compact(doit=True)
    assert read(root) == found, f"{what}: after compact"
    report = check(FDB(root))
    assert not report.is_damaged, f"{what}: {report.findings}"
    FDB(root).wipe({}, doit=True)
    begun = {path.name for path in root.glob("*/*")}
    assert all(name.startswith("schema.") for name in begun), f"{what}: {begun}"


def run(root: Path, disk: Disk, steps: list[Step], done: Callable[[], object]) -> None:
    store = FDB(root, disk=disk)
    for do, _ in steps:
        do(store)
        done()
    store.close()


def run_killed(root: Path, disk: KillingDisk, steps: list[Step]) -> tuple[int, bool]:
    """Run steps in a process that may be killed; return how many were done, and whether it was."""
    reader, writer = os.pipe()
    status = in_child(lambda: run(root, disk, steps, lambda: os.write(writer, b".")))
    os.close(writer)
    n_done = len(os.read(reader, 10_000))
    os.close(reader)
    assert status in (0, KILLED)
    return n_done, status == KILLED


def kill_points(
    top: Path, tmp_path: Path, held: Held, steps: list[Step], every: int, torn: float = 0.0
) -> int:
    """Kill at each call in turn until none is left; return how many."""
    for nth in range(1, 100_000, every):
        shutil.copytree(top, tmp_path / f"{nth}")
        root = tmp_path / f"{nth}" / "a" / "store"
        n_done, killed = run_killed(root, KillingDisk(nth, torn=torn), steps)
        judge(root, after(held, steps, n_done), after(held, steps, n_done + 1), f"killed at call {nth}")
        shutil.rmtree(tmp_path / f"{nth}")
        if not killed:
            return nth
    raise AssertionError("it never ends")


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "everything"])
def test_a_kill_at_some_calls(start: tuple[Path, Held], tmp_path: Path, name: str) -> None:
    kill_points(*start[:1], tmp_path, start[1], SCENARIOS[name], 9)


@pytest.mark.slow
@pytest.mark.timeout(390)
@pytest.mark.parametrize("torn", [0.0, 0.01, 0.6])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_every_call(
    start: tuple[Path, Held], tmp_path: Path, name: str, torn: float, capsys
) -> None:
    n = kill_points(start[0], tmp_path, start[1], SCENARIOS[name], 1, torn)
    with capsys.disabled():
        print(f"\n{name}, torn {torn}: {n} kills, none bad")


def moments(top: Path, steps: list[Step]) -> Iterator[tuple[int, object]]:
    disk = PowerDisk(top)

    def done() -> None:
        disk.n_acknowledged += 1
        disk.note()

    run(top / "a" / "store", disk, steps, done)
    yield from disk.moments


def power_failures(
    top: Path, tmp_path: Path, held: Held, steps: list[Step], every: int, n_chances: int
) -> int:
    """Let the power fail at each call in turn; return how many stores were looked at."""
    shutil.copytree(top, tmp_path / "live")
    count = 0
    for number, (n_done, shadow) in enumerate(moments(tmp_path / "live", steps)):
        if number % every:
            continue
        for chance in range(n_chances + 1):
            target = tmp_path / "failed"
            shadow.rebuild(target, Random(100 * number + chance) if chance else None)
            judge(
                target / "a" / "store",
                after(held, steps, n_done),
                after(held, steps, n_done + 1),
                f"power failed before call {number}, chance {chance}",
            )
            shutil.rmtree(target)
            count += 1
    return count


@pytest.mark.parametrize("name", ["flush", "compact", "wipe"])
def test_power_fails_at_some_calls(start: tuple[Path, Held], tmp_path: Path, name: str) -> None:
    power_failures(start[0], tmp_path, start[1], SCENARIOS[name], 11, 1)


def test_power_fails_while_a_store_is_made(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    steps = [*flush((D1, 1, message_of(1))), *flush((D1, 2, message_of(2)), (D2, 2, message_of(3)))]
    power_failures(tmp_path / "top", tmp_path, {}, steps, 5, 1)


@pytest.mark.slow
@pytest.mark.timeout(390)
@pytest.mark.parametrize("name", SCENARIOS)
def test_power_fails_at_every_call(start: tuple[Path, Held], tmp_path: Path, name: str, capsys) -> None:
    n = power_failures(start[0], tmp_path, start[1], SCENARIOS[name], 1, 6)
    with capsys.disabled():
        print(f"\n{name}: {n} power failures, none bad")


def refusals(top: Path, tmp_path: Path, held: Held, steps: list[Step], number: int, every: int) -> int:
    """Let each call in turn fail once; the step is tried again by the same handle. Return how many failed."""
    for nth in range(1, 100_000, every):
        shutil.copytree(top, tmp_path / f"{nth}")
        root = tmp_path / f"{nth}" / "a" / "store"
        store = FDB(root, disk=FaultyDisk({("any", nth): number}))
        refused = 0
        for n_done, (do, _) in enumerate(steps):
            try:
                do(store)
            except StorageFailed as error:
                refused += 1 + (error.errno not in (number, None))
                found = read(root)
                states = after(held, steps, n_done), after(held, steps, n_done + 1)
                for date in {*states[0], *states[1], *found}:
                    assert found.get(date, {}) in [state.get(date, {}) for state in states], f"call {nth}"
                do(store)
        assert refused <= 1
        assert read(root) == after(held, steps, len(steps)), f"call {nth} failed, and was tried again"
        store.close()
        was_called = store._disk.calls.total() >= nth  # type: ignore[attr-defined]
        judge(root, *[after(held, steps, len(steps))] * 2, f"call {nth} failed, and was tried again")
        shutil.rmtree(tmp_path / f"{nth}")
        if not was_called:
            return nth - 1
    raise AssertionError("it never ends")


UPKEEP = ("delete", "purge", "compact", "wipe", "reindex", "control")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("name", UPKEEP)
def test_some_calls_of_upkeep_may_fail(
    start: tuple[Path, Held], tmp_path: Path, name: str, number: int
) -> None:
    refusals(start[0], tmp_path, start[1], SCENARIOS[name], number, 7)


@pytest.mark.slow
@pytest.mark.timeout(390)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("name", SCENARIOS)
def test_any_call_of_upkeep_may_fail(
    start: tuple[Path, Held], tmp_path: Path, name: str, number: int, capsys
) -> None:
    n = refusals(start[0], tmp_path, start[1], SCENARIOS[name], number, 1)
    with capsys.disabled():
        print(f"\n{name}, {errno.errorcode[number]}: {n} calls failed, none bad")
