"""Commands that need no deployment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from busway.cli.explain import EXIT_CODES, pages
from busway.cli.main import main
from busway.cli.text import bar, duration, plural, rate, short_id


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    main([*arguments, "--json"])
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_explain_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "bw1002"]) == 0
    assert capsys.readouterr().out.startswith("# BW1002: ")


def test_explain_lists_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert listed == pages()


def test_explain_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "explain", "exit-codes")["data"]
    assert isinstance(rows, list)
    assert [row["exit_code"] for row in rows] == [number for number, _ in EXIT_CODES]


def test_init_writes_a_file_that_the_core_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["init", str(tmp_path / "people")]) == 0
    assert "busway plan, busway run" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path / "people")
    from busway.configuration.boot import boot

    stage = boot()
    assert stage.deployment.app == "people"
    assert [pick.name for pick in stage.selection.jobs] == ["safetyamp"]


def test_a_deployment_without_jobs_is_an_error_and_not_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("run", "plan"):
        assert main([command]) == 3
        shown = capsys.readouterr().err
        assert "error[BW4015]: no jobs are selected" in shown
        assert 'jobs = ["safetyamp"]' in shown
    assert main(["jobs"]) == 0


def test_init_never_touches_a_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "busway.toml").write_text("app = 'mine'\n", "utf-8")
    assert main(["init", str(tmp_path)]) == 2
    assert "error[BW1005]" in capsys.readouterr().err
    assert (tmp_path / "busway.toml").read_text("utf-8") == "app = 'mine'\n"


def test_plugins_show_knows_its_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = answer(capsys, "plugins", "show", "sinks.email")["data"]
    assert isinstance(rows, list)
    assert rows[0]["distribution"] == "busway-sink-email"
    assert main(["plugins", "show", "nothing"]) == 2
    assert "error[BW1006]" in capsys.readouterr().err


def test_doctor_fails_on_a_selected_plugin_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busway.toml").write_text('[plugins]\ncaches = ["memory", "memcached"]\n', "utf-8")
    assert main(["doctor"]) == 3
    shown = capsys.readouterr().out
    assert "caches.memcached" in shown
    assert "failed" in shown


def test_doctor_warns_of_an_open_state_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busway.toml").write_text('app = "people"\n', "utf-8")
    (tmp_path / ".busway").mkdir(mode=0o755)
    (tmp_path / ".busway").chmod(0o755)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert f"chmod 700 {tmp_path / '.busway'}" in shown


@pytest.mark.parametrize(
    ("settings", "dotenv", "environment", "status"),
    [
        ("", b"A=1", "", "warning"),
        ('ENV = "dev"', b"A=1", "", "ok"),
        ("", b"ENV=dev", "", "ok"),
        ('ENV = "dev"', b"ENV=production", "", "warning"),
        ('ENV = "dev"', b"A=1", "production", "warning"),
        ("", b"ENV=production", "staging", "ok"),
        ("", b"\xff\xfe", "", "failed"),
    ],
)
def test_doctor_warns_of_a_dotenv_in_production_whichever_layer_says_so(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    settings: str,
    dotenv: bytes,
    environment: str,
    status: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENV", environment)
    (tmp_path / "busway.toml").write_text(f"[settings]\n{settings}\n", "utf-8")
    (tmp_path / ".env").write_bytes(dotenv)
    main(["doctor"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("dotenv")]
    assert line.split()[1] == status


@pytest.mark.parametrize(
    ("caches", "told"),
    [
        ('["memory"]', "local: leases and quotas hold for the processes of this host only"),
        ('["memory", "file"]', "local: leases and quotas hold for the processes of this host only"),
        ('["memory", "redis"]', "redis: leases and quotas hold for every host that uses it"),
        ('["memory", "acme"]', "not known before acme is loaded: busway doctor --plugins"),
        ('["acme", "redis"]', "not known before acme is loaded: busway doctor --plugins"),
        ('["redis", "acme"]', "redis: leases and quotas hold for every host that uses it"),
    ],
)
def test_doctor_says_who_coordinates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caches: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busway.toml").write_text(f"[plugins]\ncaches = {caches}\n", "utf-8")
    main(["doctor"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("coordination")]
    assert line.split(maxsplit=2)[1:] == ["ok", told]


def test_doctor_loads_the_levels_to_know_who_coordinates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busway.toml").write_text('[plugins]\ncaches = ["memory"]\nsinks = []\n', "utf-8")
    assert main(["doctor", "--plugins"]) == 0
    assert "local: leases and quotas hold for the processes of this host only" in capsys.readouterr().out


def test_doctor_tells_a_broken_file_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busway.toml").write_text("app = \n", "utf-8")
    assert main(["doctor"]) == 3
    assert "busway.toml:1" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "shown"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (10, "0:00:10"), (3725, "1:02:05")])
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_small_texts() -> None:
    assert bar(1, 4, width=8) == "██░░░░░░"
    assert bar(0, 0, width=4) == "████"
    assert rate(420, 2.0) == "210/s"
    assert rate(0, 2.0) == ""
    assert (rate(9, 10.0), rate(2, 60.0), rate(3, 0.0)) == ("0.9/s", "2/min", "")
    assert plural(1, "record") == "1 record"
    assert plural(1234, "record") == "1,234 records"
    assert short_id("0199f3c2-7d1a-7000-8000-000000000000") == "0199f3c2-7d1a"
