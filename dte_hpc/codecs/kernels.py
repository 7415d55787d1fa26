"""How are integers compressed by CCSDS 121.0-B-3, faster than libaec does it?

Lossless data compression, https://public.ccsds.org/Pubs/121x0b3.pdf: samples become differences (section
4), blocks of them are coded by whichever option is shortest (section 3), and every `rsi` blocks a sample
stands as it is. The standard leaves an encoder some choice (which of two equally short options, where a
search for k begins, where runs of zero blocks are cut); here it is libaec's, so that the bytes are
the same. What makes it fast: differences and lengths are vector loops over an interval that stays in the
nearest cache, and codes are joined in a register and written 4 bytes at a time.

An option's identifier has 3, 4 or 5 bits (samples of up to 8, 16 or 32 bits)::

    0..0 0 fs(n)   a run of zero blocks          k+1 fs.. k-bit..   split at bit k
    0..0 1 fs..    second extension              1..1 samples       as they are
"""

from typing import Any, TypeAlias

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
Register: TypeAlias = tuple[np.uint64, np.uint64, np.uint64]
Int: TypeAlias = Any  # int64
REST_OF_SEGMENT = 4
SEGMENT = 64
kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
inlined = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


# Words are loaded whole, from any byte: LLVM makes one instruction of it, where numba's indexing makes eight.


def _word_at(_context: Any, address: Any) -> Any:
    """Return the 8 bytes at an address, the first one highest."""

    def generate(_: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.bswap(builder.load(pointer, align=1))

    return types.uint64(types.int64), generate


word_at: Any = intrinsic(_word_at)


def _reversed_word(_context: Any, address: Any) -> Any:
    """Return the 8 bytes at an address, the first bit lowest."""

    def generate(_: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.bitreverse(builder.bswap(builder.load(pointer, align=1)))

    return types.uint64(types.int64), generate


reversed_word: Any = intrinsic(_reversed_word)


def _lowest_one(_context: Any, word: Any) -> Any:
    """Return how many zeros are below the lowest one of a word that has one."""

    def generate(_: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


lowest_one: Any = intrinsic(_lowest_one)


def _n_ones(_context: Any, word: Any) -> Any:
    """Return how many ones a word has."""

    def generate(_: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


n_ones: Any = intrinsic(_n_ones)


@inlined
def _put(
    out: U8, held: np.uint64, n_held: np.uint64, at: np.uint64, value: np.uint64, n_bits: np.uint64
) -> Register:
    """Append 1 to 56 bits. Up to 7 stay in the register, at its upper end, and in ``out[at]``.

    Without a branch: 8 bytes are written each time, since mispredicting when to write costs more. Indices
    are unsigned, so that numba does not look for negative ones and the 8 bytes become one store.
    """
    held |= value << (np.uint64(64) - n_held - n_bits)
    out[at] = np.uint8(held >> np.uint64(56))
    out[at + np.uint64(1)] = np.uint8(held >> np.uint64(48))
    out[at + np.uint64(2)] = np.uint8(held >> np.uint64(40))
    out[at + np.uint64(3)] = np.uint8(held >> np.uint64(32))
    out[at + np.uint64(4)] = np.uint8(held >> np.uint64(24))
    out[at + np.uint64(5)] = np.uint8(held >> np.uint64(16))
    out[at + np.uint64(6)] = np.uint8(held >> np.uint64(8))
    out[at + np.uint64(7)] = np.uint8(held)
    n = n_held + n_bits
    return held << (n & np.uint64(56)), n & np.uint64(7), at + (n >> np.uint64(3))


@kernel
def _put_fs(out: U8, held: np.uint64, n_held: np.uint64, at: np.uint64, zeros: Int) -> Register:
    """Append a fundamental sequence: so many zeros, then a one."""
    while zeros > 55:
        held, n_held, at = _put(out, held, n_held, at, np.uint64(0), np.uint64(55))
        zeros -= 55
    return _put(out, held, n_held, at, np.uint64(1), np.uint64(zeros + 1))


@kernel
def _differences(x: U32, top: np.uint32, d: U32) -> None:
    """Write the mapped prediction errors of an interval; its first sample has none (4.4 of the standard)."""
    d[0] = 0
    for i in range(1, x.size):
        last, this = x[i - 1], x[i]
        rise, fall = np.uint32(this - last), np.uint32(last - this)
        up = np.uint32(rise << np.uint32(1)) if rise <= last else this
        down = (
            np.uint32((fall << np.uint32(1)) - np.uint32(1)) if fall <= top - last else np.uint32(top - this)
        )
        d[i] = up if this >= last else down


@kernel
def _fs_length(block: U32, k: Int) -> Int:
    """Return the zeros in the fundamental sequences of a block that is split at bit k."""
    length = np.uint64(0)
    shift = np.uint32(k)
    for i in range(block.size):
        length += np.uint64(block[i] >> shift)
    return np.int64(length)


@kernel
def _choose_split(block: U32, n_coded: Int, k_start: Int, k_max: Int) -> tuple[Int, Int]:
    """Return the length and k of the best split, searched from the k of the block before.

    The length has one minimum in k. One more k costs a bit a sample, and cannot pay when the sequences have
    fewer zeros than that; so mostly one or two lengths are worked out.
    """
    k = k_best = k_start
    best = np.int64(-1)
    up, last_turn = True, bool(k == 0)
    while True:
        zeros = _fs_length(block, k)
        length = zeros + n_coded * (k + 1)
        better = best < 0 or length < best
        if better:
            last_turn = last_turn or bool(best >= 0)
            best, k_best = length, k
            if up and zeros >= n_coded and k < k_max:
                k += 1
                continue
            if not up:
                if zeros >= n_coded or k == 0:
                    break
                k -= 1
                continue
        if last_turn:
            break
        k, up, last_turn = k_start - 1, False, True
    return best, k_best


@kernel
def _extension_length(block: U32, limit: Int) -> Int:
    """Return the length of the second extension option; something above `limit` if it is surely longer."""
    length = np.int64(1)
    for i in range(0, block.size, 2):
        pair = np.int64(block[i]) + np.int64(block[i + 1])
        if pair > limit:
            return np.int64(0xFFFFFFFF)
        length += pair * (pair + 1) // 2 + np.int64(block[i + 1]) + 1
    return length


@kernel
def _put_split(
    out: U8, held: np.uint64, n_held: np.uint64, at: np.uint64, block: U32, first: Int, k: Int
) -> Register:
    """Append a block's fundamental sequences, then the k low bits of each sample."""
    shift, one = np.uint32(k), np.uint64(1)
    i = first
    while (block.size - i) & 3:
        held, n_held, at = _put_fs(out, held, n_held, at, np.int64(block[i] >> shift))
        i += 1
    while i < block.size:
        a, b = np.uint64(block[i] >> shift), np.uint64(block[i + 1] >> shift)
        c, d = np.uint64(block[i + 2] >> shift), np.uint64(block[i + 3] >> shift)
        zeros = np.int64(a + b + c + d)
        if zeros <= 52:
            ones = one | (one << (d + one)) | (one << (c + d + np.uint64(2)))
            ones |= one << (b + c + d + np.uint64(3))
            held, n_held, at = _put(out, held, n_held, at, ones, np.uint64(zeros + 4))
        else:
            for each in (a, b, c, d):
                held, n_held, at = _put_fs(out, held, n_held, at, np.int64(each))
        i += 4
    return _put_low(out, held, n_held, at, block, first, k) if k else (held, n_held, at)


@kernel
def _put_low(
    out: U8, held: np.uint64, n_held: np.uint64, at: np.uint64, block: U32, first: Int, k: Int
) -> Register:
    """Append the k low bits of each sample."""
    mask, width = np.uint64((1 << k) - 1), np.uint64(k)
    together = 4 if k <= 14 else 2 if k <= 28 else 1
    i = first
    while (block.size - i) & (together - 1):
        held, n_held, at = _put(out, held, n_held, at, np.uint64(block[i]) & mask, width)
        i += 1
    if together == 4:
        while i < block.size:
            a, b = np.uint64(block[i]) & mask, np.uint64(block[i + 1]) & mask
            c, d = np.uint64(block[i + 2]) & mask, np.uint64(block[i + 3]) & mask
            four = (((a << width) | b) << (width + width)) | ((c << width) | d)
            held, n_held, at = _put(out, held, n_held, at, four, np.uint64(4 * k))
            i += 4
    elif together == 2:
        while i < block.size:
            two = ((np.uint64(block[i]) & mask) << width) | (np.uint64(block[i + 1]) & mask)
            held, n_held, at = _put(out, held, n_held, at, two, np.uint64(2 * k))
            i += 2
    else:
        while i < block.size:
            held, n_held, at = _put(out, held, n_held, at, np.uint64(block[i]) & mask, width)
            i += 1
    return held, n_held, at


@kernel
def _put_zero_run(
    out: U8,
    held: np.uint64,
    n_held: np.uint64,
    at: np.uint64,
    id_bits: Int,
    run: Int,
    cut: bool,
    reference: Int,
    bits: Int,
) -> Register:
    """Append a run of zero blocks; `reference` is the sample it begins with, or -1."""
    held, n_held, at = _put(out, held, n_held, at, np.uint64(0), np.uint64(id_bits + 1))
    if reference >= 0:
        held, n_held, at = _put(out, held, n_held, at, np.uint64(reference), np.uint64(bits))
    if cut and run > REST_OF_SEGMENT:
        return _put_fs(out, held, n_held, at, REST_OF_SEGMENT)
    return _put_fs(out, held, n_held, at, run if run > REST_OF_SEGMENT else run - 1)


@kernel
def _put_block(
    out: U8,
    held: np.uint64,
    n_held: np.uint64,
    at: np.uint64,
    block: U32,
    id_bits: Int,
    bits: Int,
    reference: Int,
    k: Int,
) -> tuple[np.uint64, np.uint64, np.uint64, Int]:
    """Append a block by its shortest option; `reference` is its first sample, or -1. Return the new k too."""
    first = 1 if reference >= 0 else 0
    n_coded = block.size - first
    plain = n_coded * bits
    split, k = _choose_split(block, n_coded, k, (1 << id_bits) - 3)
    extension = _extension_length(block, plain)
    if plain <= min(split, extension):
        held, n_held, at = _put(out, held, n_held, at, np.uint64((1 << id_bits) - 1), np.uint64(id_bits))
    elif split < extension:
        held, n_held, at = _put(out, held, n_held, at, np.uint64(k + 1), np.uint64(id_bits))
    else:
        held, n_held, at = _put(out, held, n_held, at, np.uint64(1), np.uint64(id_bits + 1))
    if reference >= 0:
        held, n_held, at = _put(out, held, n_held, at, np.uint64(reference), np.uint64(bits))
    if plain <= min(split, extension):
        held, n_held, at = _put_low(out, held, n_held, at, block, first, bits)
    elif split < extension:
        held, n_held, at = _put_split(out, held, n_held, at, block, first, k)
    else:
        for i in range(0, block.size, 2):
            pair = np.int64(block[i]) + np.int64(block[i + 1])
            held, n_held, at = _put_fs(out, held, n_held, at, pair * (pair + 1) // 2 + np.int64(block[i + 1]))
    return held, n_held, at, k


@kernel
def _is_zero(block: U32) -> bool:
    bits = np.uint32(0)
    for i in range(block.size):
        bits |= block[i]
    return bool(bits == 0)


@kernel
def encode_ccsds(
    samples: U32,
    bits: int,
    block_size: int,
    rsi: int,
    out: U8,
    offsets: NDArray[np.uint64],
) -> int:
    """Compress samples of `bits` bits; return how many bytes that took.

    Writes where each reference sample interval begins, in bits, to `offsets` (one for each). `out` has at
    least `room` bytes.
    """
    id_bits = 3 if bits <= 8 else 4 if bits <= 16 else 5
    size = block_size * rsi
    x, d = np.empty(size, np.uint32), np.empty(size, np.uint32)
    top = np.uint32((np.uint64(1) << np.uint64(bits)) - np.uint64(1))
    held, n_held, at, k = np.uint64(0), np.uint64(0), np.uint64(0), 0
    for interval in range(offsets.size):
        offsets[interval] = np.uint64(8) * at + n_held
        begin = interval * size
        n = min(size, samples.size - begin)
        n_blocks = (n + block_size - 1) // block_size
        for i in range(n):
            x[i] = samples[begin + i]
        for i in range(n, n_blocks * block_size):
            x[i] = x[n - 1]
        _differences(x[: n_blocks * block_size], top, d)
        run, run_reference = 0, np.int64(-1)
        for number in range(n_blocks):
            block = d[number * block_size : (number + 1) * block_size]
            reference = np.int64(x[0]) if number == 0 else np.int64(-1)
            zero = _is_zero(block)
            if zero:
                if run == 0:
                    run_reference = reference
                run += 1
            cut = number == n_blocks - 1 or (number + 1) % SEGMENT == 0
            if run and (cut or not zero):
                held, n_held, at = _put_zero_run(
                    out, held, n_held, at, id_bits, run, zero, run_reference, bits
                )
                run = 0
            if not zero:
                held, n_held, at, k = _put_block(out, held, n_held, at, block, id_bits, bits, reference, k)
    return int(at) + (1 if n_held else 0)


def room(n_samples: int, bits: int, block_size: int) -> int:
    """Return how many bytes `encode_ccsds` may write to.

    A block is never longer than its samples as they are and an identifier of 5 bits; a run of zero blocks
    has a sample, 6 bits, and a sequence of at most 5 bits, or of 64 for 5 blocks or more. The last block
    is filled up, and 8 bytes are written at a time.
    """
    n_blocks = n_samples // block_size + 1
    return (n_blocks * (block_size * bits + 16)) // 8 + 16


def warm() -> None:
    """Compile, or load from numba's cache, what encoding uses. See `packing.warm`."""
    samples = np.arange(64, dtype=np.uint32)
    samples.setflags(write=False)
    encode_ccsds(samples, 8, 8, 2, np.empty(room(64, 8, 8), np.uint8), np.empty(4, np.uint64))
