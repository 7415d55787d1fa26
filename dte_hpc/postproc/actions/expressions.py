"""What does a formula in a plan say, and what is it for these values?

``speed = sqrt(u**2 + v**2)``: assignments parted by ``;``, of which the last (it needs no name) is the
result. Arithmetic, comparisons, ``and``, ``or``, ``not`` and the functions below, on named arrays and
numbers. The text is read by Python's parser and never run by Python: each node becomes one of our own, and
what has none is refused. Everything is float64; a comparison is true or false, for ``where`` only.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.options import near

Value: TypeAlias = Any
Names: TypeAlias = Mapping[str, Value]
Node: TypeAlias = Callable[[Names], Value]
MAX_LENGTH = 2000
MAX_DEPTH = 40
BLOCK = 16_384
"""Values computed at once: 128 KiB an operand, so that a formula's own arrays stay in the second cache."""

_ARITHMETIC: dict[type[ast.AST], Callable[..., Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.Mod: np.mod,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_COMPARISONS: dict[type[ast.AST], Callable[..., Value]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_FUNCTIONS: dict[str, tuple[Callable[..., Value], int]] = {
    "sqrt": (np.sqrt, 1),
    "exp": (np.exp, 1),
    "log": (np.log, 1),
    "abs": (np.abs, 1),
    "sin": (np.sin, 1),
    "cos": (np.cos, 1),
    "atan2": (np.arctan2, 2),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
    "where": (np.where, 3),
}
_CONSTANTS = {"pi": math.pi}


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula that was read and can be computed.

    Attributes
    ----------
    text : str
        As it was written.
    name : str or None
        What the result is called, where the formula says it.
    names : frozenset of str
        What it reads, other than constants and what it assigns itself.
    """

    text: str
    name: str | None
    names: frozenset[str]
    _steps: tuple[tuple[str, Node], ...]
    _hides_nan: bool

    def of(self, values: Mapping[str, NDArray[Any] | float]) -> NDArray[np.float64]:
        """Compute the result for arrays of one length, and numbers.

        Returns
        -------
        ndarray of float64
            NaN where any array is NaN, and where the formula has no finite value. Cost: blocks of
            `BLOCK` values, each a NumPy call for every operation.
        """
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        size = next(iter(arrays.values())).size
        out = np.empty(size)
        with np.errstate(all="ignore"):
            for first in range(0, size, BLOCK):
                part = slice(first, min(first + BLOCK, size))
                self._block({k: v[part] if k in arrays else v for k, v in values.items()}, arrays, out[part])  # type: ignore[index]
        return out

    def _block(self, values: dict[str, Value], arrays: Mapping[str, Value], out: NDArray[np.float64]) -> None:
        names = {name: np.asarray(value, np.float64) for name, value in values.items()}
        bad = np.isnan(sum(names[name] for name in arrays)) if self._hides_nan else None
        for name, node in self._steps:
            names[name] = node(names)
        out[...] = names[self._steps[-1][0]]
        bad = ~np.isfinite(out) if bad is None else bad | ~np.isfinite(out)
        if bad.any():
            out[bad] = np.nan


def read_formula(text: str) -> Formula:
    """Return the formula a text says; InvalidConfig with what was found and expected when it is none."""
    if len(text) > MAX_LENGTH:
        raise InvalidConfig(f"found a formula of {len(text)} characters; expected at most {MAX_LENGTH}")
    try:
        statements = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidConfig(f"found {text[:60]!r}; expected a formula such as sqrt(u**2 + v**2)") from error
    reader = _Reader()
    steps = [reader.statement(statement, is_last=statement is statements[-1]) for statement in statements]
    if not steps:
        raise InvalidConfig("found no formula; expected one such as sqrt(u**2 + v**2)")
    if not reader.names:
        raise InvalidConfig(f"found {text[:60]!r}, which reads no field; expected the name of one at least")
    return Formula(
        text=text,
        name=steps[-1][0] or None,
        names=frozenset(reader.names),
        _steps=tuple(steps),
        _hides_nan=_hides_nan(statements),
    )


def _hides_nan(statements: list[ast.stmt]) -> bool:
    """Whether a NaN may go in and a number come out: ``where`` chooses, and NaN to the power of 0 is 1."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    if any(isinstance(node, ast.Name) and node.id == "where" for node in nodes):
        return True
    powers = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)]
    return not all(map(_squares, powers))


class _Reader:
    """A walk over the statements; it remembers which names are read and which were assigned."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._own: set[str] = set()

    def statement(self, node: ast.stmt, *, is_last: bool) -> tuple[str, Node]:
        if isinstance(node, ast.Expr) and is_last:
            return "", self.number(node.value, 0)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            value = self.number(node.value, 0)
            if name in self.names or name in self._own or name in _CONSTANTS or name in _FUNCTIONS:
                raise InvalidConfig(f"found {name!r} assigned, which has a meaning; expected another name")
            self._own.add(name)
            return name, value
        raise InvalidConfig(
            f"found {ast.unparse(node)[:60]!r}; expected name = formula, or a formula at the end"
        )

    def number(self, node: ast.expr, depth: int) -> Node:
        """Return the node of a number or an array of them."""
        _refuse_deep(depth)
        if isinstance(node, ast.Constant):
            return _constant(node)
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = self.number(node.left, depth + 1), self.number(node.right, depth + 1)
            return _binary(_ARITHMETIC[type(node.op)], left, right, node)
        if isinstance(node, ast.UnaryOp) and type(node.op) in _ARITHMETIC:
            return _applied(_ARITHMETIC[type(node.op)], self.number(node.operand, depth + 1))
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise _refused(node, "a number: arithmetic, a field's name, or a function")

    def truth(self, node: ast.expr, depth: int) -> Node:
        """Return the node of what is true or false."""
        _refuse_deep(depth)
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            sides = [self.number(side, depth + 1) for side in (node.left, *node.comparators)]
            pairs = zip(node.ops, sides, sides[1:], strict=False)
            tests = [_applied(_COMPARISONS[type(op)], a, b) for op, a, b in pairs]
            return _joined(np.logical_and, tests)
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return _joined(join, [self.truth(each, depth + 1) for each in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _applied(np.logical_not, self.truth(node.operand, depth + 1))
        raise _refused(node, "a comparison, such as t > 273.16")

    def _named(self, name: str) -> Node:
        if name in _FUNCTIONS:
            raise InvalidConfig(f"found the function {name!r} without its arguments; expected {name}(...)")
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda names: constant
        if name not in self._own:
            self.names.add(name)
        return lambda names: names[name]

    def _call(self, node: ast.Call, depth: int) -> Node:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS or node.keywords:
            hint = near(name, _FUNCTIONS)
            raise _refused(node, f"one of the functions {', '.join(_FUNCTIONS)}{hint}")
        function, count = _FUNCTIONS[name]
        if len(node.args) != count:
            raise _refused(node, f"{count} arguments for {name}")
        first = self.truth if name == "where" else self.number
        nodes = [first(node.args[0], depth + 1), *(self.number(each, depth + 1) for each in node.args[1:])]
        return _applied(function, *nodes)


def _refuse_deep(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidConfig(f"found a formula nested deeper than {MAX_DEPTH}; expected parts with names")


def _refused(node: ast.expr, expected: str) -> InvalidConfig:
    return InvalidConfig(f"found {_words(node)!r}; expected {expected}")


def _words(node: ast.expr) -> str:
    try:
        return ast.unparse(node)[:60]
    except (RecursionError, ValueError):
        return type(node).__name__


def _constant(node: ast.Constant) -> Node:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise _refused(node, "a number")
    try:
        value = float(node.value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise InvalidConfig("found a number too large for float64; expected a smaller one")
    return lambda names: value


def _applied(function: Callable[..., Value], *nodes: Node) -> Node:
    if len(nodes) == 1:
        (only,) = nodes
        return lambda names: function(only(names))
    return lambda names: function(*[node(names) for node in nodes])


def _binary(function: Callable[..., Value], left: Node, right: Node, node: ast.BinOp) -> Node:
    """NumPy squares by one multiplication, but only where it sees a number that is 2."""
    if isinstance(node.op, ast.Pow) and _squares(node):
        return lambda names: np.square(left(names))
    return lambda names: function(left(names), right(names))


def _squares(node: ast.BinOp) -> bool:
    return isinstance(node.right, ast.Constant) and node.right.value == 2


def _joined(function: Callable[[Value, Value], Value], nodes: list[Node]) -> Node:
    first, *others = nodes
    for other in others:
        first = _applied(function, first, other)
    return first
