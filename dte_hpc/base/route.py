"""Where does a part go that a plan of the model ranks sends?"""

from dataclasses import dataclass

from dte_hpc.base.field import Metadata, Values

DISTRIBUTIONS = ("hashed_to_single", "hashed_cyclic", "even")
"""MultIO's names (``MULTIO_SERVER_DISTRIBUTION``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What decides the IO rank of a field, the same on every model rank.

    Attributes
    ----------
    key : bytes
        Fields of one key go to one IO rank; empty: what stays of a field's name from step to step is the key.
    even : bool
        A key that was not seen before goes to the IO rank that has fewest, so that all model ranks must write
        the fields of a domain in one order the first time; otherwise its hash decides.
    """

    key: bytes = b""
    even: bool = False


HASHED = Route()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parcel:
    """One part on its way to an IO rank."""

    metadata: Metadata
    values: Values
    route: Route = HASHED
