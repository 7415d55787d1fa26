import pytest
from hypothesis import given
from hypothesis import strategies as st

from dte_hpc.base.errors import InvalidConfig, RankFailed
from dte_hpc.ioserver.credit import Credit, Ledger, cost_of_part, share_out

DOMAINS = st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), min_size=1, max_size=3)


@given(DOMAINS, st.integers(0, 10**6), st.integers(0, 10**8))
def test_the_budget_named_is_the_least_that_works(domains, fixed, more):
    sizes = [max(1, sum(parts)) for parts in domains]
    shares = {rank: [parts[rank] for parts in domains] for rank in range(3)}
    try:
        share_out(1, fixed, sizes, shares)
        needed = 1
    except InvalidConfig as error:
        needed = error.needed_bytes
        with pytest.raises(InvalidConfig, match=str(needed)):
            share_out(needed - 1, fixed, sizes, shares)
    limits = share_out(needed + more, fixed, sizes, shares)
    assert sum(limits.values()) <= needed + more - fixed
    for rank, own in shares.items():
        assert limits[rank] >= max((cost_of_part(n) for n in own if n), default=0)


def test_ledger_and_credit_agree():
    ledger, credit = Ledger([0, 1]), Credit()
    ledger.limits = {0: 100, 1: 100}
    credit.limit_bytes = 100
    for _ in range(50):
        assert credit.allows(40)
        credit.spend(40)
        ledger.charge(0, 40)
        assert ledger.release(0, 40)
        assert ledger.owing() == [0]
        credit.take_back(ledger.settle(0))
        assert credit.received_bytes == ledger.sent_bytes(0)
    ledger.charge(1, 90)
    with pytest.raises(RankFailed, match="model rank 1"):
        ledger.charge(1, 20)
