"""How do the fields of GRIB files enter the engine as if a model had made them?

Every model rank owns a band of each grid's points, decodes only those of every message (of grid_simple
its own bytes, of grid_ccsds its own blocks), and sends them as its part. GRIB1 fields are named by
their GRIB2 parameter (167.128 becomes 167) and are stored as GRIB2 by a plan that encodes.
"""

import functools
import mmap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.base.field import PACKING_FACTS, Field, Metadata
from dte_hpc.codecs.decode import read_field
from dte_hpc.codecs.grib import grid_words
from dte_hpc.codecs.layout import split
from dte_hpc.job.run import ModelRank
from dte_hpc.parallel.agree import all_or_none

Progress = Callable[[int, int], None]
"""Told how many fields have been sent, and how many there are."""


class Sent(NamedTuple):
    """How many fields were sent, and how many of them have the key of an earlier one, which they mask."""

    n_fields: int
    n_masked: int


def replay(rank: ModelRank, paths: Sequence[str | Path], progress: Progress) -> Sent:
    """Stream every field of some files, flush, and return how many there were.

    Collective over the model ranks. Memory: one field; the files are mapped, not read.

    Raises
    ------
    InvalidMessage
        Naming the file and the message that cannot be read; what was sent before is not flushed.
    """
    messages = all_or_none(rank.comm, lambda: [found for path in paths for found in messages_of(Path(path))])
    bands: dict[str, NDArray[np.int64]] = {}
    names: set[Metadata] = set()
    for n_sent, (where, message) in enumerate(messages):
        field = all_or_none(rank.comm, functools.partial(named_field, where, message))
        domain = str(field.metadata["domain"])
        if domain not in bands:
            bands[domain] = band(field.values.size, rank.rank, rank.size)
            rank.client.write_domain(
                domain, bands[domain], global_size=field.values.size, grid=str(field.metadata["grid"])
            )
        rank.client.write_field(field.metadata, field.values[bands[domain]])
        names.add(field.metadata.without(*PACKING_FACTS))
        progress(n_sent + 1, len(messages))
    rank.client.flush()
    return Sent(len(messages), len(messages) - len(names))


def band(n_points: int, rank: int, size: int) -> NDArray[np.int64]:
    """Return the indices a rank owns: bands of equal length, shape (n_local,)."""
    return np.arange(n_points * rank // size, n_points * (rank + 1) // size, dtype=np.int64)


def messages_of(path: Path) -> Iterator[tuple[str, ByteLike]]:
    """Yield every message of a file, which is mapped, and where it stands, for errors."""
    try:
        if path.is_file() and not path.stat().st_size:
            raise InvalidMessage(
                f"{path} cannot be read: it is empty; expected GRIB messages", path=str(path)
            )
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except InvalidMessage:
        raise
    except (OSError, ValueError) as error:
        raise InvalidMessage(f"{path} cannot be read: {error}", path=str(path)) from error
    number = 1 if data.find(b"GRIB") >= 0 else 0
    try:
        for message in split(memoryview(data)):
            yield f"{path}, message {number}", message
            number += 1
    except InvalidMessage as error:
        where = f"{path}, message {number}" if number else f"{path}"
        raise InvalidMessage(f"{where}: {error}", path=str(path)) from error


def named_field(where: str, message: ByteLike) -> Field:
    """Return a message as a field whose domain is its grid; InvalidMessage when the grid has no name."""
    try:
        field = read_field(message)
    except InvalidMessage as error:
        raise InvalidMessage(f"{where}: {error}", path=where) from error
    grid = field.metadata.get("grid")
    if not grid:
        raise InvalidMessage(
            f"{where} lies on a grid that has no name here: {grid_words(message)}; expected a Gaussian, "
            "regular latitude-longitude or HEALPix grid whose rows run from north to south and west to east",
            path=where,
        )
    return Field(metadata=field.metadata.replace(domain=grid), values=field.values)
