"""What just happened?

The engine emits frozen events and never prints: logs, progress bars and metrics are listeners. An
event is cheap (one object) and is emitted per field at most, never per point.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dte_hpc.base.field import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReceived:
    """A server holds all parts of a field."""

    metadata: Metadata
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStored:
    """A sink took a message; it is durable only after the next `Flushed`."""

    key: str
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """Everything a sink took before is durable and visible."""

    n_fields: int
    n_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A rank waited: ``what`` is credit, message or disk."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSkipped:
    """A damaged record was left out of a listing; what follows it was read."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStriped:
    """A new directory has not got the striping that was configured, but the file system's own."""

    where: str
    reason: str


Event = FieldReceived | FieldStored | Flushed | Waited | RecordSkipped | NotStriped
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing: the default listener."""
