"""A wallet and a key that do not belong together."""

import pytest

from remora.settings import Settings, SettingsError, load_settings
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, address_of
from workers.venues import open_trading_venue, refuse_foreign_wallet


@pytest.fixture
def settings(twin: RunningTwin, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("REMORA_TWIN_URL", twin.urls["control_url"])
    monkeypatch.setenv("PRIVATE_KEY", OUR_KEY)
    monkeypatch.setenv("WALLET_ADDRESS", address_of(OTHER_KEY))
    return load_settings(None)


async def test_a_wallet_of_another_key_is_refused_before_the_venue_is_asked(
    settings: Settings, twin: RunningTwin
) -> None:
    with pytest.raises(SettingsError) as refused:
        await open_trading_venue(settings)

    assert address_of(OUR_KEY) in str(refused.value)
    assert "REMORA_SESSION_KEY=true" in str(refused.value)
    assert not [name for name in (await twin.get("/faults"))["requests"] if "/auth/" in name]


def test_a_key_that_is_said_to_be_a_session_key_may_have_a_foreign_wallet(settings: Settings) -> None:
    refuse_foreign_wallet(settings.model_copy(update={"session_key": True}), OUR_KEY)
