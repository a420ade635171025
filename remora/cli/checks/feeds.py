"""The venue's clock and feeds: alive, and how far behind."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from remora.cli.checks.finding import Check, Finding, Status, fail, ok, skip, warn
from remora.venues.polymarket import feed_probe
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.feed_probe import FeedFacts, NodeFacts
from remora.venues.polymarket.probe import AccountProbe, busy_tokens, reads_until, venue_time
from remora.venues.polymarket.public import utc_now, venue_clock
from remora.venues.venue import VenueRefused

SKEW_MAX = timedelta(seconds=5)
READS_LAG_MAX = timedelta(minutes=2)
MARKET_LAG_MAX = timedelta(seconds=5)
ACTIVITY_LAG_MAX = timedelta(seconds=15)
BLOCK_AGE_MAX = timedelta(seconds=30)
LATER = "Look at the network; wait for the venue if it is down."
STILL_SEEN = "Whales' trades are still seen by the other sources; wait for the venue."


def checks(endpoints: Endpoints, probe: AccountProbe | None) -> list[Check]:
    """Return the checks of a venue's feeds; without an account, all but the user channel."""

    async def clock() -> Finding:
        return await _clock(endpoints)

    async def reads() -> Finding:
        venue_now = (await venue_clock(endpoints, utc_now)).venue_time(datetime.now(UTC))
        lag = venue_now - await reads_until(endpoints)
        found = f"{lag.total_seconds():.0f} s behind"
        return warn("data api", found, STILL_SEEN) if lag > READS_LAG_MAX else ok("data api", found)

    async def activity() -> Finding:
        clock = await venue_clock(endpoints, utc_now)
        facts = await feed_probe.look_at_activity(endpoints.rtds_ws_url, clock, utc_now)
        return stream("rtds stream", facts, lag_max=ACTIVITY_LAG_MAX, late=STILL_SEEN, late_is=Status.WARN)

    async def market() -> Finding:
        clock, tokens = await asyncio.gather(venue_clock(endpoints, utc_now), busy_tokens(endpoints))
        facts = await feed_probe.look_at_market(endpoints.market_ws_url, tokens, clock, utc_now)
        late = "Stop-losses are judged by it, now late: look at the network and this machine's load."
        return stream("market stream", facts, lag_max=MARKET_LAG_MAX, late=late, late_is=Status.FAIL)

    async def nodes() -> Sequence[Finding]:
        clock = await venue_clock(endpoints, utc_now)
        looks = [feed_probe.look_at_node(url, clock, utc_now) for url in endpoints.rpc_ws_urls]
        return pushing_nodes(await asyncio.gather(*looks))

    found = [
        Check("clock", clock, LATER),
        Check("data api", reads, LATER),
        Check("rtds stream", activity, LATER),
        Check("market stream", market, LATER),
        Check("chain stream", nodes, "See REMORA_RPC_WS_URLS."),
    ]
    if probe is None:
        return found
    asked = probe

    async def user() -> Finding:
        return await _user(endpoints, asked)

    return [*found, Check("user stream", user, LATER)]


async def _clock(endpoints: Endpoints) -> Finding:
    sent = datetime.now(UTC)
    said = await venue_time(endpoints)
    middle = sent + (datetime.now(UTC) - sent) / 2
    # the venue tells whole seconds
    skew = middle - (said + timedelta(seconds=0.5))
    found = f"{skew.total_seconds():+.1f} s against the venue's"
    if abs(skew) > SKEW_MAX:
        todo = "Let this machine keep its time by NTP: signatures carry it, and signal ages are measured by it."
        return fail("clock", found, todo)
    return ok("clock", found)


async def _user(endpoints: Endpoints, probe: AccountProbe) -> Finding:
    try:
        auth = await probe.user_auth()
    except VenueRefused:
        return skip("user stream", "not tried: the venue does not take the credentials")
    if auth is None:
        return skip("user stream", "not tried: the account has no API key yet")
    clock = await venue_clock(endpoints, utc_now)
    facts = await feed_probe.look_at_user(endpoints.user_ws_url, auth, clock, utc_now)
    late = "News of our own fills is late: look at the network; the account is read over REST as well."
    return stream("user stream", facts, lag_max=MARKET_LAG_MAX, late=late, late_is=Status.WARN)


def stream(name: str, facts: FeedFacts, *, lag_max: timedelta, late: str, late_is: Status) -> Finding:
    """Return what a look at a stream says: whether it lives, and how far behind it is."""
    if facts.trouble or facts.answered_after is None:
        return fail(name, facts.trouble, LATER)
    found = f"answers after {facts.answered_after.total_seconds():.1f} s"
    if facts.lag is None:
        return ok(name, f"{found}; nothing happened while we listened, so its lag was not seen")
    found += f"; what it told was {max(0.0, facts.lag.total_seconds()):.1f} s old"
    if facts.lag > lag_max:
        return Finding(check=name, status=late_is, found=found, todo=late)
    return ok(name, found)


def pushing_nodes(nodes: Sequence[NodeFacts]) -> list[Finding]:
    """Return what looks at the nodes that push logs say; one that can be used is enough."""
    if not nodes:
        found = "no node that pushes logs: whales' trades come from the stream and the Data API alone"
        return [warn("chain stream", found, "Set REMORA_RPC_WS_URLS, several addresses if you can.")]
    judged = [_node(number, facts) for number, facts in enumerate(nodes, start=1)]
    if any(finding.status is Status.OK for finding in judged):
        return [warn(each.check, each.found, each.todo) if each.status is Status.FAIL else each for each in judged]
    return judged


def _node(number: int, facts: NodeFacts) -> Finding:
    name, another = f"chain stream {number}", "Put another node into REMORA_RPC_WS_URLS."
    if facts.trouble or facts.head_age is None:
        return fail(name, facts.trouble, another)
    age = f"newest block {facts.head_age.total_seconds():.0f} s old"
    if facts.head_age > BLOCK_AGE_MAX:
        return fail(name, f"{age}: the node lags, and shows whales' trades late", another)
    if facts.pushed_after is None:
        return warn(name, f"{age}, but it pushed no block while we listened", another)
    return ok(name, f"{age}, pushes blocks")
