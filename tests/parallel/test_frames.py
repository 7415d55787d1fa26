import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import RankFailed
from dte_hpc.parallel.frames import HEADER_BYTES, read_frame, small_frame, write_header

WORDS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(tuple)


@given(st.integers(0, 255), WORDS, st.binary(max_size=200), st.booleans())
def test_a_frame_says_what_was_written(kind, words, payload, summed):
    buffer = small_frame(kind, words, payload)
    write_header(buffer, kind, words, summed=summed)
    frame = read_frame(3, buffer)
    assert (frame.source, frame.kind, frame.text()) == (3, kind, payload)
    assert frame.words == words + (0,) * (5 - len(words))


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_flipped_bit_of_a_summed_payload_is_found(payload, data):
    buffer = small_frame(1, (), payload)
    write_header(buffer, 1, (), summed=True)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    buffer[HEADER_BYTES + bit // 8] ^= 1 << bit % 8
    with pytest.raises(RankFailed, match=r"rank 7.*damaged"):
        read_frame(7, buffer)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(10, np.uint8),
        np.zeros(200, np.uint8),
        small_frame(1, (), b"payload")[:-1],
        np.append(small_frame(1), np.uint8(0)),
    ],
)
def test_what_is_no_whole_frame_names_its_sender(bad):
    with pytest.raises(RankFailed, match="message from rank 5"):
        read_frame(5, bad)
