"""What does a configuration say, and what does a tool ask for?"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dte_hpc.base.config import parse_yaml
from dte_hpc.fdb.mars import mars_request
from dte_hpc.fdb.pyfdb.pyfdb_type import UserInputMapper
from dte_hpc.fdb.pyfdb.told import as_runtime_error

__all__ = ["ConfigMapper", "FDBToolRequest", "UserInputMapper", "config_node"]


def config_node(config: str | dict[str, Any] | Path | None) -> Any:
    """Return what a configuration says, None for none; ValueError for another type."""
    if config is None or isinstance(config, dict):
        return config
    if not isinstance(config, str | Path):
        raise ValueError("Config: Unknown config type, must be str, dict or Path.")
    text = config.read_text(encoding="utf-8") if isinstance(config, Path) else config
    with as_runtime_error():
        return parse_yaml(text)


class ConfigMapper:
    """Configurations as JSON."""

    @classmethod
    def to_json(cls, config: str | dict[str, Any] | Path | None) -> str | None:
        """Return a configuration as JSON, None for none."""
        return None if config is None else json.dumps(config_node(config))

    @classmethod
    def from_json(cls, config: str) -> dict[str, Any]:
        """Return what JSON says."""
        found: dict[str, Any] = json.loads(config)
        return found


class FDBToolRequest:
    """What ECMWF's tools ask for: a request, and whether it means everything.

    Parameters
    ----------
    key_values : Mapping, optional
        Keyword to values.
    all : bool
        Whether everything is asked for.
    minimum_key_set : list of str, optional
        Keywords that the request must name.
    """

    def __init__(
        self,
        key_values: Mapping[str, Collection[str]] | None = None,
        all: bool = False,  # noqa: A002 - pyfdb's name
        minimum_key_set: Sequence[str] | None = None,
    ) -> None:
        with as_runtime_error():
            self.request = mars_request({k: list(values) for k, values in (key_values or {}).items()})
        self.all = all
        lacking = sorted(set(minimum_key_set or ()) - set(self.request)) if not all else []
        if lacking:
            raise RuntimeError(f"UserError: the request lacks {', '.join(lacking)}")

    @classmethod
    def from_internal_mars_selection(
        cls, selection: Mapping[str, Collection[str]] | None
    ) -> "FDBToolRequest":
        """Return what a mapped selection asks for; everything when it is empty."""
        if not selection:
            return cls({}, all=True)
        for keyword, values in selection.items():
            if isinstance(values, str):
                raise ValueError(f"Expecting collection of values for key {keyword}, not {values}")
        return cls(selection)

    def __repr__(self) -> str:
        pairs = "".join(f",{keyword}={'/'.join(values)}" for keyword, values in self.request.items())
        return f"FDBToolRequest[retrieve{pairs},all={str(self.all).lower()}]"
