"""The clockwork in this process, with a clock that a test moves: daylight saving, jumps, pauses, restarts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from builders.distributions import Site
from builders.manual_clock import ManualClock
from builders.people_deployment import PeopleDeployment
from builders.service_house import events_of
from busway import App
from busway.configuration.boot import boot
from busway.plugins.index import load_index
from busway.stores.pauses import Pause
from busway.stores.run_requests import RunRequest
from busway.views.jobs import schedule_of
from busway_service.clockwork import Clockwork

DENVER = ZoneInfo("America/Denver")
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND


class WallClock(ManualClock):
    """A clock whose wall time can be set, while the monotonic one goes on."""

    def __init__(self, now_ns: int) -> None:
        super().__init__(now_ns)
        self.off_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.off_ns

    def set_back(self, seconds: float) -> None:
        self.off_ns -= round(seconds * SECOND)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=DENVER).timestamp()) * SECOND


class Watch:
    """A clockwork over the people deployment; runs it asks for end at once, as they do when all is well."""

    def __init__(self, folder: Path, clock: WallClock) -> None:
        self.clock = clock
        self._folder = folder
        self.asked: list[RunRequest] = []
        self.app = self._open()

    def _open(self) -> App:
        app = App(boot(self._folder, dict(os.environ)), clock=self.clock)
        self.clockwork = Clockwork(app, schedule_of(app))
        return app

    def restart(self, down_seconds: float = 0) -> None:
        self.app.close()
        self.clock.advance(down_seconds)
        self.app = self._open()

    def tick(self, *, ends: bool = True) -> RunRequest | None:
        request = self.clockwork.tick()
        if request is not None:
            self.asked.append(request)
            if ends:
                self.end(request)
        return request

    def end(self, request: RunRequest, *, good: bool = True) -> None:
        requests, now_ns = self.app.state.run_requests, self.clock.now_ns()
        assert requests.take(request.run_id, "test", now_ns)
        requests.end(request.run_id, "ok", now_ns, 0)
        for job in request.jobs if good else ():
            self.app.state.record_good_run(job, source_count=1, session_id="s", at_ns=now_ns)

    def through(self, seconds: int, step: int = 60) -> list[int]:
        """The moments at which runs were asked for while the time passed."""
        moments = []
        for _ in range(seconds // step):
            self.clock.advance(step)
            if self.tick() is not None:
                moments.append(self.clock.now_ns())
        return moments


@pytest.fixture
def watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str, str], Watch]]:
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    opened: list[Watch] = []
    with Site(tmp_path / "site") as site:
        people = PeopleDeployment(tmp_path / "home", site, capsys)

        def made(schedule: str, start: str = "2026-01-01T00:00") -> Watch:
            people.write_toml(f"[schedule]\n{schedule}\n")
            opened.append(Watch(people.folder, WallClock(at(start))))
            return opened[-1]

        yield made
        for one in opened:
            one.app.close()


Made = Callable[..., Watch]


def test_an_interval_runs_at_once_and_then_every_so_often(watch: Made) -> None:
    one = watch('interval = "15m"')
    assert one.tick() is not None
    assert one.asked[0].jobs == ("people", "teams")
    assert len(one.through(3_600)) == 4
    assert {request.origin for request in one.asked} == {"schedule"}


@pytest.mark.parametrize("start", ["2026-03-06T12:00", "2026-10-30T12:00"])
def test_a_daily_run_comes_once_a_day_through_the_changes_of_daylight_saving(watch: Made, start: str) -> None:
    one = watch('cron = "30 2 * * *"\ntimezone = "America/Denver"', start)
    moments = one.through(5 * 86_400, step=600)
    days = [datetime.fromtimestamp(moment / SECOND, DENVER).date() for moment in moments]
    assert len(days) == len(set(days)) == 5


def test_a_daily_run_in_the_hour_that_comes_twice_runs_once(watch: Made) -> None:
    one = watch('cron = "30 1 * * *"\ntimezone = "America/Denver"', "2026-10-31T12:00")
    assert one.through(86_400, step=300) == [at("2026-11-01T01:30")]


def test_a_clock_that_is_set_back_repeats_no_daily_run_and_delays_no_interval(watch: Made) -> None:
    one = watch(
        'interval = "15m"\n[schedule.teams]\ncron = "0 2 * * *"\ntimezone = "America/Denver"', "2026-01-01T01:00"
    )
    one.tick()
    one.through(3_900)
    assert [request.jobs for request in one.asked if "teams" in request.jobs] == [("people", "teams")]
    before = len(one.asked)
    one.clock.set_back(3_600)
    moments = one.through(3_600)
    assert len(moments) == 4, "an interval goes by the time that passes"
    assert [request.jobs for request in one.asked[before:]] == [("people",)] * 4, "two o'clock was run already"


def test_a_clock_that_was_a_day_ahead_is_believed_when_it_is_corrected(watch: Made) -> None:
    one = watch('cron = "0 2 * * *"\ntimezone = "America/Denver"', "2026-01-02T01:00")
    one.through(7_200)
    assert len(one.asked) == 1
    one.clock.set_back(86_400)
    assert one.through(86_400) == [at("2026-01-02T02:00")]


def test_what_was_missed_while_nobody_watched_is_one_run(watch: Made) -> None:
    one = watch('interval = "15m"')
    one.tick()
    one.restart(down_seconds=2 * 3_600 + 60)
    request = one.tick()
    assert request is not None
    assert (request.missed, request.reason) == (7, "makes up for 7 missed moments, too")
    assert one.tick() is None
    one.restart()
    assert one.tick() is None, "a restart repeats nothing"


def test_what_waits_is_not_asked_for_again(watch: Made) -> None:
    one = watch('interval = "15m"')
    first = one.tick(ends=False)
    assert first is not None
    one.through(3_600)
    assert [request.run_id for request in one.app.state.run_requests.open()] == [first.run_id]


def test_a_run_that_takes_longer_than_its_interval_is_followed_by_one(watch: Made) -> None:
    one = watch('interval = "15m"')
    first = one.tick(ends=False)
    assert first is not None
    one.app.state.run_requests.take(first.run_id, "test", one.clock.now_ns())
    for _ in range(120):
        one.clock.advance(60)
        one.tick(ends=False)
    states = [request.state for request in one.app.state.run_requests.open()]
    assert states == ["running", "waiting"]


def test_what_is_paused_stays_due_and_is_one_run_when_it_is_resumed(watch: Made) -> None:
    one = watch('interval = "15m"')
    one.tick()
    one.app.state.pauses.set(Pause("teams", "ann", "moving", 1))
    one.through(3_600)
    assert {request.jobs for request in one.asked[1:]} == {("people",)}
    one.app.state.pauses.set(Pause("", "ann", "drill", 1))
    assert one.through(3_600) == []
    one.app.state.pauses.end("")
    one.app.state.pauses.end("teams")
    request = one.tick()
    assert request is not None
    assert (request.jobs, request.missed) == (("people", "teams"), 7)
    assert len(one.through(3_600)) == 4


def test_a_late_job_is_told_once_until_it_has_ended_well(watch: Made) -> None:
    one = watch('interval = "15m"\nlate_after = "30m"\n[schedule.teams]\nmanual = true')
    for _ in range(120):
        request = one.clockwork.tick()
        if request is not None:
            one.end(request, good=False)
        one.clock.advance(60)
    assert set(one.clockwork.late()) == {"people"}
    one.app.state.record_good_run("people", source_count=1, session_id="s", at_ns=one.clock.now_ns())
    one.clockwork.tick()
    assert one.clockwork.late() == {}
    one.app.events.flush()
    found = events_of(one.app.boot.state_dir.parent, "error")
    assert [(event["error_code"], event["attributes"]["job"]) for event in found] == [("BW8123", "people")]


def test_a_paused_job_is_not_told_as_late(watch: Made) -> None:
    one = watch('interval = "15m"\nlate_after = "30m"\n[schedule.teams]\nmanual = true')
    one.tick()
    one.app.state.pauses.set(Pause("people", "ann", "moving", 1))
    one.through(7_200)
    assert one.clockwork.late() == {}
