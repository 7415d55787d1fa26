"""What is an action, and what travels between actions?

A plan is a chain of actions. Each takes items and emits items; the class says which stage of a field's
life it consumes and emits, and that is all the order check and ``dte plan explain`` know of it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import Listener, ignore
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.route import Route
from dte_hpc.codecs.layout import EncodedField

Resource = TypeVar("Resource")


class Stage(Enum):
    """How far a field has come when an action meets it."""

    PART = "parts of a field"
    FIELD = "a whole field"
    MESSAGE = "an encoded message"
    RAW = "bare values"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskedField:
    """A whole field, with the mask its domain has.

    Attributes
    ----------
    field : Field
    mask : ndarray of bool, shape (n_points,), or None
        True where the domain has values; None when the model wrote no mask.
    """

    field: Field
    mask: NDArray[np.bool_] | None = None

    @property
    def metadata(self) -> Metadata:
        """What the field is called."""
        return self.field.metadata


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawField:
    """A field that leaves without a header.

    Attributes
    ----------
    metadata : Metadata
    message : ByteLike
        Its values, float64 or float32, in this machine's byte order; a view of them.
    """

    metadata: Metadata
    message: ByteLike


Item = MaskedField | EncodedField | RawField


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Root of every action's options: a frozen struct that can say what is wrong with it."""

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an error for every value that has the right type and still makes no sense."""
        return iter(())

    def unencodable(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an error for every result that GRIB or MARS has no name for, should it be encoded."""
        return iter(())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sending:
    """What a plan of the model ranks can do besides.

    Attributes
    ----------
    send : callable
        Takes a part that a transport is given, and its route.
    abort : callable
        Ends the job for an error, where ``on-error`` is ``abort-transport``.
    """

    send: Callable[[MaskedField, Route], None]
    abort: Callable[[BaseException], object]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Context:
    """What the actions of one rank share.

    Attributes
    ----------
    server_index : int
        Which IO rank this is, for sinks that write a file a server.
    store : mapping, str or None
        Configuration of the job's store, for sinks that name none.
    listener : Listener
        Hears of stored fields.
    flushes_together : bool
        Whether the pipeline flushes stores, as one with other IO ranks, so that sinks do not.
    resources : dict
        What several actions use, opened once (stores, weights); what has a ``close()`` is closed at the end.
    sending : Sending or None
        How parts leave a model rank; None on an IO rank.
    """

    server_index: int = 0
    store: Mapping[str, Any] | str | None = None
    listener: Listener = ignore
    flushes_together: bool = False
    resources: dict[Hashable, Any] = field(default_factory=dict)
    sending: Sending | None = None

    @property
    def rank_word(self) -> str:
        """What this rank is in the names of its files."""
        return "server" if self.sending is None else "client"

    def shared(self, name: Hashable, open_it: Callable[[], Resource]) -> Resource:
        """Return the resource of this name, opened by whoever asks first."""
        if name not in self.resources:
            self.resources[name] = open_it()
        resource: Resource = self.resources[name]
        return resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What ``dte plan explain`` knows of the fields between two actions.

    Attributes
    ----------
    stage : Stage
    grid : str or None
        Name of the grid, None when the plan alone does not tell it.
    value_bytes : float
        Bytes a value takes in memory, or in its message.
    n_out : int
        Fields that come out for one variable at one emission.
    when : str
        When they come.
    """

    stage: Stage = Stage.PART
    grid: str | None = None
    value_bytes: float = 8.0
    n_out: int = 1
    when: str = "each field"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One line of ``dte plan explain``: what an action does, and what leaves it.

    Attributes
    ----------
    does : str
    flow : Flow
    state_bytes_a_value : float
        Memory the action keeps for each point of each variable that is under way.
    """

    does: str
    flow: Flow
    state_bytes_a_value: float = 0.0


class Action(Protocol):
    """One step of a plan. Stateless ones are shared by nobody all the same: one object a plan.

    Attributes
    ----------
    Options
        The frozen struct its options are read into.
    consumes : frozenset of Stage
        What it can be given; `takes` says what these options can be given.
    emits : frozenset of Stage
        What can come out. Empty: nothing follows it. The same as `consumes`: what came in.
    passes_metadata : bool
        Whether what comes out is named like what went in, so that a later select may look ahead.
    makes_values : bool
        Whether values come out that were never packed, so that there is no packing to keep.
    works_on_parts : bool
        Whether it does to a part of a field what it does to the whole one, so that a plan of the model ranks
        may have it. A class without it does not.
    """

    Options: ClassVar[type[Options]]
    consumes: ClassVar[frozenset[Stage]]
    emits: ClassVar[frozenset[Stage]]
    passes_metadata: ClassVar[bool]
    makes_values: ClassVar[bool]

    def __init__(self, options: Any, context: Context) -> None: ...

    @classmethod
    def takes(cls, options: Any) -> frozenset[Stage]:
        """Return what the action can be given when it has these options."""
        ...

    @classmethod
    def gives(cls, options: Any) -> frozenset[Stage]:
        """Return what comes out when it has these options."""
        ...

    @classmethod
    def explain(cls, options: Any, flow: Flow) -> Explained:
        """Say what the action would do to a flow, without making one."""
        ...

    def process(self, item: Any) -> Iterable[Item]:
        """Take an item, whose values are never written to, and yield what comes of it now."""
        ...

    def flush(self) -> None:
        """Make what was taken durable, where that is this action's business."""
        ...

    def close(self) -> Iterable[Item]:
        """Yield what was held back until now, and let go of everything."""
        ...


@runtime_checkable
class Warmable(Protocol):
    """An action or a codec that has compiled loops."""

    def warm(self) -> None:
        """Load or compile them, before somebody waits for it."""


@runtime_checkable
class Holding(Protocol):
    """An action that holds items back for a while, and not because what they belong to is unfinished."""

    def held(self) -> Iterable[Item]:
        """Yield them, in the order they came: a flush makes durable what was given before it."""
        ...


ANY_STAGE = frozenset(Stage)
FIELDS = frozenset({Stage.FIELD})
MESSAGES = frozenset({Stage.MESSAGE})
RAW_VALUES = frozenset({Stage.RAW})
NOTHING: frozenset[Stage] = frozenset()


class Passing:
    """What most actions have in common: nothing to flush, nothing held back."""

    consumes: ClassVar[frozenset[Stage]] = FIELDS
    emits: ClassVar[frozenset[Stage]] = FIELDS
    passes_metadata: ClassVar[bool] = False
    makes_values: ClassVar[bool] = False
    works_on_parts: ClassVar[bool] = False

    @classmethod
    def takes(cls, options: Any) -> frozenset[Stage]:
        """Whatever the options, what the class consumes."""
        return cls.consumes

    @classmethod
    def gives(cls, options: Any) -> frozenset[Stage]:
        """Whatever the options, what the class emits."""
        return cls.emits

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> Iterable[Item]:
        """Nothing was held back."""
        return ()
