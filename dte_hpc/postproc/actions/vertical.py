"""How do fields on model levels come to pressure levels?"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dte_hpc.base.config import describe, refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import text_of
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.actions.columns import Aims, Column, Surface
from dte_hpc.postproc.actions.derive import OF_THE_PARAM
from dte_hpc.postproc.actions.levels import read_levels
from dte_hpc.postproc.missing import OF_THE_VALUES
from dte_hpc.postproc.naming import spellings, value_of
from dte_hpc.postproc.params import param_of

log = logging.getLogger("dte_hpc.plan")
SURFACE_PRESSURE, ITS_LOGARITHM = "134", "152"
METHODS = ("log-pressure", "pressure")
EXTRAPOLATIONS = ("none", "nearest")
MAX_TARGETS = 1000
MAX_HPA = 2000.0
MAX_HELD = 100_000
MOST_TOLD = 3
SURFACES_A_SERIES = 2
"""Surface pressures kept of one series: that of the last time, and of the one before it."""
_OF_THE_LEVEL = ("levelist", *spellings("levelist"), "levtype", "typeOfLevel", "category")
_OF_THE_TIME = tuple(word for each in ("date", "time", "step") for word in (each, *spellings(each)))
_OF_THE_STEP = (*_OF_THE_TIME, "startStep", "stepRange", "startStepInHours", "endStepInHours")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerticalOptions(Options):
    """Options of `VerticalInterpolate`.

    Attributes
    ----------
    coefficients : L91, a file, or a mapping of a and b
        Of the model's half levels; see `levels.read_levels`.
    levels : tuple of float
        The pressure levels, in hPa.
    linear_in : str
        log-pressure or pressure.
    extrapolate : str
        none: above the highest and below the lowest model level, and so below the ground, values are missing;
        nearest: they are that level's.
    max_held : int
        Copies of levels held at once; one more is an error that names what is waited for.
    """

    coefficients: Any
    levels: tuple[float, ...]
    linear_in: str = "log-pressure"
    extrapolate: str = "none"
    max_held: int = 512

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with the coefficients, the levels, and the words."""
        try:
            read_levels(self.coefficients, f"{place}.coefficients")
        except InvalidConfig as error:
            yield error
        if not 1 <= len(self.levels) <= MAX_TARGETS or len(set(self.levels)) < len(self.levels):
            yield refuse(f"{place}.levels", describe(self.levels), f"1 to {MAX_TARGETS} levels, each once")
        for index, level in enumerate(self.levels):
            if not 0 < level < MAX_HPA:
                yield refuse(
                    f"{place}.levels[{index}]", str(level), f"hPa, more than 0 and below {MAX_HPA:g}"
                )
        for keyword, value, known in (
            ("linear-in", self.linear_in, METHODS),
            ("extrapolate", self.extrapolate, EXTRAPOLATIONS),
        ):
            if value not in known:
                yield refuse(f"{place}.{keyword}", repr(value), f"one of {', '.join(known)}")
        if not 1 <= self.max_held <= MAX_HELD:
            yield refuse(f"{place}.max-held", str(self.max_held), f"1 to {MAX_HELD}")


class VerticalInterpolate(Passing):
    """Bring fields of levtype ml to pressure levels; others pass, the surface pressure too.

    A variable's pressure levels are emitted, from the top down, in the call that brings its last model level
    or the surface pressure (parameter 134, or 152, its logarithm) of its time. The surface pressure should
    come first: levels that come before it are all held.
    """

    Options = VerticalOptions
    makes_values = True

    def __init__(self, options: VerticalOptions, context: Context) -> None:
        targets = np.array(sorted(options.levels)) * 100.0
        self._aims = Aims(
            read_levels(options.coefficients, "coefficients"),
            targets,
            logarithmic=options.linear_in == METHODS[0],
            nearest=options.extrapolate == EXTRAPOLATIONS[1],
        )
        self._max_held = options.max_held
        self._columns: dict[Metadata, Column] = {}
        self._surfaces: dict[Metadata, dict[Metadata, Surface]] = {}

    @classmethod
    def explain(cls, options: VerticalOptions, flow: Flow) -> Explained:
        """Say from how many levels to which; what is held if levels come in order."""
        count = read_levels(options.coefficients, "coefficients").count
        n_out = len(options.levels)
        where = "/".join(f"{level:g}" for level in sorted(options.levels)[:8]) + "/..." * (n_out > 8)
        after = replace(flow, n_out=flow.n_out * n_out, when="when the last model level has come")
        return Explained(
            does=f"{count} model levels to {where} hPa, linear in {options.linear_in}",
            flow=after,
            state_bytes_a_value=flow.value_bytes * (n_out + 1) + 8.0 * SURFACES_A_SERIES,
        )

    @property
    def n_held(self) -> int:
        """Copies of levels held now."""
        return sum(column.n_held for column in self._columns.values())

    def warm(self) -> None:
        """Load or compile the loops."""
        self._aims.warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield what passes, or the pressure levels that are whole now.

        Raises
        ------
        InvalidPart
            For a level that the model does not have or that comes twice, a field of another size than the
            surface pressure, and one that is held beyond ``max-held``.
        """
        param = param_of(item.metadata)
        if param in (SURFACE_PRESSURE, ITS_LOGARITHM):
            return [item, *self._with_surface(item, is_logarithm=param == ITS_LOGARITHM)]
        if value_of(item.metadata, "levtype") != "ml":
            return (item,)
        return self._with_level(item)

    def _with_surface(self, item: MaskedField, *, is_logarithm: bool) -> Iterator[Item]:
        moment = _moment(item.metadata)
        surface = Surface(item.field.values, is_logarithm=is_logarithm)
        series = self._surfaces.setdefault(moment.without(*_OF_THE_STEP), {})
        series.pop(moment, None)
        series[moment] = surface
        while len(series) > SURFACES_A_SERIES:
            del series[next(iter(series))]
        for name, column in list(self._columns.items()):
            if column.early and _moment(name) == moment:
                for values in column.early.values():
                    _refuse_other_size(name, values.size, surface)
                column.catch_up(surface)
                yield from self._whole(name, column, item)

    def _with_level(self, item: MaskedField) -> Iterator[Item]:
        level = self._level_of(item.metadata)
        name = item.metadata.without(*_OF_THE_LEVEL, *OF_THE_VALUES)
        column = self._columns.get(name) or Column(self._aims)
        if level in column.seen:
            raise InvalidPart(
                f"field {item.metadata} came twice before levels {column.missing()} came; expected it once",
                metadata=item.metadata,
            )
        moment = _moment(name)
        surface = self._surfaces.get(moment.without(*_OF_THE_STEP), {}).get(moment)
        if self.n_held >= self._max_held:
            raise InvalidPart(
                f"field {item.metadata} is one more level than the max-held={self._max_held} that are held; "
                f"{self._oldest()}; expected the surface pressure first, and levels in order",
                metadata=item.metadata,
            )
        if surface is None:
            self._columns[name] = column
            column.wait(level, item.field.values)
            return
        _refuse_other_size(item.metadata, item.field.values.size, surface)
        self._columns[name] = column
        column.take(level, item.field.values, surface)
        yield from self._whole(name, column, item)

    def _level_of(self, metadata: Metadata) -> int:
        found = value_of(metadata, "levelist")
        count = self._aims.levels.count
        text = text_of(found) if found is not None else ""
        level = int(text) if text.isdecimal() and len(text) < 9 else 0
        if not 1 <= level <= count:
            raise InvalidPart(
                f"field {metadata} has levelist={found!r}; expected one of the {count} model levels of the "
                "coefficients",
                metadata=metadata,
            )
        return level

    def _whole(self, name: Metadata, column: Column, item: MaskedField) -> Iterator[Item]:
        """Yield the pressure levels of a variable that is whole, and forget it."""
        if not column.is_whole:
            return
        del self._columns[name]
        for pressure, values in column.results():
            hpa = pressure / 100.0
            level: int | float = int(hpa) if hpa.is_integer() else hpa
            field = Field(metadata=name.replace(levtype="pl", levelist=level), values=values)
            yield MaskedField(field=field, mask=item.mask)

    def _oldest(self) -> str:
        name, column = next((n, c) for n, c in self._columns.items() if c.n_held)
        return f"the oldest are of {name}, which waits for {_wish(column)}"

    def flush(self) -> None:
        """Tell what still waits; it may come after the flush."""
        self._tell(logging.WARNING, "still waits for")

    def close(self) -> Iterable[Item]:
        """Tell what never became whole, and let go of it."""
        self._tell(logging.ERROR, "never got")
        self._columns, self._surfaces = {}, {}
        return ()

    def _tell(self, level: int, verb: str) -> None:
        for name, column in list(self._columns.items())[:MOST_TOLD]:
            log.log(level, "vertical-interpolate: %s %s %s", name, verb, _wish(column))
        if len(self._columns) > MOST_TOLD:
            log.log(level, "vertical-interpolate: and so do %d others", len(self._columns) - MOST_TOLD)


def _wish(column: Column) -> str:
    surface = "the surface pressure (134 or 152)" if column.early else ""
    levels = f"levels {column.missing()}" if column.missing() else ""
    return " and ".join(words for words in (surface, levels) if words)


def _moment(metadata: Metadata) -> Metadata:
    """Return what a surface pressure and the levels above it have in common."""
    return metadata.without(*OF_THE_PARAM, *_OF_THE_LEVEL, *OF_THE_VALUES)


def _refuse_other_size(metadata: Metadata, size: int, surface: Surface) -> None:
    if size != surface.pressure.size:
        raise InvalidPart(
            f"field {metadata} has {size} values, and the surface pressure {surface.pressure.size}; expected "
            "as many",
            metadata=metadata,
        )
