"""Tables of what people are told: the health of the streams, and alerts."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from remora.storage.tables import Base


class Feed(Base):
    """When a stream last said anything, as the newest watcher saw it; `venue_at` is its venue time then."""

    __tablename__ = "feeds"

    account: Mapped[str] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(primary_key=True)
    last_message_at: Mapped[datetime]
    looked_at: Mapped[datetime]
    venue_at: Mapped[datetime]


class AlertRow(Base):
    """Something a person should hear of, once per `key`; `sent_at` is empty until somebody took it."""

    __tablename__ = "alerts"

    account: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    raised_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
