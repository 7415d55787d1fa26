"""Which polygons does an ESRI shapefile (.shp) hold?

Of "ESRI Shapefile Technical Description" (1998) the polygons alone. Whole numbers of headers are big-endian
where marked >, all else is little-endian; lengths are in words of 2 bytes:

====== ===== =======================================================================================
bytes  type  meaning
====== ===== =======================================================================================
0-3    >i4   9994
24-27  >i4   length of the file
28-31  i4    version, 1000
32-35  i4    kind of all shapes: 5 polygon, 15 with z, 25 with m
36-99  8 f8  bounds, not looked at
100-   ...   records
====== ===== =======================================================================================

A record: >i4 its number, >i4 the length of what follows, i4 kind (0 is an empty shape), 4 f8 bounds, i4
number of rings, i4 number of vertices, the first vertex of each ring (i4), the vertices (longitude, latitude;
f8), and for kinds 15 and 25 more, which is passed over. Holes run the other way round than outer rings do; as
the rings of a record do not cross, the even-odd rule over all of them says the same.
"""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.limits import Limits

Float64s = NDArray[np.float64]
MAGIC = 9994
VERSION = 1000
POLYGONS = (5, 15, 25)
_HEADER_BYTES = 100
_RECORD = struct.Struct(">ii")
_SHAPE = struct.Struct("<i4dii")
if _SHAPE.size != 44:
    raise AssertionError("the head of a polygon is drawn as 44 bytes")


def polygons_of(data: bytes, source: str, limits: Limits) -> tuple[tuple[Float64s, ...], ...]:
    """Return the rings of each record, in (latitude, longitude).

    Raises
    ------
    InvalidRequest
        When the bytes are no shapefile, are cut short, hold other shapes than polygons, or too many vertices.
    """
    if len(data) < _HEADER_BYTES or struct.unpack_from(">i", data)[0] != MAGIC:
        raise InvalidRequest(f"{source} is no ESRI shapefile; expected {MAGIC} in its first four bytes")
    version, kind = struct.unpack_from("<ii", data, 28)
    if version != VERSION or kind not in POLYGONS:
        raise InvalidRequest(
            f"{source} holds shapes of kind {kind}, version {version}; expected polygons (kind 5, 15 or 25), "
            f"version {VERSION}"
        )
    end = 2 * struct.unpack_from(">i", data, 24)[0]
    if not _HEADER_BYTES <= end <= len(data):
        raise InvalidRequest(f"{source} has {len(data)} bytes; expected the {end} that its header says")
    parts, n_vertices = [], 0
    for record in _records(memoryview(data)[:end], source):
        rings = _rings(record, source)
        n_vertices += sum(map(len, rings))
        limits.refuse_over("vertices", n_vertices, source)
        if rings:
            parts.append(rings)
    return tuple(parts)


def _records(data: memoryview, source: str) -> Iterator[memoryview]:
    at = _HEADER_BYTES
    while at < len(data):
        if at + _RECORD.size > len(data):
            raise _cut_short(source, at)
        length = 2 * _RECORD.unpack_from(data, at)[1]
        at += _RECORD.size
        if length < 4 or at + length > len(data):
            raise _cut_short(source, at)
        yield data[at : at + length]
        at += length


def _rings(record: memoryview, source: str) -> tuple[Float64s, ...]:
    (kind,) = struct.unpack_from("<i", record)
    if kind == 0:
        return ()
    if kind not in POLYGONS or len(record) < _SHAPE.size:
        raise InvalidRequest(f"{source} has a record of kind {kind}, {len(record)} bytes; expected a polygon")
    n_rings, n_vertices = _SHAPE.unpack_from(record)[5:]
    n_bytes = _SHAPE.size + 4 * n_rings + 16 * n_vertices
    if n_rings < 0 or n_vertices < 0 or n_bytes > len(record):
        raise InvalidRequest(
            f"{source} has a record of {len(record)} bytes; expected {n_bytes} for its {n_rings} rings and "
            f"{n_vertices} vertices"
        )
    first = np.frombuffer(record, "<i4", n_rings, _SHAPE.size).astype(np.int64)
    vertices = np.frombuffer(record, "<f8", 2 * n_vertices, _SHAPE.size + 4 * n_rings).reshape(-1, 2)
    edges = np.concatenate([first, [n_vertices]])
    if n_rings and (first[0] != 0 or (np.diff(edges) < 0).any()):
        raise InvalidRequest(
            f"{source} has a record whose rings begin at {first.tolist()[:8]}; expected 0, ..."
        )
    turned = vertices[:, ::-1].astype(np.float64)
    return tuple(turned[low:high] for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _cut_short(source: str, at: int) -> InvalidRequest:
    return InvalidRequest(
        f"{source} is cut short at byte {at}; expected a whole record", path=source, offset=at
    )
