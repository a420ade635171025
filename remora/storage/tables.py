"""Every table; the constraints are the last line of defence for the books."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from remora.domain.decide import RosterStatus
from remora.domain.orders import FillStatus, OrderState, OrderType, Purpose
from remora.domain.reasons import DeskMode, ExitReason, PositionState

MONEY = Numeric(38, 6)
ENDED = tuple(state.value for state in PositionState if state.ended)
NOT_ENDED = text("state NOT IN ({})".format(", ".join(f"'{state}'" for state in ENDED)))


def _one_of(column: str, values: type) -> str:
    listed = ", ".join(f"'{value.value}'" for value in values)  # type: ignore[attr-defined]
    return f"{column} IN ({listed})"


class Base(DeclarativeBase):
    """Root of the mapped classes."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        Decimal: MONEY,
        datetime: DateTime(timezone=True),
        str: Text(),
        int: BigInteger(),
        dict[str, Any]: JSONB(),
    }


class Desk(Base):
    """One account's switchboard, cash and day; its row lock makes risk decisions one at a time."""

    __tablename__ = "desks"
    __table_args__ = (
        CheckConstraint(_one_of("mode", DeskMode), name="mode"),
        CheckConstraint("scale > 0 AND scale <= 1", name="scale"),
        CheckConstraint("cash >= 0", name="cash"),
    )

    account: Mapped[str] = mapped_column(primary_key=True)
    venue_mode: Mapped[str]
    mode: Mapped[str]
    scale: Mapped[Decimal]
    cash: Mapped[Decimal]
    day: Mapped[date]
    day_start_equity: Mapped[Decimal]
    high_water_mark: Mapped[Decimal]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]
    reason: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default="0")
    reduction: Mapped[int] = mapped_column(server_default="0")


class DeskAudit(Base):
    """Who turned which dial of a desk, when and why; `key` makes carrying an order out twice impossible."""

    __tablename__ = "desk_audit"
    __table_args__ = (UniqueConstraint("account", "key"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("desks.account"), index=True)
    key: Mapped[str | None]
    at: Mapped[datetime]
    by: Mapped[str]
    action: Mapped[str]
    reason: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class DeskReduction(Base):
    """A share of every position that is held when it is ordered, to be sold; finished once all were told."""

    __tablename__ = "desk_reductions"
    __table_args__ = (
        CheckConstraint("share > 0 AND share <= 1", name="share"),
        CheckConstraint(_one_of("exit_reason", ExitReason), name="exit_reason"),
    )

    account: Mapped[str] = mapped_column(ForeignKey("desks.account"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    share: Mapped[Decimal]
    exit_reason: Mapped[str]
    by: Mapped[str]
    ordered_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Roster(Base):
    """A version of the list of followed wallets."""

    __tablename__ = "rosters"

    version: Mapped[int] = mapped_column(Identity(), primary_key=True)
    as_of: Mapped[datetime]
    published_at: Mapped[datetime]
    params: Mapped[dict[str, Any]]


class RosterEntry(Base):
    """One wallet of a roster version."""

    __tablename__ = "roster_entries"
    __table_args__ = (CheckConstraint(_one_of("status", RosterStatus), name="status"),)

    version: Mapped[int] = mapped_column(ForeignKey("rosters.version", ondelete="CASCADE"), primary_key=True)
    whale: Mapped[str] = mapped_column(primary_key=True)
    edge: Mapped[Decimal]
    unproven: Mapped[bool]
    status: Mapped[str]
    score: Mapped[Decimal | None]
    label: Mapped[str]


class Decision(Base):
    """What was done about a signal, taken or refused, with the reason."""

    __tablename__ = "decisions"
    __table_args__ = (
        CheckConstraint("outcome IN ('copy', 'skip', 'exit')", name="outcome"),
        CheckConstraint("(outcome = 'skip') = (reason IS NOT NULL)", name="skip_has_reason"),
        Index(None, "account", "decided_at"),
        Index(None, "account", "whale", "token_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    workflow_id: Mapped[str]
    run_id: Mapped[str] = mapped_column(index=True)
    position_id: Mapped[str | None]
    whale: Mapped[str]
    token_id: Mapped[str]
    condition_id: Mapped[str]
    question: Mapped[str]
    side: Mapped[str]
    kind: Mapped[str]
    source: Mapped[str]
    signal_key: Mapped[str]
    trade_price: Mapped[Decimal]
    trade_size: Mapped[Decimal]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[str]
    unproven: Mapped[bool]
    terms: Mapped[dict[str, Any]]
    happened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    decided_at: Mapped[datetime]
    traceparent: Mapped[str]


class ConsumedTrade(Base):
    """A whale's trade that led to a decision; the truth about duplicates."""

    __tablename__ = "consumed_trades"

    account: Mapped[str] = mapped_column(primary_key=True)
    trade_key: Mapped[str] = mapped_column(primary_key=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.id"))


class Position(Base):
    """Our copy of a whale's holding in one token; totals are folded from its fills."""

    __tablename__ = "positions"
    __table_args__ = (
        CheckConstraint(_one_of("state", PositionState), name="state"),
        CheckConstraint(f"exit_reason IS NULL OR {_one_of('exit_reason', ExitReason)}", name="exit_reason"),
        CheckConstraint("bought_shares - sold_shares - redeemed_shares >= 0", name="shares"),
        CheckConstraint("fees >= 0", name="fees"),
        Index("uq_positions_one_open", "account", "whale", "token_id", unique=True, postgresql_where=NOT_ENDED),
        Index(None, "account", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workflow_id: Mapped[str] = mapped_column(index=True)
    run_id: Mapped[str]
    account: Mapped[str] = mapped_column(ForeignKey("desks.account"))
    whale: Mapped[str]
    token_id: Mapped[str]
    condition_id: Mapped[str]
    event_id: Mapped[str]
    question: Mapped[str]
    outcome: Mapped[str]
    state: Mapped[str]
    exit_reason: Mapped[str | None]
    attention: Mapped[str | None]
    unproven: Mapped[bool]
    whale_price: Mapped[Decimal]
    bought_shares: Mapped[Decimal]
    bought_notional: Mapped[Decimal]
    sold_shares: Mapped[Decimal]
    sold_notional: Mapped[Decimal]
    redeemed_shares: Mapped[Decimal]
    redeemed_dollars: Mapped[Decimal]
    cost: Mapped[Decimal] = mapped_column(server_default="0")
    fees: Mapped[Decimal]
    mark_price: Mapped[Decimal | None]
    stop_price: Mapped[Decimal | None]
    target_price: Mapped[Decimal | None]
    asked_stop_price: Mapped[Decimal | None]
    asked_target_price: Mapped[Decimal | None]
    exit_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    reduction: Mapped[int] = mapped_column(server_default="0")


class Order(Base):
    """One instruction to the venue; the intent is here before it is signed, the bytes before they are sent."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(_one_of("state", OrderState), name="state"),
        CheckConstraint(_one_of("purpose", Purpose), name="purpose"),
        CheckConstraint(_one_of("order_type", OrderType), name="order_type"),
        CheckConstraint("shares > 0", name="shares"),
        CheckConstraint("limit_price > 0 AND limit_price < 1", name="limit_price"),
        CheckConstraint("(digest IS NULL) = (payload IS NULL)", name="signed_whole"),
        CheckConstraint("state = 'intent' OR state = 'rejected' OR digest IS NOT NULL", name="sent_only_signed"),
        UniqueConstraint("digest"),
        Index(None, "account", "purpose", "venue_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    position_id: Mapped[str] = mapped_column(ForeignKey("positions.id"), index=True)
    decision_id: Mapped[str | None] = mapped_column(ForeignKey("decisions.id"))
    purpose: Mapped[str]
    exit_reason: Mapped[str | None]
    token_id: Mapped[str]
    condition_id: Mapped[str]
    side: Mapped[str]
    shares: Mapped[Decimal]
    notional: Mapped[Decimal | None]
    limit_price: Mapped[Decimal]
    order_type: Mapped[str]
    state: Mapped[str]
    digest: Mapped[str | None]
    payload: Mapped[str | None]
    reject_code: Mapped[str | None]
    reject_message: Mapped[str | None]
    unmatched: Mapped[str | None]
    send_attempts: Mapped[int]
    venue_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    decided_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    acked_at: Mapped[datetime | None]


class Fill(Base):
    """One execution of one order, moved through its settlement."""

    __tablename__ = "fills"
    __table_args__ = (
        CheckConstraint(_one_of("status", FillStatus), name="status"),
        CheckConstraint("shares > 0", name="shares"),
        CheckConstraint("price > 0 AND price < 1", name="price"),
        CheckConstraint("fee >= 0", name="fee"),
    )

    trade_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("orders.digest"), primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"), index=True)
    position_id: Mapped[str] = mapped_column(ForeignKey("positions.id"), index=True)
    token_id: Mapped[str]
    side: Mapped[str]
    shares: Mapped[Decimal]
    price: Mapped[Decimal]
    fee: Mapped[Decimal]
    status: Mapped[str]
    matched_at: Mapped[datetime]
    transaction_hash: Mapped[str]


class Reservation(Base):
    """Money set aside for an entry order until nothing more of it can fill."""

    __tablename__ = "reservations"
    __table_args__ = (CheckConstraint("dollars > 0", name="dollars"),)

    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    position_id: Mapped[str] = mapped_column(ForeignKey("positions.id"), index=True)
    dollars: Mapped[Decimal]
    released_at: Mapped[datetime | None]


class ExitTrigger(Base):
    """Thresholds that the watcher compares with every book update."""

    __tablename__ = "exit_triggers"

    position_id: Mapped[str] = mapped_column(ForeignKey("positions.id"), primary_key=True)
    workflow_id: Mapped[str]
    account: Mapped[str] = mapped_column(index=True)
    token_id: Mapped[str]
    condition_id: Mapped[str]
    shares: Mapped[Decimal]
    stop_price: Mapped[Decimal | None]
    target_price: Mapped[Decimal | None]
    armed_at: Mapped[datetime]


class LedgerTransaction(Base):
    """One balanced set of ledger entries; `reference` makes writing it twice impossible."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (UniqueConstraint("account", "reference"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    account: Mapped[str]
    kind: Mapped[str]
    reference: Mapped[str]
    at: Mapped[datetime]


class LedgerEntry(Base):
    """A signed amount in one unit on one book; per transaction and unit the amounts sum to zero."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("book IN ('cash', 'exchange', 'fees', 'holdings', 'deposits')", name="book"),
        CheckConstraint(
            "CASE book WHEN 'holdings' THEN unit LIKE 'share:%' WHEN 'exchange' THEN true ELSE unit = 'usd' END",
            name="unit",
        ),
        CheckConstraint("position_id IS NOT NULL OR book IN ('cash', 'deposits')", name="owner"),
        Index(None, "account", "book"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("ledger_transactions.id"), index=True)
    account: Mapped[str]
    position_id: Mapped[str | None] = mapped_column(ForeignKey("positions.id"), index=True)
    book: Mapped[str]
    unit: Mapped[str]
    amount: Mapped[Decimal]
