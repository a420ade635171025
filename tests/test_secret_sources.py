"""Secrets from files that only we can read, and from the OS keyring; never shown when something is wrong."""

from pathlib import Path

import keyring
import pytest

from remora.secret_settings import keys_in_url
from remora.secret_sources import NAMES
from remora.settings import SettingsError, load_settings, variable_names
from tests.fixtures.keyrings import MemoryKeyring

KEY = "0x" + "4c" * 32


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)


def _secret(folder: Path, text: str = KEY + "\n", mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_of_ours_is_read_and_a_value_wins_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_KEY_FILE", str(_secret(tmp_path)))
    found = load_settings(None).private_key
    monkeypatch.setenv("PRIVATE_KEY", "0x" + "5d" * 32)
    direct = load_settings(None).private_key

    assert found is not None
    assert direct is not None
    assert (found.get_secret_value(), direct.get_secret_value()) == (KEY, "0x" + "5d" * 32)
    assert KEY in load_settings(None).model_copy(update={"private_key": found}).secrets()


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        (KEY, 0o644, "chmod 600"),
        (KEY, 0o640, "mode 640"),
        ("", 0o600, "one line"),
        (f"{KEY}\n{KEY}\n", 0o600, "one line"),
        ("not-a-key", 0o600, "PRIVATE_KEY: expected 64 hexadecimal digits"),
    ],
)
def test_a_file_that_others_can_read_or_that_is_no_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mode: int, expected: str
) -> None:
    monkeypatch.setenv("PRIVATE_KEY_FILE", str(_secret(tmp_path, text, mode)))

    with pytest.raises(SettingsError, match=expected) as refused:
        load_settings(None)

    assert KEY[2:] not in str(refused.value)
    assert "not-a-key" not in str(refused.value)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_KEY_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path))

    with pytest.raises(SettingsError) as refused:
        load_settings(None)

    assert "FileNotFoundError" in str(refused.value)
    assert "DATABASE_URL_FILE: expected a regular file" in str(refused.value)


def test_the_keyring_gives_what_nothing_else_does(ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_KEYRING", "remora")
    assert load_settings(None).private_key is None
    kept = {
        "PRIVATE_KEY": KEY,
        "POLYMARKET_API_KEY": "id",
        "POLYMARKET_SECRET": "secret",
        "POLYMARKET_PASSPHRASE": "phrase",
        "DATABASE_URL": "postgresql://me:word@host/db",
        "RELAYER_API_KEY": "relay",
        "REMORA_RPC_URL": "https://node.example/v2/key-of-a-provider",
        "REMORA_RPC_WS_URLS": "wss://one.example/?apikey=in-the-query,wss://two.example/ws",
        "POLYMARKET_BUILDER_API_KEY": "builder id",
        "POLYMARKET_BUILDER_SECRET": "builder secret",
        "POLYMARKET_BUILDER_PASSPHRASE": "builder phrase",
    }
    assert set(kept) == set(NAMES)
    for name, value in kept.items():
        keyring.set_password("remora", name, value)

    settings = load_settings(None)

    assert settings.private_key is not None
    assert settings.secrets() == [
        *(KEY, "secret", "phrase", "relay", "builder secret", "builder phrase"),
        *("key-of-a-provider", "in-the-query", "apikey=in-the-query", "word"),
    ]


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("https://polygon.drpc.org", []),
        ("wss://node.example/v2/0123456789abcdef", ["0123456789abcdef"]),
        ("https://user:a-password@node.example/", ["a-password"]),
        ("https://node.example/rpc?key=0123456789&x=1", ["0123456789", "key=0123456789&x=1"]),
    ],
)
def test_a_providers_key_is_found_in_an_address_and_its_host_is_none(url: str, keys: list[str]) -> None:
    assert keys_in_url(url) == keys


@pytest.mark.parametrize("name", NAMES)
def test_every_secret_may_come_from_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"PRIVATE_KEY": KEY, "DATABASE_URL": "postgresql://me:word@host/db"}
    values |= {"REMORA_RPC_URL": "https://node.example", "REMORA_RPC_WS_URLS": "wss://node.example"}
    values |= {other: "value" for other in NAMES if other.startswith("POLYMARKET_")}  # all three or none
    for other in values.keys() - {name}:
        monkeypatch.setenv(other, values[other])
    path = _secret(tmp_path, values.get(name, "from-a-file") + "\n")
    monkeypatch.setenv(f"{name}_FILE", str(path))

    settings = load_settings(None)

    (field,) = [field for field, variable in variable_names().items() if variable == name]
    found = getattr(settings, field)
    text = found if isinstance(found, str) else found.get_secret_value()
    assert text == values.get(name, "from-a-file")


def test_a_locked_keyring_is_one_clear_line(ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.locked = True
    monkeypatch.setenv("REMORA_KEYRING", "remora")

    with pytest.raises(SettingsError) as refused:
        load_settings(None)

    assert str(refused.value).splitlines() == [
        "REMORA_KEYRING: expected a keyring that answers, found KeyringLocked; unlock it, or unset REMORA_KEYRING"
    ]


def test_a_password_is_hidden_as_it_is_written_and_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:pass%40word%2F77@host/name")

    assert {"pass%40word%2F77", "pass@word/77"} <= set(load_settings(None).secrets())
