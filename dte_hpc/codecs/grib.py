"""What does ecCodes say of a message, and which header does it make for metadata?

The only module that imports ecCodes. It is asked for headers and explanations, never on the way of every
field: `headers` remembers what it answered, `packing` moves the values.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import eccodes
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidMessage, InvalidPart
from dte_hpc.base.field import PACKING_FACTS
from dte_hpc.base.key import Scalar
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.codecs.gridkeys import grid_keys
from dte_hpc.codecs.header_keys import identity_keys, integer, level_keys, product_keys, refuse_difference
from dte_hpc.codecs.layout import byte_view, grib2_sections
from dte_hpc.grids import Grid

# WMO's code table 4.10 in ecCodes' words; cov is the variance in time, sdiff the start minus the end.
PROCESSES = {
    "average": "avg",
    "minimum": "min",
    "maximum": "max",
    "accumulate": "accum",
    "stddev": "sd",
    "variance": "cov",
    "difference": "diff",
    "inverse-difference": "sdiff",
}
TABLES_VERSION = 32
INTEGER_PACKINGS = ("grid_jpeg", "grid_png", "grid_second_order", "grid_complex")


@contextmanager
def _message(data: ByteLike) -> Iterator[Any]:
    """Hold an ecCodes handle of a message; whatever ecCodes refuses becomes InvalidMessage."""
    try:
        handle = eccodes.codes_new_from_message(bytes(byte_view(data)))
    except (eccodes.CodesInternalError, ValueError) as error:
        raise InvalidMessage(f"ecCodes cannot read the message: {error}; expected GRIB") from error
    try:
        yield handle
    except eccodes.CodesInternalError as error:
        raise InvalidMessage(f"ecCodes cannot explain the message: {error}") from error
    finally:
        eccodes.codes_release(handle)


def mars_namespace(message: ByteLike) -> dict[str, str | int]:
    """Return what ecCodes calls a field in MARS's words. Cost: about a millisecond.

    ``param`` is the paramId as an integer in both editions, where ecCodes says '167.128' of GRIB1.
    """
    with _message(message) as handle:
        found = _mars(handle)
        if "param" in found:
            found["param"] = _param(handle, found["param"])
    return found


def _mars(handle: Any) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    iterator = eccodes.codes_keys_iterator_new(handle, "mars")
    try:
        while eccodes.codes_keys_iterator_next(iterator):
            keyword = eccodes.codes_keys_iterator_get_name(iterator)
            value = eccodes.codes_get(handle, keyword)
            found[keyword] = int(value) if isinstance(value, float) and value.is_integer() else value
    finally:
        eccodes.codes_keys_iterator_delete(iterator)
    return found


def _param(handle: Any, param: str | int) -> str | int:
    if isinstance(param, int):
        return param
    number = int(eccodes.codes_get(handle, "paramId"))
    value, _, table = param.partition(".")
    if number or not (value.isdigit() and table.isdigit()):
        return number or param
    return int(value) + (0 if table == "128" else 1000 * int(table))


def step_range(message: ByteLike) -> dict[str, str | int]:
    """Return startStep and endStep in hours, and stattype, of a field over a time range; {} of others."""
    with _message(message) as handle:
        kind = eccodes.codes_get(handle, "stepType")
        if kind == "instant":
            return {}
        eccodes.codes_set(handle, "stepUnits", "h")
        found: dict[str, str | int] = {
            keyword: int(eccodes.codes_get(handle, keyword)) for keyword in ("startStep", "endStep")
        }
        name = next((name for name, process in PROCESSES.items() if process == kind), None)
        return found | ({"stattype": name} if name else {})


def unimplied_statistic(message: ByteLike) -> str | None:
    """Return the stattype of a field over a time range, if its parameter does not already say it.

    ecCodes has parameters of their own for most averages and extremes (235130 is the average of 130) and
    accumulates others by nature (228); what is left would all have one name. Cost: some milliseconds.
    """
    with _message(message) as handle:
        kind, param = (eccodes.codes_get(handle, keyword) for keyword in ("stepType", "paramId"))
        tables = int(eccodes.codes_get(handle, "tablesVersion"))
    name = next((name for name, process in PROCESSES.items() if process == kind), None)
    if name is None or param == 0:
        return name
    natural = eccodes.codes_grib_new_from_samples("GRIB2")
    try:
        _set_all(natural, {"tablesVersion": tables, "centre": "ecmf", "paramId": param}, {"param": param})
        return None if eccodes.codes_get(natural, "stepType") == kind else name
    finally:
        eccodes.codes_release(natural)


def all_values(message: ByteLike) -> NDArray[np.float64]:
    """Return what ecCodes decodes, NaN where missing: for packings we have no kernels for."""
    with _message(message) as handle:
        eccodes.codes_set(handle, "missingValue", -1e100)
        values: NDArray[np.float64] = np.asarray(eccodes.codes_get_values(handle), np.float64)
        if eccodes.codes_get(handle, "bitmapPresent"):
            values[values == -1e100] = np.nan
    return values


def packing_facts(message: ByteLike) -> dict[str, Scalar]:
    """Return how a message of another packing scales its integers; nothing if it packs none (IEEE floats)."""
    with _message(message) as handle:
        if not eccodes.codes_get_string(handle, "packingType").startswith(INTEGER_PACKINGS):
            return {}
        return {fact: _plain(eccodes.codes_get(handle, fact)) for fact in PACKING_FACTS}


def _plain(value: Any) -> Scalar:
    return value if isinstance(value, str | int) else float(value)


def modified(message: ByteLike, changes: Mapping[str, str]) -> bytes:
    """Return a message with other values of ecCodes keys, each given as text. Cost: some milliseconds.

    Raises
    ------
    InvalidMessage
        Naming the key, when ecCodes refuses it or its value.
    """
    with _message(message) as handle:
        for keyword, value in changes.items():
            try:
                kind = eccodes.codes_get_native_type(handle, keyword)
                eccodes.codes_set(handle, keyword, kind(value))
            except (eccodes.CodesInternalError, ValueError) as error:
                raise InvalidMessage(f"ecCodes refuses {keyword}={value} in a message: {error}") from error
        changed: bytes = eccodes.codes_get_message(handle)
    return changed


def grid_words(message: ByteLike) -> str:
    """Return the type of a message's grid, and its scanning mode (WMO's flag table 3.4), for an error."""
    with _message(message) as handle:
        words = eccodes.codes_get_string(handle, "gridType")
        if eccodes.codes_is_defined(handle, "scanningMode"):
            words += f" scanned {eccodes.codes_get_long(handle, 'scanningMode')}"
    return str(words)


def make_header(metadata: Mapping[str, Scalar], n_values: int, grid: Grid | None, *, ccsds: bool) -> bytes:
    """Return a whole GRIB2 message of a constant field with this metadata: what ecCodes makes of it.

    Sections 0 to 4 are those of any field of the same metadata. Cost: some milliseconds and a pass
    over the grid.

    Raises
    ------
    InvalidPart
        When ecCodes refuses a keyword or value, calls the field something else than the metadata do, or
        knows no parameter of the wanted statistic.
    """
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    try:
        _set_all(handle, {"tablesVersion": TABLES_VERSION, "packingType": _packing_type(ccsds)}, metadata)
        _set_all(handle, grid_keys(grid, n_values), metadata)
        _set_all(handle, identity_keys(metadata), metadata)
        _set_product(handle, metadata)
        eccodes.codes_set_values(handle, np.zeros(n_values))
        message: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    refuse_difference(metadata, mars_namespace(message))  # read anew: a handle being changed says less
    return message


CODED = ("class", "type", "stream")
TEMPLATE_FACTS = (
    "packingType", "bitsPerValue", "decimalScaleFactor", "binaryScaleFactor", "bitmapPresent",
    "missingValue", "ccsdsBlockSize", "ccsdsRsi",
)  # fmt: skip


def with_assignments(
    template: ByteLike,
    assignments: Iterable[Assignment],
    n_values: int,
    metadata: Mapping[str, Scalar],
) -> tuple[bytes, dict[str, Scalar]]:
    """Return sections 0 to 4 of a template with other keys, and how it packs. Cost: some milliseconds.

    Parameters
    ----------
    assignments : iterable of Assignment
        In order. A key that ecCodes only reads (it follows from others) is left alone.
    n_values : int
        Of the field, from which ecCodes takes how many points there are.
    metadata
        Of the field, for errors.

    Raises
    ------
    InvalidPart
        Naming the key, when ecCodes refuses it or its value; when the field does not fit the grid.
    """
    with _message(template) as handle:
        for each in assignments:
            if not each.where_defined or eccodes.codes_is_defined(handle, each.key):
                _assign(handle, each, metadata)
                _refuse_unknown_word(handle, each, metadata)
        _refuse_misfit(handle, n_values, metadata)
        facts = {
            fact: _plain(eccodes.codes_get(handle, fact))
            for fact in TEMPLATE_FACTS
            if eccodes.codes_is_defined(handle, fact)
        }
        eccodes.codes_set_values(handle, np.zeros(n_values))
        message: bytes = eccodes.codes_get_message(handle)
    return message[: grib2_sections(memoryview(message))[5][0]], facts


def empty_message() -> bytes:
    """Return ecCodes' own GRIB2 message of no field in particular, as a template for any."""
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    try:
        message: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    return message


def statistic_of_param(param: int) -> int | None:
    """Return the code (WMO's table 4.10) of the statistic over time that a parameter is by its very name.

    Total precipitation is an accumulation, whatever else is said; None of a value of a moment, and of a
    parameter that ecCodes has no GRIB2 message for. Cost: half a millisecond.
    """
    with _message(empty_message()) as handle:
        eccodes.codes_set(handle, "tablesVersion", latest_tables())
        try:
            eccodes.codes_set(handle, "paramId", param)
        except eccodes.CodesInternalError:
            return None
        defined = eccodes.codes_is_defined(handle, "typeOfStatisticalProcessing")
        return int(eccodes.codes_get(handle, "typeOfStatisticalProcessing")) if defined else None


def latest_tables() -> int:
    """Return the newest version of WMO's tables that ecCodes has."""
    with _message(empty_message()) as handle:
        return int(eccodes.codes_get(handle, "tablesVersionLatest"))


def _set(handle: Any, key: str, value: Any) -> None:
    if value is None:
        eccodes.codes_set_missing(handle, key)
    elif isinstance(value, np.ndarray):
        eccodes.codes_set_array(handle, key, value)
    else:
        eccodes.codes_set(handle, key, value)


def _assign(handle: Any, assignment: Assignment, metadata: Mapping[str, Scalar]) -> None:
    key, value, _ = assignment
    try:
        _set(handle, key, value)
    except eccodes.ReadOnlyError:
        return
    except (eccodes.CodesInternalError, ValueError, TypeError) as error:
        raise InvalidPart(
            f"ecCodes refuses {key}={'missing' if value is None else repr(value)} in the template of field "
            f"{metadata}: {error}",
            keyword=key,
            value=str(value),
        ) from error


def _refuse_unknown_word(handle: Any, assignment: Assignment, metadata: Mapping[str, Scalar]) -> None:
    """Refuse a word that ecCodes takes without a sound and writes as another."""
    key, value, _ = assignment
    if key in CODED and isinstance(value, str) and (said := eccodes.codes_get_string(handle, key)) != value:
        raise InvalidPart(
            f"ecCodes writes {key}={said} where field {metadata} has {value!r}; expected a word of MARS",
            keyword=key,
            value=value,
        )


def _refuse_misfit(handle: Any, n_values: int, metadata: Mapping[str, Scalar]) -> None:
    kind = eccodes.codes_get_string(handle, "gridType")
    expected = n_values
    if kind == "healpix":
        expected = 12 * eccodes.codes_get_long(handle, "Nside") ** 2
    elif kind.startswith("reduced") and eccodes.codes_get_long(handle, "global"):
        expected = int(eccodes.codes_get_array(handle, "pl").sum())
    elif kind.startswith("regular"):
        expected = eccodes.codes_get_long(handle, "Ni") * eccodes.codes_get_long(handle, "Nj")
    if expected != n_values:
        raise InvalidPart(
            f"field {metadata} has {n_values} values; expected {expected}, the points of its template's grid "
            f"({kind})",
            metadata=metadata,
        )


def _packing_type(ccsds: bool) -> str:
    return "grid_ccsds" if ccsds else "grid_simple"


def _set_all(handle: Any, keys: Mapping[str, Any], metadata: Mapping[str, Scalar]) -> None:
    for keyword, value in keys.items():
        try:
            _set(handle, keyword, value)
        except (eccodes.CodesInternalError, ValueError, TypeError) as error:
            raise InvalidPart(
                f"ecCodes refuses {keyword}={value!r} in the header of field {metadata}: {error}",
                keyword=keyword,
                value=str(value),
            ) from error


def _set_product(handle: Any, metadata: Mapping[str, Scalar]) -> None:
    """Set parameter, level, number and step; the order matters, as ecCodes derives some from others."""
    if "param" in metadata:
        _set_all(handle, {"paramId": integer(metadata, "param")}, metadata)
    _set_all(handle, level_keys(metadata), metadata)
    if "stattype" in metadata:
        _set_statistic(handle, metadata)
    _set_all(handle, product_keys(metadata), metadata)


def _set_statistic(handle: Any, metadata: Mapping[str, Scalar]) -> None:
    name = metadata["stattype"]
    if name not in PROCESSES:
        raise InvalidPart(
            f"field {metadata} has stattype={name!r}; expected one of {', '.join(PROCESSES)}",
            keyword="stattype",
        )
    if eccodes.codes_get(handle, "stepType") != PROCESSES[str(name)]:
        _set_all(handle, {"stepType": PROCESSES[str(name)]}, metadata)
    if eccodes.codes_get(handle, "paramId") == 0 and "param" in metadata:
        raise InvalidPart(
            f"ecCodes knows no parameter for the {name} of {metadata['param']}; expected one, "
            f"or field {metadata} could not be found again",
            keyword="stattype",
        )
