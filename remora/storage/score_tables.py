"""The tables of scoring runs: what was asked, what each shard found, every wallet's gate, the seats."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from remora.storage.tables import Base


class ScoreRun(Base):
    """One rescoring; `roster_version` is set in the transaction that publishes it.

    `learned` is what the run's purchases taught; once it is published, only the verdict is kept of it.
    """

    __tablename__ = "score_runs"
    __table_args__ = (CheckConstraint("shards > 0", name="shards"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[datetime]
    started_at: Mapped[datetime]
    shards: Mapped[int]
    wallets: Mapped[int]
    params: Mapped[dict[str, Any]]
    roster_version: Mapped[int | None] = mapped_column(ForeignKey("rosters.version"))
    finished_at: Mapped[datetime | None]
    funnel: Mapped[dict[str, Any]]
    notice: Mapped[str]
    learned: Mapped[dict[str, Any] | None]


class ScoreShard(Base):
    """The records of one shard's wallets; kept until the run is published."""

    __tablename__ = "score_shards"

    run: Mapped[str] = mapped_column(ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    records: Mapped[bytes] = mapped_column(LargeBinary)
    wallets: Mapped[int]
    left_out: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime]


class Score(Base):
    """One wallet in one run: the gate at which it left, NULL on the roster, and its numbers."""

    __tablename__ = "scores"
    __table_args__ = (Index(None, "wallet", "run"),)

    run: Mapped[str] = mapped_column(ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True)
    wallet: Mapped[str] = mapped_column(primary_key=True)
    gate: Mapped[str | None]
    screen: Mapped[str | None]
    detail: Mapped[str]
    closed_events: Mapped[int]
    wins: Mapped[int]
    edge: Mapped[float | None] = mapped_column(Float(53))
    q: Mapped[float | None] = mapped_column(Float(53))
    sharpe: Mapped[float | None] = mapped_column(Float(53))
    win_rate: Mapped[float | None] = mapped_column(Float(53))
    score: Mapped[float | None] = mapped_column(Float(53))
    score_low: Mapped[float | None] = mapped_column(Float(53))


class RosterSeat(Base):
    """Since when a wallet of a roster version has its status, and its bad rescorings in a row."""

    __tablename__ = "roster_seats"

    version: Mapped[int] = mapped_column(ForeignKey("rosters.version", ondelete="CASCADE"), primary_key=True)
    whale: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    strikes: Mapped[int]
    why: Mapped[str]
