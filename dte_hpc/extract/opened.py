"""What would a store answer, as arrays that are read when they are indexed?

A request without a feature names whole fields; with one, the points of its shape. A path through levels or
steps has its own points at each of them: it is answered at once, and its arrays are in memory.
"""

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.account import Account
from dte_hpc.extract.arrays import Arrays, arrays_of
from dte_hpc.extract.chosen import Chosen, choose_fields
from dte_hpc.extract.feature import Feature
from dte_hpc.extract.ground import Ground, Row, ground_of
from dte_hpc.extract.lattice import numbers_of
from dte_hpc.extract.mars_words import wanted_of
from dte_hpc.extract.request import PointRequest, read_request
from dte_hpc.extract.run import Options, extract, plan
from dte_hpc.extract.store import Store
from dte_hpc.extract.stored import FieldReader, stored_arrays
from dte_hpc.fdb import FDB
from dte_hpc.grids import grid as grid_of_name

Words = dict[str, Any]
_WITHOUT_POINTS = ("format",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where values come from, so that another process finds the same ones.

    Attributes
    ----------
    config : Any
        Of the store: what `FDB` takes.
    request : str
        JSON: MARS keywords, and perhaps a feature.
    grid : str
        Only fields on this grid; empty for any.
    """

    config: Any
    request: str
    grid: str = ""


def split_name(name: str | os.PathLike[str]) -> tuple[str, Words]:
    """Return the store and the words of ``store?class=od,expver=0001``; no words when there is no ``?``.

    Raises
    ------
    InvalidRequest
        For a word that is no ``keyword=value``.
    """
    root, mark, text = os.fspath(name).partition("?")
    words: Words = {}
    for word in text.split(",") if mark else ():
        keyword, equals, value = (part.strip() for part in word.partition("="))
        if not (keyword and equals and value) or keyword in words:
            raise InvalidRequest(
                f"{name!s}: found {word.strip()!r}; expected STORE?keyword=value,keyword=value, each once"
            )
        words[keyword] = value
    return root, words


def open_named(
    name: str | os.PathLike[str] | Mapping[str, Any],
    *,
    store: Any = None,
    request: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    grid: str = "",
    options: Options | None = None,
) -> tuple[Arrays, Account]:
    """Return what a name and parameters ask for: see `dte_hpc.extract.backend.DteBackend`.

    Raises
    ------
    InvalidRequest, FieldNotFound
        Before any field is read.
    """
    config, words = _asked(name, store, request)
    _refuse_no_directory(config)
    opened = config if _is_store(config) else FDB(config)
    return open_arrays(opened, words, grid=grid, options=options)


def open_arrays(
    store: Store, request: Mapping[str, Any], *, grid: str = "", options: Options | None = None
) -> tuple[Arrays, Account]:
    """Return the arrays of a request, and the account that reading them adds to.

    Parameters
    ----------
    store : Store
    request : mapping
        MARS keywords, and perhaps a ``feature``.
    grid : str
        Only fields on this grid.
    options : Options, optional
        Limits.

    Raises
    ------
    InvalidRequest
        When the fields lie on several grids, or two of a variable cannot be told apart.
    FieldNotFound
        Naming the keyword values of which nothing is stored.
    """
    options = options or Options()
    words = _on_grid(store, dict(request), grid)
    if "feature" in words and _is_listed(store, words, options):
        answer = extract(store, words, options=options)
        return arrays_of(answer), answer.account
    reader, ground = _opened(store, words, grid, options)
    return stored_arrays(reader, ground), reader.account


def _asked(name: Any, store: Any, request: Any) -> tuple[Any, Words]:
    """Return the store and the words of a request, each given once."""
    words = _words(request)
    if isinstance(name, Mapping):
        if words:
            raise InvalidRequest(
                "found a request in the first argument and in request=; expected one of them"
            )
        return store, dict(name)
    root, of_name = split_name(name)
    if not of_name and Path(root).is_file() and root.endswith(".json"):
        return store, {**read_request(root), **words}
    if store is not None:
        raise InvalidRequest(
            f"found a store in the first argument ({root}) and in store=; expected one of them"
        )
    twice = of_name.keys() & words.keys()
    if twice:
        raise InvalidRequest(
            f"found {', '.join(sorted(twice))} in {name!s} and in request=; expected one of them"
        )
    return root, {**of_name, **words}


def _words(request: Any) -> Words:
    if request is None:
        return {}
    return dict(request) if isinstance(request, Mapping) else read_request(request)


def _is_store(config: Any) -> bool:
    return hasattr(config, "inspect") and hasattr(config, "list")


def _refuse_no_directory(config: Any) -> None:
    """Raise InvalidRequest for a root that is not there, which would be a store without fields."""
    if isinstance(config, str | os.PathLike) and "\n" not in os.fspath(config) and not Path(config).exists():
        raise InvalidRequest(f"the store {config} is not there; expected a directory, or FDB's configuration")


def _on_grid(store: Store, words: Words, grid: str) -> Words:
    """Return a request that names its grid, where the store's keys do."""
    if not grid or "grid" in words:
        return words
    named: Words = {keyword: words[keyword] for keyword in ("class", "expver") if keyword in words}
    return {**words, "grid": grid} if "grid" in store.list(named).keywords else words


def _is_listed(store: Store, words: Words, options: Options) -> bool:
    """Whether no lattice of stored points holds the answer: it has several sets of points, or made values."""
    query = plan(store, words, options)[0]
    return len(query.places) != 1 or query.reduction is not None or query.places[0].stencil is not None


def _opened(store: Store, words: Words, grid: str, options: Options) -> tuple[FieldReader, Ground]:
    """Return the fields of a request that lie on one grid, and which of its points are wanted."""
    indices = None
    if "feature" in words:
        query = plan(store, words, options)[0]
        chosen, indices = query.chosen, query.places[0].indices()
    else:
        wanted = wanted_of({k: v for k, v in words.items() if k not in _WITHOUT_POINTS})
        feature = Feature(kind="position")
        whole = PointRequest(fields=wanted.fields, spans=wanted.spans, names=wanted.names, feature=feature)
        chosen = choose_fields(store, whole, options.limits)
    chosen, name, n_points = on_one_grid(chosen, grid)
    known = grid_of_name(name) if name else None
    reader = FieldReader(chosen, known, n_points, _again(store, words, grid, chosen))
    return reader, Row(known, n_points, indices) if indices is not None else ground_of(known, n_points)


def on_one_grid(chosen: Chosen, grid: str = "") -> tuple[Chosen, str, int]:
    """Return the fields that lie on a grid, its name (empty for none of ours) and how many points it has.

    Raises
    ------
    InvalidRequest
        When no field lies on the grid, or none is named and they lie on several.
    """
    names = np.array([chosen.fields.grid_name(row) for row in range(len(chosen))], np.str_)
    if grid:
        kept = np.flatnonzero(names == grid_of_name(grid).name)
        if not kept.size:
            raise InvalidRequest(f"no field lies on the grid {grid}; they lie on {_shown(names)}", grid=grid)
        chosen, names = chosen.select(kept), names[kept]
    sizes = chosen.fields.layout["n_values"]
    if np.unique(names).size > 1 or np.unique(sizes).size > 1:
        raise InvalidRequest(f"the fields lie on the grids {_shown(names)}; expected grid=... of one of them")
    return chosen, str(names[0]), int(sizes[0])


def _shown(names: NDArray[np.str_]) -> str:
    return ", ".join(name or "one without a name" for name in np.unique(names).tolist())


def _again(store: Store, words: Words, grid: str, chosen: Chosen) -> Any:
    """Return how another process makes the same reader, None for a store that cannot be opened again."""
    config = getattr(store, "config", None)
    if config is None:
        return None
    return _same, (Source(config=config, request=json.dumps(words), grid=grid), _digest(chosen))


def _same(source: Source, digest: int) -> FieldReader:
    """Return the reader that another process had; one a process for each source."""
    reader = _reopened(source.request, source.grid, _Config(source.config))
    if _digest(reader.chosen) != digest:
        raise InvalidRequest(
            "the store has other fields for this request than when the dataset was opened; expected it to be "
            "opened again"
        )
    return reader


class _Config:
    """A store's configuration, equal to another when it says the same."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Config) and self.config == other.config

    def __hash__(self) -> int:
        return hash(repr(self.config))


@functools.lru_cache(maxsize=16)
def _reopened(request: str, grid: str, config: _Config) -> FieldReader:
    return _opened(FDB(config.config), json.loads(request), grid, Options())[0]


def _digest(chosen: Chosen) -> int:
    """Return a number that the same messages share."""
    numbers = [chosen.fields.offset, chosen.fields.length, *numbers_of(chosen).values()]
    text = "\n".join(chosen.fields.locations()[1]).encode()
    joined = b"".join(np.ascontiguousarray(array).tobytes() for array in numbers)
    return checksum(joined + text)
