"""What can be said of statistics in a plan? MultIO's options, and ours, each with its default."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.action import Options
from dte_hpc.postproc.restarts import Restart
from dte_hpc.postproc.statistics.operations import OPERATIONS
from dte_hpc.postproc.statistics.wanted import operation_mistakes
from dte_hpc.postproc.statistics.windows import UNITS, Frequency

RESETS = ("hour", "day", "month", "year", "never")
_CHOICES = {
    "window_type": ("forward-offset", "backward-offset"),
    "solver_reset_accumulate_fields_every": RESETS,
    "restart_lib": ("fstream_io", "eckit_codec", "atlas_io"),
}
MAX_SAMPLES = 10_000
_TIME = re.compile(r"latest|[0-9]{8}-[0-9]{6}")
_NOT_THE_STATES = (
    *("write_restart", "read_restart", "debug_restart", "is_client_side", "log_prefix"),
    *("restart_path", "restart_prefix", "restart_lib", "restart_time", "restart_keep"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOptions(Options):
    """How samples are spaced, and what windows are made of them (``options:`` of the statistics action).

    Attributes
    ----------
    step_frequency : int
        Steps from one sample to the next; ``step-frequency`` in the metadata wins.
    time_step : int
        Seconds a step; ``timeStep`` in the metadata wins. MARS steps are hours: 3600.
    use_current_time : bool
        Steps count from ``date`` and ``time`` where the metadata has ``startDate`` too.
    initial_condition_present : bool
        The first field of each variable is the state the model began from: it begins the first window
        and is no sample of it, unless windows are backward-offset.
    window_type : str
        ``forward-offset``: (begin, end]. ``backward-offset``: [begin, end).
    solver_reset_accumulate_fields_every : str
        Where a window begins at such a boundary, what accumulates has grown from 0.
    value_count_threshold : int
        Least samples that a point needs; missing ones are left out. -1: it needs all.
    partial_windows : bool
        Emit what a window holds when the run ends before the window does.
    max_samples : int
        Most samples of a window that a quantile without edges may keep.
    write_restart, read_restart, debug_restart : bool
        Write a checkpoint at flushes that ask for one; go on from one.
    restart_path, restart_prefix, restart_lib, restart_time : str
        Checkpoints lie in ``<restart-path>/<restart-prefix>``; which one is read (``latest`` or
        YYYYMMDD-HHMMSS). They have a format of their own, whatever ``restart-lib`` says.
    restart_keep : int
        How many checkpoints stay, the newest; 0: all.
    is_client_side : bool
    log_prefix : str
        Taken, and without effect, as in MultIO.
    """

    step_frequency: int = 1
    time_step: int = 3600
    use_current_time: bool = False
    initial_condition_present: bool = False
    window_type: str = "forward-offset"
    solver_reset_accumulate_fields_every: str = "month"
    value_count_threshold: int = -1
    partial_windows: bool = False
    max_samples: int = 64
    write_restart: bool = False
    read_restart: bool = False
    debug_restart: bool = False
    restart_path: str = "."
    restart_prefix: str = "StatisticsDump"
    restart_lib: str = "fstream_io"
    restart_time: str = "latest"
    restart_keep: int = 2
    is_client_side: bool = False
    log_prefix: str = ""

    @property
    def restart(self) -> Restart:
        """What is said of checkpoints."""
        return Restart(
            path=self.restart_path,
            prefix=self.restart_prefix,
            time=self.restart_time,
            keep=self.restart_keep,
            writes=self.write_restart,
            reads=self.read_restart,
        )

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield numbers below their least, and words that are none of the choices."""
        for keyword in ("step_frequency", "time_step", "max_samples"):
            if getattr(self, keyword) < 1:
                found = str(getattr(self, keyword))
                yield refuse(f"{place}.{keyword.replace('_', '-')}", found, "at least 1")
        if self.max_samples > MAX_SAMPLES:
            yield refuse(f"{place}.max-samples", str(self.max_samples), f"at most {MAX_SAMPLES}")
        if self.value_count_threshold < 1 and self.value_count_threshold != -1:
            found = str(self.value_count_threshold)
            yield refuse(f"{place}.value-count-threshold", found, "at least 1, or -1 for every sample")
        yield from self._restart_mistakes(place)
        for keyword, choices in _CHOICES.items():
            if getattr(self, keyword) not in choices:
                found = repr(getattr(self, keyword))
                yield refuse(f"{place}.{keyword.replace('_', '-')}", found, f"one of {', '.join(choices)}")

    def _restart_mistakes(self, place: str) -> Iterator[InvalidConfig]:
        if self.restart_keep < 0:
            yield refuse(f"{place}.restart-keep", str(self.restart_keep), "0 (all of them) or more")
        if not _TIME.fullmatch(self.restart_time):
            yield refuse(f"{place}.restart-time", repr(self.restart_time), "latest or YYYYMMDD-HHMMSS")
        if self.restart_prefix in ("", ".", "..") or set(self.restart_prefix) & {"/", "\0"}:
            yield refuse(f"{place}.restart-prefix", repr(self.restart_prefix), "the name of a folder")
        if not self.restart_path or "\0" in self.restart_path:
            yield refuse(f"{place}.restart-path", repr(self.restart_path), "a folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsOptions(Options):
    """Options of `Statistics`.

    Attributes
    ----------
    output_frequency : str
        Length of the window: ``30min``, ``6h``, ``1d``, ``1w``, ``1m`` (a calendar month), ``1y``.
    operations : tuple of str or mapping
        What comes out, in this order; those with options of their own are mappings (see `wanted`).
    mapping_param : tuple of mapping
        ``where: {param-is, operation-is, output-frequency-is}`` and ``map-to-param``.
    options : WindowOptions
    """

    output_frequency: str
    operations: tuple[str | Mapping[str, Any], ...]
    mapping_param: tuple[Mapping[str, Any], ...] = ()
    options: WindowOptions = WindowOptions()

    @property
    def restart(self) -> Restart:
        """What is said of checkpoints."""
        return self.options.restart

    @property
    def shape(self) -> dict[str, Any]:
        """What decides which state a variable has: a checkpoint of another shape is refused."""
        windows = {
            keyword.replace("_", "-"): value
            for keyword, value in asdict(self.options).items()
            if keyword not in _NOT_THE_STATES
        }
        operations = list(self.operations)
        return {"output-frequency": self.output_frequency, "operations": operations, **windows}

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield odd windows, unknown and repeated operations, and what does not go together."""
        if Frequency.of(self.output_frequency) is None:
            expected = f"a whole number and one of {', '.join(UNITS)}, such as 6h, 1d or 1m (a month)"
            yield refuse(f"{place}.output-frequency", repr(self.output_frequency), expected)
        yield from operation_mistakes(self.operations, f"{place}.operations")
        yield from self.options.mistakes(f"{place}.options")
        for index, name in enumerate(self.operations):
            known = OPERATIONS.get(name) if isinstance(name, str) else None
            if known is not None and known.needs_initial:
                yield from self._initial_mistakes(known.name, f"{place}.operations[{index}]")
        for index, rule in enumerate(self.mapping_param):
            yield from _rule_mistakes(rule, f"{place}.mapping-param[{index}]")

    def unencodable(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an error for what GRIB has no words for: shares of samples, and parts of an hour."""
        for index, node in enumerate(self.operations):
            if not isinstance(node, str):
                found = f"{node['operation']} over time, for which GRIB has no words, before 'encode'"
                expected = "a sink that takes fields, such as netcdf, or ensemble-statistics"
                yield refuse(f"{place}.operations[{index}]", found, expected)
        frequency = Frequency.of(self.output_frequency)
        if frequency is not None and frequency.unit == "minute" and frequency.count % 60:
            found = f"windows of {frequency} before 'encode'"
            yield refuse(f"{place}.output-frequency", found, "whole hours, as steps of messages are")

    def _initial_mistakes(self, name: str, place: str) -> Iterator[InvalidConfig]:
        if not self.options.initial_condition_present:
            yield refuse(place, name, "the option initial-condition-present: true with it")
        if self.options.window_type != "forward-offset":
            yield refuse(place, f"{name} with backward-offset windows", "forward-offset ones")

    def param_of(self, param: Scalar | None, operation: str) -> Scalar | None:
        """Return the parameter the first fitting rule gives a result; None when none fits."""
        here = {
            "param-is": str(param),
            "operation-is": operation,
            "output-frequency-is": self.output_frequency,
        }
        for rule in self.mapping_param:
            if all(str(value) == here[keyword] for keyword, value in rule["where"].items()):
                chosen: Scalar = rule["map-to-param"]
                return chosen
        return None


def _rule_mistakes(rule: Mapping[str, Any], place: str) -> Iterator[InvalidConfig]:
    if set(rule) != {"where", "map-to-param"}:
        yield refuse(place, f"the keywords {', '.join(map(str, rule))}", "where and map-to-param")
        return
    where, known = rule["where"], {"param-is", "operation-is", "output-frequency-is"}
    if not isinstance(where, Mapping) or not set(where) <= known:
        yield refuse(f"{place}.where", repr(where), f"some of {', '.join(sorted(known))}")
    if isinstance(rule["map-to-param"], bool) or not isinstance(rule["map-to-param"], int | str):
        yield refuse(f"{place}.map-to-param", repr(rule["map-to-param"]), "a parameter")
