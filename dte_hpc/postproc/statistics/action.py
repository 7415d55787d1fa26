"""How do the samples of a variable become its average, minimum, maximum or sum over time?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

import numpy as np

from dte_hpc.base.compiled import frozen
from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import PACKING_FACTS, Field, Metadata, Values
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.options import near
from dte_hpc.postproc.statistics.operations import OPERATIONS, components_of, initial_state
from dte_hpc.postproc.statistics.running import Window, refuse_odd_time, step_facts
from dte_hpc.postproc.statistics.windows import Clock, Frequency, clock_of

_NOT_THE_NAME = ("step", "startStep", "endStep", "step-frequency", "timeStep", *PACKING_FACTS)
MAX_VARIABLES = 1_000_000
_UNWANTED = np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOptions(Options):
    """How samples are spaced (``options:`` of the statistics action).

    Attributes
    ----------
    step_frequency : int
        Steps from one sample to the next; ``step-frequency`` in the metadata wins.
    time_step : int
        Seconds a step; ``timeStep`` in the metadata wins. MARS steps are hours: 3600.
    initial_condition_present : bool
        The first field of each variable is the state the model began from: it begins the first window
        and is no sample of it.
    partial_windows : bool
        Emit what a window holds when the run ends before the window does.
    """

    step_frequency: int = 1
    time_step: int = 3600
    initial_condition_present: bool = False
    partial_windows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsOptions(Options):
    """Options of `Statistics`.

    Attributes
    ----------
    output_frequency : str
        Length of the window: ``6h``, ``1d``, ``1m`` (a calendar month).
    operations : tuple of str
        Some of average, minimum, maximum, accumulate; one field comes out for each, in this order.
    options : WindowOptions
    """

    output_frequency: str
    operations: tuple[str, ...]
    options: WindowOptions = WindowOptions()

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield odd windows, unknown and repeated operations, and samples that make no sense."""
        if Frequency.of(self.output_frequency) is None:
            expected = "a whole number and h, d or m (months), such as 6h, 1d or 1m"
            yield refuse(f"{place}.output-frequency", repr(self.output_frequency), expected)
        if not self.operations:
            yield refuse(f"{place}.operations", "none", f"some of {', '.join(OPERATIONS)}")
        for index, name in enumerate(self.operations):
            at = f"{place}.operations[{index}]"
            if name not in OPERATIONS:
                yield refuse(at, repr(name) + near(name, OPERATIONS), f"one of {', '.join(OPERATIONS)}")
            elif name in self.operations[:index]:
                yield refuse(at, f"{name!r} again", "each operation once")
        for keyword, value in (
            ("step-frequency", self.options.step_frequency),
            ("time-step", self.options.time_step),
        ):
            if value < 1:
                yield refuse(f"{place}.options.{keyword}", str(value), "at least 1")


class Statistics(Passing):
    """Emit statistics over time, in the call that brings the last sample of a window.

    One pass over the data serves all operations; accumulators are float64. NaN is missing, and a point
    that was missing in one sample is missing in the result. State a variable (all metadata but the step):
    one array for averages and sums, one for minima, one for maxima, while its window is open.
    """

    Options: ClassVar[type[StatisticsOptions]] = StatisticsOptions
    makes_values = True

    def __init__(self, options: StatisticsOptions, context: Context) -> None:
        # numba takes half a second to import, and checking a plan needs none of it
        from dte_hpc.postproc.statistics import kernels

        frequency = Frequency.of(options.output_frequency)
        assert frequency is not None, options.output_frequency  # noqa: S101  (a checked plan)
        self._frequency = frequency
        self._options = options.options
        self._operations = tuple(OPERATIONS[name] for name in options.operations)
        self._components = components_of(options.operations)
        self._take_sample, self._warm = kernels.take_sample, kernels.warm
        self.windows: dict[Metadata, Window] = {}

    @classmethod
    def explain(cls, options: StatisticsOptions, flow: Flow) -> Explained:
        """Say what is computed, when it comes and what the running state takes."""
        frequency = Frequency.of(options.output_frequency)
        after = replace(
            flow,
            value_bytes=8.0,
            n_out=flow.n_out * len(options.operations),
            when=f"at the end of each window of {frequency}",
        )
        state = 8.0 * flow.n_out * len(components_of(options.operations))
        return Explained(
            does=f"{', '.join(options.operations)} over {frequency}", flow=after, state_bytes_a_value=state
        )

    @property
    def state_bytes(self) -> int:
        """Bytes of all running arrays."""
        return sum(array.nbytes for window in self.windows.values() for array in window.state.values())

    def warm(self) -> None:
        """Load or compile the loop."""
        self._warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Take a sample; yield one field for each operation if it was its window's last.

        Raises
        ------
        InvalidPart
            If the sample is not the one after the last, or its size or time makes no sense.
        """
        metadata, values = item.metadata, item.field.values
        options = self._options
        clock = clock_of(metadata, step_frequency=options.step_frequency, time_step_seconds=options.time_step)
        name = metadata.without(*_NOT_THE_NAME)
        window = self.windows.get(name)
        if window is None:
            _refuse_too_many(self.windows, metadata)
            window = self.windows[name] = self._first_window(metadata, clock)
            if options.initial_condition_present:
                return ()
        refuse_odd_time(window, metadata, clock)
        self._take(window, metadata, values)
        window.last = clock.now
        return self._emit(window, window.end, item) if clock.now + clock.interval > window.end else ()

    def close(self) -> Iterable[Item]:
        """Yield unfinished windows if they are wanted, and forget all state."""
        open_windows = (
            [w for w in self.windows.values() if w.n_samples] if self._options.partial_windows else []
        )
        self.windows = {}
        return [item for window in open_windows for item in self._emit(window, window.last, None)]

    def _first_window(self, metadata: Metadata, clock: Clock) -> Window:
        begin = clock.now if self._options.initial_condition_present else clock.before
        end = self._frequency.after(self._frequency.floor(begin))
        return Window(base=clock.base, begin=begin, end=end, last=begin, metadata=metadata)

    def _take(self, window: Window, metadata: Metadata, values: Values) -> None:
        if not window.state:
            window.state = initial_state(self._components, values.size)
        size = next(iter(window.state.values())).size
        if values.size != size:
            raise InvalidPart(
                f"field {metadata} has {values.size} values; its samples before had {size}", metadata=metadata
            )
        arrays = [window.state.get(name, _UNWANTED) for name in ("total", "low", "high")]
        self._take_sample(frozen(values), *arrays)
        window.n_samples += 1
        window.metadata = metadata

    def _emit(self, window: Window, end: datetime, item: MaskedField | None) -> list[Item]:
        facts = step_facts(window, end)
        named = window.metadata.without("step-frequency", "timeStep", *PACKING_FACTS).replace(**facts)
        out: list[Item] = [
            MaskedField(
                field=Field(
                    metadata=named.replace(stattype=operation.name),
                    values=operation.finalise(window.state[operation.component], window.n_samples),
                ),
                mask=item.mask if item else None,
            )
            for operation in self._operations
        ]
        window.begin, window.end = window.end, self._frequency.after(window.end)
        window.n_samples, window.state = 0, {}
        return out


def _refuse_too_many(windows: Mapping[Metadata, Window], metadata: Metadata) -> None:
    if len(windows) >= MAX_VARIABLES:
        raise InvalidPart(
            f"field {metadata} is of one more variable than the {MAX_VARIABLES} that statistics "
            "follow at once; expected metadata that differ in the step only from one sample to the next",
            metadata=metadata,
        )
