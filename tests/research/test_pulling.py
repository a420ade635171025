from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.research.checking import check_store
from remora.research.pulling import OVERLAP, joined, pull
from remora.research.store import ResearchStore
from remora.venues.polymarket.history import BadPage, MarketFacts
from remora.venues.venue import VenueUnavailable
from tests.research.files import MARKET, NOW, OTHER, START, WALLET

AT = datetime.fromtimestamp(START, tz=UTC)


def trade(second: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "proxy_wallet": WALLET,
        "condition_id": MARKET,
        "outcome_index": 0,
        "side": "BUY",
        "price": 0.4,
        "size": 10.0,
        "timestamp": START + second,
        "type": "TRADE",
        "transaction_hash": f"0x{second}",
        **changed,
    }


class Recorded:
    """A history that gives prepared pages; an exception among them is raised in its place."""

    name = "recorded"

    def __init__(self, pages: Mapping[str, Sequence[Any]], *, markets: int | None = 1) -> None:
        self.pages = pages
        self.traded = markets
        self.read: list[tuple[str, datetime | None]] = []

    async def activity(self, wallet: str, *, since: datetime | None) -> AsyncIterator[list[dict[str, Any]]]:
        self.read.append((wallet, since))
        for found in self.pages[wallet]:
            if isinstance(found, BaseException):
                raise found
            yield found

    async def markets_traded(self, wallet: str) -> int | None:
        return self.traded

    async def markets(self, condition_ids: Sequence[str]) -> list[MarketFacts]:
        return [
            MarketFacts(
                condition_id=condition,
                question="Will it?",
                slug="will-it",
                event_id="7",
                category="politics",
                fee_rate=0.04,
                opened_at=datetime.fromtimestamp(START - 86_400, tz=UTC),
                ends_at=None,
                resolved_at=datetime.fromtimestamp(START + 86_400, tz=UTC),
                payouts=(0.5, 0.5),
            )
            for condition in condition_ids
        ]


@pytest.fixture
def store(tmp_path: Path) -> ResearchStore:
    return ResearchStore(tmp_path / "research")


async def pulled(store: ResearchStore, source: Recorded, now: datetime = NOW) -> Mapping[str, int]:
    found = await pull(store, source, list(source.pages), now=now, progress=lambda _done, _total: None)
    return found.incomplete


async def test_a_whole_history_arrives_with_its_markets(store: ResearchStore) -> None:
    source = Recorded({WALLET: [[trade(0), trade(5)], [trade(9, type="MERGE", side=None, price=None)]]})

    assert await pulled(store, source) == {}
    found = store.evidence(as_of=NOW)
    assert found.trades["side"].tolist() == ["BUY", "BUY", "MERGE"]
    assert found.trades[["event_id", "category", "fee_rate"]].drop_duplicates().values.tolist() == [
        ["7", "politics", 0.04]
    ]
    assert found.resolutions["payouts"].tolist() == [(0.5, 0.5)]
    assert found.incomplete == frozenset()


@pytest.mark.parametrize(
    ("pages", "markets", "reason"),
    [
        ([[trade(0)], BadPage("the cursor came twice")], 1, "pages_broken"),
        ([[trade(0)], VenueUnavailable("busy")], 1, "unavailable"),
        ([[trade(0)]], 12, "truncated"),
        ([[trade(0), trade(1, price=1.2)]], 1, "unusable_rows"),
        ([[trade(0), trade(1, outcome_index=999)]], 1, "unusable_rows"),
    ],
)
async def test_a_history_that_is_not_whole_is_flagged_with_the_reason(
    store: ResearchStore, pages: list[Any], markets: int, reason: str
) -> None:
    assert await pulled(store, Recorded({WALLET: pages}, markets=markets)) == {reason: 1}
    found = store.evidence(as_of=NOW)
    assert len(found.trades) == 1  # what could be read is kept
    assert found.incomplete == {WALLET}
    assert check_store(store, now=NOW).wallets == {reason: 1}


async def test_a_redemption_is_not_a_flaw(store: ResearchStore) -> None:
    pages = [[trade(0), trade(1, type="REDEEM", side=None, price=None), trade(2, type="TIP")]]

    assert await pulled(store, Recorded({WALLET: pages})) == {}


async def test_an_interrupted_pull_goes_on_where_it_stopped(store: ResearchStore) -> None:
    others = [f"0x{number:040x}" for number in range(4)]
    pages: dict[str, list[Any]] = {wallet: [[trade(0, proxy_wallet=wallet)] * 13_000] for wallet in others}
    with pytest.raises(SystemError):
        await pulled(store, Recorded(pages | {WALLET: [SystemError()]}))
    assert store.count_wallets() == 0

    again = Recorded(pages | {WALLET: [[trade(0)]]})
    await pulled(store, again)
    assert [wallet for wallet, _ in again.read] == [WALLET]
    assert store.count_wallets() == 5


async def test_a_later_pull_reads_only_what_is_new(store: ResearchStore) -> None:
    await pulled(store, Recorded({WALLET: [[trade(0)]]}), now=AT)
    later = Recorded({WALLET: [[trade(0), trade(60)]], OTHER: [[trade(3, proxy_wallet=OTHER)]]})
    await pulled(store, later)

    since = dict(later.read)
    assert since[WALLET] == AT - OVERLAP
    assert since[OTHER] is None
    assert len(store.evidence(as_of=NOW, wallets=[WALLET]).trades) == 2


rows = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=40).map(sorted)


@given(rows=rows, cuts=st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_pages_without_overlap_keep_every_row(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    entries = [{"ts": float(ts), "size": size} for ts, size in rows]
    pages, start = [], 0
    for cut in cuts:
        pages.append(entries[start : start + cut])
        start += cut
    pages.append(entries[start:])

    kept, repeated = joined(pages)
    assert kept == entries
    assert repeated == 0


@given(
    rows=st.lists(st.integers(0, 10_000), unique=True, min_size=4, max_size=40).map(sorted), back=st.integers(2, 3)
)
def test_pages_that_overlap_count_each_row_once(rows: list[int], back: int) -> None:
    entries = [{"ts": float(ts), "size": 1} for ts in rows]
    half = len(entries) // 2

    kept, repeated = joined([entries[: half + 1], entries[max(0, half + 1 - back) :]])
    assert Counter(row["ts"] for row in kept) == Counter(row["ts"] for row in entries)
    assert repeated == min(back, half + 1)
