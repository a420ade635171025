"""The health checks that containers run."""

from pathlib import Path

import pytest

from remora.embedded.probe import main


@pytest.mark.parametrize("arguments", [[], ["http"], ["swim", "x"]])
def test_a_wrong_call_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_not_healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    assert main(["http", "http://127.0.0.1:1/health"]) == 1
    assert main(["http", (tmp_path / "file").as_uri().replace("file", "http", 1)]) == 1
    assert main(["worker", "trading"]) == 1
