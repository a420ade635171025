"""Cash and shares in sum, ours against the exchange's, at a moment when neither moves."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from activities.tools import Tools
from remora.domain.ids import AccountId, TokenId
from remora.domain.reconcile import Difference, DifferenceCode, compare_cash, compare_shares
from remora.storage import reconcile as store
from remora.storage.books import our_books
from remora.storage.ledger import LedgerUnbalanced

QUIET_TRIES = 20


async def quiet_totals(tools: Tools, account: AccountId) -> list[Difference]:
    """Compare at a moment when our books did not move; a lasting difference shows twice."""
    before: list[Difference] | None = None
    for _ in range(QUIET_TRIES):
        start = await store.pulse(tools.engine, account)
        found = await _compare(tools, account)
        still = start.unfinished == 0 and await store.pulse(tools.engine, account) == start
        if still and (not found or found == before):
            return found
        before = found if still else None
        await asyncio.sleep(tools.patience.look_pause.total_seconds())
    return [Difference(code=DifferenceCode.NOT_QUIET, subject=account, detail="orders in flight")]


async def _compare(tools: Tools, account: AccountId) -> list[Difference]:
    try:
        ours = await our_books(tools.engine, account)
    except LedgerUnbalanced as error:
        return [Difference(code=DifferenceCode.BOOKS_UNBALANCED, subject=account, detail=str(error)[:500])]
    shown = {holding.token_id: holding.shares for holding in await tools.venue.holdings()}
    exact = {token: await tools.venue.shares(token) for token in _differing(ours.shares, shown)}
    theirs = {**shown, **exact}
    found = compare_shares(ours.shares, {token: held for token, held in theirs.items() if held})
    return found + compare_cash(ours.cash, await tools.venue.cash(), account=account)


def _differing(ours: Mapping[TokenId, Decimal], theirs: Mapping[TokenId, Decimal]) -> list[TokenId]:
    """Return the tokens on which a list that may be stale differs from our books."""
    return sorted(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
