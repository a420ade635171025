"""The market and user websocket channels."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from remora.domain.ids import TokenId
from remora.domain.money import Side
from remora.venues.twin.clob import wire
from remora.venues.twin.clob.state import ClobState, json_or_none
from remora.venues.twin.engine import events
from remora.venues.twin.engine.records import UNIT, Listing, Trade, text
from remora.venues.twin.faults.stream import FaultyStream
from remora.venues.twin.faults.switchboard import Switchboard

QUEUE_MAX = 10_000
UNSUPPORTED_DATA, POLICY_VIOLATION = 1003, 1008


@dataclass(slots=True, eq=False)
class Subscriber:
    """One connection; a client that does not read is cut off rather than waited for."""

    socket: WebSocket
    faults: Switchboard
    channel: str
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    tokens: set[TokenId] = field(default_factory=set)
    custom: bool = False
    api_key: str = ""
    wallets: frozenset[str] = frozenset()
    markets: set[str] = field(default_factory=set)
    overflowed: bool = False
    stream: FaultyStream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = FaultyStream(self.faults, self.channel, self._put)

    def send(self, frame: str) -> None:
        """Queue a frame without waiting, as far as faults let it pass."""
        self.stream.send(frame)

    def _put(self, frame: str) -> None:
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.overflowed = True


class Channels:
    """Turns the exchange's events into frames for everyone who asked for them."""

    def __init__(self, state: ClobState) -> None:
        self._state = state
        self._by_token: dict[TokenId, set[Subscriber]] = {}
        self._custom: set[Subscriber] = set()
        self._users: dict[str, set[Subscriber]] = {}
        self._touch: dict[TokenId, tuple[int, int]] = {}
        state.exchange.listeners.append(self._hear)

    async def market(self, socket: WebSocket) -> None:
        """Serve ``/ws/market``."""
        await socket.accept()
        subscriber = Subscriber(socket, self._state.faults, "market")
        try:
            await self._serve(subscriber, self._market_frame)
        finally:
            self._drop(subscriber)

    async def user(self, socket: WebSocket) -> None:
        """Serve ``/ws/user``."""
        await socket.accept()
        subscriber = Subscriber(socket, self._state.faults, "user")
        try:
            await self._serve(subscriber, self._user_frame)
        finally:
            for wallet in subscriber.wallets:
                self._users.get(wallet, set()).discard(subscriber)

    async def _serve(self, subscriber: Subscriber, handle: Any) -> None:
        async def pump() -> None:
            while not subscriber.overflowed:
                await subscriber.socket.send_text(await subscriber.queue.get())

        sender = asyncio.create_task(pump())
        try:
            while not sender.done():
                text_frame = await subscriber.socket.receive_text()
                if text_frame == "PING":
                    subscriber.send("PONG")
                elif not handle(subscriber, _parsed(text_frame)):
                    await subscriber.socket.close(POLICY_VIOLATION)
                    break
        except KeyError:  # bytes
            await subscriber.socket.close(UNSUPPORTED_DATA)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sender

    def _market_frame(self, subscriber: Subscriber, frame: Any) -> bool:
        if not isinstance(frame, dict):
            return True
        tokens = {TokenId(token) for token in _names(frame.get("assets_ids"))}
        if isinstance(frame.get("custom_feature_enabled"), bool):
            subscriber.custom = frame["custom_feature_enabled"]
            (self._custom.add if subscriber.custom else self._custom.discard)(subscriber)
        if frame.get("operation") == "unsubscribe":
            for token in tokens & subscriber.tokens:
                self._by_token[token].discard(subscriber)
            subscriber.tokens -= tokens
            return True
        known = sorted(token for token in tokens - subscriber.tokens if token in self._state.exchange.tokens)
        subscriber.tokens |= tokens
        for token in tokens:
            self._by_token.setdefault(token, set()).add(subscriber)
        if known:
            now = self._state.now()
            books = [{**wire.book(self._state.exchange, token, now), "event_type": "book"} for token in known]
            subscriber.send(json.dumps(books))
        return True

    def _user_frame(self, subscriber: Subscriber, frame: Any) -> bool:
        if not isinstance(frame, dict):
            return bool(subscriber.api_key)
        if frame.get("type") == "user":
            auth = frame.get("auth")
            auth = auth if isinstance(auth, dict) else {}
            made = self._state.keys.by_key(str(auth.get("apiKey", "")))
            if made is None or (made.secret, made.passphrase) != (auth.get("secret"), auth.get("passphrase")):
                return False
            subscriber.api_key = made.api_key
            subscriber.wallets = self._state.sessions.all_wallets(made.address)
            for wallet in subscriber.wallets:
                self._users.setdefault(wallet, set()).add(subscriber)
        markets = set(_names(frame.get("markets")))
        if frame.get("operation") == "unsubscribe":
            subscriber.markets -= markets
        else:
            subscriber.markets |= markets
        return bool(subscriber.api_key)

    def _drop(self, subscriber: Subscriber) -> None:
        for token in subscriber.tokens:
            self._by_token.get(token, set()).discard(subscriber)
        self._custom.discard(subscriber)

    def _hear(self, event: events.Event) -> None:
        now = self._state.now()
        match event:
            case events.LevelsChanged():
                self._levels(event, now)
            case events.TickMoved():
                self._tick(event, now)
            case events.TradeEvent():
                self._trade(event, now)
            case events.OrderEvent():
                self._order(event, now)
            case events.HashShown():
                self._settled(event.trade, now)
            case events.StateChanged():
                if event.what == "resolved":
                    self._resolved(event.listing, now)
            case events.Printed():
                self._printed(event, now)
            case events.Listed():
                self._listed(event.listing, now)

    def _levels(self, event: events.LevelsChanged, now: datetime) -> None:
        spec = event.listing.spec
        audience = self._audience(event.listing)
        if not audience:
            return
        changes = []
        touched = {token: self._best(token) for token in spec.tokens}
        for outcome, token in enumerate(spec.tokens):
            bid, ask = touched[token]
            shown = wire.shown_hash(self._state.exchange, token)
            for (is_bid, price), size in event.levels.items():
                own_bid = is_bid if outcome == 0 else not is_bid
                own_price = price if outcome == 0 else UNIT - price
                changes.append(
                    {
                        "asset_id": token,
                        "price": text(own_price),
                        "size": text(size),
                        "side": "BUY" if own_bid else "SELL",
                        "hash": shown,
                        "best_bid": text(bid),
                        "best_ask": text(ask),
                    }
                )
        self._send(
            audience,
            {
                "event_type": "price_change",
                "market": spec.condition_id,
                "price_changes": changes,
                "timestamp": wire.milliseconds(now),
            },
        )

        for token, best in touched.items():
            if self._touch.get(token) != best:
                self._touch[token] = best
                self._touch_moved(token, best, now)

    def _best(self, token: TokenId) -> tuple[int, int]:
        bid = self._state.exchange.best(token, Side.BUY)
        ask = self._state.exchange.best(token, Side.SELL)
        return bid or 0, UNIT if ask is None else ask

    def _touch_moved(self, token: TokenId, best: tuple[int, int], now: datetime) -> None:
        bid, ask = best
        self._send(
            {subscriber for subscriber in self._by_token.get(token, set()) if subscriber.custom},
            {
                "event_type": "best_bid_ask",
                "market": self._state.exchange.tokens[token][0],
                "asset_id": token,
                "best_bid": text(bid),
                "best_ask": text(ask),
                "spread": text(ask - bid),
                "timestamp": wire.milliseconds(now),
            },
        )

    def _tick(self, event: events.TickMoved, now: datetime) -> None:
        for token in event.listing.spec.tokens:
            self._send(
                self._by_token.get(token, set()),
                {
                    "event_type": "tick_size_change",
                    "asset_id": token,
                    "market": event.listing.spec.condition_id,
                    "old_tick_size": text(event.old),
                    "new_tick_size": text(event.new),
                    "timestamp": wire.milliseconds(now),
                },
            )

    def _trade(self, event: events.TradeEvent, now: datetime) -> None:
        trade = event.trade
        listing = self._state.exchange.listings[trade.condition_id]
        if trade.status.value == "MATCHED":
            printed = events.Printed(
                listing,
                trade.taker.outcome,
                trade.taker.side,
                trade.price,
                trade.shares,
                trade.transaction_hash,
            )
            self._printed(printed, now)
        self._settled(trade, now)

    def _settled(self, trade: Trade, now: datetime) -> None:
        """Tell a trade's parties where it stands."""
        listing = self._state.exchange.listings[trade.condition_id]
        for subscriber in self._parties({trade.taker.owner, *(fill.owner for fill in trade.makers)}, listing):
            frame = wire.user_trade(trade, listing, subscriber.wallets, subscriber.api_key, now)
            self._send({subscriber}, frame)

    def _order(self, event: events.OrderEvent, now: datetime) -> None:
        listing = self._state.exchange.listings[event.order.condition_id]
        audience = self._parties({event.order.owner}, listing)
        if audience:
            self._send(audience, wire.user_order(event.order, listing, event.kind, now))

    def _printed(self, event: events.Printed, now: datetime) -> None:
        token = event.listing.spec.tokens[event.outcome]
        self._send(
            self._by_token.get(token, set()),
            {
                "event_type": "last_trade_price",
                "asset_id": token,
                "market": event.listing.spec.condition_id,
                "price": text(event.price),
                "size": text(event.shares),
                "fee_rate_bps": "0",
                "side": event.side.value,
                "timestamp": wire.milliseconds(now),
                "transaction_hash": event.transaction_hash,
            },
        )

    def _resolved(self, listing: Listing, now: datetime) -> None:
        assert listing.payouts is not None
        winner = 0 if listing.payouts[0] >= listing.payouts[1] else 1
        spec = listing.spec
        self._send(
            {subscriber for subscriber in self._audience(listing) if subscriber.custom},
            {
                "event_type": "market_resolved",
                "id": spec.gamma_id,
                "market": spec.condition_id,
                "assets_ids": list(spec.tokens),
                "winning_asset_id": spec.tokens[winner],
                "winning_outcome": spec.labels[winner],
                "timestamp": wire.milliseconds(now),
                "tags": list(spec.tags),
            },
        )

    def _listed(self, listing: Listing, now: datetime) -> None:
        spec = listing.spec
        self._send(
            self._custom,
            {
                "event_type": "new_market",
                "id": spec.gamma_id,
                "question": spec.question,
                "market": spec.condition_id,
                "slug": spec.slug,
                "description": "",
                "assets_ids": list(spec.tokens),
                "outcomes": list(spec.labels),
                "event_message": {"id": spec.event_id, "slug": spec.event_slug, "title": spec.event_title},
                "timestamp": wire.milliseconds(now),
                "tags": list(spec.tags),
                "condition_id": spec.condition_id,
                "active": True,
                "clob_token_ids": list(spec.tokens),
                "order_price_min_tick_size": f"{listing.tick_size:f}",
            },
        )

    def _audience(self, listing: Listing) -> set[Subscriber]:
        first, second = listing.spec.tokens
        return self._by_token.get(first, set()) | self._by_token.get(second, set())

    def _parties(self, owners: set[str], listing: Listing) -> set[Subscriber]:
        return {
            subscriber
            for owner in owners
            for subscriber in self._users.get(owner, set())
            if not subscriber.markets or listing.spec.condition_id in subscriber.markets
        }

    def _send(self, audience: set[Subscriber], payload: dict[str, Any]) -> None:
        if audience:
            frame = json.dumps(payload)
            for subscriber in audience:
                subscriber.send(frame)


def _parsed(frame: str) -> Any:
    return json_or_none(frame.encode("utf-8", "replace"))


def _names(value: object) -> list[str]:
    """Return the strings of a list, nothing for anything else."""
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
