"""The flags of a migration in ``busway doctor`` and ``busway config explain``: how each stands, and when it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from busway.cli.main import main
from busway.configuration.flags import FLAG_NAMES, REMOVED_IN


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in FLAG_NAMES.values():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "busway.toml").write_text('app = "acme"\n', "utf-8")
    return tmp_path


def flags(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    main(["doctor", "--json"])
    rows = json.loads(capsys.readouterr().out)["data"]
    return {row["check"]: row for row in rows if row["check"].startswith("flag")}


def test_every_flag_is_shown_with_the_version_in_which_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    found = flags(capsys)
    assert list(found) == [f"flag {name}" for name in FLAG_NAMES.values()]
    for row in found.values():
        assert (row["status"], row["detail"]) == ("ok", f"on (default); gone in busway {REMOVED_IN}")


@pytest.mark.parametrize("text", ["off", "on,off@employees"])
def test_old_code_in_use_is_a_warning_with_its_place(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "busway.toml").write_text(f'app = "acme"\n[settings]\nENABLE_UNIFIED_DATA = "{text}"\n', "utf-8")
    row = flags(capsys)["flag ENABLE_UNIFIED_DATA"]
    assert row["status"] == "warning"
    assert row["detail"] == f"{text} (busway.toml:3); gone in busway {REMOVED_IN}"
    assert "set ENABLE_UNIFIED_DATA=on before 0.2" in row["fix"]


def test_a_boolean_of_the_file_is_understood(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "busway.toml").write_text('app = "acme"\n[settings]\nENABLE_UNIFIED_DATA = false\n', "utf-8")
    assert flags(capsys)["flag ENABLE_UNIFIED_DATA"]["detail"].startswith("off (busway.toml:3)")
    assert main(["config", "explain", "ENABLE_UNIFIED_DATA"]) == 0
    assert "ENABLE_UNIFIED_DATA   = off" in capsys.readouterr().out


def test_a_flag_that_is_none_fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_EVENTS", "perhaps")
    row = flags(capsys)["flag ENABLE_UNIFIED_EVENTS"]
    assert row["status"] == "failed"
    assert "environment variable ENABLE_UNIFIED_EVENTS" in row["detail"]
    assert main(["doctor"]) == 3


def test_config_explain_shows_the_winner_and_when_it_goes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLE_UNIFIED_CONFIG", "off")
    (folder / ".env").write_text("ENABLE_UNIFIED_CONFIG=on\n", "utf-8")
    assert main(["config", "explain", "ENABLE_UNIFIED_CONFIG"]) == 0
    shown = capsys.readouterr().out
    assert "ENABLE_UNIFIED_CONFIG   = off" in shown
    assert "wins      env" in shown
    assert "shadowed  dotenv     .env:1" in shown
    assert f"Gone in {REMOVED_IN}." in shown


def test_a_dotenv_that_cannot_be_read_is_told_and_ends_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_bytes("ENABLE_UNIFIED_DATA=off\n".encode("utf-16"))
    assert main(["doctor", "--json"]) == 3
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["data"]}
    assert rows["dotenv"]["status"] == rows["flag ENABLE_UNIFIED_DATA"]["status"] == "failed"
    assert rows["dotenv"]["fix"] == "save the file as UTF-8"
