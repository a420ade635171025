"""Leaderboard and wallet statistics, added up from the public record."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from remora.domain.ids import WalletAddress
from remora.domain.money import ZERO, Side
from remora.domain.trades import TradeKind
from remora.venues.twin.activity import Activity
from remora.venues.twin.listings import Listing
from remora.venues.twin.public_side import PublicSide

WINDOWS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def leaderboard_rows(
    public: PublicSide, *, window: str, category: str | None, sort_by: str
) -> list[dict[str, Any]]:
    """Return every wallet's row, ranked; equal values share a rank and the next one is skipped.

    A finite window is the mark-to-market change of equity net of flows; `all` is realized only.
    """
    record = public.visible()
    now = public.now()
    since = None if window == "all" else now - WINDOWS[window]
    rows = []
    for wallet in record.wallets():
        pnl, volume = _result(public, wallet, since, category)
        if volume > 0 or pnl != 0:
            rows.append((pnl, volume, wallet))
    rows.sort(key=lambda row: row[0] if sort_by == "PNL" else row[1], reverse=True)
    out: list[dict[str, Any]] = []
    for place, (pnl, volume, wallet) in enumerate(rows, start=1):
        value = float(pnl if sort_by == "PNL" else volume)
        tied = bool(out) and out[-1]["pnl" if sort_by == "PNL" else "volume"] == value
        out.append(
            {
                "rank": out[-1]["rank"] if tied else place,
                "user_id": wallet,
                "pnl": float(pnl),
                "volume": float(volume),
                "user_name": public.name_of(wallet),
                "profile_image": "",
                "x_username": "",
                "verified": False,
            }
        )
    return out


def standing_row(rows: list[dict[str, Any]], user: WalletAddress, sort_by: str) -> dict[str, Any] | None:
    """Return one wallet's standing, None if it has none."""
    other = "volume" if sort_by == "PNL" else "pnl"
    for row in rows:
        if row["user_id"] == user:
            elsewhere = 1 + sum(candidate[other] > row[other] for candidate in rows)
            ranks = (row["rank"], elsewhere) if sort_by == "PNL" else (elsewhere, row["rank"])
            kept = {key: value for key, value in row.items() if key != "rank"}
            return {**kept, "rank_pnl": ranks[0], "rank_volume": ranks[1]}
    return None


def stats_row(public: PublicSide, user: WalletAddress) -> dict[str, Any] | None:
    """Return ``/v2/user-stats`` of a wallet, None if it never traded."""
    history = public.visible().of(user)
    if not history:
        return None
    best = max((_settled(public, user, row.condition_id) for row in history), default=ZERO)
    pnl, volume = _result(public, user, None, None)
    return {
        "user_id": user,
        "proxy_wallet": user,
        "trades": len({row.condition_id for row in history}),
        "biggest_win": float(max(best, ZERO)),
        "views": 0,
        "join_date": int(history[0].at.timestamp()),
        "all_time_pnl": {
            "timestamp": int(public.now().timestamp()),
            "source_block": 0,
            "trade_count": sum(row.kind is TradeKind.TRADE for row in history),
            "realized_market_pnl": float(pnl),
            "realized_lp_pnl": 0.0,
            "realized_combo_pnl": 0.0,
            "realized_pnl": float(pnl),
            "volume": float(volume),
            "volume_usdc": float(sum((row.usd for row in history if row.kind is TradeKind.TRADE), ZERO)),
        },
    }


def _result(
    public: PublicSide, wallet: WalletAddress, since: datetime | None, category: str | None
) -> tuple[Decimal, Decimal]:
    flow, volume = ZERO, ZERO
    before: dict[tuple[str, int], Decimal] = {}
    after: dict[tuple[str, int], Decimal] = {}
    for row in public.record.of(wallet):
        listing = public.listings.condition(row.condition_id)
        if listing is None or not _in_category(listing, category):
            continue
        inside = since is None or row.at >= since
        for index, shares in _share_changes(row):
            for book in (after,) if inside else (before, after):
                book[row.condition_id, index] = book.get((row.condition_id, index), ZERO) + shares
        if inside:
            flow += -row.usd if row.side is Side.BUY or row.kind is TradeKind.SPLIT else row.usd
            volume += row.size if row.kind is TradeKind.TRADE else ZERO
    if since is None:
        return _realized(public, wallet, category), volume
    return flow + _worth(public, after, None) - _worth(public, before, since), volume


def _share_changes(row: Activity) -> list[tuple[int, Decimal]]:
    if row.outcome_index is not None:
        sign = 1 if row.side is Side.BUY else -1
        return [(row.outcome_index, sign * row.size)]
    sign = 1 if row.kind is TradeKind.SPLIT else -1
    return [(0, sign * row.size), (1, sign * row.size)]


def _worth(public: PublicSide, shares: dict[tuple[str, int], Decimal], at: datetime | None) -> Decimal:
    total = ZERO
    for (condition, index), held in shares.items():
        listing = public.listings.condition(condition)
        if listing is None:
            continue
        price = listing.price_of(index) if at is None else listing.price_at(at, index)
        total += held * (price or ZERO)
    return total


def _realized(public: PublicSide, wallet: WalletAddress, category: str | None) -> Decimal:
    """Return sales, merges and redemptions less their cost, and resolved shares at their payout."""
    total = ZERO
    for (condition, index), held in public.record.positions.get(wallet, {}).items():
        listing = public.listings.condition(condition)
        if listing is None or not _in_category(listing, category):
            continue
        total += held.realized
        if listing.payouts is not None:
            total += held.shares * listing.payouts[index] - held.cost
    return total


def _settled(public: PublicSide, wallet: WalletAddress, condition: str) -> Decimal:
    listing = public.listings.condition(condition)
    if listing is None or listing.payouts is None:
        return ZERO
    positions = public.record.positions.get(wallet, {})
    held = [(index, positions.get((listing.spec.condition_id, index))) for index in (0, 1)]
    return sum(
        (p.realized + p.shares * listing.payouts[index] - p.cost for index, p in held if p is not None), ZERO
    )


def _in_category(listing: Listing, category: str | None) -> bool:
    return category in (None, "overall") or (listing.spec.category or "").lower() == (category or "").lower()
