"""Quotas when coordinators are away, processes die or stand still, clocks are set back and runs are stopped."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from builders.counting_target import CountingTarget
from builders.distributions import SECRET_SOURCE, Site
from builders.manual_clock import ManualClock
from builders.plugin_world import WORLD, Open, World
from builders.quota_children import QuotaChild, QuotaDeployment
from builders.quota_house import QuotaHouse
from builders.redis_server import RedisServer, comes_true
from busway import App
from busway.contracts.coordination import Quota
from busway.errors import ConfigurationError, UnreachableError
from busway.stores.coordination_schema import COORDINATION_DB
from busway.sync.report import Outcome

CROWDED = 1.0
"""A margin for machines that are."""


def begun(stack: ExitStack, deployment: QuotaDeployment, processes: int, threads: int, calls: int) -> list[QuotaChild]:
    """So many processes, which call already."""
    children = [stack.enter_context(QuotaChild(deployment, threads, calls)) for _ in range(processes)]
    for child in children:
        child.ready()
    for child in children:
        child.go()
    return children


# --- the coordinator


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_without_redis_every_process_stops_calling(tmp_path: Path, fault: str) -> None:
    quota = Quota("acme", 4, 1.0, margin_seconds=CROWDED)
    with RedisServer(tmp_path) as redis, CountingTarget(4, 1.0) as target, ExitStack() as stack:
        deployment = QuotaDeployment(tmp_path, quota, target.port, redis.port)
        children = begun(stack, deployment, processes=2, threads=2, calls=10_000)
        assert comes_true(lambda: target.count() >= 4, 60), "they call while it serves"
        getattr(redis, fault)()
        tallies = [child.tally() for child in children]
        assert [tally.errors for tally in tallies] == [["BW2029"] * 2] * 2
        assert sum(tally.done for tally in tallies) == target.count(), "and not once more"
        assert target.refused == []


def test_a_database_that_is_damaged_grants_nothing(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text('app = "acme"\n')
    state = tmp_path / ".busway"
    state.mkdir()
    (state / COORDINATION_DB).write_bytes(b"this is no database" * 100)
    with App.from_config(tmp_path, {}) as app, pytest.raises(ConfigurationError, match="BW3102"):
        app.limiter(Quota("acme", 1, 1.0)).wait()


def test_a_database_that_somebody_keeps_locked_grants_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a process that was frozen in the middle of a draw."""
    monkeypatch.setattr("busway.stores.database.BUSY_TIMEOUT_MS", 50)
    (tmp_path / "busway.toml").write_text('app = "acme"\n')
    with App.from_config(tmp_path, {}) as app:
        limiter = app.limiter(Quota("acme", 1, 60.0))
        limiter.wait()
        other = sqlite3.connect(tmp_path / ".busway" / COORDINATION_DB, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for ask in (limiter.wait, lambda: limiter.back_off(1.0)):
            with pytest.raises(UnreachableError, match="BW3104"):
                ask()
        other.execute("ROLLBACK")
        other.close()
        limiter.back_off(0.1)


# --- processes


def test_processes_that_are_killed_or_frozen_while_they_wait_cost_the_others_nothing(tmp_path: Path) -> None:
    quota = Quota("acme", 8, 0.5, margin_seconds=CROWDED)
    with CountingTarget(8, 0.5) as target, ExitStack() as stack:
        deployment = QuotaDeployment(tmp_path, quota, target.port)
        doomed = begun(stack, deployment, processes=2, threads=2, calls=10_000)
        assert comes_true(lambda: target.count() >= 8, 60), "the first window is used up: they wait"
        doomed[0].signal(signal.SIGKILL)
        doomed[1].signal(signal.SIGSTOP)
        before = target.count()
        survivors = begun(stack, deployment, processes=2, threads=2, calls=6)
        assert [child.tally().done for child in survivors] == [12, 12]
        assert target.count() == before + 24, "neither of them calls"
        doomed[1].signal(signal.SIGCONT)
        assert comes_true(lambda: target.count() > before + 24, 60), "a frozen one goes on where it was"
        assert target.refused == []


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_waits_behind_nobody_who_stayed_in_the_parent(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text('app = "acme"\n')
    with App.from_config(tmp_path, {}) as app:
        limiter = app.limiter(Quota("acme", 2, 2.0, margin_seconds=0.0))
        limiter.wait(count=2)
        waiting = threading.Thread(target=limiter.wait)
        waiting.start()
        assert comes_true(lambda: limiter._lines[""].turns._line)  # type: ignore[attr-defined]
        pid = os.fork()
        if not pid:
            os._exit(0 if limiter.wait() < 60 and app.limiter(Quota("other", 1, 1.0)).wait() < 60 else 1)
        waiting.join(30)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# --- clocks


@pytest.mark.parametrize("back", [1.0, 3_600.0])
def test_a_clock_that_is_set_back_lets_nobody_wait_longer_than_a_period(tmp_path: Path, back: float) -> None:
    with QuotaHouse(tmp_path, Quota("acme", 4, 10.0, margin_seconds=0.0)) as house:
        for _ in range(2):
            house.time.actor(house.busy(house.process(), "writes", until=40))
        house.time.actor(lambda: house.time.set_back(back), after=12.0)
        house.time.run()
        at = [draw.at for draw in house.draws]
        assert max(later - earlier for earlier, later in pairwise(at)) <= 20.0
        assert house.by_share(before=12) == {"writes": 8}
        # Those of second 10 count as drawn at the moment of the jump, or as long as the clock says that they are young.
        free = 10 + 10 + min(back, 2.0)
        assert house.by_share(12, before=free) == {}
        assert house.by_share(free, before=free + 0.6) == {"writes": 4}


def test_a_clock_that_is_set_back_holds_nobody_longer_than_was_asked_for(tmp_path: Path) -> None:
    with QuotaHouse(tmp_path, Quota("acme", 4, 10.0, margin_seconds=0.0)) as house:
        limiter = house.process()
        house.time.actor(lambda: limiter.back_off(5.0))
        house.time.actor(lambda: house.time.set_back(3_600), after=2.0)
        house.time.actor(lambda: house.draw(house.process()), after=1.0)
        house.time.run()
        assert 5.0 <= house.draws[0].at <= 7.6


# --- runs

LIMITED = (
    WORLD
    + """
from busway import Complete, Job, Quota, always, exact, hookimpl
class People(Job):
    name, entity, match_on = "people", "person", exact("number")
    fields = {"number": always}
    def __init__(self, limiter):
        self.limiter = limiter
    def source(self, run):
        return [{"number": str(number)} for number in range(4)]
    def target(self, run):
        return Complete([])
    def create(self, record):
        world.calls.append("asks for " + record["number"])
        self.limiter.wait("writes")
        world.calls.append("sends " + record["number"])
        return {**record, "id": record["number"]}
@hookimpl
def busway_jobs(context):
    return [People(context.limiter(Quota("acme", 2, 3600.0, {"writes": 0.5})))]
"""
)


class After:
    """A wish to stop once something was done."""

    def __init__(self, calls: list[str], last: str) -> None:
        self._calls, self._last = calls, last

    def requested(self) -> bool:
        return self._calls[-1:] == [self._last]


def test_a_run_that_waits_for_its_quota_can_be_stopped(open_app: Open, site: Site, world: World) -> None:
    site.install("people", LIMITED, kind="jobs")
    app = open_app(jobs=["people"])
    report = app.sync.run(stop=After(world.calls, "asks for 2"))
    (job,) = report.jobs
    assert (job.outcome, job.counts.created, job.counts.failed) == (Outcome.STOPPED, 2, 0)
    assert world.calls == ["asks for 0", "sends 0", "asks for 1", "sends 1", "asks for 2"]
    assert report.exit_code == 130


def test_a_wait_of_an_application_is_no_stall_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "busway.toml").write_text('app = "acme"\n[plugins]\nsinks = []\n')
    clock = ManualClock()
    with App.from_config(tmp_path, {}, clock=clock) as app:
        limiter = app.limiter(Quota("acme", 1, 300.0))
        limiter.wait()
        sleep, looks = clock.sleep, list[float]()

        def watched(seconds: float) -> None:
            sleep(seconds)
            looks.append(app.watchdog.check())

        monkeypatch.setattr(clock, "sleep", watched)
        with app.watchdog.watching():
            assert limiter.wait() == pytest.approx(301.0)
        assert len(looks) > 1_000
        assert app.warnings() == []


def test_a_secret_source_that_wants_a_limiter_is_told_why_it_has_none(open_app: Open, site: Site) -> None:
    greedy = SECRET_SOURCE.replace("return Made()", 'context.limiter(Quota("vault", 1, 1.0)); return Made()')
    site.install("vault", "from busway import Quota\n" + greedy, kind="secrets")
    with pytest.raises(ConfigurationError) as caught:
        open_app(secrets=["vault"]).require()
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("BW3110", "secret source vault")
    assert problem.why.startswith("a secret source has no limiter")
