"""What is known of a variable while its window is open?"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.statistics.windows import Clock, hours_since, span_text


@dataclass(slots=True, kw_only=True)
class Window:
    """The running state of one variable: plain facts and arrays, which a checkpoint can hold.

    Attributes
    ----------
    base : datetime
        Of the variable's date and time; output steps count from it.
    begin, end : datetime
        The window is (begin, end], or [begin, end) where it is backward-offset; the first may
        begin inside its hour, day or month.
    last : datetime
        Of the sample before the next; `begin` when there is none yet.
    n_samples : int
        Taken since `begin`.
    metadata : Metadata
        Of the last sample.
    state : dict of str to float64 arrays, shape (n_points,)
        By component; empty until the first sample, so that a variable between windows costs nothing but
        ``initial``, where an operation counts from the last value of the window before. Counts are uint32;
        ``passes``, ``bins`` and ``samples`` have rows of (n_points,).
    """

    base: datetime
    begin: datetime
    end: datetime
    last: datetime
    metadata: Metadata
    n_samples: int = 0
    state: dict[str, NDArray[Any]] = field(default_factory=dict)


def step_facts(window: Window, end: datetime) -> dict[str, int | str]:
    """Return the metadata that name a window ending at `end`: step, startStep, endStep, timespan.

    Steps are hours, and text such as ``90m`` where a moment is not whole hours after the base.
    """
    first, last = step_at(window, window.begin), step_at(window, end)
    return {"step": last, "startStep": first, "endStep": last, "timespan": span_text(end - window.begin)}


def step_at(window: Window, moment: datetime) -> int | str:
    """Return the step of a moment, in hours if they are whole."""
    hours = hours_since(window.base, moment)
    return span_text(moment - window.base) if hours is None else hours


def refuse_odd_time(window: Window, metadata: Metadata, clock: Clock, *, backward: bool = False) -> None:
    """InvalidPart unless this sample is the one after the last, and inside the window."""
    expected = window.last + clock.interval
    if not backward and clock.now == window.base == window.last and window.n_samples == 0:
        raise InvalidPart(
            f"field {metadata} is the initial condition (step 0), which is no sample of a window; expected "
            "a select that leaves it out, or statistics with the option initial-condition-present: true",
            metadata=metadata,
            step=value_of(metadata, "step"),
        )
    if clock.now != expected:
        what = "comes after a skipped sample" if clock.now > expected else "is out of order"
        raise InvalidPart(
            f"field {metadata} {what}: it is of {clock.now:%Y-%m-%d %H:%M}, and the sample before of "
            f"{window.last:%Y-%m-%d %H:%M}; expected {expected:%Y-%m-%d %H:%M} "
            f"(samples every {clock.interval})",
            metadata=metadata,
            step=value_of(metadata, "step"),
        )
    if clock.now > window.end or (backward and clock.now == window.end):
        raise InvalidPart(
            f"field {metadata} is a sample every {clock.interval}; expected at least one in each window, "
            f"and the window ends at {window.end:%Y-%m-%d %H:%M}",
            metadata=metadata,
            step=value_of(metadata, "step"),
        )
