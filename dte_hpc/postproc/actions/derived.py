"""Which field does a plan derive from which others, and by what formula?

By name (``wind-speed``, from ``data/derived.txt``) or by a formula of one's own over named parameters.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dte_hpc.base.config import as_mapping, refuse, struct
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.actions.expressions import Formula, read_formula
from dte_hpc.postproc.options import near

PRESSURE = "pressure"
"""What a formula may read without an input: the pressure of the field's level, in Pa, on pressure levels."""
MAX_INPUTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One entry of ``fields``, as it is written.

    Attributes
    ----------
    derive : str
        A name, or a formula.
    inputs : mapping of str to param
        For each name of the formula the parameter it stands for.
    param : str or int, optional
        What the result is called; by name it is known.
    units : str, optional
        Of the result.
    """

    derive: str
    inputs: dict[str, Any] | None = None
    param: str | int | None = None
    units: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """One field to derive.

    Attributes
    ----------
    formula : Formula
    inputs : mapping of str to str
        Name in the formula to parameter.
    param : str or int
    units : str or None
        None: as the parameter has it.
    """

    formula: Formula
    inputs: Mapping[str, str]
    param: Scalar
    units: str | None = None

    @property
    def params(self) -> frozenset[str]:
        """The parameters it waits for."""
        return frozenset(self.inputs.values())

    @property
    def needs_level(self) -> bool:
        """Whether the formula reads the pressure of the level."""
        return PRESSURE in self.formula.names and PRESSURE not in self.inputs


def read_derived(node: Any, place: str) -> Derived:
    """Return what one entry of ``fields`` says; InvalidConfig with its place."""
    written = struct(Written, {"derive": node} if isinstance(node, str) else as_mapping(place, node), place)
    known = _presets().get(written.derive)
    text = known.text if known else written.derive
    if known is None and written.derive.replace("-", "").isalnum() and "-" in written.derive:
        found = repr(written.derive) + near(written.derive, _presets())
        raise refuse(f"{place}.derive", found, f"a formula, or one of {', '.join(_presets())}")
    try:
        formula = read_formula(text)
    except InvalidConfig as error:
        raise InvalidConfig(f"{place}.derive: {error}", place=f"{place}.derive") from error
    inputs = {**(known.inputs if known else {}), **_inputs(written.inputs or {}, f"{place}.inputs")}
    for mistake in _input_mistakes(formula, inputs, f"{place}.inputs"):
        raise mistake
    param = written.param if written.param is not None else known.param if known else None
    if param is None:
        raise refuse(place, "no 'param'", "the parameter that the result is")
    return Derived(formula=formula, inputs=inputs, param=param, units=written.units)


def _inputs(node: Mapping[str, Any], place: str) -> dict[str, str]:
    for name, param in as_mapping(place, node).items():
        if isinstance(param, bool) or not isinstance(param, int | str) or param == "":
            raise refuse(f"{place}.{name}", repr(param), "a parameter, such as 131")
    return {name: text_of(param) for name, param in node.items()}


def _input_mistakes(formula: Formula, inputs: Mapping[str, str], place: str) -> Iterator[InvalidConfig]:
    wanted = formula.names - {PRESSURE}
    for name in sorted(wanted - set(inputs)):
        yield refuse(place, f"no {name!r}, which the formula reads", f"{name}: PARAM")
    for name in sorted(set(inputs) - formula.names):
        found = f"{name!r}, which the formula does not read{near(name, formula.names)}"
        yield refuse(f"{place}.{name}", found, "only what it reads")
    if not 1 <= len(inputs) <= MAX_INPUTS:
        yield refuse(place, f"{len(inputs)} inputs", f"1 to {MAX_INPUTS}")
    if len(set(inputs.values())) < len(inputs):
        yield refuse(place, "one parameter under two names", "each parameter once")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preset:
    text: str
    inputs: Mapping[str, str]
    param: int


@functools.cache
def _presets() -> Mapping[str, _Preset]:
    from importlib.resources import files

    text = (files("dte_hpc.postproc") / "data" / "derived.txt").read_text(encoding="ascii")
    rows = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return {
        name: _Preset(
            text=formula,
            param=int(param),
            inputs=dict(pair.split("=") for pair in inputs.split(", ")),
        )
        for name, param, _, inputs, formula in rows
    }
