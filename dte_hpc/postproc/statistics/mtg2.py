"""How do the samples of a variable become its statistics over time, named as MARS has them?"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import PACKING_FACTS, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.statistics.action import Statistics
from dte_hpc.postproc.statistics.mtg2_names import duration_of, extent_of, level_of, renamed, seconds_of
from dte_hpc.postproc.statistics.mtg2_settings import Mtg2Options
from dte_hpc.postproc.statistics.operations import Operation
from dte_hpc.postproc.statistics.running import Window
from dte_hpc.postproc.statistics.windows import Clock, base_time, hours_since, span_text

log = logging.getLogger("dte_hpc.plan")
OF_WINDOWS = ("clmn", "clte")
DISTANCE = "misc-distanceFromPreviousStepInSeconds"


class StatisticsMtg2(Statistics):
    """Emit statistics over time, in the call that brings the last sample of a window.

    The sums, windows and checkpoints of `Statistics`; metadata is MARS's with
    ``misc-outputStepInSeconds`` (needed) and ``misc-distanceFromPreviousStepInSeconds`` (the same where it
    is not there), and statistics of statistics are told by ``timespan`` and ``stattype``. A window of which
    the begin or end is lacking is left out, unless ``emit-incomplete-statistics``. A field of step 0 is no
    sample.
    """

    Options: ClassVar[type[Any]] = Mtg2Options

    def __init__(self, options: Mtg2Options, context: Context) -> None:
        super().__init__(options.over_time, context)
        self._mtg2, self._text = options.options, options.output_frequency

    @classmethod
    def explain(cls, options: Any, flow: Flow) -> Explained:
        """Say what is computed, when it comes and what the running state takes."""
        return Statistics.explain(options.over_time, flow)

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Take a sample; yield one field for each operation if it was its window's last.

        Raises
        ------
        InvalidPart
            If the sample is not the one after the last, its window's length does not fit it, or MARS has no
            name for the statistic of it.
        """
        clock = self._clock(item.metadata)
        self._refuse_odd_extent(item.metadata, clock)
        window = self.windows.get(self._name(item.metadata))
        at_start = clock.now == clock.base and not self._backward
        if at_start and window is None and not self._options.initial_condition_present:
            return ()
        if window is not None and clock.now != window.last:
            self._refuse_odd_distance(window, item.metadata, clock)
        return super().process(item)

    def _clock(self, metadata: Metadata) -> Clock:
        base, step = base_time(metadata, use_current_time=True), duration_of(metadata, "step")
        if step is None:
            raise InvalidPart(f"field {metadata} has no step; expected one in hours", metadata=metadata)
        cadence = seconds_of(metadata, "outputStepInSeconds")
        interval = timedelta(seconds=seconds_of(metadata, "distanceFromPreviousStepInSeconds", cadence))
        now = base + step
        return Clock(base=base, now=now, before=max(now - interval, base), interval=interval)

    def _is_last(self, window: Window, clock: Clock) -> bool:
        if self._mtg2.allow_non_uniform_statistics and not self._backward:
            return clock.now >= window.end  # how far the next sample is, it will say itself
        return super()._is_last(window, clock)

    def _name(self, metadata: Metadata) -> Metadata:
        return super()._name(metadata).without(DISTANCE)

    def _refuse_odd_extent(self, metadata: Metadata, clock: Clock) -> None:
        extent = extent_of(metadata)
        if extent is None:
            if value_of(metadata, "timeIncrementInSeconds") is not None:
                raise InvalidPart(
                    f"field {metadata} has misc-timeIncrementInSeconds and no timespan; "
                    "expected both or none",
                    metadata=metadata,
                )
            return
        seconds_of(metadata, "timeIncrementInSeconds")
        begin = self._frequency.floor(clock.before)
        length = self._frequency.after(begin) - begin
        if extent >= length:
            raise InvalidPart(
                f"field {metadata} is a statistic over {extent}; expected less than the window of {length}",
                metadata=metadata,
            )
        for operation in self._wanted.operations:
            if operation.name == "instant" or self._backward:
                what = "instant" if operation.name == "instant" else "a backward-offset window"
                raise InvalidPart(
                    f"field {metadata} is a statistic; {what} expected a value at a moment", metadata=metadata
                )

    def _refuse_odd_distance(self, window: Window, metadata: Metadata, clock: Clock) -> None:
        before = self._clock(window.metadata).interval
        if window.n_samples and clock.interval != before and not self._mtg2.allow_non_uniform_statistics:
            raise InvalidPart(
                f"field {metadata} is {clock.interval} after the one before, which was {before} after "
                "its own; expected one distance, or the option allow-non-uniform-statistics: true",
                metadata=metadata,
            )

    def _emit(
        self, window: Window, end: datetime, interval: timedelta, item: MaskedField | None
    ) -> list[Item]:
        is_whole = self._frequency.floor(window.begin) == window.begin
        if not is_whole and not self._mtg2.emit_incomplete_statistics:
            log.info(
                "statistics-mtg2 leaves out the window of %s from %s to %s: the run began in it",
                window.metadata, window.begin, end,
            )  # fmt: skip
            self._open_next(window, item)
            return []
        return super()._emit(window, end, interval, item)

    def _open_next(self, window: Window, item: MaskedField | None) -> None:
        window.begin, window.end, window.n_samples = window.end, self._frequency.after(window.end), 0
        if item is not None:
            self._begin_from(window, item.field.values)

    def _named(self, window: Window, end: datetime, interval: timedelta, operation: Operation) -> Metadata:
        metadata, length = window.metadata.without(*PACKING_FACTS), end - window.begin
        if operation.name != "instant":
            level = level_of(
                metadata,
                operation.name,
                length,
                self._text,
                squashes=not self._mtg2.disable_squashing,
                strict=not self._mtg2.disable_strict_mapping,
            )
            metadata = renamed(metadata, level).replace(**{DISTANCE: int(length.total_seconds())})
        return metadata.replace(**self._moment(window, end), **self._mtg2.set_metadata)

    def _moment(self, window: Window, end: datetime) -> dict[str, Scalar]:
        reference = self._mtg2.output_time_reference
        if reference is None and value_of(window.metadata, "stream") in OF_WINDOWS:
            reference = "start-of-window"
        if reference != "start-of-window":
            return {"step": _step(end, window.base)}
        begin = window.begin
        return {
            "date": int(f"{begin:%Y%m%d}"),
            "time": int(f"{begin:%H%M%S}"),
            "step": _step(end, begin),
        }


def _step(moment: datetime, base: datetime) -> Scalar:
    hours = hours_since(base, moment)
    return span_text(moment - base) if hours is None else hours
