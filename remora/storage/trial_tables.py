"""The table that remembers every backtest, so that the number of tries can be held against the best of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float
from sqlalchemy.orm import Mapped, mapped_column

from remora.storage.tables import Base


class TrialRow(Base):
    """One configuration tried on one data set; running it again counts in `runs`, not as another trial."""

    __tablename__ = "trials"
    __table_args__ = (CheckConstraint("runs > 0", name="runs"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(index=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    runs: Mapped[int]
    days: Mapped[int]
    sharpe: Mapped[float | None] = mapped_column(Float(53))
    recorded: Mapped[dict[str, Any]]
