"""Whatever is done to a store, a dict that was treated alike says what is in it."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dte_hpc.fdb import FDB
from dte_hpc.testing.store import KEY, message_of

Small = tuple[int, int, int]
KEYS = st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 2))
LENGTHS = st.sampled_from([1, 50, 3000, 300_000])


def key_of(small: Small) -> dict[str, str | int]:
    date, step, level = small
    levelist = {"levelist": level} if level else {}
    return {
        **{k: v for k, v in KEY.items() if k != "levelist"},
        "date": 20260101 + date,
        "step": step,
        **levelist,
    }


class StoreMachine(RuleBasedStateMachine):
    """Two handles write and read; `flushed` is what everybody must see."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.handles = [FDB(self.root), FDB(self.root)]
        self.pending: list[dict[Small, bytes]] = [{}, {}]
        self.flushed: dict[Small, bytes] = {}
        self.n_archived = [0, 0]
        self.n_flushed = 0
        self.number = 0

    @rule(which=st.integers(0, 1), small=KEYS, length=LENGTHS)
    def archive(self, which: int, small: Small, length: int) -> None:
        self.number += 1
        message = message_of(self.number, length)
        self.handles[which].archive(message, key_of(small))
        self.pending[which][small] = message
        self.n_archived[which] += 1

    @rule(which=st.integers(0, 1))
    def flush(self, which: int) -> None:
        self.handles[which].flush()
        self.flushed.update(self.pending[which])
        self.pending[which] = {}
        self.n_flushed += self.n_archived[which]
        self.n_archived[which] = 0

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.handles[which].close()
        self.handles[which] = FDB(self.root)
        self.pending[which], self.n_archived[which] = {}, 0

    @rule(which=st.integers(0, 1), smalls=st.lists(KEYS, min_size=1, max_size=3, unique=True))
    def retrieve(self, which: int, smalls: list[Small]) -> None:
        for small in smalls:
            found = self.handles[which].retrieve({"levelist": "", **key_of(small)}, missing="skip").read()
            assert found == self.flushed.get(small, b"")

    @rule(which=st.integers(0, 1), step=st.integers(0, 3))
    def list_some(self, which: int, step: int) -> None:
        listing = self.handles[which].list({"step": step})
        assert len(listing) == sum(small[1] == step for small in self.flushed)

    @invariant()
    def agrees(self) -> None:
        listing = self.handles[self.number % 2].list()
        found = {
            (int(key["date"]) - 20260101, int(key["step"]), int(key.get("levelist", 0))): listing.message(
                number
            )
            for number, key in enumerate(listing.keys())
        }
        assert len(found) == len(listing)
        assert found == self.flushed
        assert len(self.handles[0].list(masked=True)) == self.n_flushed

    def teardown(self) -> None:
        for handle in self.handles:
            handle.close()
        shutil.rmtree(self.root)


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestStore = StoreMachine.TestCase
