"""``busway doctor`` shows how far quotas are drawn from, by whomever, and makes nothing to look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.redis_server import RedisServer
from busway import App
from busway.cli.main import main
from busway.contracts.coordination import Quota

ACME = Quota("acme", 60, 60.0, {"writes": 0.7, "reads": 0.25})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busway.toml").write_text('app = "acme"\n[plugins]\nsinks = []\n', "utf-8")
    return tmp_path


@pytest.fixture
def redis(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    toml = 'app = "acme"\n[plugins]\ncaches = ["memory", "redis"]\nsinks = []\n'
    (folder / "busway.toml").write_text(toml, "utf-8")
    with RedisServer(tmp_path) as server:
        monkeypatch.setenv("REDIS_HOST", server.host)
        monkeypatch.setenv("REDIS_PORT", str(server.port))
        yield server


def draw(folder: Path) -> None:
    """What another process would do."""
    with App.from_config(folder) as app:
        limiter = app.limiter(ACME)
        for share, count in (("writes", 10), ("reads", 2), ("", 1)):
            limiter.wait(share, count)
        app.limiter(Quota("elsewhere", 1, 500.0)).wait()


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and the findings about quotas by their name."""
    code = main(["doctor", "--json", *options])
    rows = json.loads(capsys.readouterr().out)["data"]
    return code, {row["check"]: row for row in rows if row["check"].startswith("quota")}


def test_a_deployment_that_drew_nothing_shows_none_and_stays_empty(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(capsys) == (0, {})
    assert not (folder / ".busway").exists()


@pytest.mark.parametrize("options", [(), ("--plugins",)])
def test_quotas_of_a_host_are_shown(folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    draw(folder)
    code, found = doctor(capsys, *options)
    assert code == 0
    assert {name: row["detail"] for name, row in found.items()} == {
        "quota acme": "13 of 60 calls drawn in 61 s: reads 2, writes 10",
        "quota elsewhere": "1 of 1 call drawn in 501 s",
    }
    assert {row["status"] for row in found.values()} == {"ok"}


def test_a_hold_is_shown_with_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with App.from_config(folder) as app:
        app.limiter(ACME).wait("writes")
        app.limiter(ACME).back_off(1_800.0)
    code, found = doctor(capsys)
    row = found["quota acme"]
    assert (code, row["status"]) == (0, "warning")
    assert row["detail"] in {
        f"1 of 60 calls drawn in 61 s: writes 1; the remote asked for {seconds} s more" for seconds in (1799, 1800)
    }
    assert "the quota allows more calls than the account has" in row["fix"]


def test_quotas_on_redis_are_asked_for_online_only(
    folder: Path, redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(folder)
    assert doctor(capsys) == (0, {})
    code, found = doctor(capsys, "--online")
    assert (code, found["quota acme"]["detail"]) == (0, "13 of 60 calls drawn in 61 s: reads 2, writes 10")
    redis.kill()
    code, found = doctor(capsys, "--online")
    assert (code, found["quotas"]["status"]) == (3, "failed")
    assert "Redis, which keeps them, does not serve (BW2029)" in found["quotas"]["detail"]


def test_a_database_that_cannot_be_read_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(folder)
    (folder / ".busway" / "coordination.db").write_bytes(b"this is no database" * 100)
    code, found = doctor(capsys)
    assert (code, found["quotas"]["status"]) == (3, "failed")
    assert "coordination.db is damaged (BW3102)" in found["quotas"]["detail"]
    assert found["quotas"]["fix"].startswith("move it away")
