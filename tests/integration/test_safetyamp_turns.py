"""Turns of the SafetyAmp account: which quota is drawn from and for what, and a 429 that everybody hears of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from builders.safetyamp_parts import AwayCoordinator, Remote, StillClock, limiters, safetyamp_http, safetyamp_settings
from busway.contracts.coordination import Coordinator, Quota
from busway.contracts.limits import Limiter, unlimited
from busway.contracts.plugins import PluginContext
from busway.contracts.stopping import stoppable
from busway.errors import BuswayError, StoppedError, UnreachableError
from busway.stores.local_coordinator import LocalCoordinator
from busway_safetyamp.clients import Clients, Manner
from busway_safetyamp.http import SafetyAmpHttp, safetyamp_turns


class Answers:
    """A transport that answers with the given statuses in turn, then 200, and keeps when it was asked."""

    def __init__(self, clock: StillClock, *answers: httpx.Response) -> None:
        self.times: list[float] = []
        self.transport = httpx.MockTransport(self._answer)
        self._clock = clock
        self._answers = list(answers)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.times.append(round(self._clock.passed, 3))
        return self._answers.pop(0) if self._answers else httpx.Response(200, json={"data": []})

    @property
    def waits(self) -> list[float]:
        return [round(after - before, 3) for before, after in pairwise(self.times)]


class Wish:
    """The wish to stop, from a moment on."""

    def __init__(self, at: float, clock: StillClock) -> None:
        self._at = at
        self._clock = clock

    def requested(self) -> bool:
        return self._clock.passed >= self._at


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def coordinator(tmp_path: Path, clock: StillClock) -> Iterator[LocalCoordinator]:
    coordinator = LocalCoordinator(tmp_path, clock)
    yield coordinator
    coordinator.close()


def calling(answers: Answers, clock: StillClock, coordinator: Coordinator | None, **changes: Any) -> SafetyAmpHttp:
    remote = Remote(clock, coordinator=coordinator, transport=answers.transport)
    return safetyamp_http("https://api.example.test", remote, **{"rate_limit_calls": 2, **changes})


def test_reads_writes_and_the_console_share_one_quota(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator, rate_limit_calls=3)
    http.get("/api/roles", share="console")
    http.get("/api/users")
    http.patch("/api/users/a", {"city": "B"})
    http.get("/api/users")
    assert answers.waits == pytest.approx([0, 0, 61], abs=0.05), "the period, which has its margin in it"


def test_a_run_that_reads_and_writes_by_turns_loses_no_turn(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator, rate_limit_calls=60)
    for reads, writes in ((38, 2), (76, 5), (13, 5)):
        for _ in range(reads):
            http.get("/api/users")
        for _ in range(writes):
            http.patch("/api/users/a", {"city": "B"})
    assert len(answers.times) == 139
    assert clock.passed == pytest.approx(2 * 61, abs=0.1), "60 at once, 60 a period later, and the rest"


def test_every_attempt_takes_a_turn(coordinator: LocalCoordinator, clock: StillClock) -> None:
    busy = {"Retry-After": "0"}
    answers = Answers(clock, httpx.Response(503, headers=busy), httpx.Response(503, headers=busy))
    calling(answers, clock, coordinator).get("/api/users")
    assert answers.times == pytest.approx([0, 0, 61], abs=0.05)


class Drawn:
    """Limiters that keep what is drawn from which quota."""

    def __init__(self) -> None:
        self.quotas: list[Quota] = []

    def __call__(self, quota: Quota) -> Limiter:
        self.quotas.append(quota)
        return unlimited(quota)


@pytest.mark.parametrize(
    ("changes", "same"),
    [({}, True), ({"role": "Other"}, True), ({"token": "another"}, False), ({"fqdn": "other.safetyamp.com"}, False)],
)
def test_an_account_is_its_host_its_name_and_its_key(changes: dict[str, Any], same: bool) -> None:
    drawn = Drawn()
    for settings in (safetyamp_settings(rate_limit_calls=60), safetyamp_settings(rate_limit_calls=60, **changes)):
        safetyamp_turns(settings, drawn).wait("run")
    first, second = drawn.quotas
    assert (first == second) is same
    assert (first.calls, first.period_seconds, first.margin_seconds) == (60, 61.0, 0.0)
    assert first.name.startswith("safetyamp api.safetyamp.com acme.safetyamp.com ")
    assert "canary" not in first.name, "people see it"


@pytest.mark.parametrize(("header", "wait"), [("20", 20.0), ("7.5", 7.5), (None, 1.0)])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_429_holds_everybody(
    coordinator: LocalCoordinator, clock: StillClock, header: str | None, wait: float, method: str
) -> None:
    too_many = httpx.Response(429, json={"message": "x"}, headers={"Retry-After": header} if header else {})
    http = calling(Answers(clock, too_many), clock, coordinator, rate_limit_calls=60)
    held: list[float] = []

    class Looking(Wish):
        def requested(self) -> bool:
            held.extend(use.held_seconds for use in coordinator.quota_use())
            return False

    with stoppable(Looking(0, clock)):
        http.get("/api/users") if method == "GET" else http.patch("/api/users/a", {"city": "B"})
    assert held[0] == pytest.approx(wait), "another process has to wait as long"


def write_once(clock: StillClock, answers: Answers) -> SafetyAmpHttp:
    """The calls as a run makes them."""
    settings = safetyamp_settings(domain="https://api.example.test")
    context = PluginContext("safetyamp", settings, clock=clock, doubles={"http_transport": answers.transport})
    return Clients(context).safetyamp_http(Manner.of_a_run(settings))


@pytest.mark.parametrize(("status", "header"), [(429, "7"), (503, "7.5"), (503, None)])
def test_in_a_run_a_write_is_left_to_the_engine_with_what_the_remote_asked_for(
    clock: StillClock, status: int, header: str | None
) -> None:
    headers = {"Retry-After": header} if header else {}
    answers = Answers(clock, httpx.Response(status, json={"message": "x"}, headers=headers))
    with pytest.raises(UnreachableError) as caught:
        write_once(clock, answers).post("/api/users", {"first_name": "A"})
    assert (len(answers.times), clock.passed, caught.value.ambiguous) == (1, 0, False)
    assert caught.value.retry_after_seconds == (float(header) if header else None)
    answers = Answers(clock, httpx.Response(status, json={"message": "x"}, headers=headers))
    write_once(clock, answers).get("/api/users")
    assert len(answers.times) == 2, "a read is tried again here"


@pytest.mark.parametrize("ask", [lambda http: http.get("/api/users"), lambda http: http.post("/api/users", {"a": 1})])
def test_a_stop_ends_the_wait_for_a_turn(
    coordinator: LocalCoordinator, clock: StillClock, ask: Callable[[SafetyAmpHttp], Any]
) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator)
    http.get("/api/users"), http.get("/api/users")
    with stoppable(Wish(10, clock)), pytest.raises(StoppedError, match="BW7006"):
        ask(http)
    assert clock.passed == pytest.approx(10, abs=0.3)
    assert len(answers.times) == 2


def test_a_stop_ends_the_wait_for_another_attempt(clock: StillClock) -> None:
    answers = Answers(clock, httpx.Response(503, headers={"Retry-After": "60"}))
    http = calling(answers, clock, None, rate_limit_calls=0)
    with stoppable(Wish(3, clock)), pytest.raises(StoppedError, match="BW7006") as caught:
        http.get("/api/users")
    assert clock.passed == pytest.approx(3)
    assert "57 s before it was asked again" in caught.value.problem.why


def test_a_stop_does_not_end_a_call_that_need_not_wait(clock: StillClock) -> None:
    answers = Answers(clock)
    with stoppable(Wish(0, clock)):
        calling(answers, clock, None, rate_limit_calls=0).get("/api/users")
    assert len(answers.times) == 1


def test_without_its_coordinator_no_call_is_made(clock: StillClock) -> None:
    answers = Answers(clock)
    with pytest.raises(BuswayError, match="BW3201"):
        calling(answers, clock, AwayCoordinator()).get("/api/users")
    assert answers.times == []


def test_a_lifted_quota_asks_nobody(clock: StillClock) -> None:
    turns = safetyamp_turns(safetyamp_settings(), limiters(AwayCoordinator(), clock))
    turns.wait("run")
    turns.back_off(60)
    turns.wait("console")
    assert clock.passed == 0
