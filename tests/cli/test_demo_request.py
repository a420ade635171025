"""What the demo was asked for: checked before anything starts, and played with nothing of the user's own."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from remora.cli.demo.evening import scripted_policy
from remora.cli.demo.request import LEFT_OUT, Request, checked, overrides
from remora.cli.errors import CommandFailed, Exit
from remora.cli.main import run
from remora.domain.limits import Limits
from remora.settings import Mode, load_settings, variable_names

OURS = {
    "PRIVATE_KEY": "0x" + "4c" * 32,
    "WALLET_ADDRESS": "0x" + "ab" * 20,
    "REMORA_SESSION_KEY": "true",
    "POLYMARKET_API_KEY": "an-id",
    "POLYMARKET_SECRET": "a-secret",
    "POLYMARKET_PASSPHRASE": "a-phrase",
    "RELAYER_API_KEY": "a-relayer",
    "REMORA_RPC_URL": "https://node.test/key",
    "REMORA_RPC_WS_URLS": "wss://node.test/key",
    "REMORA_GEOBLOCK_URL": "https://geo.test",
    "REMORA_ALERT_URLS": "json://listener.test",
    "REMORA_HEARTBEAT_URL": "https://switch.test",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)


def asked(**changes: Any) -> Request:
    options: dict[str, Any] = dict.fromkeys(
        ("tape", "season", "since", "until", "speed", "volume_floor", "spread_max")
    )
    return checked(**(options | {"follow": (), "outputs": ()} | changes))


def test_a_demo_knows_no_key_no_node_and_no_listener_of_the_user(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in {**OURS, "KELLY_FRACTION": "0.5"}.items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    mine, played = load_settings(), asked().settings

    kept = {name for name in LEFT_OUT if getattr(mine, name) != getattr(load_settings(None), name)}
    assert {variable_names()[name] for name in kept} == set(OURS)
    assert [name for name in LEFT_OUT if getattr(played, name) != LEFT_OUT[name]] == []
    assert (played.mode, played.kelly_fraction) == (Mode.TWIN, Decimal("0.5"))
    assert played.secrets() == []


def test_the_evening_is_played_under_the_limits_it_was_written_for(tmp_path: Path) -> None:
    asks = {"MAX_DAILY_LOSS": "1", "STOP_LOSS_PCT": "0.5", "REMORA_WHALE_SHARE": "0.01", "KELLY_FRACTION": "0.5"}
    lines = [f"{name}={value}" for name, value in {**OURS, **asks}.items()]
    (tmp_path / ".env").write_text("\n".join(lines))

    assert load_settings().limits() != Limits()
    assert scripted_policy().limits() == Limits(volume_24h_min_usd=Decimal(0))
    assert overrides(scripted_policy()) == {"REMORA_VOLUME_24H_MIN_USD": "0"}
    assert scripted_policy().secrets() == []


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"season": -1}, "--season"),
        ({"speed": float("inf")}, "--speed"),
        ({"speed": float("nan")}, "--speed"),
        ({"speed": 1e300}, "--speed"),
        ({"volume_floor": float("nan")}, "--volume-floor"),
        ({"spread_max": float("nan")}, "--spread-max"),
    ],
)
def test_a_number_that_cannot_be_played_is_a_usage_error(changes: dict[str, float], option: str) -> None:
    with pytest.raises(CommandFailed, match=f"{option}: expected a") as refused:
        asked(**changes)

    assert refused.value.code is Exit.USAGE


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--speed", "60"), "found --speed beside it"),
        (("--tape", "t.parquet", "--follow", "auto"), "found --tape, --follow beside it"),
        (("--season", "-3"), "--season: expected a seed"),
        (("--json", "nowhere/out.json"), "cannot be written"),
    ],
)
def test_a_script_refuses_what_it_would_pay_no_attention_to(
    options: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(("demo", "--scenario", "evening", *options)) == Exit.USAGE
    assert expected in capsys.readouterr().err
