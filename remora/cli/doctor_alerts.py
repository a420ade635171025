"""``remora doctor alerts``."""

import asyncio
from typing import Annotated

import typer


def alerts(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Send a test message to every target of REMORA_ALERT_URLS, and one heartbeat.

    Exit code 0: all of them took it. 1: some did not. 2: there is no target, or an address is none.
    """
    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.reading import show_json
    from remora.settings import load_settings
    from remora.telemetry.alerts import addresses

    settings = load_settings()
    targets = addresses(settings.alert_urls)
    if not targets and settings.heartbeat_url is None:
        raise CommandFailed(
            "No alert target is set.",
            "Set REMORA_ALERT_URLS, such as tgram://token/chat, discord://id/token or mailto://user:password@host.",
            code=Exit.USAGE,
        )
    found = asyncio.run(_try(targets, settings.heartbeat_url))
    if as_json:
        show_json([{"target": target, "taken": taken} for target, taken in found])
    else:
        for target, taken in found:
            typer.echo(f"{'taken ' if taken else 'FAILED'}  {target}")
    if not all(taken for _, taken in found):
        raise CommandFailed("Some targets did not take the test message.", "Check their address and the network.")


async def _try(urls: list[str], heartbeat: object) -> list[tuple[str, bool]]:
    from pydantic import SecretStr

    from remora.settings import SettingsError
    from remora.telemetry.alerts import Heartbeat, Notifier, TargetInvalid

    try:
        notifier = Notifier(urls)
    except TargetInvalid as error:
        raise SettingsError(str(error)) from None
    deliveries = await notifier.send("Remora: a test", "If you can read this, alerts reach you.")
    found = [(delivery.target, delivery.taken) for delivery in deliveries]
    if isinstance(heartbeat, SecretStr):
        found.append(("heartbeat", await Heartbeat(heartbeat.get_secret_value()).beat()))
    return found
