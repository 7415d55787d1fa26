"""B-trees of every depth, and what is left of one that is damaged."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dte_hpc.fdb.fdb5.btree import KINDS, in_order, read_tree
from dte_hpc.fdb.fdb5.fingerprints import coded_columns

PAGE = 65536


class Tree:
    """A B-tree written page by page, few entries a page so that it becomes deep."""

    def __init__(self, keys, fanout, key_bytes=32):
        self.key_bytes = key_bytes
        self.pages = [b""]
        leaves = [keys[at : at + fanout] for at in range(0, len(keys), fanout)] or [[]]
        level = [(some[0] if some else "", self.leaf(some)) for some in leaves]
        while len(level) > 1:
            level = [
                (group[0][0], self.node(group))
                for group in (level[at : at + fanout] for at in range(0, len(level), fanout))
            ]
        root = self.pages.pop(level[0][1] - 1)
        self.pages[0] = struct.pack("<Q", 1) + root[8:]

    def add(self, entries, is_node, left):
        self.pages.append(b"")
        number = len(self.pages)
        head = struct.pack("<5Q", number, len(entries), is_node, left, 0)
        self.pages[-1] = (head + b"".join(entries)).ljust(PAGE, b"\0")
        return number

    def leaf(self, keys):
        width = self.key_bytes
        return self.add([k.encode().ljust(width, b"\0") + struct.pack("<3Q", 0, 10, 20) for k in keys], 0, 0)

    def node(self, children):
        width = self.key_bytes
        others = [k.encode().ljust(width, b"\0") + struct.pack("<Q", page) for k, page in children[1:]]
        return self.add(others or [b"\0" * width + struct.pack("<Q", children[0][1])], 1, children[0][1])


@pytest.fixture
def read(tmp_path):
    """Write pages to a file behind another tree, and read them back as a tree."""

    def reading(pages, kind="BTreeIndex", cut=0):
        data = b"\xff" * PAGE + b"".join(pages)
        path = tmp_path / "x.index"
        path.write_bytes(data[: len(data) - cut])
        with path.open("rb") as file:
            parts, wrong = read_tree(file.fileno(), len(data) - cut, KINDS[kind], PAGE, "x.index")
        return [key.decode() for part in parts for key in part["key"].tolist()], wrong

    return reading


def words(n_words):
    return [f"{number:06d}" for number in range(n_words)]


@pytest.mark.parametrize(("n_keys", "fanout"), [(0, 3), (1, 3), (80, 100), (9, 3), (81, 3), (256, 4)])
def test_trees_of_every_depth(read, n_keys, fanout):
    tree = Tree(words(n_keys), fanout)
    assert read(tree.pages) == (words(n_keys), [])


def test_wide_fingerprints(read):
    keys = [f"{number:064d}" for number in range(40)]
    assert read(Tree(keys, 5, key_bytes=64).pages, "BTreeIndex64") == (keys, [])


def patched(pages, page, at, value):
    pages = list(pages)
    pages[page - 1] = pages[page - 1][:at] + struct.pack("<Q", value) + pages[page - 1][at + 8 :]
    return pages


@pytest.mark.parametrize("target", [1, 2, 10**9, 2**63])
def test_a_loop_or_a_far_page_ends(read, target):
    tree = Tree(words(27), 3)
    node = next(n for n, page in enumerate(tree.pages, 1) if page[16] == 1)
    found, wrong = read(patched(tree.pages, node, 24, target))
    assert set(found) < set(words(27))
    assert wrong


@pytest.mark.parametrize(("at", "value"), [(0, 7), (8, 10**6), (8, 2**64 - 1), (16, 2), (16, 1)])
def test_a_page_that_contradicts_itself_is_left_out(read, at, value):
    tree = Tree(words(27), 3)
    found, wrong = read(patched(tree.pages, 3, at, value))
    assert set(found) <= set(words(27))
    assert len(found) < 27
    assert wrong


def test_a_file_cut_short_keeps_its_other_pages(read):
    tree = Tree(words(27), 3)
    found, wrong = read(tree.pages, cut=100)
    assert 0 < len(found) < 27
    assert "cut off" in wrong[0]


def test_a_root_cut_short(read):
    assert read(Tree(words(3), 5).pages, cut=60000) == ([], ["pages cut off, or named twice: 1"])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_survived(tmp_path_factory, data):
    tree = Tree(words(27), 3)
    pages = bytearray(b"".join(tree.pages))
    page = data.draw(st.integers(0, len(tree.pages) - 1))
    place = page * PAGE + data.draw(st.integers(0, 220))
    pages[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "flipped.index"
    path.write_bytes(pages)
    with path.open("rb") as file:
        parts, _ = read_tree(file.fileno(), len(pages), KINDS["BTreeIndex"], 0, "x")
    assert sum(map(len, parts)) <= 27 + 1200


def test_neighbours_out_of_order_are_not_trusted():
    keys = np.array([b"a", b"c", b"b", b"d", b"d", b"a", b"b"])
    tree = np.array([0, 0, 0, 0, 0, 1, 1])
    assert in_order(keys, tree).tolist() == [True, False, False, False, False, True, True]


def columns(keys, *axes):
    codes, good = coded_columns(np.array(keys, "S32"), axes)
    return [[axis[n] for n in column[good]] for axis, column in zip(axes, codes, strict=True)], good.tolist()


def test_fingerprints_are_cut_apart():
    keys = [b"0:500:130", b"0-24::130", b"12:1000:2t"]
    found, good = columns(keys, ["0", "12", "0-24"], ["", "1000", "500"], ["130", "2t"])
    assert good == [True] * 3
    assert found == [["0", "0-24", "12"], ["500", "", "1000"], ["130", "130", "2t"]]


def test_one_keyword_only():
    assert columns([b"130", b"131", b""], ["", "130", "131"]) == ([["130", "131", ""]], [True] * 3)


def test_a_value_with_a_colon_is_found_by_the_axes():
    keys = [b"6:1:3::131", b"6:::131", b"6:99:100:2:131"]
    found, good = columns(keys, ["6"], ["", "1:3", "99:100"], ["", "2"], ["131"])
    assert good == [True] * 3
    assert found[1] == ["1:3", "", "99:100"]


@pytest.mark.parametrize("key", [b"6:1:3:131", b"7::131", b"6", b"", b"::::::::::::", b"\xff:\xfe:1"])
def test_what_is_in_no_axis_is_not_good(key):
    assert columns([key], ["6"], ["", "1"], ["131"])[1] == [False]


def test_two_ways_are_none():
    assert columns([b"a:b:a"], ["a", "a:b"], ["a", "b:a"])[1] == [False]
