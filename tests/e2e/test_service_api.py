"""Every endpoint of the service: what it answers, that its data is what the command tells, and never a constant."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from builders.people_deployment import PeopleDeployment, person
from builders.service_house import LiveService, ServiceHouse, events_of, until
from busway.views.shapes import SHAPES
from busway_service.web.endpoints import ENDPOINTS
from busway_service.web.shapes import API_SHAPES


def answer(live: LiveService, path: str, **options: Any) -> Any:
    """The data of a GET, held to its shape."""
    response = live.get(f"/api/v1{path}", **options)
    assert response.status_code == 200, response.text
    return held_to_shape(response.json())


def done(live: LiveService, path: str, body: Any, status: int = 200) -> Any:
    """The data of a POST, held to its shape."""
    response = live.post(f"/api/v1{path}", body)
    assert response.status_code == status, response.text
    return held_to_shape(response.json())


def held_to_shape(told: dict[str, Any]) -> Any:
    assert set(told) == {"schema", "ok", "data", "warnings"}
    TypeAdapter(API_SHAPES[told["schema"]]).validate_json(json.dumps(told["data"]), strict=True)
    return told["data"]


def by_command(people: PeopleDeployment, *arguments: str) -> Any:
    """The data of the command, held to the same shape."""
    envelope = people.json(*arguments)[1]
    TypeAdapter(SHAPES[envelope["schema"]]).validate_json(json.dumps(envelope["data"]), strict=True)
    return envelope["data"]


def error(live: LiveService, path: str, body: Any) -> tuple[int, str]:
    response = live.post(f"/api/v1{path}", body)
    return response.status_code, response.json()["error"]["code"]


def test_jobs_and_status_tell_what_the_command_tells_and_follow_what_happens(house: ServiceHouse) -> None:
    house.toml(schedule='interval = "1h"\nmanual = true\n[schedule.teams]\ncron = "0 6 * * *"\nmanual = false')
    house.people.source(person(1))
    live = house.live()
    until(lambda: answer(live, "/jobs")[1]["next_ns"], "the first look at the schedule")
    rows = answer(live, "/jobs")
    assert rows == by_command(house.people, "jobs")
    assert [(row["name"], row["schedule"]) for row in rows] == [
        ("people", "by hand"),
        ("teams", "cron 0 6 * * * (UTC)"),
    ]
    before = answer(live, "/status")
    assert (before["status"], before["actor"], before["role"], before["running"]) == ("ready", "ann", "admin", None)
    assert (before["next_ns"], before["paused"], before["waiting"]) == (rows[1]["next_ns"], [], 0)
    gate = house.people.gate("write")
    run = done(live, "/runs", {"jobs": ["people"], "reason": "to see"}, 202)
    until(lambda: gate.with_suffix(".reached").exists(), "the write")
    during = answer(live, "/status")
    assert during["running"]["run_id"] == run["run_id"]
    assert during["lease"]["holder"].startswith("process ")
    assert during["running"]["started_ns"] > run["requested_ns"] >= before["now_ns"]
    gate.unlink()
    assert live.ended(run["run_id"])["outcome"] == "ok"
    assert answer(live, "/jobs")[0]["last_good_run"]["source_count"] == 1
    assert answer(live, "/jobs") == by_command(house.people, "jobs")


def test_a_run_that_is_asked_for_is_carried_out_and_found_again(house: ServiceHouse) -> None:
    house.people.source(person(1), person(2))
    live = house.live()
    response = live.post("/api/v1/runs", {"jobs": ["people"], "reason": "new desk"})
    run = held_to_shape(response.json())
    assert response.headers["location"] == f"/api/v1/runs/{run['run_id']}"
    assert (run["state"], run["actor"], run["reason"], run["origin"]) == ("waiting", "ann", "new desk", "trigger")
    ended = live.ended(run["run_id"])
    (job,) = ended["report"]["jobs"]
    assert (ended["outcome"], ended["exit_code"], ended["attempts"]) == ("ok", 0, 1)
    assert (job["job"], job["counts"]["created"]) == ("people", 2)
    assert [one["number"] for one in house.people.target()] == ["1", "2"]
    assert answer(live, f"/runs/{run['run_id'][:13]}") == ended
    again = done(live, "/runs", {}, 202)
    assert again["jobs"] == ["people", "teams"], "none named is all"
    live.ended(again["run_id"])
    assert [one["run_id"] for one in answer(live, "/runs", params={"job": "teams"})] == [again["run_id"]]
    assert len(answer(live, "/runs", params={"limit": "1"})) == 1


def test_while_a_run_is_going_on_another_is_refused_with_who_and_since_when_or_waits(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    gate = house.people.gate("write")
    first = done(live, "/runs", {"jobs": ["people"]}, 202)
    until(lambda: gate.with_suffix(".reached").exists(), "the write")
    refused = live.post("/api/v1/runs", {"jobs": ["teams"]})
    told = refused.json()
    assert (refused.status_code, told["error"]["code"]) == (409, "BW7002")
    started = answer(live, f"/runs/{first['run_id']}")["started_ns"]
    assert told["busy"] == {"who": "ann", "since_ns": started, "run_id": first["run_id"]}
    second = done(live, "/runs", {"jobs": ["teams"], "when_busy": "queue"}, 202)
    same = live.post("/api/v1/runs", {"jobs": ["teams"], "when_busy": "queue"})
    assert (same.status_code, same.json()["error"]["code"]) == (409, "BW8120")
    assert same.json()["busy"]["run_id"] == second["run_id"]
    assert answer(live, "/status")["waiting"] == 1
    gate.unlink()
    ends = [live.ended(one["run_id"]) for one in (first, second)]
    assert ends[0]["ended_ns"] <= ends[1]["started_ns"], "never two at a time"


def test_a_run_somebody_began_by_hand_is_in_the_way_too(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    gate = house.people.gate("write")
    with house.people.start("run", "people") as by_hand:
        until(lambda: gate.with_suffix(".reached").exists(), "the write")
        refused = live.post("/api/v1/runs", {"jobs": ["people"]}).json()
        assert refused["error"]["code"] == "BW7002"
        assert refused["busy"]["who"].startswith(f"process {by_hand.pid} on ")
        waiting = done(live, "/runs", {"jobs": ["people"], "when_busy": "queue"}, 202)
        assert answer(live, f"/runs/{waiting['run_id']}")["state"] == "waiting"
        gate.unlink()
        by_hand.communicate()
    assert live.ended(waiting["run_id"])["outcome"] == "ok"


def test_sessions_are_those_of_the_command(house: ServiceHouse) -> None:
    house.people.source(person(1), person(2))
    house.people.faults(broken=["2"])
    live = house.live()
    assert answer(live, "/sessions") == []
    run = live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])
    assert run["outcome"] == "records failed"
    (session,) = answer(live, "/sessions", params={"job": "people"})
    assert session["correlation_id"] == run["run_id"]
    assert [session] == by_command(house.people, "sessions", "list")
    detail = answer(live, f"/sessions/{session['session_id']}")
    assert detail == by_command(house.people, "sessions", "show", session["session_id"])
    assert (len(detail["changes"]), len(detail["errors"])) == (1, 1)
    assert answer(live, "/sessions", params={"job": "teams"}) == []
    assert live.get("/api/v1/sessions/0000").json()["error"]["code"] == "BW3002"


def test_a_held_plan_is_seen_and_allowed_or_rejected(house: ServiceHouse) -> None:
    house.toml(more="[sync.people]\nmax_creates = 1")
    house.people.source(person(1), person(2))
    live = house.live()
    assert answer(live, "/plans") == []
    run = live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])
    assert (run["outcome"], run["exit_code"]) == ("held", 7)
    (held,) = answer(live, "/plans", params={"job": "people"})
    assert [held] == by_command(house.people, "plans", "list")
    assert answer(live, f"/plans/{held['id'][:13]}") == held == by_command(house.people, "show", held["id"])
    rejected = done(live, f"/plans/{held['id']}/reject", {"reason": "too many"})
    assert (rejected["state"], rejected["actor"], rejected["note"]) == ("rejected", "ann", "too many")
    assert answer(live, "/plans") == []
    assert error(live, f"/plans/{held['id']}/allow", {"reason": "after all"}) == (409, "BW7011")
    assert error(live, "/plans/0000/allow", {"reason": "what"}) == (404, "BW7010")
    live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])
    (again,) = answer(live, "/plans")
    allowed = done(live, f"/plans/{again['id']}/allow", {"reason": "a new crew"})
    assert allowed["good_until_ns"] > allowed["decided_ns"] > 0
    passed = live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])
    assert passed["outcome"] == "ok", passed["report"]
    assert {one["state"] for one in answer(live, "/plans", params={"all": "true"})} == {"used", "rejected"}


def test_records_in_quarantine_are_tried_again_or_dismissed(house: ServiceHouse) -> None:
    house.people.source(person(1), person(2))
    house.people.faults(broken=["1", "2"])
    live = house.live()
    assert answer(live, "/records") == {"total": 0, "dismissed": 0, "records": []}
    live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])
    records = answer(live, "/records", params={"job": "people"})
    assert records == by_command(house.people, "records", "list")
    first, second = records["records"]
    assert answer(live, f"/records/{first['id']}") == first == by_command(house.people, "records", "show", first["id"])
    retried = done(live, "/records/retry", {"records": [first["id"]], "reason": "mended"})
    assert retried == {"state": "released", "count": 1, "records": [
        {"id": first["id"], "job": "people", "label": first["label"]}]}  # fmt: skip
    dismissed = done(live, "/records/dismiss", {"records": [second["label"]], "job": "people", "reason": "known"})
    assert (dismissed["state"], dismissed["count"]) == ("dismissed", 1)
    left = answer(live, "/records")
    assert (left["total"], left["dismissed"], left["records"][0]["state"]) == (1, 1, "released")
    assert answer(live, "/records", params={"state": "all", "limit": "1"})["total"] == 2
    assert error(live, "/records/retry", {"records": ["nobody"], "reason": "x"}) == (404, "BW7013")


def test_a_pause_keeps_runs_from_beginning_until_it_is_ended(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    assert answer(live, "/pauses") == []
    (paused,) = done(live, "/pause", {"jobs": ["people"], "reason": "audit week", "until": "2h"})
    assert (paused["actor"], paused["reason"]) == ("ann", "audit week")
    assert paused["until_ns"] > paused["since_ns"]
    assert answer(live, "/pauses") == [paused] == by_command(house.people, "pause", "--list")
    refused = live.post("/api/v1/runs", {"jobs": ["people"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "BW7004")
    assert answer(live, "/status")["paused"] == ["people"]
    done(live, "/pause", {"reason": "drill"})
    assert error(live, "/runs", {}) == (409, "BW7004")
    resumed = done(live, "/resume", {"jobs": ["people"]})
    assert (resumed["resumed"], [one["job"] for one in resumed["left"]]) == (["people"], [""])
    assert done(live, "/resume", {"reason": "over"})["left"] == []
    assert live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])["outcome"] == "ok"
    assert error(live, "/pause", {"jobs": ["peple"], "reason": "x"}) == (404, "BW4003")
    assert error(live, "/pause", {"reason": "x", "until": "yesterday"}) == (400, "BW7014")


def test_the_cache_is_described_and_made_invalid(house: ServiceHouse) -> None:
    house.toml(more='[data."vista.people"]\nttl = "1h"\n')
    live = house.live()
    live.app.data.get_or_populate("vista.people", key="7", loader=lambda: [1])
    stats = answer(live, "/cache")
    assert (stats["degraded"], [level["level"] for level in stats["levels"]]) == (False, ["memory"])
    assert [(row["name"], row["entries"]) for row in stats["names"]] == [("vista.people", 1)]
    assert done(live, "/cache/invalidate", {"target": "vista.people/7"}) == {"target": "vista.people/7", "removed": 1}
    assert answer(live, "/cache")["names"] == []
    assert error(live, "/cache/invalidate", {"target": "vista.peple"}) == (404, "BW1013")
    assert set(by_command(house.people, "cache", "stats")) == set(stats)


def test_the_configuration_is_that_of_the_command(house: ServiceHouse) -> None:
    live = house.live()
    assert answer(live, "/config") == by_command(house.people, "config", "status")


def test_the_books_are_those_of_the_command(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = answer(live, "/events/books")
        return found if found["ledger"]["emitted"] > 3 and not found["ledger"]["pending"] else None

    books = until(settled, "delivery")
    assert books["ledger"] == by_command(house.people, "events", "books")["ledger"]


def test_every_change_is_audited_with_who_did_it_and_how_it_ended(house: ServiceHouse) -> None:
    live = house.live()
    done(live, "/pause", {"jobs": ["people"], "reason": "audit week"})
    error(live, "/runs", {"jobs": ["people"]})
    error(live, "/runs", {"job": "people"})
    live.close()
    told = [one["attributes"] for one in events_of(house.people.folder, "audit")]
    calls = [(one["operation"], one["actor"], one["outcome"]) for one in told if one["operation"].startswith("api ")]
    assert calls == [("api pause", "ann", "done"), ("api trigger", "ann", "BW7004"), ("api trigger", "ann", "BW8116")]
    assert ("paused", "ann") in [(one["operation"], one["actor"]) for one in told]
    assert {one["peer"] for one in told if one["operation"].startswith("api ")} == {"127.0.0.1"}


def test_probes_and_metrics_tell_where_the_service_stands(house: ServiceHouse) -> None:
    house.people.source(person(1))
    live = house.live()
    for path, word in (("/livez", "alive"), ("/readyz", "ready"), ("/startupz", "started")):
        response = live.get(path)
        data = held_to_shape(response.json())
        assert (response.status_code, data["status"]) == (200, word)
        assert {one["check"] for one in data["checks"]} == {"state", "journal", "disk", "backlog", "runs"}
    live.ended(done(live, "/runs", {"jobs": ["people"]}, 202)["run_id"])
    text = live.get("/metrics").text
    assert re.search(r'^busway_service_runs_total{origin="trigger",outcome="ok"} 1\.0$', text, re.M)
    assert 'busway_service_triggers_total{answer="accepted"} 1.0' in text


def test_every_endpoint_is_called_by_a_test_of_this_file() -> None:
    text = Path(__file__).read_text("utf-8")
    for endpoint in ENDPOINTS:
        pattern = re.escape(endpoint.path).replace(r"\{", "{").replace(r"\}", "}")
        pattern = re.sub(r"{\w+}", r"(?:{[^}]*}|\\w+)", pattern)
        call = r"(?:done|error)\(live, f?\"" if endpoint.method == "POST" else r"(?:answer)\(live, f?\""
        assert re.search(call + pattern + r"\"", text), endpoint
