"""``remora transfer``."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from remora.cli.options import Account, AsJson, By, Reason


def dollars(text: str) -> Decimal:
    """Read an amount of dollars that is not 0, with at most six decimals."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found == 0 or found != round(found, 6):
        raise typer.BadParameter(f"expected dollars such as 250 or -99.50, found {text!r}")
    return found


def transfer(
    amount: Annotated[
        Decimal, typer.Argument(parser=dollars, metavar="AMOUNT", help="Dollars; below 0 for a withdrawal.")
    ],
    *,
    reason: Reason,
    reference: Annotated[
        str | None,
        typer.Option(help="What tells this transfer from others, such as its transaction.", show_default="now"),
    ] = None,
    by: By = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Book money that was moved to the account, or away from it, so that it is no profit and no loss.

    The money itself is not moved: do that first. An amount below 0 comes last, after two hyphens:
    `remora transfer --reason living -- -100`. The day's base moves by the same dollars and the high-water mark
    by the same share, so that no limit trips and none is loosened. Booked once per --reference.

    Exit code 0: booked, or booked before. 2: no amount. 3: more than the account's cash.
    """
    from remora.cli.reading import show_json

    booked, cash = asyncio.run(_transfer(account, amount, reason, reference, by))
    if as_json:
        show_json({"booked": booked, "cash": str(cash)})
    else:
        typer.echo(f"{'Booked' if booked else 'Booked before'}: {amount:+f}. Cash is {cash:.2f} now.")


async def _transfer(
    account: str | None, amount: Decimal, reason: str, reference: str | None, by: str | None
) -> tuple[bool, Decimal]:
    from datetime import UTC, datetime

    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.reading import reading
    from remora.cli.steering import operator
    from remora.storage.desk import load_desk
    from remora.storage.desk_orders import record_transfer

    now = datetime.now(UTC)
    async with reading(account) as source:
        cash = (await load_desk(source.engine, source.account)).cash
        if cash + amount < 0:
            raise CommandFailed(
                f"Refused: the books have {cash:.2f} in cash, {amount:+.2f} would leave less than nothing.",
                "See `remora reconcile`: does the exchange agree with the books?",
                code=Exit.REFUSED,
            )
        booked = await record_transfer(
            source.engine,
            source.account,
            amount,
            reference=f"transfer:{reference or now.isoformat()}",
            by=by or operator(),
            reason=reason,
            now=now,
        )
        return booked, (await load_desk(source.engine, source.account)).cash
