"""``remora reconcile`` hands the workflow the mode that positions show, also in a rehearsal."""

from typing import Any

import pytest
from sqlalchemy import update

from remora.domain.ids import AccountId
from remora.settings import load_settings
from remora.storage.tables import Desk
from schemas.reconcile import ReconcileResult
from tests.cli.conftest import Trading
from workers.venues import books_mode, positions_mode


@pytest.mark.parametrize("mode", ["twin", "paper"])
def test_the_mode_of_positions_is_read_back_from_that_of_the_books(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("REMORA_MODE", mode)
    for twin_url in ("", "http://127.0.0.1:1"):
        monkeypatch.setenv("REMORA_TWIN_URL", twin_url)
        settings = load_settings(None)

        assert positions_mode(books_mode(settings)) is settings.mode


async def test_an_orphan_of_a_rehearsal_is_adopted_in_the_mode_it_was_started_with(
    desk: Trading, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def compared(_client: Any, account: AccountId, *, mode: str, **_options: Any) -> ReconcileResult:
        asked.append(mode)
        return ReconcileResult(account=account, differences=(), positions=0)

    monkeypatch.setattr("starters.reconcile.reconcile", compared)
    async with desk.engine.begin() as connection:
        await connection.execute(update(Desk).values(venue_mode="paper_on_twin"))

    assert await desk.remora("reconcile", "--dry-run") == 0
    assert asked == ["paper"]
