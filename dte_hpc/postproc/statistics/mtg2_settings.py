"""What can be said of statistics-mtg2 in a plan? The options of MultIO 2.12, each checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dte_hpc.base.config import describe, refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.action import Options
from dte_hpc.postproc.options import near
from dte_hpc.postproc.statistics.settings import StatisticsOptions, WindowOptions

OPERATIONS = (
    *("instant", "average", "minimum", "maximum", "accumulate"),
    *("difference", "inverse-difference", "stddev"),
)
REFERENCES = ("start-of-forecast", "start-of-window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtg2WindowOptions(Options):
    """How windows are made and their results named (``options:`` of statistics-mtg2).

    Attributes
    ----------
    initial_condition_present, window_type, value_count_threshold
        As `WindowOptions` have them.
    output_time_reference : str or None
        ``start-of-forecast``: results keep date and time, and step is the end of the window;
        ``start-of-window``: date and time are its begin, and step its length. By default the latter
        for the streams clmn and clte.
    set_metadata : mapping
        Keywords every result gets.
    disable_squashing : bool
        An average of averages is another level of statistics, not an average over a longer time.
    disable_strict_mapping : bool
        A parameter that has none of the wanted statistic keeps its name.
    allow_non_uniform_statistics : bool
        Samples of a window may lie differently far apart.
    emit_incomplete_statistics : bool
        Emit the window in which the run begins or ends too.
    write_restart, read_restart, debug_restart, restart_path, restart_prefix, restart_lib, restart_time
        Of checkpoints, as `WindowOptions` have them.
    log_prefix : str
        Taken, and without effect.
    """

    initial_condition_present: bool = False
    window_type: str = "forward-offset"
    value_count_threshold: int = -1
    output_time_reference: str | None = None
    set_metadata: Mapping[str, Any] = field(default_factory=dict)
    disable_squashing: bool = False
    disable_strict_mapping: bool = False
    allow_non_uniform_statistics: bool = False
    emit_incomplete_statistics: bool = False
    write_restart: bool = False
    read_restart: bool = False
    debug_restart: bool = False
    restart_path: str = "."
    restart_prefix: str = "StatisticsDump"
    restart_lib: str = "fstream_io"
    restart_time: str = "latest"
    log_prefix: str = ""

    @property
    def window(self) -> WindowOptions:
        """What of it the statistics over time know, whatever the results are called."""
        known = {each.name for each in fields(WindowOptions)}
        shared = {each.name: getattr(self, each.name) for each in fields(self) if each.name in known}
        return WindowOptions(
            **shared,
            use_current_time=True,
            partial_windows=self.emit_incomplete_statistics,
            solver_reset_accumulate_fields_every="never",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtg2Options(Options):
    """Options of `StatisticsMtg2`.

    Attributes
    ----------
    output_frequency : str
        Length of the window: ``6h``, ``1d``, ``1m`` (a calendar month).
    operations : tuple of str
        What comes out, in this order.
    options : Mtg2WindowOptions
    """

    output_frequency: str
    operations: tuple[str, ...]
    options: Mtg2WindowOptions = Mtg2WindowOptions()

    @property
    def over_time(self) -> StatisticsOptions:
        """The same as options of statistics over time."""
        return StatisticsOptions(
            output_frequency=self.output_frequency,
            operations=self.operations,
            options=self.options.window,
        )

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield operations that are none of this action's, odd windows, and values of no sense."""
        for index, name in enumerate(self.operations):
            if name not in OPERATIONS:
                found = repr(name) + near(name, OPERATIONS)
                yield refuse(f"{place}.operations[{index}]", found, f"one of {', '.join(OPERATIONS)}")
        if all(name in OPERATIONS for name in self.operations):
            yield from self.over_time.mistakes(place)
        reference = self.options.output_time_reference
        if reference not in (None, *REFERENCES):
            at = f"{place}.options.output-time-reference"
            yield refuse(at, repr(reference), f"one of {', '.join(REFERENCES)}")
        for keyword, value in self.options.set_metadata.items():
            if not isinstance(keyword, str) or not isinstance(value, str | int | float):
                at = f"{place}.options.set-metadata.{keyword}"
                yield refuse(at, describe(value), "a text or a number")
