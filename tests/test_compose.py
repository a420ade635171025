"""docker-compose.yml and Dockerfile: pinned, checked, without a password."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from remora.embedded.temporal import SEARCH_ATTRIBUTES
from remora.secret_settings import SecretSettings
from remora.settings import Mode, Settings, load_settings, variable_names
from schemas.search_attributes import ALL

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_file_follows_the_compose_specification() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            "docker-compose.yml",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]

    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+[\w.-]*", image)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    runs_once = service["restart"] == "no"

    assert ("test" in service["healthcheck"]) is not runs_once
    if not runs_once:
        assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", SERVICES)
def test_dependencies_exist_and_can_reach_their_condition(name: str) -> None:
    for other, wish in SERVICES[name].get("depends_on", {}).items():
        once = SERVICES[other]["restart"] == "no"

        assert wish["condition"] == ("service_completed_successfully" if once else "service_healthy")


def test_secrets_come_from_outside_and_are_required() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"(?:PASSWORD|PWD|PRIVATE_KEY): (.*)", text)

    assert len(secrets) >= 4
    assert all(re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", secret) for secret in secrets)
    assert "${POSTGRES_PASSWORD:?" in COMPOSE["x-environment"]["DATABASE_URL"]


def test_the_namespace_and_the_embedded_server_know_every_search_attribute() -> None:
    command = " ".join(SERVICES["namespace"]["command"])

    assert set(re.findall(r"--name (\w+) --type Keyword", command)) == {key.name for key in ALL}
    assert set(SEARCH_ATTRIBUTES) == {key.name for key in ALL}


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_mounted_files_exist_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]

            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_what_our_services_keep_is_on_a_volume_in_a_directory_that_the_image_makes() -> None:
    made = re.findall(r"/var/lib/remora/\w+", (ROOT / "Dockerfile").read_text())
    command = SERVICES["twin"]["command"]
    kept = {SERVICES["research"]["environment"]["REMORA_RESEARCH_DIR"], command[command.index("--state-dir") + 1]}
    mounted = {volume.split(":")[1] for name in ("twin", "research") for volume in SERVICES[name]["volumes"]}

    assert kept == mounted == set(made)


def test_the_image_is_pinned_hash_checked_and_not_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)

    assert all(re.fullmatch(r"python:3\.12\.\d+-slim-\w+", base) for base in bases)
    assert "--require-hashes" in text
    assert re.search(r"^USER remora$", text, re.MULTILINE)
    for folder in re.findall(r"^COPY (\w+) \./", text, re.MULTILINE):
        assert (ROOT / folder / "__init__.py").exists()


def _ours_with_settings() -> dict[str, dict[str, Any]]:
    """Return our services that read settings; the twin and the migration take none of them."""
    return {name: SERVICES[name] for name in ("funding", "trading", "watcher", "research")}


def test_the_policy_of_the_env_file_reaches_every_service_that_reads_it() -> None:
    for service in _ours_with_settings().values():
        assert service["env_file"] == [{"path": ".env", "required": False}]


def test_account_servers_and_nodes_are_composes_own_whatever_the_env_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = variable_names()
    policy = {names[field] for field in Settings.model_fields if field not in SecretSettings.model_fields}
    places = {"REMORA_MODE", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "REMORA_TWIN_URL"}
    listening = {"REMORA_METRICS_HOST", "REMORA_METRICS_PORT"}
    alerts = {"REMORA_ALERT_URLS", "REMORA_HEARTBEAT_URL"}
    about_the_account = set(names.values()) - policy - alerts
    given = {"MAX_DAILY_LOSS": "123", "REMORA_ALERT_URLS": "json://example.org", "REMORA_MODE": "live"}
    given |= {"WALLET_ADDRESS": "0x" + "ab" * 20, "REMORA_RPC_URL": "https://node.example.org"}

    for service in _ours_with_settings().values():
        own = {name: str(value) for name, value in service["environment"].items()}
        assert about_the_account | places | listening <= set(own)
        for name in names.values():
            monkeypatch.delenv(name, raising=False)
        # as Compose does it: the file first, then the service's own
        filled = {name: re.sub(r"\$\{[A-Z_]+:\?[^}]+\}", "4c" * 32, value) for name, value in own.items()}
        for name, value in (given | filled).items():
            monkeypatch.setenv(name, value)
        settings = load_settings(tmp_path / "none")
        assert (settings.max_daily_loss_usd, settings.mode) == (Decimal(123), Mode.TWIN)
        assert settings.alert_urls is not None
        assert settings.wallet_address is settings.rpc_url is None


def test_the_second_file_of_the_production_page_takes_the_twins_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "production.md").read_text()
    second = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])["services"]

    assert set(second) == set(_ours_with_settings())
    for name, service in second.items():
        for variable in variable_names().values():
            monkeypatch.delenv(variable, raising=False)
        both = SERVICES[name]["environment"] | service["environment"]
        for variable, value in both.items():
            filled = re.sub(r"\$\{[A-Z_]+:\?[^}]+\}", "4c" * 32, str(value))
            monkeypatch.setenv(variable, re.sub(r"\$\{[A-Z_]+-([^}]*)\}", r"\1", filled))
        settings = load_settings(tmp_path / "none")
        assert (settings.mode, settings.twin_url, settings.wallet_address) == (Mode.PAPER, None, None)
