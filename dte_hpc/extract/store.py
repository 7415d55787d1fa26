"""What does extraction need of a store?

The smallest part of a field store, so that anything that lists fields and knows where their bytes are
can be extracted from. `dte_hpc.fdb.FDB` and its `Listing` are one.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Fields(Protocol):
    """Stored fields, a row each, with the facts that let single values be read.

    Attributes
    ----------
    offset, length : ndarray of uint64, shape (n_fields,)
        Of each message in its data file, bytes.
    layout : structured ndarray of `dte_hpc.codecs.layout.LAYOUT`, shape (n_fields,)
    keywords : tuple of str
        Of the fields' keys.
    """

    @property
    def offset(self) -> NDArray[np.uint64]:
        """Where each message begins in its data file, bytes."""

    @property
    def length(self) -> NDArray[np.uint64]:
        """How long each message is, bytes."""

    @property
    def layout(self) -> NDArray[Any]:
        """How each message is packed."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords of the fields' keys."""

    def __len__(self) -> int: ...

    def column(self, keyword: str) -> NDArray[np.str_]:
        """Return one keyword's value of every field."""

    def select(self, rows: NDArray[Any]) -> "Fields":
        """Return some of the fields, in the order given."""

    def grid_name(self, row: int) -> str:
        """Return the canonical name of a field's grid; empty when it is not one of ours."""

    def fd(self, row: int) -> int:
        """Return an open descriptor of the data file that holds a field; good while this object lives."""

    def locations(self) -> tuple[NDArray[np.integer[Any]], tuple[str, ...]]:
        """Return for each field the number of its data file, and the files' paths."""

    def message(self, row: int) -> bytes:
        """Return a whole message, checked."""

    def block_offsets(self, row: int) -> NDArray[np.uint64] | None:
        """Return the bit at which each compressed block of a field begins."""

    def block_tables(self, rows: NDArray[np.int64]) -> list[NDArray[np.uint64] | None]:
        """Return the same of many fields."""


class Store(Protocol):
    """Finds fields by key."""

    def list(self, request: Mapping[str, Any] | None = None) -> Fields:
        """Return every stored field that matches."""

    def inspect(self, request: Mapping[str, Any]) -> Fields:
        """Return every field a request names; FieldNotFound says which are missing."""
