"""Who trades, and every value that must never be shown: keys, credentials, addresses that carry a key."""

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from remora.setting_types import LINE_FILE, Address, DatabaseUrl, HttpUrl, Key, Secret, Text, WsUrls, env

KEY_IN_URL_MIN = 8
"""Characters from which a part of an address may be a provider's key; shorter ones are words such as ``v2``."""


class SecretSettings(BaseSettings):
    """The part of the settings that is about an account; each secret may also come from a file or the keyring."""

    database_url: DatabaseUrl | None = env("DATABASE_URL", "postgresql://user:password@host/name", secret=True)
    wallet_address: Address | None = env("WALLET_ADDRESS", "0x and 40 hexadecimal digits")
    private_key: Key | None = env("PRIVATE_KEY", "64 hexadecimal digits, with or without 0x", secret=True)
    session_key: bool = env("REMORA_SESSION_KEY", "true or false", default=False)
    api_key: Secret | None = env("POLYMARKET_API_KEY", "the key's id as the venue gave it", secret=True)
    api_secret: Secret | None = env("POLYMARKET_SECRET", "the secret as the venue gave it", secret=True)
    api_passphrase: Secret | None = env("POLYMARKET_PASSPHRASE", "what the venue gave with it", secret=True)

    relayer_key: Secret | None = env("RELAYER_API_KEY", "the relayer's key as the venue gave it", secret=True)
    builder_key: Secret | None = env("POLYMARKET_BUILDER_API_KEY", "the builder key's id", secret=True)
    builder_secret: Secret | None = env("POLYMARKET_BUILDER_SECRET", "the builder key's secret", secret=True)
    builder_passphrase: Secret | None = env("POLYMARKET_BUILDER_PASSPHRASE", "what came with it", secret=True)
    rpc_url: HttpUrl | None = env("REMORA_RPC_URL", "a node of Polygon, https://...", secret=True)
    rpc_ws_urls: WsUrls | None = env("REMORA_RPC_WS_URLS", "nodes that push logs, wss://..., ...", secret=True)

    keyring: Text | None = env("REMORA_KEYRING", "the name under which the OS keyring keeps the secrets")
    private_key_file: Path | None = env("PRIVATE_KEY_FILE", LINE_FILE)
    api_key_file: Path | None = env("POLYMARKET_API_KEY_FILE", LINE_FILE)
    api_secret_file: Path | None = env("POLYMARKET_SECRET_FILE", LINE_FILE)
    api_passphrase_file: Path | None = env("POLYMARKET_PASSPHRASE_FILE", LINE_FILE)
    database_url_file: Path | None = env("DATABASE_URL_FILE", LINE_FILE)
    relayer_key_file: Path | None = env("RELAYER_API_KEY_FILE", LINE_FILE)
    builder_key_file: Path | None = env("POLYMARKET_BUILDER_API_KEY_FILE", LINE_FILE)
    builder_secret_file: Path | None = env("POLYMARKET_BUILDER_SECRET_FILE", LINE_FILE)
    builder_passphrase_file: Path | None = env("POLYMARKET_BUILDER_PASSPHRASE_FILE", LINE_FILE)
    rpc_url_file: Path | None = env("REMORA_RPC_URL_FILE", LINE_FILE)
    rpc_ws_urls_file: Path | None = env("REMORA_RPC_WS_URLS_FILE", LINE_FILE)

    alert_urls: Secret | None = env("REMORA_ALERT_URLS", "addresses separated by spaces", secret=True)
    heartbeat_url: Secret | None = env("REMORA_HEARTBEAT_URL", "an http or https address", secret=True)

    def secrets(self) -> list[str]:
        """Return every value that must never be shown; the ids of API keys are none, as every order names one."""
        hidden = (
            *(self.private_key, self.api_secret, self.api_passphrase, self.relayer_key),
            *(self.builder_secret, self.builder_passphrase),
        )
        found = [value.get_secret_value() for value in hidden if value is not None]
        listeners = _words(self.alert_urls) + _words(self.heartbeat_url)
        places = [*listeners, self.rpc_url or "", *(self.rpc_ws_urls or "").split(",")]
        found += [*listeners, *(part for place in places for part in keys_in_url(place))]
        password = urlsplit(self.database_url).password if self.database_url else None
        return [*found, *dict.fromkeys((password, unquote(password)))] if password else found


def keys_in_url(url: str) -> list[str]:
    """Return the parts of an address that may be a provider's key: user, path and query, not the host."""
    try:
        parts = urlsplit(url)
    except ValueError:  # whoever uses the address will refuse it
        return []
    named = [part for _, part in parse_qsl(parts.query)]
    found = [*parts.path.split("/"), *named, *_user(parts), parts.query]
    return list(dict.fromkeys(part for part in found if len(part) >= KEY_IN_URL_MIN))


def _user(parts: SplitResult) -> list[str]:
    return [part for part in (parts.username, parts.password) if part]


def _words(value: SecretStr | None) -> list[str]:
    return [] if value is None else value.get_secret_value().split()
