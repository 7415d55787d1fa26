"""How do the samples of a variable become its statistics over time?"""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Passing
from dte_hpc.postproc.missing import OF_THE_VALUES
from dte_hpc.postproc.restarts import Restart
from dte_hpc.postproc.statistics.operations import EVERY_SAMPLE, Finished, Operation, initial_state
from dte_hpc.postproc.statistics.running import Window, refuse_odd_time
from dte_hpc.postproc.statistics.settings import StatisticsOptions, WindowOptions
from dte_hpc.postproc.statistics.waiting import Waiting
from dte_hpc.postproc.statistics.wanted import Wanted, wanted_of
from dte_hpc.postproc.statistics.windows import Clock, Frequency, clock_of
from dte_hpc.postproc.statistics.written import named

log = logging.getLogger("dte_hpc.plan")

__all__ = ["Statistics", "StatisticsOptions", "WindowOptions"]
_NOT_THE_NAME = (
    *("step", "startStep", "endStep", "stepRange", "step-frequency", "timeStep"),
    *("currentDate", "currentTime", "previousDate", "previousTime", "startStepInHours", "endStepInHours"),
    *OF_THE_VALUES,
)
_DATES = ("date", "time", "dataDate", "dataTime")
MAX_VARIABLES = 1_000_000


def _wanted(options: StatisticsOptions) -> Wanted:
    counted = options.options.value_count_threshold > 0
    return wanted_of(options.operations, counted=counted, keeps_last=options.options.partial_windows)


class Statistics(Passing):
    """Emit statistics over time, in the call that brings the last sample of a window.

    One pass over the data serves all operations; accumulators are float64. NaN is missing, and a point
    that was missing in one sample is missing in the result, unless ``value-count-threshold`` says how many
    it needs. State a variable (all metadata but time): the components its operations need, while its
    window is open.
    """

    Options: ClassVar[type[StatisticsOptions]] = StatisticsOptions
    makes_values = True
    works_on_parts = True

    def __init__(self, options: StatisticsOptions, context: Context) -> None:
        # numba takes half a second to import, and checking a plan needs none of it
        from dte_hpc.postproc.statistics import kernels

        frequency = Frequency.of(options.output_frequency)
        assert frequency is not None, options.output_frequency  # noqa: S101  (a checked plan)
        self._frequency = frequency
        self._all_options, self._options = options, options.options
        self._backward = options.options.window_type == "backward-offset"
        self._wanted = _wanted(options)
        self._take_sample, self._warm = kernels.take, kernels.warm
        self.windows: dict[Metadata, Window] = {}
        self.waiting = Waiting(Window)
        self.restart: Restart = options.options.restart
        self.shape: Mapping[str, Any] = options.shape

    @classmethod
    def explain(cls, options: StatisticsOptions, flow: Flow) -> Explained:
        """Say what is computed, when it comes and what the running state takes."""
        frequency, wanted = Frequency.of(options.output_frequency), _wanted(options)
        after = replace(
            flow,
            value_bytes=8.0,
            n_out=flow.n_out * len(wanted.operations),
            when=f"at the end of each window of {frequency}",
        )
        state = 8.0 * wanted.needs_initial
        for component in wanted.components:
            rows = options.options.max_samples if component.rows == EVERY_SAMPLE else max(component.rows, 1)
            state += rows * np.dtype(component.kind).itemsize
        names = dict.fromkeys(operation.name for operation in wanted.operations)
        return Explained(
            does=f"{', '.join(names)} over {frequency}", flow=after, state_bytes_a_value=state * flow.n_out
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

        With ``initial-condition-present`` a field of the moment of the last sample is left out, as MultIO
        does: a model that begins again sends its initial condition again.

        Raises
        ------
        InvalidPart
            If the sample is not the one after the last, or its size or time makes no sense.
        """
        metadata, values = item.metadata, item.field.values
        clock = self._clock(metadata)
        name = self._name(metadata)
        window = self.windows.get(name) or self._restored(name)
        if window is None:
            _refuse_too_many(self.windows, metadata)
            window = self.windows[name] = self._first_window(metadata, clock)
            if self._options.initial_condition_present and not self._backward:
                self._begin_from(window, values)
                return ()
        elif self._options.initial_condition_present and clock.now == window.last:
            return ()
        refuse_odd_time(window, metadata, clock, backward=self._backward)
        self._take(window, metadata, values, clock.interval)
        window.last = clock.now
        if not self._is_last(window, clock):
            return ()
        return self._emit(window, window.end, clock.interval, item)

    def close(self) -> Iterable[Item]:
        """Yield unfinished windows if they are wanted, and forget all state."""
        wanted = self._options.partial_windows
        unfinished = [w for w in self.windows.values() if w.n_samples]
        if unfinished and not wanted and not self.restart.writes:
            log.warning(
                "statistics drop %d windows that the run ended in, as that of %s, which lasts until %s",
                len(unfinished), unfinished[0].metadata, unfinished[0].end,
            )  # fmt: skip
        open_windows = unfinished if wanted else []
        self.windows = {}
        out = []
        for window in open_windows:
            interval = self._clock(window.metadata).interval
            end = window.last + interval if self._backward else window.last
            out += self._emit(window, end, interval, None)
        return out

    def _clock(self, metadata: Metadata) -> Clock:
        options = self._options
        return clock_of(
            metadata,
            step_frequency=options.step_frequency,
            time_step_seconds=options.time_step,
            use_current_time=options.use_current_time,
        )

    def _name(self, metadata: Metadata) -> Metadata:
        """Return what does not change from sample to sample: ``date`` does where ``startDate`` is given."""
        dates = _DATES if "startDate" in metadata and not self._options.use_current_time else ()
        return metadata.without(*_NOT_THE_NAME, *dates)

    def _is_last(self, window: Window, clock: Clock) -> bool:
        """Whether the sample after this one is no more of this window."""
        after = clock.now + clock.interval
        return after > window.end or (after == window.end and self._backward)

    def _restored(self, name: Metadata) -> Window | None:
        """Return the window a checkpoint has of a variable, open now; None when there is none."""
        window: Window | None = self.waiting.take(name)
        if window is not None:
            self.windows[name] = window
        elif self.waiting.restarts:
            log.warning("statistics of %s begin now: the checkpoint has none of this variable", name)
        return window

    def _first_window(self, metadata: Metadata, clock: Clock) -> Window:
        at_once = self._options.initial_condition_present or self._backward
        begin = clock.now if at_once else clock.before
        end = self._frequency.after(self._frequency.floor(begin))
        last = begin - clock.interval if self._backward else begin
        return Window(base=clock.base, begin=begin, end=end, last=last, metadata=metadata)

    def _begin_from(self, window: Window, values: Values) -> None:
        """Keep the values accumulated fields of the next window grow from; none where the model resets."""
        window.state = {}
        if self._wanted.needs_initial and not self._is_reset(window.last):
            window.state = {"initial": np.array(values, np.float64)}

    def _is_reset(self, moment: datetime) -> bool:
        unit = self._options.solver_reset_accumulate_fields_every
        return unit != "never" and Frequency(count=1, unit=unit).floor(moment) == moment

    def _take(self, window: Window, metadata: Metadata, values: Values, interval: timedelta) -> None:
        sizes = {array.shape[-1] for array in window.state.values()}
        if sizes and values.size not in sizes:
            raise InvalidPart(
                f"field {metadata} has {values.size} values; its samples before had {sizes.pop()}",
                metadata=metadata,
            )
        if window.n_samples == 0:
            n_expected = self._expected(window, metadata, interval)
            window.state |= initial_state(self._wanted.components, values.size, n_expected)
        window.n_samples += 1
        self._take_sample(
            values,
            window.n_samples,
            self._options.value_count_threshold > 0,
            window.state,
            self._wanted.intervals,
            self._wanted.edges,
        )
        window.metadata = metadata

    def _expected(self, window: Window, metadata: Metadata, interval: timedelta) -> int:
        n_expected = math.ceil((window.end - window.begin) / interval)
        most = self._options.max_samples
        if n_expected > most and any(c.rows == EVERY_SAMPLE for c in self._wanted.components):
            raise InvalidPart(
                f"field {metadata} has {n_expected} samples in the window to {window.end:%Y-%m-%d %H:%M}; "
                f"expected at most max-samples={most} for a quantile of all of them, or edges for its bins",
                metadata=metadata,
            )
        return n_expected

    def _named(self, window: Window, end: datetime, interval: timedelta, operation: Operation) -> Metadata:
        """Return what a result is called."""
        return named(window, end, interval, operation, self._all_options)

    def _emit(
        self, window: Window, end: datetime, interval: timedelta, item: MaskedField | None
    ) -> list[Item]:
        last = window.state["last"] if item is None and "last" in window.state else None
        values = item.field.values if item is not None else last
        finished = Finished(
            state=window.state if values is None else {**window.state, "last": values},
            n_samples=window.n_samples,
            seconds=window.n_samples * int(interval.total_seconds()),
            threshold=self._options.value_count_threshold,
        )
        out: list[Item] = [
            MaskedField(
                field=Field(
                    metadata=self._named(window, end, interval, operation),
                    values=operation.finalise(finished),
                ),
                mask=item.mask if item else None,
            )
            for operation in self._wanted.operations
        ]
        window.begin, window.end = window.end, self._frequency.after(window.end)
        window.n_samples = 0
        if values is not None:
            self._begin_from(window, values)
        return out


def _refuse_too_many(windows: Mapping[Metadata, Window], metadata: Metadata) -> None:
    if len(windows) >= MAX_VARIABLES:
        raise InvalidPart(
            f"field {metadata} is of one more variable than the {MAX_VARIABLES} that statistics "
            "follow at once; expected metadata that differ in the step only from one sample to the next",
            metadata=metadata,
        )
