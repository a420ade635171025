"""Blocks, and what a reorganisation does to them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from remora.venues.twin.chain.blocks import Chain, ChainEvent, Reverted, Transaction
from remora.venues.twin.chain.logs import transfer

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20
START = datetime(2026, 1, 1, tzinfo=UTC)


def _chain() -> tuple[Chain, list[ChainEvent]]:
    chain = Chain(block_time=timedelta(seconds=2), first_timestamp=1000)
    heard: list[ChainEvent] = []
    chain.listeners.append(heard.append)
    return chain, heard


def _pay(name: str) -> Transaction:
    return Transaction(hash=name, sender=ALICE, to=BOB, run=lambda: [transfer(ALICE, BOB, 1)])


def test_a_block_is_made_when_it_is_due_and_not_before() -> None:
    chain, heard = _chain()

    for second in (0, 1, 2, 3, 4):
        chain.advance(wall=START + timedelta(seconds=second), timestamp=1000 + second)

    assert [event.block.timestamp for event in heard if event.block] == [1002, 1004]


def test_a_removed_log_names_its_old_block_and_comes_again_in_a_new_one() -> None:
    chain, heard = _chain()
    chain.submit(_pay("0x01"))
    old = chain.mine(1010)

    chain.reorganise(1, timestamp=1020)

    removed = heard[1].removed
    assert [(log["transactionHash"], log["blockHash"], log["removed"]) for log in removed] == [
        ("0x01", old.hash, True)
    ]
    again = [log for event in heard[2:] if event.block for log in event.block.logs]
    assert [(log["transactionHash"], log["removed"]) for log in again] == [("0x01", False)]
    assert again[0]["blockHash"] not in (old.hash, "")
    assert chain.by_hash(old.hash) is None


def test_a_dropped_transaction_never_happened() -> None:
    chain, _ = _chain()
    chain.submit(_pay("0x01"))
    chain.submit(_pay("0x02"))
    chain.mine(1010)

    assert chain.reorganise(1, drop={"0x01"}, timestamp=1020) == ["0x01"]

    assert chain.find("0x01") is None
    assert chain.find("0x02") is not None


def test_a_refused_call_leaves_no_logs() -> None:
    def refuse() -> list[object]:
        raise Reverted("no")

    chain, _ = _chain()
    chain.submit(Transaction(hash="0x01", sender=ALICE, to=BOB, run=refuse))  # type: ignore[arg-type]

    block = chain.mine(1010)

    assert block.logs == []
    assert block.transactions[0].reverted == "no"


@given(steps=st.lists(st.one_of(st.just("mine"), st.integers(1, 4)), max_size=20))
def test_every_branch_is_one_chain_and_applies_a_transaction_once(steps: list[object]) -> None:
    chain, _ = _chain()
    applied: list[str] = []
    for number, step in enumerate(steps):
        name = f"0x{number:064x}"
        if step == "mine":
            chain.submit(
                Transaction(hash=name, sender=ALICE, to=BOB, run=lambda name=name: applied.append(name) or [])  # type: ignore[func-returns-value,misc]
            )
            chain.mine(1000 + number)
        else:
            chain.reorganise(int(str(step)), timestamp=1000 + number)

    blocks = list(chain.blocks)
    assert all(later.parent_hash == earlier.hash for earlier, later in pairwise(blocks))
    assert all(later.number == earlier.number + 1 for earlier, later in pairwise(blocks))
    mined = [transaction.hash for block in blocks for transaction in block.transactions]
    assert sorted(mined) == sorted(applied)
    assert len(set(mined)) == len(mined)
