"""How does a field come from others of the same time and place, such as wind speed from its components?

Inputs come one after another. A copy of each is kept (who sent it may write over it) until all that a
formula reads are there; the last one that comes is not copied. Fields that nothing is derived from pass.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dte_hpc.base.config import describe, refuse
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.actions.derived import PRESSURE, Derived, read_derived
from dte_hpc.postproc.missing import OF_THE_VALUES
from dte_hpc.postproc.naming import spellings, value_of
from dte_hpc.postproc.params import param_of, with_param

log = logging.getLogger("dte_hpc.plan")
MAX_FIELDS = 64
MAX_HELD = 100_000
MOST_TOLD = 3
_NAMES = ("name", *spellings("name"), "longName")
OF_THE_PARAM = (*_NAMES, "param", *spellings("param"), "shortName", "units")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeriveOptions(Options):
    """Options of `Derive`.

    Attributes
    ----------
    fields : tuple
        What is derived: each a name, or a mapping of ``derive`` (a name or a formula), ``inputs``, ``param``
        and ``units``.
    keep_inputs : bool
        Let the inputs go on too, before what is derived from them.
    max_held : int
        Copies of inputs held at once; one more is an error that names what is waited for.
    """

    fields: tuple[Any, ...]
    keep_inputs: bool = False
    max_held: int = 256

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with every field, and bounds that make no sense."""
        if not 1 <= len(self.fields) <= MAX_FIELDS:
            yield refuse(f"{place}.fields", describe(self.fields), f"1 to {MAX_FIELDS} fields")
        for index, node in enumerate(self.fields):
            try:
                read_derived(node, f"{place}.fields[{index}]")
            except InvalidConfig as error:
                yield error
        if not 1 <= self.max_held <= MAX_HELD:
            yield refuse(f"{place}.max-held", str(self.max_held), f"1 to {MAX_HELD}")

    def derived(self) -> tuple[Derived, ...]:
        """Return the fields to derive, of checked options."""
        return tuple(read_derived(node, f"fields[{index}]") for index, node in enumerate(self.fields))


@dataclass(kw_only=True, eq=False)
class Waiting:
    """Inputs of one time, level and grid that came, and what is not derived yet."""

    came: dict[str, Values]
    left: list[Derived]

    def missing(self) -> str:
        """Return the parameters that are waited for."""
        return ", ".join(sorted({param for each in self.left for param in each.params - set(self.came)}))


class Derive(Passing):
    """Emit each derived field in the call that brings the last of its inputs."""

    Options = DeriveOptions
    makes_values = True

    def __init__(self, options: DeriveOptions, context: Context) -> None:
        self._options = options
        self._derived = options.derived()
        self._params = frozenset().union(*(each.params for each in self._derived))
        self._waiting: dict[Metadata, Waiting] = {}
        self._n_held = 0

    @classmethod
    def explain(cls, options: DeriveOptions, flow: Flow) -> Explained:
        """Say what is derived from what."""
        derived = options.derived()
        words = [f"{each.param} from {', '.join(sorted(each.params))}" for each in derived]
        n_held = len(frozenset().union(*(each.params for each in derived))) - 1
        after = replace(flow, n_out=flow.n_out * len(derived), when="when the last input has come")
        return Explained(
            does="; ".join(words), flow=after, state_bytes_a_value=flow.value_bytes * max(n_held, 0)
        )

    @property
    def n_held(self) -> int:
        """Copies of inputs held now."""
        return self._n_held

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield a field that nothing is derived from, or what can be derived now.

        Raises
        ------
        InvalidPart
            For an input that comes twice, of another size, or beyond ``max-held``; and when a formula
            needs the pressure of a level that has none.
        """
        param = param_of(item.metadata)
        if param is None or param not in self._params:
            return (item,)
        out: list[Item] = [item] if self._options.keep_inputs else []
        key = item.metadata.without(*OF_THE_PARAM, *OF_THE_VALUES)
        waiting = self._waiting.get(key) or Waiting(came={}, left=list(self._derived))
        self._refuse_odd(item, param, waiting)
        values = {**waiting.came, param: item.field.values}
        ready = [each for each in waiting.left if each.params <= set(values)]
        out += [_made(each, values, item) for each in ready]
        waiting.left = [each for each in waiting.left if each not in ready]
        self._keep(key, waiting, param, item)
        return out

    def _refuse_odd(self, item: MaskedField, param: str, waiting: Waiting) -> None:
        if param in waiting.came:
            raise InvalidPart(
                f"field {item.metadata} came twice before {waiting.missing()} came; expected it once",
                metadata=item.metadata,
            )
        size = item.field.values.size
        for other, values in waiting.came.items():
            if values.size != size:
                raise InvalidPart(
                    f"field {item.metadata} has {size} values, and {other} of the same time {values.size}; "
                    "expected as many",
                    metadata=item.metadata,
                )

    def _keep(self, key: Metadata, waiting: Waiting, param: str, item: MaskedField) -> None:
        """Keep a copy of what is still needed, and let go of the rest."""
        wanting = [each.params for each in waiting.left if each.params & {param, *waiting.came}]
        needed = frozenset().union(*wanting)
        before = len(waiting.came)
        kept = {name: values for name, values in waiting.came.items() if name in needed}
        if param in needed:
            if self._n_held - before + len(kept) >= self._options.max_held:
                raise InvalidPart(
                    f"field {item.metadata} would be input {self._n_held + 1} that derive holds; expected at "
                    f"most max-held={self._options.max_held}. {self._oldest()}",
                    metadata=item.metadata,
                )
            kept[param] = item.field.values.copy()
        waiting.came = kept
        self._n_held += len(kept) - before
        if kept:
            self._waiting[key] = waiting
        else:
            self._waiting.pop(key, None)

    def _oldest(self) -> str:
        key, waiting = next(iter(self._waiting.items()))
        return f"The oldest, {', '.join(waiting.came)} of {key}, waits for {waiting.missing()}"

    def flush(self) -> None:
        """Tell what still waits for inputs; it may come after the flush."""
        self._tell(logging.WARNING, "still waits for")

    def close(self) -> Iterable[Item]:
        """Tell what was never derived, and let go of its inputs."""
        self._tell(logging.ERROR, "never got")
        self._waiting = {}
        self._n_held = 0
        return ()

    def _tell(self, level: int, verb: str) -> None:
        for key, waiting in list(self._waiting.items())[:MOST_TOLD]:
            params = "/".join(str(each.param) for each in waiting.left)
            came = ", ".join(waiting.came)
            log.log(level, "derive: %s of %s %s %s; it has %s", params, key, verb, waiting.missing(), came)
        if len(self._waiting) > MOST_TOLD:
            log.log(level, "derive: and so do %d others", len(self._waiting) - MOST_TOLD)


def _made(derived: Derived, values: dict[str, Values], item: MaskedField) -> MaskedField:
    """Return the derived field, in double precision if any input is."""
    given: dict[str, Any] = {name: values[param] for name, param in derived.inputs.items()}
    kind = np.result_type(*(array.dtype for array in given.values()))
    if derived.needs_level:
        given[PRESSURE] = _pressure_of(item.metadata)
    metadata = with_param(item.metadata.without(*_NAMES), derived.param)
    if derived.units is not None:
        metadata = metadata.replace(units=derived.units)
    out = derived.formula.of(given).astype(kind, copy=False)
    return MaskedField(field=Field(metadata=metadata, values=out), mask=item.mask)


def _pressure_of(metadata: Metadata) -> float:
    """Return the pressure of a field's level in Pa, of levels that are given in hPa."""
    level = value_of(metadata, "levelist")
    try:
        hpa = float(level) if level is not None and value_of(metadata, "levtype") == "pl" else 0.0
    except ValueError:
        hpa = 0.0
    if not 0.0 < hpa < 2000.0:
        raise InvalidPart(
            f"field {metadata} has levtype={value_of(metadata, 'levtype')!r}, levelist={level!r}; expected a "
            f"pressure level in hPa, or an input for {PRESSURE!r}",
            metadata=metadata,
        )
    return hpa * 100.0
