"""What do the options of a Polytope say?

Polytope's own options, as a mapping. What they say of axes is used: mapper, cyclic, merge and type_change;
``reverse`` is accepted, and says nothing, because axes are put into order by themselves. What steers
Polytope's own engines (compressed_axes_config, engine_options, alternative_axes) is accepted and not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dte_hpc.base.config import describe, unknown_keyword
from dte_hpc.base.errors import InvalidConfig

_KNOWN = (
    "axis_config",
    "pre_path",
    "compressed_axes_config",
    "alternative_axes",
    "use_catalogue",
    "engine_options",
)
_LAMBERT = ("md5_hash", "uuid")
_TRANSFORMATIONS: dict[str, dict[str, Any]] = {
    "mapper": {
        "type": "",
        "resolution": 0,
        "axes": None,
        "local": None,
        "axis_reversed": None,
        "points": None,
    },
    "cyclic": {"range": None},
    "merge": {"other_axis": "", "linkers": ["T", ""]},
    "reverse": {"is_reverse": False},
    "type_change": {"type": "int"},
}
TYPES = ("int", "float", "str", "date", "time", "subhourly_step", "subhourly_step_compact")


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisOptions:
    """What is done to one axis of the data.

    Attributes
    ----------
    place : str
        Of the options.
    mapper : mapping or None
        type, resolution, axes, local and axis_reversed of a grid.
    period : (float, float) or None
        Of a cyclic axis.
    merge : (str, str, str) or None
        The other axis, and the texts between and behind the two.
    meaning : str
        The type that texts are changed to; empty for none.
    """

    place: str = "$"
    mapper: Mapping[str, Any] | None = None
    period: tuple[float, float] | None = None
    merge: tuple[str, str, str] | None = None
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options, checked.

    Attributes
    ----------
    axes : Mapping[str, AxisOptions]
    pre_path : Mapping[str, Any]
        Keywords that select fields of a store before its axes are looked at.
    """

    axes: Mapping[str, AxisOptions] = field(default_factory=dict)
    pre_path: Mapping[str, Any] = field(default_factory=dict)

    def of(self, axis: str) -> AxisOptions:
        """Return what is done to an axis."""
        return self.axes.get(axis, AxisOptions())

    @property
    def mapped(self) -> tuple[str, AxisOptions] | None:
        """The axis that a grid mapper stands on, if any."""
        return next(((name, axis) for name, axis in self.axes.items() if axis.mapper), None)


def parse_options(options: Mapping[str, Any] | None) -> Settings:
    """Return options as they are used.

    Raises
    ------
    InvalidConfig
        Whose sentence begins with the place: ``$.axis_config[0].transformations[1].range``.
    """
    given = dict(options or {})
    _refuse_unknown(given, _KNOWN, "$")
    if given.get("use_catalogue"):
        raise InvalidConfig("$.use_catalogue: found true; expected false: the store itself says what it has")
    axes: dict[str, AxisOptions] = {}
    for number, node in enumerate(given.get("axis_config") or []):
        place = f"$.axis_config[{number}]"
        if not isinstance(node, Mapping) or not isinstance(node.get("axis_name"), str):
            raise InvalidConfig(f"{place}: found {describe(node)}; expected axis_name and transformations")
        _refuse_unknown(node, ("axis_name", "transformations"), place)
        axes[node["axis_name"]] = _axis(node.get("transformations") or [], f"{place}.transformations")
    return Settings(axes=axes, pre_path=dict(given.get("pre_path") or {}))


def _axis(transformations: Any, place: str) -> AxisOptions:
    found: dict[str, Any] = {"place": place}
    for number, node in enumerate(transformations):
        here = f"{place}[{number}]"
        name = node.get("name") if isinstance(node, Mapping) else None
        if name not in _TRANSFORMATIONS:
            raise InvalidConfig(
                f"{here}: found {describe(node)}; expected a name of {', '.join(_TRANSFORMATIONS)}"
            )
        known = _TRANSFORMATIONS[name]
        _refuse_unknown(node, ("name", *known, *(_LAMBERT if name == "mapper" else ())), here)
        found |= _transformation(name, {**known, **node}, here)
    return AxisOptions(**found)


def _transformation(name: str, node: dict[str, Any], place: str) -> dict[str, Any]:
    match name:
        case "mapper":
            axes = node["axes"]
            if not isinstance(axes, list | tuple) or len(axes) != 2:
                raise InvalidConfig(f"{place}.axes: found {describe(axes)}; expected two names")
            return {"mapper": node, "place": place}
        case "cyclic":
            return {"period": _period(node["range"], f"{place}.range")}
        case "merge":
            linkers = node["linkers"]
            if not isinstance(linkers, list | tuple) or len(linkers) != 2:
                raise InvalidConfig(f"{place}.linkers: found {describe(linkers)}; expected two texts")
            return {"merge": (str(node["other_axis"]), str(linkers[0]), str(linkers[1]))}
        case "type_change":
            if node["type"] not in TYPES:
                raise InvalidConfig(
                    f"{place}.type: found {describe(node['type'])}; expected {', '.join(TYPES)}"
                )
            return {"meaning": node["type"]}
        case _:
            return {}


def _period(given: Any, place: str) -> tuple[float, float]:
    try:
        low, high = (float(edge) for edge in given)
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high < float("inf"):
        raise InvalidConfig(f"{place}: found {describe(given)}; expected two numbers, the smaller first")
    return low, high


def _refuse_unknown(node: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for keyword in node:
        if keyword not in known:
            raise unknown_keyword(place, str(keyword), known)
