"""How does the state of statistics outlive a job, whole or not at all?

::

    <restart-path>/<restart-prefix>/
        20260101-120000/                 the simulated time of the last sample
            state-<rank>-<n>-<token>.h5  (`checkpoint_file`)
            manifest                     which files, of which plans (`manifest`)
        latest -> 20260101-120000

All ranks write and sync their files; then the first one renames the manifest into place, which makes
the checkpoint valid on all ranks at once, and swaps ``latest``. A second checkpoint of the same time has
files of its own and replaces the manifest. A crash leaves files that no manifest names; the next
checkpoint removes them. The newest `restart-keep` checkpoints stay.

Reading needs no rank to be the one that wrote: a variable's state is loaded by whoever meets its first
sample. What nobody has met when the next checkpoint is written, the ranks carry over, a share each.
"""

import itertools
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dte_hpc.base.errors import DteError, InvalidConfig, StorageFailed
from dte_hpc.base.field import Metadata
from dte_hpc.fdb.files.disk import Disk, open_directory
from dte_hpc.postproc.checkpoints import Kept
from dte_hpc.postproc.statistics.checkpoint_file import StatesFile, fingerprint, verify, write_states
from dte_hpc.postproc.statistics.manifest import LATEST, publish, read_manifest
from dte_hpc.postproc.together import Together

Entry = dict[str, Any]
"""A file in the manifest: action, file, bytes, checksum, and whether it was carried over."""


def write(kept: Sequence[Kept], ranks: Together, disk: Disk | None = None) -> None:
    """Collective: write a checkpoint of some actions.

    Raises
    ------
    StorageFailed
        On all ranks, when one could not write; the checkpoint before is then still the latest.
    """
    for root in dict.fromkeys(each.root for each in kept):
        _write(root, [each for each in kept if each.root == root], ranks, disk or Disk())


def _write(root: Path, kept: list[Kept], ranks: Together, disk: Disk) -> None:
    stamp = _settle(kept, ranks)
    if not stamp:
        return
    own: list[Entry] = []
    ranks.on_all(lambda: own.extend(_write_own(root / stamp, kept, ranks, disk)))
    told = ranks.tell_all(json.dumps(own).encode())
    files: list[Entry] = [entry for text in told for entry in json.loads(text)]
    facts = {"actions": {each.name: each.action.shape for each in kept}, "files": files}
    keeps = [each.action.restart.keep for each in kept]
    keep = 0 if 0 in keeps else max(keeps)
    ranks.on_all(lambda: publish(root, stamp, facts, disk, keep) if ranks.rank == 0 else None)
    for entry in files:
        if entry["carried"]:
            action = next(each.action for each in kept if each.name == entry["action"])
            action.waiting.add(StatesFile(root / stamp / entry["file"]))


def _settle(kept: list[Kept], ranks: Together) -> str:
    """Return the time all ranks agree on, empty when nobody has state; forget what any has taken."""
    last = [window.last for each in kept for window in each.action.windows.values()]
    mine = {
        "stamp": f"{max(last):%Y%m%d-%H%M%S}" if last else "",
        "taken": [each.action.waiting.taken for each in kept],
    }
    told = [json.loads(text) for text in ranks.tell_all(json.dumps(mine).encode())]
    for number, each in enumerate(kept):
        each.action.waiting.forget(frozenset(digest for one in told for digest in one["taken"][number]))
        each.action.waiting.taken.clear()
    return str(max(one["stamp"] for one in told))


def _write_own(folder: Path, kept: list[Kept], ranks: Together, disk: Disk) -> Iterator[Entry]:
    try:
        _make(folder, disk)
        for number, each in enumerate(kept):
            waiting = each.action.waiting.share(ranks.rank, ranks.size)
            for carried, states in ((False, each.action.windows.items()), (True, waiting)):
                file = f"state-{ranks.rank}-{number}-{secrets.token_hex(4)}.h5"
                if _write_file(folder, file, states, disk):
                    path = folder / file
                    facts = {"bytes": path.stat().st_size, "checksum": fingerprint(path)}
                    yield {"action": each.name, "file": file, "carried": carried, **facts}
        _sync(folder, disk)
    except DteError:
        raise
    except (OSError, RuntimeError) as error:  # h5py's, when a file cannot be closed
        raise StorageFailed(f"checkpoint cannot be written to {folder}: {error}", path=str(folder)) from error


def _write_file(folder: Path, file: str, states: Iterable[tuple[Metadata, Any]], disk: Disk) -> bool:
    """Write a file that is durable but for its name; whether there was anything to write."""
    rest = iter(states)
    first = next(rest, None)
    if first is None:
        return False
    write_states(folder / file, itertools.chain([first], rest))
    parent = open_directory(folder)
    try:
        fd = disk.open(parent, file, os.O_RDWR)
        try:
            disk.sync(fd, file)
        finally:
            os.close(fd)
    finally:
        os.close(parent)
    return True


def _make(folder: Path, disk: Disk) -> None:
    """Make a folder and those above it, their names durable."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _sync(path.parent, disk)


def _sync(folder: Path, disk: Disk) -> None:
    fd = open_directory(folder)
    try:
        disk.sync_directory(fd, str(folder))
    finally:
        os.close(fd)


def read(kept: Sequence[Kept], *, rank: int, size: int) -> None:
    """Let some actions go on from a checkpoint, which is verified before: by each rank its share of files.

    Nothing is said between ranks; an error of one is the job's to raise on all. Cost: one read of
    the share, and of the names of all variables.

    Raises
    ------
    InvalidConfig
        When there is no checkpoint, or it is one of another plan; when the latest ones of
        several roots are not of one time.
    CorruptData
        When it is damaged or was not written to its end.
    """
    times: dict[str, Path] = {}
    for each in kept:
        folder = each.root / each.action.restart.time
        found = read_manifest(folder)
        times.setdefault(found["time"], folder)
        _refuse_another_plan(folder, each, found["actions"])
        own = [entry for entry in found["files"] if entry["action"] == each.name]
        for number, entry in enumerate(own):
            path = folder.resolve() / entry["file"]
            verify(path, entry["bytes"], entry["checksum"], wholly=number % size == rank)
            each.action.waiting.add(StatesFile(path))
        each.action.waiting.restarts = True
    if len(times) > 1:
        said = " and ".join(f"{folder} of {time}" for time, folder in sorted(times.items()))
        raise InvalidConfig(
            f"checkpoint {said}; expected one time in all plans: name one that all have with restart-time "
            f"(not {LATEST})"
        )


def _refuse_another_plan(folder: Path, kept: Kept, written: Mapping[str, Any]) -> None:
    own, before = json.loads(json.dumps(kept.action.shape)), written.get(kept.name)
    if before is None:
        names = ", ".join(map(repr, written))
        raise InvalidConfig(f"checkpoint {folder} is of {names}; expected statistics {kept.name!r}")
    for key in sorted({*own, *before}):
        if own.get(key) != before.get(key):
            raise InvalidConfig(
                f"checkpoint {folder} is of {kept.name!r} with {key} {before.get(key)!r}; expected "
                f"{own.get(key)!r}, as the plan says"
            )
