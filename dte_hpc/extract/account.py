"""What did an answer cost?

Every answer carries its account: bytes that had to be read, were read and were decoded, beside the
bytes of the whole fields, and the seconds of each phase.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

READING = ("reads", "bytes_requested", "bytes_read", "bytes_index", "bytes_decoded", "fields_decoded_whole")
"""The figures that reading adds to, which are summed over ranks and parts."""


@dataclass(slots=True, kw_only=True)
class Account:
    """Figures of one request, over all ranks that worked on it.

    Attributes
    ----------
    fields : int
        Fields that were touched.
    points : int
        Points of all fields together: the values of the answer.
    reads : int
        Calls of pread.
    bytes_requested : int
        The least that hold the values: the bytes of each value's bits (grid_simple), of the blocks they are
        in (grid_ccsds), the whole message when it is packed in a way that can only be decoded whole.
    bytes_read : int
        What pread was asked for of data files: `bytes_requested`, and the gaps read with them.
    bytes_index : int
        Of tables of block offsets, read beside the fields (grid_ccsds).
    bytes_decoded : int
        Of values that were unpacked, 8 bytes each, wanted or not.
    fields_decoded_whole : int
        Fields packed in a way of which no part can be decoded alone (second order, JPEG, PNG, ...).
    bytes_whole_fields : int
        Of the messages that were touched.
    bytes_bounding_box : int
        Of the messages that the box around the request in levels and steps touches.
    points_bounding_box : int
        Values inside the box around the request, in all axes.
    ranks : int
        Ranks that shared the work.
    seconds : dict of str to float
        Of each phase: parse, locate, geometry, read (with decoding), assemble; of the slowest rank.
    """

    fields: int = 0
    points: int = 0
    reads: int = 0
    bytes_requested: int = 0
    bytes_read: int = 0
    bytes_index: int = 0
    bytes_decoded: int = 0
    fields_decoded_whole: int = 0
    bytes_whole_fields: int = 0
    bytes_bounding_box: int = 0
    points_bounding_box: int = 0
    ranks: int = 1
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the seconds a block takes to a phase."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    @property
    def total_seconds(self) -> float:
        """Seconds of all phases."""
        return sum(self.seconds.values())

    @property
    def reduction(self) -> float:
        """Share of the touched fields' bytes that was not read, 0 to 1."""
        return 1 - self.bytes_read / self.bytes_whole_fields if self.bytes_whole_fields else 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the figures as plain values, for JSON."""
        return asdict(self)
