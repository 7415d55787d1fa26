import gc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.parallel.buffers import BufferPool, capacity_of


@given(st.integers(0, 2**45))
def test_a_capacity_holds_its_bytes_and_wastes_an_eighth_at_most(n):
    assert n <= capacity_of(n) <= max(4096, n + n // 8 + 4096)
    assert capacity_of(capacity_of(n)) == capacity_of(n)


def test_memory_is_reused_when_the_last_view_is_gone():
    pool = BufferPool(1 << 20)
    buffer = pool.take(100_000)
    address = buffer.ctypes.data
    assert address % 4096 == 0
    view = buffer[64:].view(np.uint32)[5:10]
    del buffer
    gc.collect()
    assert pool.lent_bytes == capacity_of(100_000)
    assert pool.take(100_000).ctypes.data != address
    view[:] = 7
    del view
    assert pool.lent_bytes == 0
    again = {array.ctypes.data for array in [pool.take(100_000), pool.take(99_999)]}
    assert address in again


@given(st.lists(st.tuples(st.integers(0, 60_000), st.booleans()), max_size=40))
def test_lent_and_kept_stay_under_the_limit_when_lent_does(steps):
    pool, held = BufferPool(200_000), []
    for size, give_back in steps:
        if give_back and held:
            held.pop(0)
        if sum(capacity_of(array.size) for array in held) + capacity_of(size) <= pool.limit_bytes:
            held.append(pool.take(size))
        assert pool.lent_bytes + pool.kept_bytes <= pool.limit_bytes
    assert pool.lent_bytes == sum(capacity_of(a.size) for a in held if a.size > 4096)
