"""What must an action be that goes on where a job before left off?

`dte_hpc.postproc.statistics.checkpoint` keeps its state, when the pipeline is flushed in one of the ways
that ask for it (`dte_hpc.base.flush_kinds`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dte_hpc.base.field import Metadata

if TYPE_CHECKING:
    from dte_hpc.postproc.statistics.waiting import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What a plan says of checkpoints.

    Attributes
    ----------
    path, prefix : str
        They lie in ``<path>/<prefix>``.
    time : str
        Which one is read: ``latest``, or YYYYMMDD-HHMMSS.
    keep : int
        How many stay, the newest; 0: all.
    writes, reads : bool
    """

    path: str
    prefix: str
    time: str
    keep: int
    writes: bool
    reads: bool


@runtime_checkable
class Restartable(Protocol):
    """An action whose state a checkpoint keeps.

    Attributes
    ----------
    restart : Restart
    shape : mapping
        The options that decide what its state is; text, numbers, lists and mappings. A checkpoint of
        another shape is refused.
    windows : dict
        The state of each variable: a dataclass of numbers, text, moments, `Metadata`, arrays and dicts of
        arrays, whose ``last`` is the moment of its last sample.
    waiting : Waiting
        What a checkpoint holds; asked when a variable has no state.
    """

    restart: Restart
    shape: Mapping[str, Any]
    windows: dict[Metadata, Any]
    waiting: "Waiting"
