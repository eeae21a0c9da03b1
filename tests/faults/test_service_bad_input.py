"""Bad input to the service: each is told with a code, what is wrong where, and how to mend it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.distributions import Site
from builders.people_deployment import PeopleDeployment, person
from builders.service_house import ServiceHouse, service_house
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


def refused(house: ServiceHouse, *options: str) -> tuple[int, str]:
    code, _, err = house.people.run("serve", "--listen", "127.0.0.1:0", *options)
    return code, err


def test_everything_that_keeps_it_from_starting_is_in_one_report(house: ServiceHouse) -> None:
    house.toml(
        schedule='interval = "often"\n[schedule.people]\ncron = "0 0 30 2 *"\n[schedule.peple]\ninterval = "1h"',
        service='grace = "never"\nauth = "token"',
    )
    code, err = refused(house)
    assert code == 3
    for part in (
        "error[BW8104]: [service] grace: a duration is written 90s, 30m, 1h, 2d or 1h30m",
        "error[BW8101]: [schedule] interval: a duration is written 90s, 30m, 1h, 2d or 1h30m",
        "error[BW8103]: [schedule.people] never fires",
        "where busway.toml:9",
        "error[BW8102]: [schedule.peple] is of no selected job",
        "fix   did you mean people?",
    ):
        assert part in err, err


def test_the_check_of_the_configuration_tells_the_same(house: ServiceHouse) -> None:
    house.toml(schedule='cron = "0 0 30 2 *"', service='listen = "0.0.0.0:80"')
    code, told = house.people.json("config", "check")
    assert code == 3
    assert [one["code"] for one in told["data"]["problems"]] == ["BW8103", "BW8105"]


def test_a_port_in_use_is_told_with_how_to_see_who_has_it(house: ServiceHouse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, err = house.people.run("serve", "--listen", f"127.0.0.1:{port}")
    assert code == 3
    assert f"error[BW8107]: the service cannot listen on 127.0.0.1:{port}" in err
    assert "another process listens there" in err
    assert "ss -ltnp" in err


def test_an_address_of_no_machine_here_is_told(house: ServiceHouse) -> None:
    code, _, err = house.people.run("serve", "--listen", "192.0.2.1:80", "--auth", "token")
    assert code == 3
    assert "error[BW8106]" in err


@pytest.mark.parametrize("listen", ["8765", "localhost", "127.0.0.1:99999", ":80"])
def test_an_address_that_is_none_is_told(house: ServiceHouse, listen: str) -> None:
    code, _, err = house.people.run("serve", "--listen", listen)
    assert (code, "error[BW8104]: [service] listen" in err) == (3, True)


def test_two_jobs_with_one_name_keep_it_from_starting(house: ServiceHouse) -> None:
    jobs = house.people.folder.parent / "site"
    module = next(path for path in jobs.rglob("*.py") if '"teams", "team"' in path.read_text("utf-8"))
    module.write_text(module.read_text("utf-8").replace('"teams", "team"', '"people", "team"'), "utf-8")
    with house.people.start("serve", "--listen", "127.0.0.1:0") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "error[BW4012]" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_folder_that_cannot_be_written_is_told_for_any_user(house: ServiceHouse) -> None:
    state = house.people.folder / ".busway"
    state.mkdir()
    state.chmod(0o500)
    code, err = refused(house)
    state.chmod(0o700)
    assert (code, "error[BW3103]" in err) == (3, True)


def test_a_state_folder_that_cannot_be_made_is_told(house: ServiceHouse) -> None:
    (house.people.folder / ".busway").write_text("a file", "utf-8")
    code, err = refused(house)
    assert (code, "error[BW3103]" in err) == (3, True)


def test_a_required_plugin_that_is_broken_keeps_it_from_starting_and_an_optional_one_degrades_it(
    house: ServiceHouse, tmp_path: Path
) -> None:
    house.toml(sinks='["ledger", "nosuch"]')
    live = house.live()
    told = live.get("/readyz").json()
    assert (told["ok"], told["data"]["status"]) == (True, "degraded")
    assert [one["status"] for one in told["data"]["checks"] if one["check"] == "sinks.nosuch"] == ["warning"]
    live.close()
    house.toml(sinks='["ledger", "nosuch"]', more='[plugins.policy]\n"sinks.nosuch" = "required"')
    code, err = refused(house)
    assert code == 3
    assert "sinks.nosuch" in err


def test_what_the_store_refuses_makes_it_unready_and_not_dead(house: ServiceHouse) -> None:
    from busway_service.checks import make_checks

    live = house.live()
    (house.people.folder / ".busway" / "journal").rename(house.people.folder / "moved")
    checks = {one.check: one for one in make_checks(live.app, live.service.policy, live.service.runner)}
    assert checks["journal"].status == "failed"
    (house.people.folder / "moved").rename(house.people.folder / ".busway" / "journal")
    assert live.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/runs", {"jobs": ["peple"]}, (404, "BW4003", "people")),
        ("/runs", {"jobs": "people"}, (400, "BW8116", "jobs")),
        ("/runs", {"jobs": ["people"], "when": "now"}, (400, "BW8116", "when")),
        ("/runs", [], (400, "BW8116", "body")),
        ("/runs", {"jobs": [1]}, (400, "BW8116", "jobs.0")),
        ("/runs", {"when_busy": "wait"}, (400, "BW8116", "when_busy")),
        ("/pause", {}, (400, "BW8116", "reason")),
        ("/pause", {"reason": "   "}, (400, "BW8116", "reason")),
        ("/pause", {"reason": "x", "until": "soon"}, (400, "BW7014", "soon")),
        ("/records/retry", {"records": [], "reason": "x"}, (400, "BW8116", "records")),
        ("/records/dismiss", {"records": ["abcdef"], "reason": "x"}, (404, "BW7013", "abcdef")),
        ("/plans/abcdef/reject", {"reason": "x"}, (404, "BW7010", "abcdef")),
        ("/cache/invalidate", {"target": "a.b.c.d"}, (400, "BW2001", "a.b.c.d")),
    ],
)
def test_a_request_that_cannot_be_carried_out_has_the_code_of_the_command(
    house: ServiceHouse, path: str, body: object, told: tuple[int, str, str]
) -> None:
    response = house.live().post(f"/api/v1{path}", body)
    found = response.json()["error"]
    assert (response.status_code, found["code"]) == told[:2]
    assert told[2] in " ".join(found.values())
    assert found["fix"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/runs/0199aaaa", (404, "BW8121")),
        ("/runs/0", (404, "BW8121")),
        ("/sessions/0199aaaa", (404, "BW3002")),
        ("/plans/0199aaaa", (404, "BW7010")),
        ("/records/0199aaaa", (404, "BW7013")),
        ("/runs?limit=0", (400, "BW8116")),
        ("/runs?limit=ten", (400, "BW8116")),
        ("/runs?limit=1&limit=2", (400, "BW8116")),
        ("/runs?job=%00", (200, "")),
        ("/jobs?all=1", (400, "BW8116")),
        ("/sessions?hours=-1", (400, "BW8116")),
        ("/nothing", (404, "BW8117")),
        ("/pause", (405, "BW8117")),
    ],
)
def test_an_address_that_is_wrong_is_told_as_such(house: ServiceHouse, path: str, told: tuple[int, str]) -> None:
    response = house.live().get(f"/api/v1{path}")
    assert (response.status_code, response.json().get("error", {}).get("code", "")) == told


def test_metrics_without_their_sink_say_what_to_install(house: ServiceHouse) -> None:
    house.toml(sinks='["ledger"]')
    response = house.live().get("/metrics")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "BW8124")
    assert "busway-sink-prometheus" in response.json()["error"]["fix"]


def test_a_trigger_for_a_paused_job_has_the_code_of_the_command(house: ServiceHouse) -> None:
    house.people.source(person(1))
    house.people.run("pause", "people", "--reason", "audit week")
    refusal = house.live().post("/api/v1/runs", {"jobs": ["people"]})
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (409, "BW7004")
    assert refusal.json()["error"]["why"] == "audit week"


def test_a_required_sink_that_is_far_behind_makes_it_unready_and_an_optional_one_degrades_it(
    house: ServiceHouse,
) -> None:
    from busway_service.checks import make_checks

    house.toml(service="most_pending = 5", more='[plugins.policy]\n"sinks.ledger" = "required"')
    live = house.live()
    for sink in ("ledger", "prometheus"):
        live.app.metrics.gauge("busway_sink_pending_events", sink=sink).set(6)
    checks = {one.check: one for one in make_checks(live.app, live.service.policy, live.service.runner)}
    assert (checks["sinks.ledger"].status, checks["sinks.prometheus"].status) == ("failed", "warning")
    assert checks["sinks.ledger"].detail == "6 events wait for it"
