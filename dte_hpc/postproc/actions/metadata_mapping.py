"""How does a field's metadata get what a table says of it?

A mapping file, in MultIO's shape: ``data`` is a list of rows, ``mappings`` a list of what to do with them::

    mappings:
      - match: {nemoParam: nemo-id}           # the row whose nemo-id is the field's nemoParam
        map: {param: param-id}                # the field's param becomes the row's param-id
        optional-map: {bitsPerValue: bits}    # and this, where the row has it
        target-path: encoder-overwrites       # under this name and a dot, for who looks there
    data:
      - {nemo-id: sst, param-id: 262101}
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dte_hpc.base.config import as_list, as_mapping, read_yaml, refuse, struct, unknown_keyword
from dte_hpc.base.errors import InvalidConfig, InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Options, Passing
from dte_hpc.postproc.actions.matching import plain
from dte_hpc.postproc.naming import spellings, value_of
from dte_hpc.postproc.plans.written import substituted

MAX_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataMappingOptions(Options):
    """Options of `MetadataMapping`.

    Attributes
    ----------
    mapping : str
        The file.
    enforce_match : bool
        A field without the keyword that is matched is an error, and otherwise passes as it is.
    overwrite_existing : bool
        What a field already says is replaced, and otherwise stays.
    """

    mapping: str
    enforce_match: bool = True
    overwrite_existing: bool = False

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with the file."""
        try:
            read_mappings(self.mapping)
        except InvalidConfig as error:
            yield InvalidConfig(f"{place}.mapping: {error}", place=f"{place}.mapping")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mapping:
    """One entry of ``mappings``, as it is written."""

    match: dict[str, str]
    map: dict[str, str] = None  # type: ignore[assignment]
    optional_map: dict[str, str] = None  # type: ignore[assignment]
    target_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One entry, ready to apply.

    Attributes
    ----------
    keyword : str
        Of the metadata, whose value says which row.
    rows : mapping
        What the metadata get, by `plain` value of `keyword`.
    """

    keyword: str
    rows: Mapping[str, Mapping[str, Scalar]]


def read_mappings(path: str | Path) -> list[Lookup]:
    """Return what a mapping file says; InvalidConfig when it is not there or makes no sense."""
    node, errors = substituted(read_yaml(path), "$", Path(path).parent)
    if errors:
        raise errors[0]
    document = as_mapping("$", node)
    for keyword in document:
        if keyword not in ("data", "mappings"):
            raise unknown_keyword("$", keyword, ("data", "mappings"))
    data = [as_mapping(f"$.data[{i}]", row) for i, row in enumerate(as_list("$.data", document.get("data")))]
    if len(data) > MAX_ROWS:
        raise refuse("$.data", f"{len(data)} rows", f"at most {MAX_ROWS}")
    mappings = as_list("$.mappings", document.get("mappings"))
    return [_lookup(node, data, f"$.mappings[{index}]") for index, node in enumerate(mappings)]


def _lookup(node: Any, data: list[Mapping[str, Any]], place: str) -> Lookup:
    entry = struct(_Mapping, node, place)
    if len(entry.match) != 1:
        raise refuse(f"{place}.match", f"{len(entry.match)} keywords", "one: the metadata's, and the data's")
    ((keyword, column),) = entry.match.items()
    rows: dict[str, dict[str, Scalar]] = {}
    for index, row in enumerate(data):
        if column not in row:
            raise refuse(f"$.data[{index}]", f"no {column!r}", f"one, by which {place} finds the row")
        rows.setdefault(plain(row[column]), _changes(entry, row, f"$.data[{index}]", place))
    return Lookup(keyword=keyword, rows=rows)


def _changes(entry: _Mapping, row: Mapping[str, Any], at: str, place: str) -> dict[str, Scalar]:
    prefix = f"{entry.target_path}." if entry.target_path else ""
    changes: dict[str, Scalar] = {}
    for wanted, is_needed in ((entry.map, True), (entry.optional_map, False)):
        for keyword, column in (wanted or {}).items():
            if column in row and isinstance(row[column], str | int | float):
                changes[prefix + keyword] = row[column]
            elif is_needed or column in row:
                raise refuse(at, f"{column!r} is {row.get(column)!r}", f"a text or a number, for {place}")
    return changes


class MetadataMapping(Passing):
    """Give each field's metadata what the file says of it; values stay where they are."""

    Options = MetadataMappingOptions
    works_on_parts = True

    def __init__(self, options: MetadataMappingOptions, context: Context) -> None:
        self._options = options
        self._lookups = read_mappings(options.mapping)

    @classmethod
    def explain(cls, options: MetadataMappingOptions, flow: Flow) -> Explained:
        """Say which file."""
        return Explained(does=f"metadata from {options.mapping}", flow=replace(flow))

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the field under its new name.

        Raises
        ------
        InvalidPart
            When it lacks the matched keyword and ``enforce-match`` is on, or no row fits its value.
        """
        metadata = item.metadata
        for lookup in self._lookups:
            metadata = self._mapped(metadata, lookup)
        return (MaskedField(field=Field(metadata=metadata, values=item.field.values), mask=item.mask),)

    def _mapped(self, metadata: Metadata, lookup: Lookup) -> Metadata:
        found = value_of(metadata, lookup.keyword)
        if found is None and not self._options.enforce_match:
            return metadata
        if found is None or plain(found) not in lookup.rows:
            raise InvalidPart(
                f"field {metadata} has {lookup.keyword}={found!r}; expected one of the {len(lookup.rows)} "
                f"values in {self._options.mapping}",
                metadata=metadata,
            )
        changes = lookup.rows[plain(found)]
        if not self._options.overwrite_existing:
            changes = {k: v for k, v in changes.items() if value_of(metadata, k) is None}
        else:
            same = [s for k in changes for s in spellings(k) if s in metadata and k in spellings(s)]
            metadata = metadata.without(*same)
        return metadata.replace(**changes)
