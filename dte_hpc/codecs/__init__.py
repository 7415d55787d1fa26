"""How does one field become bytes, and bytes a field?

The only room that knows ecCodes and libaec. ecCodes makes and explains headers, once for each kind of field
(`headers`); what varies within a kind is patched in its octets; the data section is ours (`packing`, `aec`).

======================= ==========================================================================
`GribEncoder.encode`    Field -> EncodedField: a GRIB2 message, its `Layout`, and block offsets
`decode`, `read_field`  message -> values, message -> Field
`mars_key`, `grid_name` message -> what it is called, and on which grid it lies
`read_layout`, `split`  message -> where its values lie; bytes -> messages
`points`                some values of a message, from the bytes that hold them
======================= ==========================================================================

``dte_hpc.codecs.layout`` needs neither ecCodes nor numba; the other names are imported when first used
(`decode` from ``dte_hpc.codecs.decode``, whose name it has).

Restrictions: GRIB2 is written, with simple or CCSDS packing, up to 32 bits a value; GRIB1 is read only, and
read as what GRIB2 would call it (``param`` 167, not '167.128'). Points are read from grid_simple and
grid_ccsds; other packings are decoded whole, by ecCodes. A message holds one field. Steps are whole hours
where headers are patched; other steps work, at ecCodes' speed.
"""

from typing import TYPE_CHECKING, Any

from dte_hpc.codecs.layout import LAYOUT, EncodedField, Layout, read_layout, split

if TYPE_CHECKING:
    from dte_hpc.codecs.decode import grid_name, read_field
    from dte_hpc.codecs.encode import GribEncoder, Packing
    from dte_hpc.codecs.headers import mars_key

__all__ = [
    "LAYOUT",
    "EncodedField",
    "GribEncoder",
    "Layout",
    "Packing",
    "grid_name",
    "mars_key",
    "read_field",
    "read_layout",
    "split",
]
_LATE = {
    "GribEncoder": "encode",
    "Packing": "encode",
    "grid_name": "decode",
    "mars_key": "headers",
    "read_field": "decode",
}


def __getattr__(name: str) -> Any:
    """Import what needs ecCodes or numba only when it is asked for."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
