"""Validators and jobs that break, and runs that do not move."""

from __future__ import annotations

from typing import Any

import pytest

from builders.distributions import Site
from builders.plugin_world import (
    CANARY,
    RULES,
    SHORT,
    Open,
    World,
    events_of,
    people,
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"raise KeyError({CANARY!r})", "validator Rules raised KeyError (acme-busway-rules 3.0)"),
        ("return None", "validator Rules returned NoneType, not Validation (acme-busway-rules 3.0)"),
        (
            "return Validation(None)",
            "validator Rules returned a Validation whose record is of NoneType (acme-busway-rules 3.0)",
        ),
    ],
)
def test_a_validator_that_breaks_costs_the_record_and_is_named(
    open_app: Open, site: Site, body: str, reason: str
) -> None:
    bad = f'if record["number"] == "2":\n            {body}\n        return Validation(record)'
    site.install("rules", RULES.replace("{body}", bad), kind="validators", version="3.0")
    site.install("people", people(), kind="jobs", version="2.1")
    app = open_app(jobs=["people"], validators=["rules"])
    (report,) = app.sync.run().jobs
    assert (report.counts.created, report.counts.failed) == (1, 1)
    (failure,) = report.failures
    assert (failure.problem.code, failure.problem.what) == ("BW6002", reason)


@pytest.mark.parametrize("step", ["source", "target"])
def test_a_job_that_breaks_is_named_with_its_entry_point(open_app: Open, site: Site, step: str) -> None:
    bad = site.install("people", people(**{step: f"raise KeyError({CANARY!r})"}), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    (report,) = app.sync.run().jobs
    assert report.problem is not None
    text = report.problem.render()
    for part in (
        "BW4005", f"job people broke in {step}() with KeyError", "acme-busway-people 2.1",
        f"entry point busway.v1.jobs: people = {bad.module}", f"raised at {bad.module}.py:",
        "pip install -U acme-busway-people",
    ):  # fmt: skip
        assert part in text
    assert CANARY not in text
    assert app.sync.jobs()[0].distribution == "acme-busway-people 2.1"


@pytest.mark.parametrize(
    ("step", "what"), [("map", "mapping raised KeyError"), ("create", "the create raised KeyError")]
)
def test_a_job_that_breaks_on_a_record_is_named(open_app: Open, site: Site, step: str, what: str) -> None:
    bad = f'if record["number"] == "2": raise KeyError({CANARY!r})'
    installed = site.install("people", people(**{step: bad}), kind="jobs", version="2.1")
    (report,) = open_app(jobs=["people"]).sync.run().jobs
    assert report.counts.failed == 1
    (failure,) = report.failures
    assert failure.problem.what.startswith(what)
    assert f"acme-busway-people 2.1, entry point busway.v1.jobs: people = {installed.module}" in failure.problem.where
    assert CANARY not in failure.problem.render()


def test_a_job_that_cannot_be_closed_keeps_nothing_open(
    open_app: Open, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("people", people(close=f"raise KeyError({CANARY!r})"), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    assert len(app.jobs) == 1
    app.close()
    assert "jobs.people (acme-busway-people 2.1) did not close cleanly: KeyError" in caplog.text
    assert CANARY not in caplog.text


def test_a_run_that_is_stuck_is_told_with_plugin_and_stack(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    installed = site.install("people", people(source="world.hang('source')"), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    told = app.watchdog.on_stall
    assert told is not None

    def release(stall: Any) -> None:
        told(stall)
        world.release.set()

    engine = app.sync
    monkeypatch.setattr(app.watchdog, "seconds", SHORT)
    monkeypatch.setattr(app.watchdog, "on_stall", release)
    (report,) = engine.run().jobs
    assert report.counts.created == 2, "it was told, not stopped"
    (warning,) = app.warnings()
    assert warning.startswith("no progress for 0 s in jobs.people (acme-busway-people 2.1): ")
    assert f"{installed.module}.py:" in warning
    assert "People.source" in warning
    assert "stack, innermost first: " in caplog.text
    assert app.events.flush(30)
    (event,) = [row for row in events_of(app) if row.get("what") == "no progress"]
    assert (event["plugin"], event["distribution"], event["version"]) == ("jobs.people", "acme-busway-people", "2.1")
    assert any("People.source" in line for line in event["stack"])


def test_a_run_that_moves_is_not_told(open_app: Open, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of each record is a sign of progress, for a source that yields, a mapping and the writes."""
    ticks: list[int] = []
    source = "yield from ({'number': str(n), 'name': 'Ann'} for n in range(50)); return"
    site.install("people", people(source=source), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    engine = app.sync
    progress = app.watchdog.progress

    def counted() -> None:
        ticks.append(1)
        progress()

    monkeypatch.setattr(app.watchdog, "progress", counted)
    (report,) = engine.run().jobs
    assert report.counts.created == 50
    assert len(ticks) >= 50 + 50 + 50


def test_what_a_job_waits_for_on_purpose_is_no_stall(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = "def busway_jobs(context):"
    source = people(source="world.clock.sleep(0)").replace(hook, hook + "\n    world.clock = context.clock")
    site.install("people", source, kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    waits: list[float] = []
    monkeypatch.setattr(app.watchdog, "expect_wait", waits.append)
    app.sync.run()
    assert waits == [0]
