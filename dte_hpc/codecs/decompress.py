"""How are integers that CCSDS 121.0-B compressed read back, many stretches of them in one call?

The other side of `kernels`, which has the drawing of the codes. libaec decodes a sample at a time and
begins anew for every stretch; here a block is taken apart in passes without a branch a sample: the ones
that end its fundamental sequences are found a word at a time, then come the low bits, then differences
become samples. Of a block that nobody wants only the sum of the differences is made. Whatever the bytes
are, no more than 16 bytes beyond their end are looked at.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.kernels import (
    REST_OF_SEGMENT,
    SEGMENT,
    U8,
    U32,
    inlined,
    kernel,
    lowest_one,
    n_ones,
    reversed_word,
    word_at,
)

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
Int: TypeAlias = Any  # int64
Index: TypeAlias = Any  # uint64, so that numba does not look for negative ones
NONE, ONE, FOUR, EIGHT = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(8)
SECOND_EXTENSION_MOST = 90
OVERRUN, BAD_RUN, BAD_PAIR, TOO_LONG = -1, -2, -3, -4
MOST_CARRY = 248
WRONG = {
    OVERRUN: "end before the last value that is wanted",
    BAD_RUN: "have a run of zero blocks that leaves its interval",
    BAD_PAIR: "have a pair of values that cannot be",
}


@inlined
def _get(address: Int, bit: Int, n_bits: Int) -> Int:
    """Return the integer of 1 to 32 bits at a bit."""
    word = word_at(address + (bit >> 3)) << np.uint64(bit & 7)
    return np.int64(word >> np.uint64(64 - n_bits))


@inlined
def _get_fs(address: Int, bit: Int, end: Int, d: U32, first: Index, stop: Index) -> Int:
    """Write the zeros before each of some ones; return the bit after the last one, or OVERRUN."""
    last = bit - 1
    while first < stop:
        if bit >= end:
            return np.int64(OVERRUN)
        skip = bit & 7
        word = reversed_word(address + (bit >> 3)) >> np.uint64(skip)
        upto = min(stop, first + n_ones(word))
        while first + EIGHT <= upto:
            for i in range(first, first + EIGHT):
                one = bit + lowest_one(word)
                word &= word - ONE
                d[i] = np.uint32(one - last - 1)
                last = one
            first += EIGHT
        for i in range(first, upto):
            one = bit + lowest_one(word)
            word &= word - ONE
            d[i] = np.uint32(one - last - 1)
            last = one
        first = upto
        bit += 64 - skip
    return last + 1


def _codes_of_bytes() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """Return of each byte: zeros before each one and places of the ones, a byte each, lowest first; how many
    ones; zeros behind the last.
    """
    before, places = np.zeros(256, np.uint64), np.zeros(256, np.uint64)
    count, behind = np.zeros(256, np.uint64), np.full(256, 8)
    for byte in range(256):
        ones = [place for place in range(8) if byte >> (7 - place) & 1]
        zeros = np.diff([-1, *ones]) - 1
        before[byte] = sum(int(n) << 8 * number for number, n in enumerate(zeros))
        places[byte] = sum(place << 8 * number for number, place in enumerate(ones))
        count[byte], behind[byte] = len(ones), 7 - max(ones, default=-1)
    return before, places, count, behind


ZEROS_BEFORE, PLACES, N_ONES, ZEROS_BEHIND = _codes_of_bytes()


@inlined
def _get_short_fs(address: Int, bit: Int, end: Int, q: U8, n: Index) -> Int:
    """Write the zeros before each of n ones, none of them more than 255; return the bit after the last one,
    OVERRUN, or TOO_LONG.

    A byte of the sequences at a time, by a table; 7 bytes behind the last that counts are written over.
    """
    at, byte, carry = NONE, bit >> 3, -(bit & 7)
    value = (word_at(address + byte) >> np.uint64(56)) & np.uint64(0xFF >> (bit & 7))
    while True:
        eight = ZEROS_BEFORE[value] + np.uint64(carry)
        q[at] = np.uint8(eight)
        q[at + np.uint64(1)] = np.uint8(eight >> np.uint64(8))
        q[at + np.uint64(2)] = np.uint8(eight >> np.uint64(16))
        q[at + np.uint64(3)] = np.uint8(eight >> np.uint64(24))
        q[at + np.uint64(4)] = np.uint8(eight >> np.uint64(32))
        q[at + np.uint64(5)] = np.uint8(eight >> np.uint64(40))
        q[at + np.uint64(6)] = np.uint8(eight >> np.uint64(48))
        q[at + np.uint64(7)] = np.uint8(eight >> np.uint64(56))
        count = N_ONES[value]
        if at + count >= n:
            break
        at += count
        carry = ZEROS_BEHIND[value] if count else carry + 8
        byte += 1
        if carry > MOST_CARRY:
            return np.int64(TOO_LONG)
        if 8 * byte >= end:
            return np.int64(OVERRUN)
        value = word_at(address + byte) >> np.uint64(56)
    last = (PLACES[value] >> (np.uint64(8) * (n - at - ONE))) & np.uint64(0xFF)
    return 8 * byte + np.int64(last) + 1


@inlined
def _get_low(address: Int, bit: Int, end: Int, k: Int, d: U32, first: Index, stop: Index) -> Int:
    """Append k bits to each of some integers; return the bit after them, or OVERRUN."""
    if bit + k * np.int64(stop - first) > end:
        return np.int64(OVERRUN)
    up, down = np.uint64(k), np.uint64(64 - k)
    if k <= 14:
        while first + FOUR <= stop:
            word = word_at(address + (bit >> 3)) << np.uint64(bit & 7)
            for i in range(first, first + FOUR):
                d[i] = np.uint32(np.uint64(d[i]) << up | word >> down)
                word <<= up
            first += FOUR
            bit += 4 * k
    for i in range(first, stop):
        word = word_at(address + (bit >> 3)) << np.uint64(bit & 7)
        d[i] = np.uint32(np.uint64(d[i]) << up | word >> down)
        bit += k
    return bit


@inlined
def _join_low(address: Int, bit: Int, end: Int, k: Int, q: U8, d: U32, first: Index, stop: Index) -> Int:
    """Write short sequences with k bits appended to each; return the bit after them, or OVERRUN."""
    if bit + k * np.int64(stop - first) > end:
        return np.int64(OVERRUN)
    begin = first
    up, down = np.uint64(k), np.uint64(64 - k)
    if k <= 14:
        while first + FOUR <= stop:
            word = word_at(address + (bit >> 3)) << np.uint64(bit & 7)
            for i in range(first, first + FOUR):
                d[i] = np.uint32(np.uint64(q[i - begin]) << up | word >> down)
                word <<= up
            first += FOUR
            bit += 4 * k
    for i in range(first, stop):
        word = word_at(address + (bit >> 3)) << np.uint64(bit & 7)
        d[i] = np.uint32(np.uint64(q[i - begin]) << up | word >> down)
        bit += k
    return bit


@kernel
def _get_pairs(address: Int, bit: Int, end: Int, d: U32, first: Index, stop: Index) -> Int:
    """Write integers coded two by two (second extension); if there is an odd number, of the first pair
    only the second.
    """
    half = bool((stop - first) & ONE)
    while first < stop:
        bit = _get_fs(address, bit, end, d, first, first + ONE)
        if bit < 0:
            return bit
        m = d[first]
        if m > SECOND_EXTENSION_MOST:
            return np.int64(BAD_PAIR)
        total = np.uint32(0)
        while (total + 1) * (total + 2) // 2 <= m:
            total += np.uint32(1)
        second = np.uint32(m - total * (total + 1) // 2)
        if not half:
            d[first] = np.uint32(total - second)
            first += ONE
        half = False
        d[first] = second
        first += ONE
    return bit


@inlined
def _get_split(address: Int, bit: Int, end: Int, k: Int, q: U8, d: U32, first: Index, stop: Index) -> Int:
    """Write integers that are split at bit k; return the bit after them, or OVERRUN."""
    behind = _get_short_fs(address, bit, end, q, stop - first)
    if behind == TOO_LONG:
        bit = _get_fs(address, bit, end, d, first, stop)
        return _get_low(address, bit, end, k, d, first, stop) if bit >= 0 and k else bit
    if behind >= 0 and k:
        return _join_low(address, behind, end, k, q, d, first, stop)
    if behind >= 0:
        for i in range(stop - first):
            d[first + i] = q[i]
    return behind


@inlined
def _zero_run(code: Int, number: Int, rsi: Int) -> Int:
    """Return how many zero blocks a code stands for, at so many blocks into an interval."""
    if code == REST_OF_SEGMENT + 1:
        return min(rsi - number, SEGMENT - number % SEGMENT)
    return code if code <= REST_OF_SEGMENT else code - 1


@inlined
def _get_interval(
    address: Int,
    bit: Int,
    end: Int,
    bits: Int,
    id_bits: Int,
    block_size: Index,
    rsi: Int,
    preprocessed: bool,
    n_blocks: Int,
    d: U32,
    q: U8,
) -> Int:
    """Write the integers of an interval's first blocks; return the bit after them, or what is wrong.

    A reference sample becomes ``d[0]``.
    """
    number, stop = np.int64(0), NONE
    while number < n_blocks:
        if bit > end:
            return np.int64(OVERRUN)
        begin, stop = stop, stop + block_size
        first = begin
        kind = _get(address, bit, id_bits)
        low = np.int64(1) if kind == 0 else np.int64(0)
        if preprocessed and number == 0 and kind < (1 << id_bits) - 1:
            first = ONE
            d[0] = np.uint32(_get(address, bit + id_bits + low, bits))
            low += bits
        if kind == (1 << id_bits) - 1:
            for i in range(first, stop):
                d[i] = 0
            bit = _get_low(address, bit + id_bits, end, bits, d, first, stop)
        elif kind > 0:
            bit = _get_split(address, bit + id_bits + low, end, kind - 1, q, d, first, stop)
        elif _get(address, bit + id_bits, np.int64(1)):
            bit = _get_pairs(address, bit + id_bits + low, end, d, first, stop)
        else:
            bit = _get_fs(address, bit + id_bits + low, end, d, stop - ONE, stop)
            n_zero = _zero_run(np.int64(d[stop - ONE]) + 1, number, rsi)
            if n_zero > rsi - number:
                return np.int64(BAD_RUN)
            n_zero = min(n_zero, n_blocks - number)
            stop = begin + np.uint64(n_zero) * block_size
            for i in range(first, stop):
                d[i] = 0
            number += n_zero - 1
        if bit < 0:
            return bit
        number += 1
    return bit if bit <= end else np.int64(OVERRUN)


@inlined
def _signed(d: np.uint32) -> np.uint32:
    """Return a mapped difference as a number to add, modulo 2^32."""
    return np.uint32(np.uint32(d >> np.uint32(1)) ^ np.uint32(np.uint32(0) - np.uint32(d & np.uint32(1))))


@inlined
def _far(d: U32, first: Index, stop: Index, x: np.uint32, top: np.uint32) -> bool:
    """Whether a sample is so far from both ends of the numbers that no difference is cut short there."""
    most = NONE
    for i in range(first, stop):
        most += np.uint64(np.uint32(d[i] >> np.uint32(1)) + np.uint32(d[i] & np.uint32(1)))
    return bool(most <= np.uint64(min(x, np.uint32(top - x))))


@inlined
def _added(d: U32, first: Index, stop: Index, x: np.uint32, wanted: bool) -> np.uint32:
    if not wanted:
        for i in range(first, stop):
            x = np.uint32(x + _signed(d[i]))
        return x
    for i in range(first, stop):
        x = np.uint32(x + _signed(d[i]))
        d[i] = x
    return x


@inlined
def _near(d: U32, first: Index, stop: Index, x: np.uint32, top: np.uint32) -> np.uint32:
    for i in range(first, stop):
        near = min(x, np.uint32(top - x))
        if np.uint32((d[i] >> np.uint32(1)) + (d[i] & np.uint32(1))) <= near:
            x = np.uint32(x + _signed(d[i]))
        else:
            x = np.uint32((d[i] if x == near else top - d[i]) & top)
        d[i] = x
    return x


@inlined
def _restore(d: U32, first: Index, stop: Index, x: np.uint32, top: np.uint32, wanted: Any) -> np.uint32:
    """Return the last sample of a block of differences; if `wanted`, write all samples over them.

    `x` is the sample before. Far enough from both ends of the numbers no difference is cut short there, so
    that a block which nobody wants is one sum.
    """
    if _far(d, first, stop, x, top):
        return _added(d, first, stop, x, wanted)
    while first < stop:
        upto = min(stop, first + EIGHT)
        if _far(d, first, upto, x, top):
            x = _added(d, first, upto, x, wanted)
        else:
            x = _near(d, first, upto, x, top)
        first = upto
    return x


@inlined
def _pass_fs(address: Int, bit: Int, end: Int, n: Index) -> Int:
    """Return the bit after n ones, or OVERRUN; what is between is not looked at."""
    while True:
        if bit >= end:
            return np.int64(OVERRUN)
        skip = bit & 7
        word = reversed_word(address + (bit >> 3)) >> np.uint64(skip)
        found = n_ones(word)
        if found >= n:
            break
        n -= found
        bit += 64 - skip
    while n > ONE:
        word &= word - ONE
        n -= ONE
    return bit + lowest_one(word) + 1


@kernel
def find_ccsds(
    address: Int,
    end: Int,
    n_samples: Int,
    bits: Int,
    id_bits: Int,
    block_size: Int,
    rsi: Int,
    preprocessed: Any,
    offsets: U64,
) -> Int:
    """Write the bit at which each interval begins; return 0 or what is wrong.

    No sample is made: of each block only its ones are counted, so this takes an eighth of decoding.
    """
    bit, left = np.int64(0), (n_samples + block_size - 1) // block_size
    count = np.empty(1, np.uint32)
    for interval in range(offsets.size):
        offsets[interval] = np.uint64(bit)
        number, n_blocks = np.int64(0), min(np.int64(rsi), left)
        while number < n_blocks:
            if bit > end:
                return np.int64(OVERRUN)
            kind = _get(address, bit, id_bits)
            bit += id_bits
            n = np.uint64(block_size)
            if kind == (1 << id_bits) - 1:
                bit += block_size * bits
                number += 1
                continue
            extended = False
            if kind == 0:
                extended = _get(address, bit, np.int64(1)) == 1
                bit += 1
            if preprocessed and number == 0:
                bit += bits
                n -= ONE
            if kind > 0:
                bit = _pass_fs(address, bit, end, n) + (kind - 1) * np.int64(n)
                number += 1
            elif extended:
                bit = _pass_fs(address, bit, end, (n + ONE) >> ONE)
                number += 1
            else:
                bit = _get_fs(address, bit, end, count, NONE, ONE)
                number += _zero_run(np.int64(count[0]) + 1, number, rsi)
            if bit < 0:
                return np.int64(OVERRUN)
            if number > rsi:
                return np.int64(BAD_RUN)
        left -= n_blocks
    return np.int64(0) if bit <= end else np.int64(OVERRUN)


@kernel
def decode_ccsds(
    address: Int,
    first_bit: I64,
    end_bit: I64,
    first_sample: I64,
    first_range: I64,
    start: I64,
    stop: I64,
    bits: Int,
    id_bits: Int,
    block_size: Int,
    rsi: Int,
    preprocessed: Any,
    step: float,
    reference: float,
    factor: float,
    out: F64,
) -> Int:
    """Write the values of ranges of samples, one range after the other; return 0 or what is wrong.

    Stretch s begins with the interval at bit first_bit[s], whose first sample is first_sample[s], and goes
    on to the end of range first_range[s + 1] - 1, at most to bit end_bit[s]. Bits count from `address`; 16
    bytes behind the last must be readable. What nobody wants behind the last range is not decoded.
    """
    size, width = block_size * rsi, np.uint64(block_size)
    widest = np.int64(0)
    for s in range(first_bit.size):
        widest = max(widest, min(size, stop[first_range[s + 1] - 1] - first_sample[s] + block_size))
    d, q = np.empty(widest, np.uint32), np.empty(block_size + 8, np.uint8)
    top = np.uint32((np.uint64(1) << np.uint64(bits)) - np.uint64(1))
    at = np.int64(0)
    for s in range(first_bit.size):
        bit, begin, k = first_bit[s], first_sample[s], first_range[s]
        last = stop[first_range[s + 1] - 1]
        while begin < last:
            n_blocks = min(rsi, (last - begin + block_size - 1) // block_size)
            bit = _get_interval(
                address, bit, end_bit[s], bits, id_bits, width, rsi, preprocessed, n_blocks, d, q
            )
            if bit < 0:
                return bit
            x, done = d[0], NONE
            while k < first_range[s + 1] and start[k] < begin + size:
                first, upto = np.uint64(max(start[k] - begin, 0)), np.uint64(min(stop[k] - begin, size))
                while preprocessed and done < upto:
                    x = _restore(d, max(done, ONE), done + width, x, top, bool(done + width > first))
                    done += width
                for i in range(first, upto):
                    out[at] = ((np.float64(d[i]) * step) + reference) * factor
                    at += 1
                if stop[k] > begin + size:
                    break
                k += 1
            begin += size
    return 0


@kernel
def decode_fields(
    address: Int,
    field_start: I64,
    first_bit: I64,
    end_bit: I64,
    set_of_field: I64,
    set_start: I64,
    first_sample: I64,
    first_range: I64,
    start: I64,
    stop: I64,
    facts: I64,
    formulas: F64,
    target: I64,
    n_points: I64,
    out: F64,
) -> Int:
    """Write the values of many fields, each at its target; return 0 or what is wrong with one.

    Field f has the bits field_start[f] to field_start[f + 1] - 1, one for each of the stretches of its set of
    points; set p has the stretches set_start[p] to set_start[p + 1] - 1 and the packing of facts[p]. See
    `decode_ccsds`.
    """
    for f in range(set_of_field.size):
        p, begin, end = set_of_field[f], field_start[f], field_start[f + 1]
        code = decode_ccsds(
            address,
            first_bit[begin:end],
            end_bit[begin:end],
            first_sample[set_start[p] : set_start[p + 1]],
            first_range[set_start[p] : set_start[p + 1] + 1],
            start,
            stop,
            facts[p, 0],
            facts[p, 1],
            facts[p, 2],
            facts[p, 3],
            facts[p, 4] != 0,
            formulas[f, 0],
            formulas[f, 1],
            formulas[f, 2],
            out[target[f] : target[f] + n_points[p]],
        )
        if code:
            return code
    return np.int64(0)
