"""Into which kind of file does an answer go?

Its suffix says. A file is written aside and takes its name when it is whole, so that nobody finds half of
one; what is no regular file (``/dev/stdout``) is written to as it is.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.answer import Answer

Writer = Callable[[Answer, Path], None]
PICTURES = (".png", ".pdf", ".svg")


def write_answer(answer: Answer, path: Path) -> None:
    """Write an answer to a file of the kind that its suffix says.

    Raises
    ------
    InvalidRequest
        For a suffix that is none of `suffixes`.
    MissingDependency
        When the kind needs a package that is not installed; names the extra that brings it.
    StorageFailed
        When a Zarr folder is there already.
    OSError
        When the file cannot be written.
    """
    write = writer_of(path)
    with _aside(path) as target:
        write(answer, target)


def writer_of(path: Path) -> Writer:
    """Return what writes files of a suffix; InvalidRequest when nothing does."""
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InvalidRequest(
            f"{path} has the suffix {path.suffix!r}; expected one of {', '.join(suffixes())}", path=str(path)
        )
    return write


def draw_answer(answer: Answer, path: Path) -> None:
    """Draw an answer into a file; see `picture.draw`.

    Raises
    ------
    InvalidRequest
        For a suffix that is none of `PICTURES`.
    MissingDependency
        When matplotlib is not installed.
    """
    check_picture(path)
    from dte_hpc.extract.picture import draw

    with _aside(path) as target:
        draw(answer, target)


def check_picture(path: Path) -> None:
    """Raise InvalidRequest for the name of a picture that cannot be drawn."""
    if path.suffix.lower() not in PICTURES:
        raise InvalidRequest(
            f"{path} has the suffix {path.suffix!r}; expected one of {', '.join(PICTURES)}", path=str(path)
        )


def suffixes() -> tuple[str, ...]:
    """Return the suffixes that are understood."""
    return tuple(_WRITERS)


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes the file's own when all went well."""
    if path.exists() and not path.is_file():
        yield path
        return
    other = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield other
        if other.is_file():
            with other.open("rb") as whole:
                os.fsync(whole.fileno())
        other.rename(path)
    except BaseException:
        _remove(other)
        raise


def _remove(path: Path) -> None:
    """Remove what was written aside: a file, or a folder of our own making."""
    if path.is_dir():
        for root, folders, names in os.walk(path, topdown=False):
            for name in names:
                Path(root, name).unlink()
            for name in folders:
                Path(root, name).rmdir()
        path.rmdir()
    path.unlink(missing_ok=True)


def _text(write: Callable[[Answer, TextIO], None]) -> Writer:
    def to_path(answer: Answer, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            write(answer, file)

    return to_path


def _covjson(answer: Answer, file: TextIO) -> None:
    from dte_hpc.extract.to_covjson import write_covjson

    write_covjson(answer, file)


def _geojson(answer: Answer, file: TextIO) -> None:
    from dte_hpc.extract.to_rows import write_geojson

    write_geojson(answer, file)


def _csv(answer: Answer, file: TextIO) -> None:
    from dte_hpc.extract.to_rows import write_csv

    write_csv(answer, file)


def _netcdf(answer: Answer, path: Path) -> None:
    from dte_hpc.extract.arrays import arrays_of
    from dte_hpc.extract.to_netcdf import write_netcdf

    write_netcdf(arrays_of(answer), path)


def _zarr(answer: Answer, path: Path) -> None:
    from dte_hpc.extract.arrays import arrays_of
    from dte_hpc.extract.to_zarr import write_zarr

    write_zarr(arrays_of(answer), path)


def _parquet(answer: Answer, path: Path) -> None:
    from dte_hpc.extract.to_parquet import write_parquet

    write_parquet(answer, path)


def _npz(answer: Answer, path: Path) -> None:
    """Write coordinates and variables as the arrays of `arrays_of`; nothing is pickled."""
    from dte_hpc.extract.arrays import arrays_of

    named = {name: array.read(()) for name, array in arrays_of(answer).all().items()}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **named)


_WRITERS: dict[str, Writer] = {
    ".covjson": _text(_covjson),
    ".json": _text(_covjson),
    ".nc": _netcdf,
    ".zarr": _zarr,
    ".geojson": _text(_geojson),
    ".csv": _text(_csv),
    ".parquet": _parquet,
    ".npz": _npz,
}
