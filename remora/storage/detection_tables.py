"""Tables about detection: which source told of which trade, and when."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from remora.storage.tables import Base


class TradeSighting(Base):
    """The first time that a source told of a whale's trade.

    `lag_ms` counts from the trade's own time, which sources give in whole seconds; `behind_ms` from the first
    source that told of it, empty for that source itself. Both are on the wall clock.
    """

    __tablename__ = "trade_sightings"
    __table_args__ = (Index(None, "seen_at"),)

    trade_key: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    whale: Mapped[str]
    token_id: Mapped[str]
    side: Mapped[str]
    kind: Mapped[str]
    happened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    lag_ms: Mapped[int]
    behind_ms: Mapped[int | None]
