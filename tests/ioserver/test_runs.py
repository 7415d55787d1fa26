import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidPart, RankFailed
from dte_hpc.ioserver.domain import Domain, DomainName, refuse_bad_list
from dte_hpc.ioserver.runs import Placement, Runs, compress
from dte_hpc.parallel.buffers import BufferPool

LISTS = st.lists(st.integers(0, 500), unique=True, max_size=200).map(lambda v: np.array(v, np.int64))
STRIDED = st.tuples(st.integers(0, 50), st.integers(1, 9), st.integers(0, 60)).map(
    lambda t: t[0] + t[1] * np.arange(t[2], dtype=np.int64)
)
GLOBAL = 1000


@given(st.one_of(LISTS, STRIDED, LISTS.map(np.sort)))
def test_runs_are_the_list_they_were_made_of(indices):
    runs = Runs.from_bytes(compress(indices).to_bytes(), 0)
    np.testing.assert_array_equal(runs.indices(), indices)
    assert runs.n_points == indices.size
    if indices.size:
        assert (runs.first, runs.last) == (indices.min(), indices.max())
    whole, expected = np.zeros(GLOBAL), np.zeros(GLOBAL)
    part = np.arange(1.0, indices.size + 1)
    Placement(runs, GLOBAL).put(part, whole)
    expected[indices] = part
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize(
    ("indices", "n_runs"), [(np.arange(5000), 1), (np.arange(3, 5000, 7), 1), (np.r_[0:90, 200:300], 2)]
)
def test_blocks_and_cyclic_shares_take_no_memory(indices, n_runs):
    runs = compress(indices)
    assert runs.starts.size == n_runs
    assert Placement(runs, 5000).n_bytes < 1000


@given(st.binary(max_size=80))
def test_bytes_that_are_no_list_are_refused(raw):
    words = np.frombuffer(raw, np.uint8)
    try:
        runs = Runs.from_bytes(words.copy(), 4)
    except RankFailed as error:
        assert error.rank == 4  # noqa: PT017 - either outcome is right, an error must name the rank
    else:
        assert runs.counts.min(initial=1) >= 1


@given(st.integers(1, 300), st.integers(1, 6), st.randoms(use_true_random=False), st.booleans())
def test_any_partition_assembles_to_the_whole(n_points, n_ranks, random, shuffled):
    owners = [random.randrange(n_ranks) for _ in range(n_points)]
    order = list(range(n_points))
    if shuffled:
        random.shuffle(order)
    lists = {r: np.array([i for i in order if owners[i] == r], np.int64) for r in range(n_ranks)}
    what = DomainName(name="d", global_size=n_points, grid=None)
    domain = Domain(what, {r: compress(own) for r, own in lists.items()})
    truth = np.sin(np.arange(n_points))
    whole = domain.assemble({r: truth[lists[r]] for r in sorted(domain.ranks)}, BufferPool(1 << 20))
    np.testing.assert_array_equal(whole, truth)
    mask = domain.assemble_mask({r: truth[own] > 0 for r, own in lists.items()})
    np.testing.assert_array_equal(mask, truth > 0)
    assert domain.ranks == {r for r, own in lists.items() if own.size}


def test_one_part_in_order_is_not_copied():
    domain = Domain(DomainName(name="d", global_size=9, grid=None), {0: compress(np.arange(9))})
    part = np.arange(9.0)
    assert domain.assemble({0: part}, BufferPool(0)) is part


@pytest.mark.parametrize(
    ("lists", "says", "index"),
    [
        ({0: [0, 1, 2, 3], 1: [3, 4, 5]}, "index 3 is given by model ranks 0 and 1", 3),
        ({0: [0, 1], 1: [5, 4]}, "2 of 6 indices belong to no model rank, the first is 2", 2),
        ({0: [0, 1, 2], 1: [3, 4, 5, 9]}, "model rank 1 gives index 9; expected 0 to 5", 9),
        ({0: [0, 1, 2, 1], 1: [3, 4, 5]}, "model rank 0 gives index 1 twice", 1),
    ],
)
def test_defect_11_a_bad_cover_names_ranks_domain_and_index(lists, says, index):
    runs = {r: compress(np.array(own, np.int64)) for r, own in lists.items()}
    with pytest.raises(InvalidPart, match=rf"domain 'ocean': .*{says}") as caught:
        Domain(DomainName(name="ocean", global_size=6, grid=None), runs)
    assert caught.value.index == index


def test_a_rank_checks_its_own_list():
    what = DomainName(name="d", global_size=6, grid=None)
    refuse_bad_list(what, 2, np.array([5, 0], np.int64))
    with pytest.raises(InvalidPart, match="model rank 2 gives index -1"):
        refuse_bad_list(what, 2, np.array([0, -1], np.int64))
    with pytest.raises(InvalidPart, match="model rank 2 gives index 4 twice"):
        refuse_bad_list(what, 2, np.array([4, 0, 4], np.int64))
    with pytest.raises(InvalidPart, match="0 points"):
        DomainName(name="d", global_size=0, grid=None)
