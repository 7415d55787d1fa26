"""How does zarr-python read a view?

    zarr.open(ZarrStore(view), mode="r");  xr.open_zarr(ZarrStore(view), consolidated=False)

The only module that imports zarr (extra ``zarr``).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

from dte_hpc.base.errors import MissingDependency
from dte_hpc.extract.to_zarr import ZarrView

try:
    from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype
except ImportError as error:
    raise MissingDependency("zarr is not installed; expected pip install 'dte-hpc[zarr]'") from error

_READ_ONLY = "a view of a store of fields is read-only; expected no writing"


class ZarrStore(Store):
    """A read-only store of zarr-python over a `ZarrView`; chunks are read in threads, several at once.

    Parameters
    ----------
    view : ZarrView
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, view: ZarrView) -> None:
        super().__init__(read_only=True)
        self.view = view

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZarrStore) and self.view is other.view

    __hash__ = None  # type: ignore[assignment]

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a value, or some of its bytes; None when the key is not there."""
        try:
            data = await asyncio.to_thread(self.view.__getitem__, key)
        except KeyError:
            return None
        return prototype.buffer.from_bytes(data[_slice(byte_range, len(data))])

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return several values."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether a key is there."""
        return key in self.view

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse."""
        raise ValueError(_READ_ONLY)

    async def delete(self, key: str) -> None:
        """Refuse."""
        raise ValueError(_READ_ONLY)

    async def list(self) -> AsyncIterator[str]:
        """Yield every key."""
        for key in self.view:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with a text."""
        for key in self.view:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield what stands right below a prefix."""
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        below = (key[len(folder) :].split("/")[0] for key in self.view if key.startswith(folder))
        for name in dict.fromkeys(below):
            yield name


def _slice(part: ByteRequest | None, size: int) -> slice:
    match part:
        case RangeByteRequest():
            return slice(part.start, part.end)
        case OffsetByteRequest():
            return slice(part.offset, None)
        case SuffixByteRequest():
            return slice(max(0, size - part.suffix), None)
        case _:
            return slice(None)
