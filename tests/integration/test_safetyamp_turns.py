"""Turns: a quota that all processes keep together, waits that end, and a 429 that everybody hears of."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from builders.safetyamp_parts import AwayCoordinator, Remote, StillClock, safetyamp_http, safetyamp_settings, turns_left
from busway.contracts.coordination import Coordinator, Quota
from busway.errors import BuswayError, UnreachableError
from busway.stores.local_coordinator import LocalCoordinator
from busway_safetyamp.http import SafetyAmpHttp, safetyamp_pacer
from busway_safetyamp.remote.errors import StoppedWaitingError
from busway_safetyamp.remote.pacer import LONGEST_HOLD, Unpaced
from busway_safetyamp.remote.patience import Patience


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
    """The wish to stop."""

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


def calling(
    answers: Answers, clock: StillClock, coordinator: Coordinator | None, *, stop: Wish | None = None, **changes: Any
) -> SafetyAmpHttp:
    remote = Remote(clock, coordinator=coordinator, stop=stop, transport=answers.transport)
    return safetyamp_http("https://api.example.test", remote, **{"rate_limit_calls": 2, **changes})


def test_calls_beyond_the_quota_wait_for_the_next_period(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator)
    for _ in range(5):
        http.get("/api/users")
    assert answers.times == pytest.approx([0, 0, 61, 61, 122], abs=0.02)


def test_reads_writes_and_the_console_share_one_quota(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator, rate_limit_calls=3)
    http.get("/api/roles", share="console")
    http.get("/api/users")
    http.patch("/api/users/a", {"city": "B"})
    http.get("/api/users")
    assert answers.waits == pytest.approx([0, 0, 61], abs=0.02)


def test_the_console_gets_its_part_beside_a_run_and_no_more(coordinator: LocalCoordinator, clock: StillClock) -> None:
    settings = safetyamp_settings(rate_limit_calls=60)
    pacer = safetyamp_pacer(settings, lambda: coordinator, Patience(clock), budget_seconds=0)
    assert [pacer.take_turn("console"), pacer.take_turn("run")] == [0.0, 0.0]
    assert [pacer.take_turn("console") for _ in range(60)].count(0.0) == 2, "3 of 60, while a run asks"
    assert [pacer.take_turn("run") for _ in range(60)].count(0.0) == 56


def test_a_run_that_reads_and_writes_by_turns_loses_no_turn(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator, rate_limit_calls=60)
    for reads, writes in ((38, 2), (76, 5), (13, 5)):
        for _ in range(reads):
            http.get("/api/users")
        for _ in range(writes):
            http.patch("/api/users/a", {"city": "B"})
    assert len(answers.times) == 139
    assert clock.passed == pytest.approx(2 * 61, abs=0.02), "60 at once, 60 a period later, and the rest"


def test_every_attempt_takes_a_turn(coordinator: LocalCoordinator, clock: StillClock) -> None:
    busy = {"Retry-After": "0"}
    answers = Answers(clock, httpx.Response(503, headers=busy), httpx.Response(503, headers=busy))
    calling(answers, clock, coordinator).get("/api/users")
    assert answers.times == pytest.approx([0, 0, 61], abs=0.02)


def test_threads_keep_the_quota_together(tmp_path: Path) -> None:
    clock = StillClock()
    coordinator = LocalCoordinator(tmp_path)
    pacer = safetyamp_pacer(
        safetyamp_settings(rate_limit_calls=20), lambda: coordinator, Patience(clock), budget_seconds=0
    )
    drawn: list[float] = []
    threads = [threading.Thread(target=lambda: drawn.append(pacer.take_turn("run"))) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    coordinator.close()
    assert (len(drawn), drawn.count(0.0)) == (32, 20)


def test_processes_keep_the_quota_together(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from builders.safetyamp_parts import turns_left

        print(turns_left(Path(sys.argv[1]), calls=10, ask=8))
    """
    assert turns_left(tmp_path, calls=10, ask=8) == 8
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 2


def test_a_rotated_key_and_another_account_have_quotas_of_their_own(
    coordinator: LocalCoordinator, clock: StillClock
) -> None:
    answers = Answers(clock)
    for changes in ({}, {"token": "another"}, {"fqdn": "other.safetyamp.com"}):
        http = calling(answers, clock, coordinator, **changes)
        http.get("/api/users"), http.get("/api/users")
    assert clock.passed == 0


def test_a_name_of_a_quota_holds_no_key(clock: StillClock) -> None:
    names: list[str] = []

    class Listening(AwayCoordinator):
        def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
            names.append(quota.name)
            return 0.0

    calling(Answers(clock), clock, Listening(), token="canary-token-7731").get("/api/users")
    assert names[0].startswith("safetyamp:api.example.test:acme.safetyamp.com:")
    assert "canary" not in names[0]


def test_a_call_waits_no_longer_for_its_turn_than_it_may(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator, quota_wait_seconds=60)
    http.get("/api/users"), http.get("/api/users")
    with pytest.raises(UnreachableError, match="BW5109") as caught:
        http.post("/api/users", {"first_name": "A"})
    assert (len(answers.times), clock.passed) == (2, 0), "it is known at once, and nothing is sent"
    assert caught.value.ambiguous is False
    assert "the next turn is 61 s away" in caught.value.problem.why


@pytest.mark.parametrize(("header", "wait"), [("20", 20.0), ("7.5", 7.5), (None, 1.0)])
def test_a_429_holds_everybody(
    coordinator: LocalCoordinator, clock: StillClock, header: str | None, wait: float
) -> None:
    too_many = httpx.Response(429, json={"message": "x"}, headers={"Retry-After": header} if header else {})
    answers = Answers(clock, too_many)
    heard: list[float] = []
    other = safetyamp_pacer(
        safetyamp_settings(rate_limit_calls=60, domain="https://api.example.test"),
        lambda: coordinator,
        Patience(clock),
        budget_seconds=0,
    )

    class Asking(Wish):
        def requested(self) -> bool:
            heard.append(other.take_turn("run"))
            return False

    http = calling(answers, clock, coordinator, stop=Asking(0, clock), rate_limit_calls=60)
    http.get("/api/users")
    assert heard[0] == pytest.approx(wait), "another process has to wait as long"
    assert answers.waits == pytest.approx([wait], abs=0.02)


def test_nonsense_in_retry_after_does_not_hold_everybody_for_days(
    coordinator: LocalCoordinator, clock: StillClock
) -> None:
    answers = Answers(clock, httpx.Response(429, json={}, headers={"Retry-After": "999999999"}))
    http = calling(answers, clock, coordinator)
    with pytest.raises(UnreachableError, match="BW5103"):
        http.get("/api/users")
    with pytest.raises(UnreachableError, match="BW5109"):
        http.get("/api/users")
    clock.sleep(LONGEST_HOLD)
    http.get("/api/users")
    assert len(answers.times) == 2


def test_a_stop_ends_the_wait_for_a_turn(coordinator: LocalCoordinator, clock: StillClock) -> None:
    answers = Answers(clock)
    http = calling(answers, clock, coordinator, stop=Wish(10, clock))
    http.get("/api/users"), http.get("/api/users")
    with pytest.raises(StoppedWaitingError, match="BW5108") as caught:
        http.post("/api/users", {"first_name": "A"})
    assert clock.passed == pytest.approx(10)
    assert len(answers.times) == 2
    assert caught.value.ambiguous is False


def test_a_stop_ends_the_wait_for_another_attempt(clock: StillClock) -> None:
    answers = Answers(clock, httpx.Response(503, headers={"Retry-After": "60"}))
    http = calling(answers, clock, None, stop=Wish(3, clock), rate_limit_calls=0)
    with pytest.raises(StoppedWaitingError, match="BW5108"):
        http.get("/api/users")
    assert clock.passed == pytest.approx(3)


def test_a_stop_does_not_end_a_call_that_need_not_wait(clock: StillClock) -> None:
    answers = Answers(clock)
    calling(answers, clock, None, stop=Wish(0, clock), rate_limit_calls=0).get("/api/users")
    assert len(answers.times) == 1


def test_without_its_coordinator_no_call_is_made(clock: StillClock) -> None:
    answers = Answers(clock)
    with pytest.raises(BuswayError, match="BW3201"):
        calling(answers, clock, AwayCoordinator()).get("/api/users")
    assert answers.times == []


def test_a_lifted_quota_asks_nobody(clock: StillClock) -> None:
    pacer = safetyamp_pacer(safetyamp_settings(), lambda: AwayCoordinator(), Patience(clock), budget_seconds=0)
    assert isinstance(pacer, Unpaced)
    pacer.wait_for_turn("run")
    pacer.hold(60)
    assert pacer.take_turn("console") == 0.0
