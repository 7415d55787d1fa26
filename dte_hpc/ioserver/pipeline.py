"""What does a server need of whatever takes its fields, and a model rank of what its own plans do?"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.base.flush_kinds import DEFAULT
from dte_hpc.base.route import Parcel


class Pipeline(Protocol):
    """The plans of one IO rank, as its server sees them. Called from one thread only."""

    def accepts(self, metadata: Metadata) -> bool:
        """Whether any plan wants a field; asked once a field, before its values are kept."""
        ...

    def process(self, field: Field, mask: NDArray[np.bool_] | None) -> None:
        """Take a whole field. Its values may be kept, never written to.

        `mask` is that of the field's domain and level, shape (n_points,), or None when the model sent none.
        """
        ...

    def flush(self, kind: str = DEFAULT) -> None:
        """Return when everything processed before is durable and visible.

        `kind` is one of `dte_hpc.base.flush_kinds`; some of them keep the state of plans that ask for it.
        Called on every IO rank whenever the model flushes, also when nothing was processed.
        """
        ...

    def notify(self, metadata: Metadata) -> None:
        """Record, once for the whole job, that what metadata names is available."""
        ...

    def close(self) -> None:
        """Flush and give everything back."""
        ...


class ModelPlans(Protocol):
    """The plans that a model rank runs on its own parts. Called from one thread only."""

    def accepts(self, metadata: Metadata) -> bool:
        """Whether the model may write a field of this name."""
        ...

    def process(self, metadata: Metadata, values: Values) -> Sequence[Parcel]:
        """Take a part; return what of it is to be sent. Values are read only until that is done."""
        ...

    def flush(self) -> None:
        """Return when all that these plans write themselves is durable."""
        ...

    def notify(self, metadata: Metadata) -> None:
        """Record that what metadata names is available, where these plans write it."""
        ...

    def close(self) -> Sequence[Parcel]:
        """Give everything back; return what was held until now and is to be sent."""
        ...

    def sending(self) -> AbstractContextManager[None]:
        """Return what is around the sending of parcels."""
        ...
