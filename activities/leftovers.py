"""What nobody looks after any more: shares of ended positions, unredeemed winners, money set aside."""

from activities.redeeming import RedemptionDisputed, redeem_market
from activities.tools import Tools
from remora.domain.market import ResolutionStatus
from remora.domain.reconcile import Difference, DifferenceCode, Repair
from remora.storage import reconcile as store
from remora.venues.venue import VenueError
from schemas.reconcile import CompareAsk


async def held_after_end(tools: Tools, ask: CompareAsk) -> list[Difference]:
    """Open positions again that ended before a late fill, or a sale undone, gave them shares.

    One whose place another position of the same whale in the same token has taken is reported only.
    """
    held = await store.held_by_ended(tools.engine, ask.account)
    markets = await tools.venue.markets(sorted(held))
    trading = {market.condition_id for market in markets if market.resolution is not ResolutionStatus.RESOLVED}
    differences = []
    for row in await store.ended_with_shares(tools.engine, ask.account, trading):
        reopened = ask.repair and await store.reopen(tools.engine, row.id)
        differences.append(
            Difference(
                code=DifferenceCode.HELD_AFTER_END,
                subject=row.id,
                position_id=row.id,
                ours=f"{row.state.value}, holds {row.books.shares:f} shares",
                repair=Repair.REOPENED if reopened else Repair.NONE,
            )
        )
    return differences


async def winners(tools: Tools, ask: CompareAsk) -> list[Difference]:
    """Redeem shares of resolved markets that no running position will redeem."""
    held = await store.held_by_ended(tools.engine, ask.account)
    differences = []
    for market in await tools.venue.markets(sorted(held)):
        if market.payouts is None or market.resolution is not ResolutionStatus.RESOLVED:
            continue
        repair, theirs, cause = Repair.NONE, "resolved", ""
        if ask.repair:
            try:
                theirs, repair = f"{await redeem_market(tools, market):f} dollars", Repair.REDEEMED
            except (RedemptionDisputed, VenueError) as error:
                # one market that cannot be redeemed just now keeps no other one waiting
                cause = str(error)
        differences.append(
            Difference(
                code=DifferenceCode.FORGOTTEN_WINNER,
                subject=market.condition_id,
                ours=f"{held[market.condition_id]:f} shares",
                theirs=theirs,
                repair=repair,
                detail=cause,
            )
        )
    return differences


async def reservations(tools: Tools, ask: CompareAsk) -> list[Difference]:
    """Release what is set aside for positions that have ended."""
    leaked = await store.release_leaked(tools.engine, ask.account, now=tools.wall(), write=ask.repair)
    repair = Repair.RELEASED if ask.repair else Repair.NONE
    return [
        Difference(code=DifferenceCode.RESERVATION_LEAKED, subject=name, position_id=name, repair=repair)
        for name in leaked
    ]
