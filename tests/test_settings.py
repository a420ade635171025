"""Settings: defaults, overrides, and one line of help for every mistake."""

import re
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from remora.domain.limits import Limits
from remora.domain.market import MarketClass
from remora.settings import Mode, Settings, SettingsError, load_settings, variable_names
from remora.statistics.scoring_params import RankBy, ScoringParams
from remora.statistics.seats import SeatRules
from starters.roster import scoring_params, seat_rules

EXAMPLE = Path(__file__).parents[1] / ".env.example"
KEY = "0x" + "4c" * 32
WALLET = "0x" + "Ab" * 20


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)


def env_file(folder: Path, *lines: str) -> Path:
    path = folder / ".env"
    path.write_text("\n".join(lines) + "\n")
    return path


def problem(folder: Path, *lines: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file(folder, *lines))
    return str(caught.value)


def test_without_anything_set_the_limits_are_the_defaults() -> None:
    settings = load_settings(None)

    assert settings.limits() == Limits()
    assert settings.mode is Mode.TWIN
    assert settings.database_url is None


def test_a_missing_env_file_is_no_mistake(tmp_path: Path) -> None:
    assert load_settings(tmp_path / ".env").limits() == Limits()


def test_every_limit_has_a_variable() -> None:
    names = {name.removesuffix("_s").removesuffix("_h") for name in Settings.model_fields}

    assert {field.name for field in fields(Limits)} <= names | {"max_position_size_usd"}


def test_the_roster_is_scored_by_the_defaults_and_by_what_is_set(tmp_path: Path) -> None:
    assert scoring_params(load_settings(None)) == ScoringParams()
    assert ScoringParams().fee_rate == 0.04

    assert seat_rules(load_settings(None)) == SeatRules()
    lower = env_file(tmp_path, "MIN_WHALE_WIN_RATE=0.55", "WHALE_SCORE_THRESHOLD=50", "REMORA_KEEP_SCORE=45")
    rules = seat_rules(load_settings(lower))
    # a wallet that just passed the gates is never below the bar of those who sit
    assert (rules.keep_score, rules.keep_win_rate) == (45.0, 0.55)
    path = env_file(tmp_path, "REMORA_UNKNOWN_FEE_RATE=0.02", "REMORA_RANK_BY=edge", "MIN_WHALE_SHARPE=2")
    changed = scoring_params(load_settings(path))
    assert (changed.fee_rate, changed.rank_by, changed.sharpe_min) == (0.02, RankBy.EDGE, 2.0)


def test_every_limit_can_be_overridden(tmp_path: Path) -> None:
    path = env_file(
        tmp_path,
        "MAX_POSITION_SIZE=250.50",
        "STOP_LOSS_PCT=0.2",
        "REMORA_SIGNAL_AGE_MAX_S=2.5",
        "REMORA_PRE_RESOLUTION_H=6",
        "REMORA_MARKET_CLASSES=standard, unclassified",
        "REMORA_DRIFT_TICKS=0",
    )

    limits = load_settings(path).limits()

    assert limits.max_position_size_usd == Decimal("250.50")
    assert limits.stop_loss == Decimal("0.2")
    assert limits.signal_age_max == timedelta(seconds=2.5)
    assert limits.pre_resolution == timedelta(hours=6)
    assert limits.market_classes == {MarketClass.STANDARD, MarketClass.UNCLASSIFIED}
    assert limits.drift_ticks == 0


@pytest.mark.parametrize("text", ["0.15", "15", "15%", "15 %"])
def test_a_stop_loss_may_be_written_as_fraction_or_percentage(tmp_path: Path, text: str) -> None:
    assert load_settings(env_file(tmp_path, f"STOP_LOSS_PCT={text}")).stop_loss == Decimal("0.15")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_DAILY_LOSS", "10")

    settings = load_settings(env_file(tmp_path, "MAX_DAILY_LOSS=20"))

    assert settings.max_daily_loss_usd == 10


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    assert load_settings(env_file(tmp_path, "PRIVATE_KEY=", "KELLY_FRACTION=")).limits() == Limits()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_POSITION_SIZE", "a lot"),
        ("MAX_POSITION_SIZE", "-5"),
        ("MAX_POSITION_SIZE", "0"),
        ("MAX_DAILY_LOSS", "nan"),
        ("MAX_DAILY_LOSS", "inf"),
        ("KELLY_FRACTION", "25"),
        ("STOP_LOSS_PCT", "150"),
        ("STOP_LOSS_PCT", "fifteen"),
        ("STOP_LOSS_PCT", "NaN"),
        ("MIN_WHALE_WIN_RATE", "65"),
        ("MIN_WHALE_SHARPE", "nan"),
        ("WHALE_SCORE_THRESHOLD", "101"),
        ("REMORA_UNKNOWN_FEE_RATE", "4"),
        ("REMORA_RANK_BY", "luck"),
        ("REMORA_KEEP_WIN_RATE", "60"),
        ("REMORA_MODE", "production"),
        ("REMORA_MARKET_CLASSES", "standard,everything"),
        ("REMORA_ENTRY_ORDERS_PER_MINUTE", "2.5"),
        ("REMORA_POSITION_SHARE_CEILING", "0.2"),
        ("TEMPORAL_ADDRESS", "http://localhost"),
        ("TEMPORAL_ADDRESS", "localhost:70000"),
        ("TEMPORAL_ADDRESS", "localhost:0"),
        ("REMORA_TWIN_URL", "http://[::1"),
        ("REMORA_TWIN_URL", "http://127.0.0.1:70000"),
        ("REMORA_TWIN_URL", "http://:7074"),
        ("WALLET_ADDRESS", "0x1234"),
    ],
)
def test_a_malformed_value_is_named_with_what_was_expected_and_found(
    tmp_path: Path, name: str, value: str
) -> None:
    text = problem(tmp_path, f"{name}={value}")

    assert text.startswith(f"{name}: expected ")
    assert f"found {value!r}" in text
    assert "remove it" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "value",
    [
        "your_private_key_here",
        "YOUR-KEY",
        "<key>",
        "changeme",
        "change_me",
        "xxx",
        "0x...",
        "...",
        "0x" + "0" * 64,
    ],
)
@pytest.mark.parametrize("name", ["PRIVATE_KEY", "POLYMARKET_SECRET", "WALLET_ADDRESS", "MAX_POSITION_SIZE"])
def test_a_placeholder_is_called_one(tmp_path: Path, name: str, value: str) -> None:
    assert f"{name}: expected " in (text := problem(tmp_path, f'{name}="{value}"'))
    assert "found a placeholder" in text


def test_the_example_address_of_a_database_is_a_placeholder(tmp_path: Path) -> None:
    assert "found a placeholder" in problem(tmp_path, "DATABASE_URL=postgresql://user:password@host:5432/name")


@pytest.mark.parametrize("name", ["PRIVATE_KEY", "DATABASE_URL"])
def test_a_bad_secret_is_never_shown(tmp_path: Path, name: str) -> None:
    text = problem(tmp_path, f"{name}=hunter2-{'4c' * 20}")

    assert "hunter2" not in text
    assert "48 characters (not shown)" in text


@pytest.mark.parametrize("url", ["postgresql://x:hunter2@[::1/x", "postgresql://x:hunter2:port/x"])
def test_an_address_of_a_database_that_nobody_can_read_is_told_without_it(tmp_path: Path, url: str) -> None:
    text = problem(tmp_path, f"DATABASE_URL={url}")

    assert text.startswith("DATABASE_URL: expected postgresql://user:password@host/name, found")
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "url",
    ["postgresql://x@/x?host=%2Frun", "postgresql://a:5432,b:5433/x", "postgresql://x@[::1]:5432/x"],
)
def test_sockets_and_several_hosts_are_addresses_too(tmp_path: Path, url: str) -> None:
    assert load_settings(env_file(tmp_path, f"DATABASE_URL={url}")).database_url == url


@pytest.mark.parametrize("key", ["f" * 64, "0x" + "F" * 64, "0" * 64])
def test_digits_that_are_no_private_key_are_told_before_anybody_signs(tmp_path: Path, key: str) -> None:
    text = problem(tmp_path, f"PRIVATE_KEY={key}")

    assert text.startswith("PRIVATE_KEY: expected 64 hexadecimal digits")
    assert key not in text


def test_good_secrets_stay_out_of_prints(tmp_path: Path) -> None:
    url = "postgresql://remora:hunter2@db/remora"
    settings = load_settings(
        env_file(
            tmp_path,
            f"PRIVATE_KEY={KEY}",
            f"DATABASE_URL={url}",
            "POLYMARKET_API_KEY=id-hunter2",
            "POLYMARKET_SECRET=s-hunter2",
            "POLYMARKET_PASSPHRASE=p-hunter2",
        )
    )

    assert settings.database_url == url
    assert settings.private_key is not None
    assert settings.private_key.get_secret_value() == KEY
    assert "hunter2" not in repr(settings)
    assert "4c4c" not in repr(settings)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = problem(tmp_path, "MAX_POSITION_SIZE=x", "KELLY_FRACTION=y")

    assert [line.split(":")[0] for line in text.splitlines()] == ["MAX_POSITION_SIZE", "KELLY_FRACTION"] or [
        line.split(":")[0] for line in text.splitlines()
    ] == ["KELLY_FRACTION", "MAX_POSITION_SIZE"]


def test_live_names_what_it_lacks(tmp_path: Path) -> None:
    text = problem(tmp_path, "REMORA_MODE=live")

    assert "PRIVATE_KEY: expected for REMORA_MODE=live, found nothing" in text
    assert "WALLET_ADDRESS: expected for REMORA_MODE=live, found nothing" in text


def test_live_with_key_and_wallet_loads(tmp_path: Path) -> None:
    settings = load_settings(
        env_file(tmp_path, "REMORA_MODE=live", f"PRIVATE_KEY={KEY}", f"WALLET_ADDRESS={WALLET}")
    )

    assert settings.mode is Mode.LIVE
    assert settings.wallet_address == WALLET.lower()


def test_half_a_set_of_credentials_is_refused(tmp_path: Path) -> None:
    assert "expected all three or none, found 1" in problem(tmp_path, "POLYMARKET_API_KEY=abc")


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("REMORA_POSITION_SHARE=0.5", "REMORA_POSITION_SHARE_CEILING"),
        ("REMORA_PRE_RESOLUTION_AGGRESSIVE_H=4", "REMORA_PRE_RESOLUTION_H"),
        ("REMORA_DRAWDOWN_RECOVERED_SHARE=0.3", "REMORA_DRAWDOWN_SHARE"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(tmp_path: Path, line: str, other: str) -> None:
    assert f"expected at most {other} = " in problem(tmp_path, line)


def test_a_misspelt_variable_is_noticed(tmp_path: Path) -> None:
    assert problem(tmp_path, "# first", "MAX_POSITON_SIZE=10").endswith(
        "line 2: unknown variable MAX_POSITON_SIZE; did you mean MAX_POSITION_SIZE?"
    )


def test_other_programs_variables_are_left_alone(tmp_path: Path) -> None:
    path = env_file(tmp_path, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317", "EDITOR=vi")

    assert load_settings(path).limits() == Limits()


def test_a_line_that_is_no_assignment_is_named_without_its_text(tmp_path: Path) -> None:
    text = problem(tmp_path, "KELLY_FRACTION=0.5", "4c4c hunter2 'unclosed")

    assert "line 2: expected NAME=value" in text
    assert "hunter2" not in text


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xff\xfe\x00PRIVATE")

    with pytest.raises(SettingsError, match="expected a readable UTF-8 text file"):
        load_settings(path)


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a readable UTF-8 text file"):
        load_settings(tmp_path)


def test_the_example_shows_every_variable_with_its_default(tmp_path: Path) -> None:
    shown = dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))

    assert set(shown) == set(variable_names().values())
    path = env_file(tmp_path, *(f"{name}={value}" for name, value in shown.items()))
    assert load_settings(path) == load_settings(None)


def test_the_example_itself_can_be_used_as_it_is() -> None:
    assert load_settings(EXAMPLE) == load_settings(None)
