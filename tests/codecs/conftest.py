"""ecCodes itself, asked the plain way: the fixture ``oracle``."""

from typing import Any

import eccodes
import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata

MARS = {
    "class": "od",
    "type": "fc",
    "stream": "oper",
    "expver": "0001",
    "date": 20260102,
    "time": 600,
    "levtype": "pl",
    "levelist": 500,
    "param": 130,
    "step": 6,
}


class Oracle:
    @staticmethod
    def field(values: Any, **changes: Any) -> Field:
        return Field(metadata=Metadata({**MARS, **changes}), values=np.asarray(values))

    @staticmethod
    def keys(message: Any, *names: str) -> list[Any]:
        handle = eccodes.codes_new_from_message(bytes(message))
        try:
            return [eccodes.codes_get(handle, name) for name in names]
        finally:
            eccodes.codes_release(handle)

    @staticmethod
    def mars(message: Any) -> dict[str, Any]:
        handle = eccodes.codes_new_from_message(bytes(message))
        found = {}
        iterator = eccodes.codes_keys_iterator_new(handle, "mars")
        while eccodes.codes_keys_iterator_next(iterator):
            name = eccodes.codes_keys_iterator_get_name(iterator)
            found[name] = eccodes.codes_get(handle, name)
        eccodes.codes_keys_iterator_delete(iterator)
        eccodes.codes_release(handle)
        return found

    @staticmethod
    def values(message: Any) -> np.ndarray:
        handle = eccodes.codes_new_from_message(bytes(message))
        eccodes.codes_set(handle, "missingValue", -1e100)
        found = eccodes.codes_get_values(handle)
        found[found == -1e100] = np.nan
        eccodes.codes_release(handle)
        return found

    @staticmethod
    def coordinates(message: Any) -> tuple[np.ndarray, np.ndarray]:
        handle = eccodes.codes_new_from_message(bytes(message))
        found = tuple(eccodes.codes_get_array(handle, name) for name in ("latitudes", "longitudes"))
        eccodes.codes_release(handle)
        return found

    @staticmethod
    def repacked(
        header: bytes, values: np.ndarray, *, bits: int, ccsds: bool = False, decimal_scale: int = 0
    ) -> bytes:
        """The message ecCodes makes of the header of `header` (any message) and these values."""
        handle = eccodes.codes_new_from_message(bytes(header))
        values = np.asarray(values, np.float64)
        try:
            eccodes.codes_set(handle, "packingType", "grid_ccsds" if ccsds else "grid_simple")
            eccodes.codes_set_values(handle, np.zeros(values.size))
            eccodes.codes_set(handle, "bitsPerValue", bits)
            eccodes.codes_set(handle, "decimalScaleFactor", decimal_scale)
            if np.isnan(values).any():
                eccodes.codes_set(handle, "bitmapPresent", 1)
                eccodes.codes_set(handle, "missingValue", -1e100)
                values = np.where(np.isnan(values), -1e100, values)
            eccodes.codes_set_values(handle, values)
            return eccodes.codes_get_message(handle)
        finally:
            eccodes.codes_release(handle)


@pytest.fixture(scope="session")
def oracle() -> type[Oracle]:
    return Oracle
