"""What are the elements that pyfdb's questions are answered with?"""

from collections.abc import Collection, ItemsView, Iterator, KeysView, Sequence, ValuesView
from enum import IntEnum, auto
from typing import Any, NoReturn

from dte_hpc.fdb.pyfdb.pyfdb_type import URI, ControlIdentifier, DataHandle, MarsSelection, UserInputMapper
from dte_hpc.fdb.pyfdb.rows import Rows
from dte_hpc.fdb.pyfdb.streams import FieldStream
from dte_hpc.fdb.upkeep.control import LOCKS, Control, DatabaseStatus


def _made_inside(kind: type, internal: bool) -> None:
    if not internal:
        raise TypeError(f"Creating a {kind.__name__} from user code is not supported.")


class ListElement:
    """What a list or inspect found: a view of one row, which makes what it is asked for."""

    __slots__ = ("_number", "_rows")

    def __init__(self, list_element: tuple[Rows, int], *, _internal: bool = False) -> None:
        _made_inside(ListElement, _internal)
        self._rows, self._number = list_element

    def has_location(self) -> bool:
        """Whether this is a field (level 3), not a whole database or index."""
        return self._rows.listing is not None

    def offset(self) -> int | None:
        """Return the first byte of the message in its data file, None without a location."""
        listing = self._rows.listing
        return None if listing is None else int(listing.offset[self._number])

    def length(self) -> int | None:
        """Return the bytes of the message, None without a location."""
        listing = self._rows.listing
        return None if listing is None else int(listing.length[self._number])

    def combined_key(self) -> dict[str, str]:
        """Return the key, down to the level that was asked for."""
        return self._rows.combined_key(self._number)

    def keys(self) -> list[dict[str, str]]:
        """Return the key in three dictionaries, one a level of the schema; levels not asked for are empty."""
        return self._rows.keys(self._number)

    @property
    def data_handle(self) -> DataHandle | None:
        """The bytes of the message, None without a location."""
        listing = self._rows.listing
        return None if listing is None else DataHandle(FieldStream(listing, self._number), _internal=True)

    @property
    def uri(self) -> URI | None:
        """The address of the data file, None without a location."""
        listing = self._rows.listing
        return None if listing is None else URI.of_file(listing.path(self._number))

    def __repr__(self) -> str:
        return self._rows.text(self._number)


def list_elements(rows: Rows) -> Iterator[ListElement]:
    """Yield an element for each row. Cost: 0.1 µs each, half of what a call of its class would cost."""
    new = ListElement.__new__
    for number in range(len(rows)):
        element = new(ListElement)
        element._rows, element._number = rows, number
        yield element


class WipeElementType(IntEnum):
    """What a `WipeElement` tells of."""

    ERROR = 0
    CATALOGUE_INFO = auto()
    CATALOGUE = auto()
    CATALOGUE_INDEX = auto()
    CATALOGUE_SAFE = auto()
    CATALOGUE_CONTROL = auto()
    STORE = auto()
    STORE_AUX = auto()
    STORE_SAFE = auto()
    UNKNOWN = auto()

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


class WipeElement:
    """Files of one kind that a wipe deletes, or leaves."""

    def __init__(
        self, wipe_element: tuple[WipeElementType, str, Sequence[str]], *, _internal: bool = False
    ) -> None:
        _made_inside(WipeElement, _internal)
        self._type, self._msg, self._paths = wipe_element

    def type(self) -> WipeElementType:
        """Return the kind."""
        return self._type

    def msg(self) -> str:
        """Return what is told of the files."""
        return self._msg

    def uris(self) -> list[URI]:
        """Return the addresses of the files."""
        return [URI.of_file(path) for path in self._paths]

    def __repr__(self) -> str:
        none = ("- NONE -",) if self._type is WipeElementType.ERROR else ()
        return "".join([f"{self._msg}\n", *(f"    {path}\n" for path in sorted(self._paths) or none)])


class _StatusOfDatabase:
    """What is locked in a database; shared by status and control, whose elements compare equal."""

    def __init__(self, control_element: DatabaseStatus, *, _internal: bool = False) -> None:
        _made_inside(type(self), _internal)
        self.element = control_element

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, _StatusOfDatabase) and self.element == other.element

    def __ne__(self, value: object, /) -> bool:
        return not self == value

    __hash__ = None  # type: ignore[assignment]

    def location(self) -> URI:
        """Return the address of the database's directory."""
        return URI.of_file(self.element.where)

    def controlIdentifiers(self) -> list[ControlIdentifier]:  # noqa: N802 - pyfdb's name
        """Return what is locked."""
        return [ControlIdentifier(what.value) for what, _ in LOCKS if what & self.element.disabled]

    def key(self) -> dict[str, list[str]]:
        """Return the database's key as a selection."""
        return {keyword: [value] for keyword, value in sorted(self.element.key.items())}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(control_identifiers={self.controlIdentifiers()}, "
            f"key={self.key()}, location={self.location()})"
        )


class StatusElement(_StatusOfDatabase):
    """What is locked in a database."""


class ControlElement(_StatusOfDatabase):
    """What is locked in a database after a control."""


def controls(identifiers: Collection[ControlIdentifier]) -> Control:
    """Return what `FDB.control` was given as the store's own flags; KeyError for one that names several."""
    chosen = Control.NONE
    for identifier in identifiers:
        if len(Control(identifier.value)) > 1:
            raise KeyError(str(identifier))
        chosen |= Control(identifier.value)
    return chosen


class PurgeElement:
    """A line of what a purge tells."""

    def __init__(self, purge_element: str, *, _internal: bool = False) -> None:
        _made_inside(PurgeElement, _internal)
        self.element = purge_element

    def __repr__(self) -> str:
        return self.element


class StatsElement:
    """How much a database holds."""

    def __init__(self, stats_element: tuple[str, str], *, _internal: bool = False) -> None:
        _made_inside(StatsElement, _internal)
        self.element = stats_element

    def db_statistics(self) -> str:
        """Return the lines of the database and its files."""
        return self.element[1]

    def index_statistics(self) -> str:
        """Return the lines of its fields."""
        return self.element[0]

    def __repr__(self) -> str:
        return f"Index Statistics: \n{self.element[0]}\nDB Statistics: \n{self.element[1]}"


class IndexAxis(dict[str, Collection[str]]):
    """The values of each keyword, in order; a mapping that cannot be changed."""

    def __init__(self, index_axis: "IndexAxis | MarsSelection") -> None:
        if isinstance(index_axis, IndexAxis):
            super().__init__(dict(index_axis.items()))
        elif isinstance(index_axis, dict):
            mapped = UserInputMapper.map_selection_to_internal(index_axis)
            super().__init__({keyword: mapped[keyword] for keyword in sorted(mapped)})
        else:
            raise TypeError(
                f"IndexAxis: Unknown type {type(index_axis)} for creating IndexAxis. "
                "Only `IndexAxis` or `dict[str, Collection[str]]` are allowed."
            )

    def __repr__(self) -> str:
        axes = ",".join(f"{keyword}=({','.join(values)})" for keyword, values in self.items())
        return f"IndexAxis[axis={{{axes}}}]"

    def __getitem__(self, key: str) -> Collection[str]:
        if key not in self:
            raise KeyError(f"Couldn't find key: {key} in IndexAxis.")
        return super().__getitem__(key)

    def _refuse(self, *_arguments: Any, **_named: Any) -> NoReturn:
        raise TypeError("This mapping is read-only")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __eq__(self, value: object) -> bool:
        if not isinstance(value, dict):
            return False
        return dict(self.items()) == {keyword: _listed(values) for keyword, values in value.items()}

    def __ne__(self, value: object, /) -> bool:
        return not self == value

    __hash__ = None

    def has_key(self, k: str) -> bool:
        """Whether a keyword is among the axes."""
        return k in self

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        """Return the keywords."""
        return KeysView(self)

    def values(self) -> ValuesView[Collection[str]]:  # type: ignore[override]
        """Return the values of each."""
        return ValuesView(self)

    def items(self) -> ItemsView[str, Collection[str]]:  # type: ignore[override]
        """Return keywords and values."""
        return ItemsView(self)


def _listed(values: object) -> object:
    if isinstance(values, str) or not isinstance(values, Collection):
        return [str(values)]
    return values
