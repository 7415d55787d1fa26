"""What does a message itself tell the store?"""

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import DteError, InvalidMessage, UnsupportedPacking
from dte_hpc.codecs.layout import CCSDS, Layout, byte_view, read_layout


def checked_bytes(message: ByteLike) -> ByteLike:
    """Return a message as flat contiguous bytes."""
    if isinstance(message, bytes) and message:
        return message
    try:
        view = memoryview(message).cast("B")  # type: ignore[arg-type]
    except TypeError as error:
        raise InvalidMessage(f"found a {type(message).__name__}; expected contiguous bytes") from error
    if len(view) == 0:
        raise InvalidMessage("found a message of 0 bytes; expected at least one")
    return view


def layout_of(message: ByteLike) -> Layout | None:
    """Return how a message is packed, None for bytes that are not one GRIB message of one field."""
    if bytes(message[:4]) != b"GRIB":
        return None
    try:
        layout = read_layout(message)
    except (InvalidMessage, UnsupportedPacking):
        return None
    return layout


def block_offsets_of(message: ByteLike, layout: Layout | None) -> NDArray[np.uint64] | None:
    """Return the block offsets of a message packed by CCSDS, so that its points can be read alone.

    None for any other, and when the data section is wrong: the message is stored as it is. Cost: a pass
    over the compressed bytes, about 1 ns a value.
    """
    if layout is None or layout.packing != CCSDS:
        return None
    from dte_hpc.codecs.points import find_block_offsets  # here, because it starts numba: 0.4 s

    with suppress(DteError):
        return find_block_offsets(message)
    return None


def grid_of(message: ByteLike) -> str:
    """Return the name of the grid of a message that `layout_of` knows, empty when the grid has none."""
    from dte_hpc.codecs.gridname import grid_of_field

    return grid_of_field(byte_view(message)) or ""
