"""How are integers that CCSDS 121.0-B compressed read back as a whole, and where do their intervals begin?

The only module that knows libaec (https://github.com/Deutsches-Klimarechenzentrum/libaec, 1.1 or
later), through ctypes: the library that ecCodes itself loads, from the ``eccodeslib`` wheel, else the
system's. Offsets are libaec's: the bit, from the start of the compressed bytes, at which each reference
sample interval (RSI) begins. Compression is `kernels`' own: it makes the same bytes in half the time, and
true offsets, where `aec_encode_get_offsets` of libaec 1.1.6 is wrong for some messages with runs of zeros.
Single intervals are decoded by `decompress`.
"""

import ctypes
import ctypes.util
import sys
from functools import cache
from typing import Any, TypeAlias

import findlibs
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidMessage, MissingDependency

SIGNED, THREE_BYTES, MSB, PREPROCESS, RESTRICTED, PAD_RSI = 1, 2, 4, 8, 16, 32
_FLUSH = 1
_ERRORS = {-1: "configuration", -2: "stream", -3: "data", -4: "memory", -5: "offsets"}
Samples: TypeAlias = NDArray[Any]  # of `sample_type`


class _Stream(ctypes.Structure):
    """libaec.h, struct aec_stream."""

    _fields_ = (
        ("next_in", ctypes.c_void_p),
        ("avail_in", ctypes.c_size_t),
        ("total_in", ctypes.c_size_t),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_size_t),
        ("total_out", ctypes.c_size_t),
        ("bits_per_sample", ctypes.c_uint),
        ("block_size", ctypes.c_uint),
        ("rsi", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("state", ctypes.c_void_p),
    )


@cache
def _library() -> Any:
    path = findlibs.find("aec", "eccodeslib") or ctypes.util.find_library("aec")
    if not path:
        raise MissingDependency("no libaec was found; expected the one in the eccodeslib package")
    library = ctypes.CDLL(path)
    if not hasattr(library, "aec_encode_get_offsets"):
        raise MissingDependency(f"{path} is older than libaec 1.1; expected the one in eccodeslib", path=path)
    return library


def sample_type(bits: int) -> "np.dtype[Any]":
    """Return the integer type libaec reads or writes a sample of so many bits in."""
    return np.dtype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


def native_flags(flags: int) -> int:
    """Return GRIB's ccsdsFlags for samples in the machine's own integers.

    They say how samples lie in memory, which does not change the compressed bytes.
    """
    order = MSB if sys.byteorder == "big" else 0
    return (flags & ~(THREE_BYTES | MSB)) | order


def decode(
    data: NDArray[np.uint8], n_samples: int, bits: int, block_size: int, rsi: int, flags: int
) -> Samples:
    """Return all samples of compressed bytes; InvalidMessage if they do not hold so many."""
    library = _library()
    out = np.zeros(n_samples, sample_type(bits))
    stream = _stream(data, out, bits, block_size, rsi, flags)
    _check(library.aec_buffer_decode(ctypes.byref(stream)), "decode")
    _check_length(stream, out)
    return out


def find_offsets(
    data: NDArray[np.uint8], n_samples: int, bits: int, block_size: int, rsi: int, flags: int
) -> NDArray[np.uint64]:
    """Return where each RSI begins, for a message that came without offsets. Costs a whole decoding."""
    library = _library()
    out = np.zeros(n_samples, sample_type(bits))
    stream = _stream(data, out, bits, block_size, rsi, flags)
    pointer = ctypes.byref(stream)
    _check(library.aec_decode_init(pointer), "begin decoding")
    try:
        _check(library.aec_decode_enable_offsets(pointer), "record offsets")
        _check(library.aec_decode(pointer, _FLUSH), "decode")
        _check_length(stream, out)
        count = ctypes.c_size_t()
        _check(library.aec_decode_count_offsets(pointer, ctypes.byref(count)), "count offsets")
        offsets = np.empty(count.value, np.uint64)
        _check(library.aec_decode_get_offsets(pointer, _address(offsets), count), "give offsets")
    finally:
        library.aec_decode_end(pointer)
    n_rsi = -(-n_samples // (block_size * rsi))
    return offsets[:n_rsi]


def _stream(source: Any, out: Any, bits: int, block_size: int, rsi: int, flags: int) -> _Stream:
    return _Stream(
        next_in=source.ctypes.data,
        avail_in=source.nbytes,
        next_out=out.ctypes.data,
        avail_out=out.nbytes,
        bits_per_sample=bits,
        block_size=block_size,
        rsi=rsi,
        flags=native_flags(flags),
    )


def _address(array: NDArray[np.uint64]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _check(code: int, what: str) -> None:
    if code != 0:
        kind = _ERRORS.get(code, str(code))
        raise InvalidMessage(f"libaec could not {what}: {kind} error; expected CCSDS 121.0-B data", code=code)


def _check_length(stream: _Stream, out: Samples) -> None:
    if stream.avail_out:
        raise _too_few((out.nbytes - stream.avail_out) // out.itemsize, out.size)


def _too_few(found: int, expected: int) -> InvalidMessage:
    return InvalidMessage(f"the CCSDS data hold {found} values; expected {expected}", found=found)
