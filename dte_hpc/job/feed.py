"""How do the fields of GRIB files go through plans in one process, without MPI?

As MultIO's ``multio-feed`` does: message after message, in the order of the files. A field that no plan
selects is not decoded.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.base.field import Metadata
from dte_hpc.codecs.decode import mars_key
from dte_hpc.job.replay import Progress, messages_of, named_field
from dte_hpc.postproc import Pipeline
from dte_hpc.postproc.sinks.action import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """What was done.

    Attributes
    ----------
    n_messages : int
        In the files.
    n_fields : int
        Of them, went through a plan; the others no plan selects.
    n_bytes : int
        Of the fields' values.
    seconds : float
        From the first message until the last flush was done.
    written : tuple of (str, Written)
        What each sink took, with the name of its plan.
    selected : mapping of str to int
        Fields that each plan's selects let pass; without those it has none of.
    """

    n_messages: int
    n_fields: int
    n_bytes: int
    seconds: float
    written: tuple[tuple[str, Written], ...]
    selected: Mapping[str, int]

    @property
    def n_dropped(self) -> int:
        """Messages that no plan selects."""
        return self.n_messages - self.n_fields


def feed(pipeline: Pipeline, paths: Sequence[str | Path], progress: Progress) -> Fed:
    """Give every field of some files to a pipeline, and close it.

    Memory: one field, and what the plans keep; the files are mapped, not read.

    Raises
    ------
    InvalidMessage
        Naming the file and the message that cannot be read; what went before is not flushed.
    """
    started = time.perf_counter()
    messages = [found for path in paths for found in messages_of(Path(path))]
    n_fields = n_bytes = 0
    selected: Counter[str] = Counter()
    for number, (where, message) in enumerate(messages, 1):
        takers = pipeline.takers(_name(where, message))
        if takers:
            selected.update(takers)
            field = named_field(where, message)
            pipeline.process(field)
            n_fields, n_bytes = n_fields + 1, n_bytes + field.n_bytes
        progress(number, len(messages))
    pipeline.close()
    return Fed(
        n_messages=len(messages),
        n_fields=n_fields,
        n_bytes=n_bytes,
        seconds=time.perf_counter() - started,
        written=tuple(pipeline.written()),
        selected=selected,
    )


def _name(where: str, message: ByteLike) -> Metadata:
    try:
        return Metadata(mars_key(message))
    except InvalidMessage as error:
        raise InvalidMessage(f"{where}: {error}", path=where) from error
