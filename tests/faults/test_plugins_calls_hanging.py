"""Calls that hang are listed at the end, each by the application that made it."""

from __future__ import annotations

import pytest

from builders.distributions import SINK, Site
from builders.plugin_world import (
    SHORT,
    WORLD,
    Open,
    World,
    dispatcher,
    emitted,
    hanging_app,
    until,
    worker,
)


def test_calls_that_hang_are_listed_at_the_end(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.plugins.host.TIMEOUT_SECONDS", SHORT)
    site.install("bad", WORLD + "world.hang('import')\n" + SINK)
    app = open_app(sinks=["ledger", "bad"])
    for kind in app.plugins._kinds.values():
        kind._imports._timeout_seconds = SHORT
    app.objects("sinks")
    hanging = [line for line in app.warnings() if "hangs" in line]
    assert len(hanging) == 1
    assert "sinks-bad" in hanging[0]
    world.release.set()
    until(lambda: not [line for line in app.warnings() if "still hangs" in line])


def test_what_hung_before_an_application_was_opened_is_not_its_own(open_app: Open, site: Site, world: World) -> None:
    first = hanging_app(open_app, site)
    emitted(first)
    until(lambda: worker(first, "pager").abandoned)
    second = open_app(sinks=["ledger"])
    assert second.warnings() == []


def test_the_times_are_those_of_the_design(open_app: Open, site: Site) -> None:
    site.install("vault", kind="secrets")
    app = open_app(secrets=["env", "vault"], sinks=["ledger"])
    vault = app.objects("secrets")[1].object
    assert (vault._seconds, dispatcher(app).monitor.seconds, app.watchdog.seconds) == (3, 30, 60)
