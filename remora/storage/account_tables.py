"""Tables about accounts on a venue: paper accounts, and who allowed an account to trade live."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from remora.domain.orders import OrderType
from remora.domain.paper import PaperState
from remora.storage.tables import Base, _one_of


class PaperAccount(Base):
    """One paper account; its row lock makes its orders one at a time."""

    __tablename__ = "paper_accounts"
    __table_args__ = (CheckConstraint("cash >= 0", name="cash"),)

    account: Mapped[str] = mapped_column(primary_key=True)
    cash: Mapped[Decimal]
    opened_at: Mapped[datetime]


class PaperHoldingRow(Base):
    """Shares of one token on a paper account."""

    __tablename__ = "paper_holdings"
    __table_args__ = (CheckConstraint("shares >= 0", name="shares"),)

    account: Mapped[str] = mapped_column(ForeignKey("paper_accounts.account"), primary_key=True)
    token_id: Mapped[str] = mapped_column(primary_key=True)
    condition_id: Mapped[str]
    shares: Mapped[Decimal]


class PaperOrderRow(Base):
    """An order that the paper venue took; `latency_ms` is the measured way to the book."""

    __tablename__ = "paper_orders"
    __table_args__ = (
        CheckConstraint(_one_of("state", PaperState), name="state"),
        CheckConstraint(_one_of("order_type", OrderType), name="order_type"),
        CheckConstraint("rest >= 0", name="rest"),
        Index(None, "account", "state"),
    )

    digest: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("paper_accounts.account"))
    token_id: Mapped[str]
    condition_id: Mapped[str]
    side: Mapped[str]
    order_type: Mapped[str]
    shares: Mapped[Decimal]
    notional: Mapped[Decimal | None]
    limit_price: Mapped[Decimal]
    rest: Mapped[Decimal]
    state: Mapped[str]
    latency_ms: Mapped[Decimal]
    placed_at: Mapped[datetime]
    due_at: Mapped[datetime | None]


class PaperFillRow(Base):
    """What an order got at one price; settlement is counted from `wall_at`."""

    __tablename__ = "paper_fills"
    __table_args__ = (
        CheckConstraint("shares > 0", name="shares"),
        CheckConstraint("price > 0 AND price < 1", name="price"),
        Index(None, "account", "wall_at"),
    )

    trade_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("paper_orders.digest"), index=True)
    account: Mapped[str]
    token_id: Mapped[str]
    side: Mapped[str]
    shares: Mapped[Decimal]
    price: Mapped[Decimal]
    fee: Mapped[Decimal]
    matched_at: Mapped[datetime]
    wall_at: Mapped[datetime]
    fails: Mapped[bool]
    undone: Mapped[bool]


class PaperClaim(Base):
    """Depth of a live book that a paper account took: it is not there a second time."""

    __tablename__ = "paper_claims"
    __table_args__ = (CheckConstraint("shares > 0", name="shares"),)

    account: Mapped[str] = mapped_column(ForeignKey("paper_accounts.account"), primary_key=True)
    condition_id: Mapped[str] = mapped_column(primary_key=True)
    asks: Mapped[bool] = mapped_column(primary_key=True)
    price: Mapped[Decimal] = mapped_column(primary_key=True)
    shares: Mapped[Decimal]


class LiveConfirmation(Base):
    """A person typed that an account may trade real money; the first day's cap is counted from here."""

    __tablename__ = "live_confirmations"

    account: Mapped[str] = mapped_column(primary_key=True)
    confirmed_at: Mapped[datetime]
    confirmed_by: Mapped[str]
    phrase: Mapped[str]


class LiveAccess(Base):
    """What the venue last said about an account's region and standing."""

    __tablename__ = "live_access"

    account: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    geoblocked: Mapped[bool]
    closed_only: Mapped[bool]
    country: Mapped[str]


class LiveOverride(Base):
    """A whale that a person lets trade live before it passed its time on paper; it stays unproven."""

    __tablename__ = "live_overrides"

    account: Mapped[str] = mapped_column(primary_key=True)
    whale: Mapped[str] = mapped_column(primary_key=True)
    allowed_at: Mapped[datetime]
    allowed_by: Mapped[str]
