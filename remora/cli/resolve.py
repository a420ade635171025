"""``remora resolve``."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli.options import Account, AsJson, By, Timeout

if TYPE_CHECKING:
    from remora.cli.steering import Steering
    from remora.storage.orders import OrderRow
    from schemas.position import PositionSnapshot, ResolveUnknownRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the operator found out; None where the order's own terms hold."""

    filled: bool
    shares: Decimal | None
    price: Decimal | None
    fee: Decimal
    order: str | None
    by: str | None


def resolve(
    name: Annotated[str, typer.Argument(metavar="ID", help="A position's id or its workflow's id.")],
    *,
    filled: Annotated[bool | None, typer.Option("--filled/--none", help="What became of the order.")] = None,
    shares: Annotated[str | None, typer.Option(help="With --filled.", show_default="all of it")] = None,
    price: Annotated[str | None, typer.Option(help="With --filled.", show_default="its limit")] = None,
    fee: Annotated[str, typer.Option(help="With --filled: dollars.")] = "0",
    order: Annotated[str | None, typer.Option(help="Its digest, if several are unknown.")] = None,
    by: By = None,
    timeout: Timeout = 60.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of an order whose fate the exchange did not tell.

    A position that `needs_attention` names the order. Look it up on the exchange, then say --none (it never
    filled) or --filled with the shares, price and fee that the exchange shows; the position goes on from there.

    Exit code 0: recorded. 1: no such position or order. 2: neither --filled nor --none. 3: the order is not
    unknown. 4: a server or worker does not answer.
    """
    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.foreign_text import harmless
    from remora.cli.reading import show_json

    if filled is None:
        raise CommandFailed("Say --filled or --none.", "See `remora resolve --help`.", code=Exit.USAGE)
    finding = Finding(
        filled=filled,
        shares=_amount(shares, "--shares"),
        price=_amount(price, "--price"),
        fee=_amount(fee, "--fee") or Decimal(0),
        order=order,
        by=by,
    )
    _check(finding)
    left = asyncio.run(_resolve(name, account, finding, timeout))
    if as_json:
        show_json(left.model_dump(mode="json"))
    else:
        market = harmless(f"{left.question}: {left.outcome}")
        typer.echo(f"{left.position_id}  {market}\n{left.state.value}, {left.shares:f} shares")


async def _resolve(name: str, account: str | None, finding: Finding, within_s: float) -> "PositionSnapshot":
    from remora.cli.steering import answered, running_position, steering
    from starters.controls import resolve_unknown

    async with steering(account) as source:
        row = await running_position(source, name)
        request = _request(await _unknown(source, row.id, finding.order), finding)
        update = resolve_unknown(source.client, row.workflow_id, request)
        return await answered(update, what=f"position {row.id}", within_s=within_s)


async def _unknown(source: "Steering", position_id: str, digest: str | None) -> "OrderRow":
    from remora.cli.errors import CommandFailed, Exit
    from remora.storage.orders import orders_of

    placed = await orders_of(source.engine, position_id, unfinished=True)
    found = [one for one in placed if one.signed is not None and digest in (None, one.signed.digest)]
    if len(found) != 1:
        digests = ", ".join(one.signed.digest for one in found if one.signed is not None)
        raise CommandFailed(
            f"Expected one order without a known end, found {len(found)}{': ' + digests if digests else ''}.",
            "Say which with --order." if found else f"See `remora position {position_id}`.",
            code=Exit.USAGE if found else Exit.FAILED,
        )
    return found[0]


def _request(order: "OrderRow", finding: Finding) -> "ResolveUnknownRequest":
    from remora.cli.steering import operator
    from schemas.position import Resolution, ResolveUnknownRequest

    assert order.signed is not None, "only signed orders are offered"
    shares = order.request.shares if finding.shares is None else finding.shares
    price = order.request.limit_price if finding.price is None else finding.price
    if finding.filled:
        _check_size(order, shares, price)
    return ResolveUnknownRequest(
        digest=order.signed.digest,
        outcome=Resolution.FILLED if finding.filled else Resolution.NONE,
        shares=shares if finding.filled else Decimal(0),
        price=price if finding.filled else None,
        fee=finding.fee if finding.filled else Decimal(0),
        by=finding.by or operator(),
    )


def _check(finding: Finding) -> None:
    from remora.cli.errors import CommandFailed, Exit

    if finding.filled and finding.shares == 0:
        raise CommandFailed("--shares: expected some shares, found 0.", "Say --none instead.", code=Exit.USAGE)
    if finding.price is not None and not 0 < finding.price < 1:
        raise CommandFailed(f"--price: expected one between 0 and 1, found {finding.price}.", code=Exit.USAGE)


def _check_size(order: "OrderRow", shares: Decimal, price: Decimal) -> None:
    """Refuse a finding that the order cannot have come to: somebody has mistyped it."""
    from remora.cli.errors import CommandFailed, Exit
    from remora.domain.orders import CENT

    asked = order.request
    most = asked.shares if asked.notional is None else (asked.notional + CENT) / price
    if shares > most:
        raise CommandFailed(
            f"--shares: the order can have filled {most:.2f} shares at {price}, not {shares}.", code=Exit.USAGE
        )


def _amount(text: str | None, option: str) -> Decimal | None:
    from remora.cli.errors import CommandFailed, Exit

    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise CommandFailed(f"{option}: expected a number, found {text!r}.", code=Exit.USAGE)
    return value
