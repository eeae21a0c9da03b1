"""The service while something it stands on is away: it goes on, says so, and makes up for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.distributions import Site
from builders.people_deployment import PeopleDeployment, person
from builders.redis_server import RedisServer
from builders.service_house import ServiceHouse, events_of, service_house, until
from busway.plugins.index import load_index


@pytest.fixture
def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[ServiceHouse]:
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    monkeypatch.setenv("BUSWAY_ACTOR", "ann")
    with Site(tmp_path / "site") as site:
        people = PeopleDeployment(tmp_path / "home", site, capsys)
        with service_house(people, monkeypatch) as made:
            yield made


def test_on_a_monday_morning_with_redis_down_it_starts_says_so_and_runs_once_redis_is_back(
    house: ServiceHouse, tmp_path: Path
) -> None:
    house.people.source(person(1))
    server = RedisServer(tmp_path)
    house.people.folder.joinpath("busway.toml").write_text(
        'app = "people"\n[plugins]\ncaches = ["memory", "redis"]\nsinks = ["ledger"]\njobs = ["people"]\n'
        f'[settings]\nREDIS_HOST = "127.0.0.1"\nREDIS_PORT = {server.port}\n[schedule.people]\ninterval = "1h"\n',
        "utf-8",
    )
    live = house.live()
    trouble = until(lambda: live.service.runner.trouble, "the outage")
    assert "[BW" in trouble
    live.service._check()
    told = live.get("/readyz")
    assert (told.status_code, told.json()["data"]["status"]) == (200, "degraded")
    (check,) = [one for one in told.json()["data"]["checks"] if one["check"] == "runs"]
    assert (check["status"], check["fix"]) == ("warning", "busway doctor --online")
    refused = live.post("/api/v1/runs", {"jobs": ["people"]})
    assert refused.status_code == 503, "nobody can say who runs, so nothing is promised"
    status = live.get("/api/v1/status").json()
    assert status["data"]["lease"] is None
    assert any(one.startswith("nobody can say who runs") for one in status["warnings"])
    assert house.people.target() == []
    with server:
        (run,) = until(lambda: live.runs("ended"), "the run that waited")
        assert (run["origin"], run["outcome"]) == ("schedule", "ok")
        live.close()
    assert len(house.people.target()) == 1


def test_errors_are_summed_up_for_people_while_nothing_runs(house: ServiceHouse) -> None:
    house.people.source(person(1), person(2))
    house.people.faults(broken=["1", "2"])
    house.toml(more='[events]\ndigest = "1s"')
    live = house.live()
    live.ended(live.post("/api/v1/runs", {"jobs": ["people"]}).json()["data"]["run_id"])

    def summed_up() -> bool:
        return any(one["attributes"]["kind"] == "hourly" for one in events_of(house.people.folder, "digest"))

    until(summed_up, "the digest", every=0.5)


def test_a_configuration_that_breaks_while_it_runs_fails_runs_and_not_the_service(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    with (house.people.folder / "busway.toml").open("a", encoding="utf-8") as file:
        file.write("\n[sync.peple]\nmax_creates = 1\n")
    ended = live.ended(live.post("/api/v1/runs", {"jobs": ["people"]}).json()["data"]["run_id"])
    assert (ended["outcome"], ended["exit_code"]) == ("failed", 3)
    assert ended["report"]["problem"]["code"] == "BW4010"
    assert live.get("/readyz").status_code == 200


def test_a_run_that_says_nothing_whole_is_a_crash(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    module = next(
        path for path in (house.people.folder.parent / "site").rglob("*.py") if "Teams" in path.read_text("utf-8")
    )
    source = module.read_text("utf-8").replace(
        "        return Complete(held(self.file))", "        import os; os._exit(0)"
    )
    module.write_text(source, "utf-8")
    ended = live.ended(live.post("/api/v1/runs", {"jobs": ["people"]}).json()["data"]["run_id"])
    assert (ended["outcome"], ended["attempts"], ended["exit_code"]) == ("abandoned", 3, 0)
    assert json.dumps(ended["report"]) == "{}"


def test_a_handler_that_breaks_is_an_answer_and_a_line_in_the_log(
    house: ServiceHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    live = house.live()
    live.get("/api/v1/jobs")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-4711")

    monkeypatch.setattr(live.app.state.run_requests, "recent", broken)
    response = live.get("/api/v1/runs")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "BW9001")
    assert "canary" not in response.text
    assert "runs failed" in caplog.text
    assert live.get("/livez").status_code == 200
