"""Are pieces copied from mapped memory those that pread reads, and is a file that is too short an error?"""

import numpy as np
import pytest

from dte_hpc.base.errors import CorruptData
from dte_hpc.extract import mapped
from dte_hpc.extract.mapped import LEAST_PIECES, MappedReader

N = 4 * LEAST_PIECES


@pytest.fixture
def files(tmp_path):
    """Two files of random bytes, and what is in them."""
    data = [np.random.default_rng(seed).integers(0, 256, 100_000, dtype=np.uint8) for seed in (1, 2)]
    opened = []
    for number, content in enumerate(data):
        path = tmp_path / f"{number}.data"
        path.write_bytes(content.tobytes())
        opened.append(path.open("rb"))
    yield opened, data
    for file in opened:
        file.close()


def pieces(opened, data, seed=0):
    """Return what to read, and the bytes that should come."""
    rng = np.random.default_rng(seed)
    which = np.sort(rng.integers(0, 2, N))
    offsets, lengths = rng.integers(0, 99_000, N), rng.integers(0, 9, N)
    fds = np.array([file.fileno() for file in opened], np.int32)[which]
    wanted = [data[w][o : o + n] for w, o, n in zip(which, offsets, lengths, strict=True)]
    return fds, offsets, lengths, np.concatenate(wanted)


@pytest.mark.parametrize("kept_bytes", [0, 1 << 20])
def test_pieces_equal_the_files(files, kept_bytes):
    reader = MappedReader(kept_bytes)
    for seed in range(3):
        fds, offsets, lengths, wanted = pieces(*files, seed)
        out = np.zeros(wanted.size, np.uint8)
        reader.read(fds, offsets, lengths, out)
        np.testing.assert_array_equal(out, wanted)


def test_pages_that_are_not_in_memory_are_read_by_calls(files, monkeypatch):
    monkeypatch.setattr(mapped, "_in_memory", lambda data: False)
    fds, offsets, lengths, wanted = pieces(*files)
    out = np.zeros(wanted.size, np.uint8)
    MappedReader().read(fds, offsets, lengths, out)
    np.testing.assert_array_equal(out, wanted)


def test_a_file_that_grew_is_mapped_again(files, tmp_path):
    opened, data = files
    reader = MappedReader()
    fds, offsets, lengths, wanted = pieces(*files)
    reader.read(fds, offsets, lengths, np.zeros(wanted.size, np.uint8))
    with (tmp_path / "1.data").open("ab") as file:
        file.write(data[0].tobytes())
    at = np.arange(100_000, 100_000 + LEAST_PIECES)
    out = np.zeros(LEAST_PIECES, np.uint8)
    reader.read(np.full(at.size, opened[1].fileno(), np.int32), at, np.ones_like(at), out)
    np.testing.assert_array_equal(out, data[0][:LEAST_PIECES])


def test_a_file_that_ends_too_early_is_an_error(files, tmp_path):
    fds, offsets, lengths, wanted = pieces(*files)
    reader = MappedReader()
    reader.read(fds, offsets, lengths, np.zeros(wanted.size, np.uint8))
    with (tmp_path / "1.data").open("r+b") as file:
        file.truncate(50_000)
    with pytest.raises(CorruptData, match="expected it to hold them"):
        reader.read(fds, offsets, lengths, np.zeros(wanted.size, np.uint8))
