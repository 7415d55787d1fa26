import time

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart, RankFailed
from dte_hpc.base.events import Waited
from dte_hpc.parallel.agree import agree, error_bytes, error_of
from dte_hpc.parallel.frames import HEADER_BYTES, small_frame, write_header
from dte_hpc.parallel.mailbox import Mailbox
from dte_hpc.parallel.waiting import wait_until


@pytest.mark.mpi
def test_frames_of_all_sizes_arrive_in_the_order_sent(comm):
    sizes = [0, 10, 3_000_000, 5, 70_000, 1, 1_000_000, 0]
    box = Mailbox(comm, tag=5)
    for to in range(comm.size):
        for number, size in enumerate(sizes):
            frame = np.full(HEADER_BYTES + size, comm.rank, np.uint8)
            write_header(frame, 1, (number, size), summed=True)
            box.post(to, frame)
    seen = {source: [] for source in range(comm.size)}
    while sum(map(len, seen.values())) < len(sizes) * comm.size:
        frame = box.receive()
        assert frame.payload.size == frame.words[1]
        assert (frame.payload == frame.source).all()
        seen[frame.source].append(frame.words[0])
    assert all(numbers == list(range(len(sizes))) for numbers in seen.values())
    box.drain()
    comm.Barrier()
    assert box.poll() is None


@pytest.mark.mpi
def test_a_message_over_the_limit_is_refused_before_memory_is_taken(comm):
    box = Mailbox(comm, tag=6, limit_bytes=1000)
    box.post(comm.rank, small_frame(1, (), bytes(2000)))
    with pytest.raises(RankFailed, match=f"rank {comm.rank} sends a message of 2064 bytes"):
        box.receive()
    assert box.pool.peak_lent_bytes == 0


@pytest.mark.mpi(min_size=2)
def test_a_sender_that_computes_does_not_hold_up_the_others(comm):
    box = Mailbox(comm, tag=7)
    if comm.rank == 0:
        sources = [box.receive().source for _ in range(comm.size - 1)]
        assert sorted(sources) == list(range(1, comm.size))
    else:
        frame = np.zeros(HEADER_BYTES + 4_000_000, np.uint8)
        write_header(frame, 1)
        box.post(0, frame)
        time.sleep(0.3 if comm.rank == 1 else 0)
        box.drain()
    comm.Barrier()


def test_waiting_burns_little_and_says_how_long():
    events, start = [], time.perf_counter()
    processor = time.process_time()
    assert wait_until(lambda: time.perf_counter() - start > 0.5, what="credit", listener=events.append)
    assert time.process_time() - processor < 0.1
    assert events[0].what == "credit"
    assert 0.45 < events[0].seconds < 2
    assert isinstance(events[0], Waited)
    assert wait_until(lambda: 5, what="credit", listener=events.append) == 5
    assert len(events) == 1


@pytest.mark.mpi
def test_an_error_of_one_rank_is_raised_on_all(comm):
    agree(comm, None)
    last = comm.size - 1
    error = InvalidPart(f"rank {comm.rank} is wrong") if comm.rank in (last, last - 1) else None
    with pytest.raises(InvalidPart, match=f"^rank {max(0, last - 1)} is wrong$") as caught:
        agree(comm, error)
    assert caught.value.spokesman == max(0, last - 1)
    agree(comm, None)


def test_an_error_travels_as_text():
    error = error_of(error_bytes(InvalidPart("found x; expected y"), spokesman=4))
    assert type(error) is InvalidPart
    assert (str(error), error.spokesman) == ("found x; expected y", 4)
    assert error_of(error_bytes(error, spokesman=9)).spokesman == 4
    assert type(error_of(b'{"error": "KeyboardInterrupt", "sentence": "s", "spokesman": 0}')) is RankFailed
