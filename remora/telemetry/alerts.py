"""Where alerts go: any service that Apprise knows, by its address, and a dead-man's heartbeat."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import apprise
import httpx
import structlog
from pydantic import SecretStr

from remora.secret_settings import keys_in_url
from remora.telemetry.logs import Redactor

log = structlog.get_logger(__name__)

HEARTBEAT_TIMEOUT_S = 10.0


class TargetInvalid(ValueError):
    """An alert target's address is none that Apprise understands; the text does not show it."""


def addresses(setting: SecretStr | None) -> list[str]:
    """Return the addresses of REMORA_ALERT_URLS, which are separated by spaces."""
    return [] if setting is None else setting.get_secret_value().split()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message at one target; `target` is its address without secrets."""

    target: str
    taken: bool


class Notifier:
    """Sends messages to every target. A target that is down costs one warning until it is back."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._targets: list[tuple[apprise.NotifyBase, Redactor]] = []
        self._down: set[str] = set()
        # its own records may show addresses with secrets in them
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        for number, url in enumerate(urls, start=1):
            target = apprise.Apprise.instantiate(url, suppress_exceptions=True)
            if not isinstance(target, apprise.NotifyBase):
                raise TargetInvalid(
                    f"REMORA_ALERT_URLS: expected addresses such as tgram://token/chat or discord://id/token, "
                    f"found number {number} to be none (not shown); see the list at appriseit.com/services"
                )
            self._targets.append((target, Redactor(keys_in_url(url))))

    @property
    def targets(self) -> int:
        """How many targets there are."""
        return len(self._targets)

    async def send(self, title: str, body: str) -> list[Delivery]:
        """Send a message to every target, and say who took it; nothing is raised."""
        return [await self._send(target, redactor, title, body) for target, redactor in self._targets]

    async def _send(self, target: apprise.NotifyBase, redactor: Redactor, title: str, body: str) -> Delivery:
        shown = target.url(privacy=True)  # type: ignore[no-untyped-call]
        name = redactor.text(str(shown).split("?", 1)[0])  # a web hook's secret is in its path
        try:
            taken = bool(await target.async_notify(title=title, body=body))
        except Exception as error:  # noqa: BLE001 whatever a service does, trading goes on
            log.debug("alerts.failed", target=name, cause=type(error).__name__)
            taken = False
        if taken:
            self._down.discard(name)
        elif name not in self._down:
            self._down.add(name)
            log.warning("alerts.target_down", target=name)
        return Delivery(target=name, taken=taken)


class Heartbeat:
    """Tells a dead-man's switch that we live; it calls somebody when this stops."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._down = False

    async def beat(self) -> bool:
        """Ask for the address once; a failure is told once."""
        try:
            async with httpx.AsyncClient(timeout=HEARTBEAT_TIMEOUT_S) as client:
                answer = await client.get(self._url)
            arrived = answer.is_success
        except httpx.HTTPError:
            arrived = False
        if not arrived and not self._down:
            log.warning("heartbeat.unheard")
        self._down = not arrived
        return arrived
