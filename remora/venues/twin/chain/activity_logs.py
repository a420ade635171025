"""What wallets did, as the logs of the transaction that settled it."""

from collections.abc import Sequence

from remora.domain.fees import taker_fee
from remora.domain.money import Side, micros
from remora.domain.trades import TradeKind
from remora.venues.twin.activity import Activity
from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain import logs
from remora.venues.twin.chain.logs import Entry
from remora.venues.twin.engine.records import FEES, HOUSE
from remora.venues.twin.scenario.identifiers import transaction_hash
from remora.venues.twin.scenario.model import MarketSpec


def settlement_entries(spec: MarketSpec, rows: Sequence[Activity]) -> list[Entry]:
    """Return the logs of one transaction of the exchange: each maker's order, then the taker's own.

    Shares that nobody of the public record gave or took came from the synthetic depth, which is a maker too.
    """
    exchange = at.exchange_of(spec.tokens[0], neg_risk=spec.neg_risk)
    takers = [row for row in rows if row.taker]
    makers = [row for row in rows if not row.taker]
    taker_wallet = takers[0].wallet if takers else HOUSE
    entries: list[Entry] = []
    for row in makers:
        entries += _fill(exchange, spec, row, counterparty=taker_wallet)
    for row in takers:
        rest = micros(row.size) - (sum(micros(maker.size) for maker in makers) if row is takers[0] else 0)
        if rest > 0:
            entries.append(_house_fill(exchange, spec, row, shares=rest))
        entries += _fill(exchange, spec, row, counterparty=exchange)
        entries.append(_match(exchange, spec, row))
        if (fee := fee_micros(spec, row)) > 0:
            entries.append(logs.fee_charged(exchange, FEES, fee))
    return entries


def change_entries(spec: MarketSpec, rows: Sequence[Activity]) -> list[Entry]:
    """Return the logs of a holding that changed without the exchange: shares go to an adapter or come from it."""
    first = rows[0]
    operator = at.ROUTER if at.is_second_protocol(spec.tokens[0]) else _adapter(spec)
    if first.kind is TradeKind.TRANSFER:
        return _transfers(spec, rows)
    moved = _moved(spec, rows)
    dollars = sum(micros(row.usd) for row in rows)
    wallet, shares = first.wallet, moved[0][1]
    if first.kind is TradeKind.SPLIT:
        return [
            logs.transfer(wallet, operator, dollars),
            logs.position_split(operator, spec.condition_id, shares),
            logs.transfer_batch(operator, operator, wallet, moved),
        ]
    out = logs.transfer_batch(operator, wallet, operator, moved)
    paid = logs.transfer(operator, wallet, dollars)
    if first.kind is TradeKind.MERGE:
        return [out, logs.positions_merge(operator, spec.condition_id, shares), paid]
    if first.kind is TradeKind.CONVERSION:
        return [out, logs.positions_converted(wallet, spec.condition_id, 1, shares), paid]
    return [out, logs.payout_redemption(operator, spec.condition_id, dollars), paid]


def dollars_micros(row: Activity) -> int:
    """Return what a fill cost or brought before fees, in millionths."""
    return row.settled.dollars if row.settled is not None else max(1, micros(row.usd))


def fee_micros(spec: MarketSpec, row: Activity) -> int:
    """Return a taker's fee in millionths; a maker pays none."""
    if row.settled is not None:
        return row.settled.fee
    return micros(taker_fee(row.size, row.price, spec.fee_rate, spec.fee_exponent)) if row.taker else 0


def order_hash(row: Activity) -> str:
    """Return the digest of the order behind a fill; of the scenario's fills an invented one."""
    if row.settled is not None:
        return row.settled.digest
    return transaction_hash("order", row.transaction_hash, row.wallet, row.sequence)


def _fill(exchange: str, spec: MarketSpec, row: Activity, *, counterparty: str) -> list[Entry]:
    token, side, shares = spec.tokens[row.outcome_index or 0], row.side or Side.BUY, micros(row.size)
    sender, receiver = (exchange, row.wallet) if side is Side.BUY else (row.wallet, exchange)
    return [
        logs.transfer_single(exchange, sender, receiver, token, shares),
        logs.order_filled(
            exchange,
            order_hash=order_hash(row),
            maker=row.wallet,
            taker=counterparty,
            side=side,
            token_id=token,
            dollars=dollars_micros(row),
            shares=shares,
            fee=fee_micros(spec, row),
        ),
    ]


def _house_fill(exchange: str, spec: MarketSpec, row: Activity, *, shares: int) -> Entry:
    side = (row.side or Side.BUY).opposite
    return logs.order_filled(
        exchange,
        order_hash=transaction_hash("house", row.transaction_hash, row.sequence),
        maker=HOUSE,
        taker=row.wallet,
        side=side,
        token_id=spec.tokens[row.outcome_index or 0],
        dollars=max(1, dollars_micros(row) * shares // max(1, micros(row.size))),
        shares=shares,
        fee=0,
    )


def _match(exchange: str, spec: MarketSpec, row: Activity) -> Entry:
    return logs.orders_matched(
        exchange,
        order_hash=order_hash(row),
        taker=row.wallet,
        side=row.side or Side.BUY,
        token_id=spec.tokens[row.outcome_index or 0],
        dollars=dollars_micros(row),
        shares=micros(row.size),
    )


def _transfers(spec: MarketSpec, rows: Sequence[Activity]) -> list[Entry]:
    """Return plain movements between wallets; the other side is the synthetic house."""
    entries = []
    for row in rows:
        sender, receiver = (row.wallet, HOUSE) if row.side is Side.SELL else (HOUSE, row.wallet)
        token = spec.tokens[row.outcome_index or 0]
        entries.append(logs.transfer_single(sender, sender, receiver, token, micros(row.size)))
    return entries


def _moved(spec: MarketSpec, rows: Sequence[Activity]) -> list[tuple[str, int]]:
    moved: list[tuple[str, int]] = []
    for row in rows:
        outcomes = (0, 1) if row.outcome_index is None else (row.outcome_index,)
        moved += [(spec.tokens[outcome], micros(row.size)) for outcome in outcomes]
    return moved


def _adapter(spec: MarketSpec) -> str:
    return at.NEG_RISK_ADAPTER if spec.neg_risk else at.ADAPTER
