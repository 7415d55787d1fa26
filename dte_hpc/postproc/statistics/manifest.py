"""Which files are a checkpoint, and which checkpoint is the latest?

``manifest`` is a line of JSON and the xxh3-64 of it; it is written aside, synced and renamed, and so makes
a checkpoint valid, or replaces one of the same time, at once. ``latest`` is a symbolic link that is
swapped by a rename. Checkpoints are as old as their manifests' ``sequence``, not as their simulated times:
a run may begin again from an earlier one.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData, InvalidConfig
from dte_hpc.fdb.files.disk import Disk, open_directory
from dte_hpc.postproc.statistics.checkpoint_file import FORMAT, VERSION

MANIFEST, LATEST = "manifest", "latest"
STAMP = re.compile(r"\d{8}-\d{6}")
_OURS = re.compile(r"state-\d+-\d+-[0-9a-f]+\.h5|\.?manifest(\.[0-9a-f]+)?")


def publish(root: Path, stamp: str, facts: Mapping[str, Any], disk: Disk, keep: int) -> None:
    """Make files of one time the latest checkpoint, and remove what is no longer needed.

    Parameters
    ----------
    facts : mapping
        ``actions`` and ``files``.
    keep : int
        How many checkpoints stay; 0: all of them.
    """
    before = {folder: _sequence(folder) for folder in folders(root)}
    sequence = max((n for n in before.values() if n is not None), default=0) + 1
    own = {"format": FORMAT, "version": VERSION, "time": stamp, "sequence": sequence}
    text = json.dumps({**own, **facts}).encode()
    _write(root / stamp, text + f"\n{checksum(text):016x}\n".encode(), disk)
    _point_to(root, stamp, disk)
    _remove(root / stamp, all_but={MANIFEST, *(entry["file"] for entry in facts["files"])})
    older = sorted(((n, folder) for folder, n in before.items() if folder.name != stamp and n), reverse=True)
    unfinished = [folder for folder, n in before.items() if folder.name != stamp and n is None]
    for folder in unfinished + [folder for _, folder in older[max(keep - 1, 0) :] if keep]:
        _remove(folder)


def read_manifest(folder: Path) -> Any:
    """Return what a checkpoint's manifest says.

    Raises
    ------
    InvalidConfig
        When there is no such checkpoint.
    CorruptData
        When it was not written to its end, or its manifest is damaged.
    """
    if not folder.is_dir():
        raise InvalidConfig(
            f"no checkpoint {folder}; expected one that a run with write-restart: true wrote, or "
            "read-restart: false"
        )
    try:
        text, _, written = (folder / MANIFEST).read_bytes().partition(b"\n")
        found = json.loads(text) if f"{checksum(text):016x}\n".encode() == written else None
    except (OSError, ValueError) as error:
        raise CorruptData(f"checkpoint {folder} is not whole: {error}", path=str(folder)) from error
    if found is None or (found.get("format"), found.get("version")) != (FORMAT, VERSION):
        what = "does not match its checksum" if found is None else f"is of version {found.get('version')}"
        raise CorruptData(
            f"checkpoint {folder} has a manifest that {what}; expected one of {FORMAT} {VERSION}, whole",
            path=str(folder),
        )
    return found


def folders(root: Path) -> list[Path]:
    """Return the folders of a root that are called like a time."""
    return [path for path in root.iterdir() if STAMP.fullmatch(path.name) and path.is_dir()]


def _sequence(folder: Path) -> int | None:
    """Return the place of a checkpoint in time, from 1; 0 for one we cannot read, None for what is none."""
    if not (folder / MANIFEST).exists():
        return None
    try:
        return int(read_manifest(folder)["sequence"])
    except (CorruptData, InvalidConfig):
        return 0


def _write(folder: Path, text: bytes, disk: Disk) -> None:
    parent = open_directory(folder)
    aside = f".{MANIFEST}.{secrets.token_hex(4)}"
    try:
        fd = disk.create(parent, aside)
        try:
            disk.write(fd, [text], aside)
            disk.sync(fd, aside)
        finally:
            os.close(fd)
        disk.rename(parent, aside, MANIFEST)
        disk.sync_directory(parent, str(folder))
    finally:
        os.close(parent)


def _point_to(root: Path, stamp: str, disk: Disk) -> None:
    aside = f".{LATEST}.{secrets.token_hex(4)}"
    parent = open_directory(root)
    try:
        os.symlink(stamp, aside, dir_fd=parent)
        disk.rename(parent, aside, LATEST)
        disk.sync_directory(parent, str(root))
    finally:
        os.close(parent)
    for left in root.glob(f".{LATEST}.*"):
        left.unlink(missing_ok=True)


def _remove(folder: Path, all_but: set[str] | None = None) -> None:
    """Remove our files of a folder, and the folder if nothing else is in it; the manifest goes first."""
    kept = all_but or set()
    with contextlib.suppress(OSError):  # what cannot be removed is in nobody's way
        for path in sorted(folder.iterdir(), key=lambda path: path.name != MANIFEST):
            if path.name not in kept and _OURS.fullmatch(path.name):
                path.unlink()
        if not kept:
            folder.rmdir()
