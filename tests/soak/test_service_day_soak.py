"""A day of operation beside the sandbox, with the clock sped up: every moment is run once, none twice, none lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment
from builders.service_house import LiveService, until
from busway import App
from busway.configuration.boot import boot

HOUR_NS = 3_600 * 1_000_000_000
SPEED = 400.0
"""A day in three and a half minutes: a run of half a second takes three minutes of it."""
HOURS = 24


class FastClock:
    """Time as it is, from now on so many times faster; waiting is as long as it is."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = time.monotonic()
        self._began_ns = time.time_ns() // HOUR_NS * HOUR_NS

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed

    def now_ns(self) -> int:
        return self._began_ns + round(self.monotonic() * 1e9)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self._speed)


@pytest.fixture
def deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[SandboxDeployment]:
    made = SandboxDeployment(tmp_path, capsys)
    yield made
    made.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_day_has_every_run_once_whatever_is_asked_for_and_restarted(deployment: SandboxDeployment) -> None:
    file = deployment.folder / "busway.toml"
    schedule = (
        '\n[schedule]\ncron = "0 * * * *"\nlate_after = "30d"\n[schedule.employees]\ncron = "30 */2 * * *"\n'
        "[service]\nreads_per_minute = 0\nchanges_per_minute = 0\n"
    )
    file.write_text(file.read_text("utf-8") + schedule, "utf-8")
    clock, draw = FastClock(SPEED), random.Random(24)
    start_ns = clock.now_ns()
    services: list[LiveService] = []

    def serve() -> LiveService:
        app = App(boot(deployment.folder, dict(os.environ)), clock=clock)
        services.append(LiveService(app, {"listen": "127.0.0.1:0"}, 0.05, {}))
        return services[-1]

    accepted: set[str] = set()
    try:
        live = serve()
        while clock.now_ns() < start_ns + HOURS * HOUR_NS:
            time.sleep(draw.uniform(0.2, 1.5))
            if draw.random() < 0.3:
                body = {"jobs": [draw.choice(["titles", "employees"])], "when_busy": draw.choice(["refuse", "queue"])}
                answer = live.post("/api/v1/runs", body)
                assert answer.status_code in (202, 409), answer.text
                accepted |= {answer.json()["data"]["run_id"]} if answer.status_code == 202 else set()
            if draw.random() < 0.03:
                live.close()
                live = serve()
        until(lambda: all(one["state"] == "ended" for one in live.runs()), "the end of all runs")
        runs, slots = live.runs(), live.app.state.schedule_slots.all()
    finally:
        for one in services:
            one.close()
    assert [one for one in runs if one["outcome"] not in ("ok", "held", "records failed")] == []
    assert {one["run_id"] for one in runs if one["origin"] == "trigger"} == accepted, "each that was accepted, once"
    spans = sorted((one["started_ns"], one["ended_ns"]) for one in runs)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans)), "one at a time"
    hourly = [one for one in runs if one["origin"] == "schedule" and "titles" in one["jobs"]]
    passed = -((start_ns - slots["titles"].slot_ns) // HOUR_NS)  # the day began a moment after the hour
    assert passed >= HOURS - 1
    made_up = sum(1 + one["missed"] for one in hourly)
    waited = [one for one in runs if one["origin"] == "trigger" and "titles" in one["jobs"]]
    assert passed - len(waited) <= made_up <= passed, "every hour has its run, or one that waited already"
