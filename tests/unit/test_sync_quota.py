"""The shared limiter: what it draws, how long it waits, and who comes first. Time is virtual; no test waits."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.manual_clock import ManualClock
from builders.quota_house import QuotaHouse, largest_window
from builders.redis_server import comes_true
from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiter
from busway.contracts.stopping import stoppable
from busway.errors import StoppedError, UnreachableError, UsageError
from busway.metrics.registry import Metrics
from busway.plugins.watchdog import PatientClock, Stall, Watchdog
from busway.stores.local_coordinator import LocalCoordinator
from busway.sync.quota import LONGEST_HOLD_SECONDS, SharedLimiter, with_margin
from busway.wiring.limiters import SharedLimiters

SHARES = {"writes": 0.7, "reads": 0.25, "console": 0.05}
SIXTY = Quota("acme", 60, 60.0, SHARES)
TWELVE = Quota("acme", 12, 10.0, {"writes": 0.5, "reads": 0.25, "console": 0.1}, margin_seconds=0.25)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[QuotaHouse]:
    with QuotaHouse(tmp_path, TWELVE) as house:
        yield house


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quota")


class Coordinators:
    """Stands in for a coordinator whose answers a test gives."""

    def __init__(self, *answers: float | Exception, then: float = 0.0) -> None:
        self.answers = list(answers)
        self.then = then
        self.asked: list[tuple[str, int]] = []
        self.held: list[float] = []

    def __call__(self) -> Any:
        return self

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        self.asked.append((share, count))
        answer = self.answers.pop(0) if self.answers else self.then
        if isinstance(answer, Exception):
            raise answer
        return answer

    def hold(self, quota: Quota, seconds: float) -> None:
        self.held.append(seconds)


class SleepyClock(ManualClock):
    """Remembers how long it slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)


def limiter_over(coordinator: Coordinators, clock: ManualClock | None = None, quota: Quota = SIXTY) -> SharedLimiter:
    return SharedLimiter(quota, coordinator, clock or ManualClock(), Metrics(), chance=lambda: 0.0)


class Wish:
    """To stop, once it is set."""

    def __init__(self, *, now: bool = False) -> None:
        self.asked = now

    def requested(self) -> bool:
        return self.asked


# --- how long


def test_who_is_alone_waits_exactly_as_long_as_needed(tmp_path: Path) -> None:
    with QuotaHouse(tmp_path, Quota("acme", 2, 10.0, margin_seconds=0.5)) as house:
        limiter = house.process()
        for _ in range(6):
            house.draw(limiter)
            house.time.sleep(1)  # what the call itself takes
        assert [draw.at for draw in house.draws] == pytest.approx([0, 1, 10.5, 11.5, 21, 22])
        assert [draw.waited for draw in house.draws] == pytest.approx([0, 0, 8.5, 0, 8.5, 0])


def test_a_long_wait_is_cut_into_slices() -> None:
    clock, coordinator = SleepyClock(), Coordinators(2.0, 0.6)
    assert limiter_over(coordinator, clock).wait("writes") == pytest.approx(2.6)
    assert max(clock.slept) <= 0.25
    assert len(coordinator.asked) == 3


def test_a_very_long_wait_asks_again_meanwhile() -> None:
    """A share may be lent out, or the coordinator be gone."""
    clock, coordinator = ManualClock(), Coordinators(60.0)
    waited = limiter_over(coordinator, clock).wait()
    assert waited == pytest.approx(5.0)
    assert len(coordinator.asked) == 2


@pytest.mark.parametrize(
    ("quota", "period"),
    [
        (Quota("q", 60, 6.0), 6.21),
        (Quota("q", 60, 60.0), 61.0),
        (Quota("q", 60, 86_400.0), 86_401.0),
        (Quota("q", 60, 60.0, margin_seconds=0.2), 60.2),
        (Quota("q", 60, 61.0, margin_seconds=0), 61.0),
    ],
)
def test_the_margin_lengthens_the_period(quota: Quota, period: float) -> None:
    window = with_margin(quota)
    assert window.period_seconds == pytest.approx(period)
    assert (window.name, window.calls, window.shares) == (quota.name, quota.calls, quota.shares)


# --- how many

STEP = st.tuples(st.integers(0, 1_000), st.sampled_from(["", "writes", "reads", "console"]), st.integers(1, 3))
NUMBERS = count()
PROCESSES = st.lists(st.lists(STEP, max_size=6), min_size=1, max_size=4)


@given(
    processes=PROCESSES,
    calls=st.integers(3, 6),
    delays=st.randoms(use_true_random=False),
    holds=st.lists(st.integers(0, 3_000), max_size=2),
)
@settings(max_examples=30, deadline=None)
def test_whatever_is_drawn_and_however_late_it_arrives_no_window_holds_more_than_the_quota(
    folder: Path,
    processes: list[list[tuple[int, str, int]]],
    calls: int,
    delays: Random,
    holds: list[int],
) -> None:
    quota = Quota(f"acme {next(NUMBERS)}", calls, 2.0, SHARES, margin_seconds=0.2)
    with QuotaHouse(folder, quota) as house:

        def work(limiter: SharedLimiter, steps: list[tuple[int, str, int]]) -> None:
            for pause, share, count in steps:
                house.time.sleep(pause / 1000)
                house.draw(limiter, share, count)

        for steps in processes:
            limiter = house.process()
            house.time.actor(lambda limiter=limiter, steps=steps: work(limiter, steps))  # type: ignore[misc]
        for at in holds:
            limiter = house.process()
            house.time.actor(lambda limiter=limiter: limiter.back_off(0.8), after=at / 1000)  # type: ignore[misc]
        house.time.run()

        assert len(house.draws) == sum(map(len, processes)), "everybody gets what they want in the end"
        assert largest_window([(draw.at, draw.count) for draw in house.draws], 2.2) <= calls
        arrivals = [(draw.at + 5.0 + delays.uniform(0, 0.2), 1) for draw in house.draws for _ in range(draw.count)]
        assert largest_window(arrivals, 2.0) <= calls
        for start in range(0, 100, 2):
            assert sum(start + 4.3 <= at < start + 6.3 for at, _ in arrivals) <= calls, "nor do fixed windows"


@pytest.mark.parametrize(("margin", "most"), [(0.0, 12), (0.5, 6)])
def test_without_a_margin_late_calls_and_prompt_ones_meet_at_the_remote(
    tmp_path: Path, margin: float, most: int
) -> None:
    """The first six take half a second longer to arrive than the next six."""
    with QuotaHouse(tmp_path, Quota("acme", 6, 10.0, margin_seconds=margin)) as house:
        limiter = house.process()
        house.time.actor(house.busy(limiter, "", until=10.9))
        house.time.run()
        assert [draw.at for draw in house.draws[:12]] == pytest.approx([0.0] * 6 + [10.0 + margin] * 6)
        arrivals = [(draw.at + (0.5 if draw.at < 1 else 0.0), 1) for draw in house.draws[:12]]
        assert largest_window(arrivals, 10.0) == most


def test_four_busy_processes_use_all_of_the_quota(house: QuotaHouse) -> None:
    limiters = [house.process() for _ in range(4)]
    for limiter in limiters:
        for share in ("writes", "reads"):
            house.time.actor(house.busy(limiter, share, until=100))
    house.time.run()
    draws = [draw for draw in house.draws if draw.at < 100]
    used = (len(draws) - 12) / 12 * 10 / (draws[-1].at - draws[0].at)
    assert 0.97 <= used <= 10 / 10.25 + 1e-9
    assert largest_window([(draw.at, draw.count) for draw in house.draws], 10.25) == 12


def test_processes_get_about_the_same(house: QuotaHouse) -> None:
    got: dict[int, int] = {}

    def work(number: int, limiter: SharedLimiter) -> Callable[[], None]:
        def draw() -> None:
            while house.time.monotonic() < 150:
                limiter.wait("writes")
                got[number] = got.get(number, 0) + 1
                house.time.sleep(0.02)  # what the call takes

        return draw

    for number in range(4):
        house.time.actor(work(number, house.process()))
    house.time.run()
    assert min(got.values()) > 0.6 * max(got.values()), got


# --- shares


def test_a_share_nobody_asks_for_is_lent(house: QuotaHouse) -> None:
    limiter = house.process()
    for _ in range(12):
        house.draw(limiter, "writes")
    assert {draw.at for draw in house.draws} == {0.0}


def test_a_share_is_lent_out_again_soon_after_its_use_has_stopped(house: QuotaHouse) -> None:
    """Whoever waits is told to wait for longer than that: it asks again."""
    writer, reader = house.process(), house.process()
    house.time.actor(lambda: house.draw(reader, "reads"))
    house.time.actor(house.busy(writer, "writes", until=20))
    house.time.run()
    assert house.by_share(before=10.25) == {"reads": 1, "writes": 9}, "2 of the 3 calls of the reads are kept for them"
    assert house.by_share(10.25, before=11.3) == {"writes": 12}, "they did not ask for a period: theirs are lent, too"


def test_shares_that_are_asked_for_are_kept_against_any_crowd(house: QuotaHouse) -> None:
    for _ in range(4):
        house.time.actor(house.busy(house.process(), "writes", until=70))
    house.time.actor(house.busy(house.process(), "reads", until=70))
    house.time.actor(house.busy(house.process(), "console", until=70))
    house.time.run()
    for start in (10.25, 20.5, 33, 50):
        got = house.by_share(start, before=start + 10.25)
        assert got["reads"] >= 3, got
        assert got["console"] >= 1, got
        assert got["writes"] >= 6, got


def test_a_call_for_the_console_comes_within_a_period_though_everything_is_lent(house: QuotaHouse) -> None:
    for _ in range(4):
        house.time.actor(house.busy(house.process(), "writes", until=80))

    def look() -> None:
        for _ in range(4):
            house.time.sleep(12)  # long enough for its share to be lent
            house.draw(house.process(), "console")

    house.time.actor(look)
    house.time.run()
    waits = [draw.waited for draw in house.draws if draw.share == "console"]
    assert len(waits) == 4
    assert max(waits) <= 10.25


def test_no_share_waits_behind_another_within_a_process(house: QuotaHouse) -> None:
    limiter, other = house.process(), house.process()
    house.time.actor(lambda: house.draw(other, "reads"))
    house.time.actor(house.busy(limiter, "writes", until=9))
    house.time.actor(lambda: house.draw(limiter, "reads"), after=4)
    house.time.run()
    assert [draw.at for draw in house.draws if draw.share == "reads"] == pytest.approx([0, 4])


# --- threads


def test_threads_come_in_order_and_one_of_them_asks() -> None:
    gate, order = threading.Event(), list[int]()

    class Gated(Coordinators):
        asking = most = 0

        def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
            self.asking += 1
            self.most = max(self.most, self.asking)
            assert gate.wait(10)
            self.asking -= 1
            return super().take(quota, count, share)

    coordinator = Gated()
    limiter = limiter_over(coordinator)

    def work(number: int) -> None:
        limiter.wait("writes")
        order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for number, thread in enumerate(threads):
        thread.start()
        in_line = limiter._line("writes").turns._line
        assert comes_true(lambda number=number, in_line=in_line: len(in_line) == number + 1)  # type: ignore[misc]
    gate.set()
    for thread in threads:
        thread.join(10)
    assert order == list(range(12))
    assert (coordinator.most, len(coordinator.asked)) == (1, 12)


# --- asked to be left alone


def test_a_back_off_is_kept_by_every_process(house: QuotaHouse) -> None:
    limiters = [house.process() for _ in range(3)]
    for limiter in limiters[1:]:
        house.time.actor(house.busy(limiter, "writes", until=70), after=0.5)
    house.time.actor(lambda: limiters[0].back_off(30.0))
    house.time.run()
    assert min(draw.at for draw in house.draws) == pytest.approx(30.0, abs=0.05)
    assert sum(draw.at < 31 for draw in house.draws) == 12


@pytest.mark.parametrize(
    ("seconds", "held"),
    [
        (5.0, [5.0]),
        (0.0, []),
        (-3.0, []),
        (math.nan, []),
        (1e9, [LONGEST_HOLD_SECONDS]),
        (math.inf, [LONGEST_HOLD_SECONDS]),
    ],
)
def test_a_back_off_is_never_for_years(seconds: float, held: list[float]) -> None:
    coordinator = Coordinators()
    limiter_over(coordinator).back_off(seconds)
    assert coordinator.held == held


def test_a_quota_of_a_day_may_be_held_for_one() -> None:
    coordinator = Coordinators()
    limiter_over(coordinator, quota=Quota("acme", 10_000, 86_400.0)).back_off(72_000)
    assert coordinator.held == [72_000]


# --- stop


def test_a_wish_to_stop_is_noticed_within_a_slice(house: QuotaHouse) -> None:
    limiter, wish, stopped = house.process(), Wish(), list[tuple[float, StoppedError]]()

    def run() -> None:
        with stoppable(wish), pytest.raises(StoppedError) as caught:
            house.busy(limiter, "writes", until=100)()
        stopped.append((house.time.monotonic(), caught.value))

    house.time.actor(run)
    house.time.actor(lambda: setattr(wish, "asked", True), after=5.0)
    house.time.run()
    ((at, error),) = stopped
    assert 5.0 <= at <= 5.26
    assert len(house.draws) == 12, "nothing was drawn for the call that was given up"
    assert error.exit_code == 130
    assert error.render() == (
        "error[BW7006]: stopped while waiting for quota acme\n"
        "  where quota acme, share writes\n"
        "  why   no call was free yet, and the run was asked to stop; the call was not sent\n"
        "  fix   busway run"
    )


def test_what_need_not_wait_goes_on_though_the_run_shall_stop() -> None:
    """A record in hand is finished; the engine begins no other."""
    with stoppable(Wish(now=True)):
        assert limiter_over(Coordinators()).wait("writes") == 0.0
    with stoppable(Wish(now=True)), pytest.raises(StoppedError):
        limiter_over(Coordinators(0.001)).wait("writes")


def test_a_thread_in_line_hears_of_the_stop_too() -> None:
    gate = threading.Event()

    class Stuck(Coordinators):
        def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
            gate.wait(10)
            return 0.0

    limiter, wish, stopped = limiter_over(Stuck()), Wish(), list[StoppedError]()
    first = threading.Thread(target=limiter.wait)
    first.start()
    assert comes_true(lambda: len(limiter._line("").turns._line) == 1)

    def behind() -> None:
        with stoppable(wish):
            try:
                limiter.wait()
            except StoppedError as error:
                stopped.append(error)

    second = threading.Thread(target=behind)
    second.start()
    assert comes_true(lambda: len(limiter._line("").turns._line) == 2)
    wish.asked = True
    second.join(5)
    assert [error.code for error in stopped] == ["BW7006"]
    gate.set()
    first.join(5)
    assert limiter.wait() == 0.0


# --- what goes wrong


def test_without_its_coordinator_nothing_is_drawn() -> None:
    away = UnreachableError("BW2029", "away")
    away.ambiguous = False
    coordinator = Coordinators(0.5, away, away)
    limiter = limiter_over(coordinator)
    with pytest.raises(UnreachableError) as caught:
        limiter.wait("writes")
    assert caught.value.ambiguous is True, "a create may have been sent by whoever waits for its look-up"
    with pytest.raises(UnreachableError):
        limiter.wait("writes")
    assert limiter.wait("writes") == 0.0, "it serves again, and nobody is left in the line"


def test_an_unreachable_coordinator_cannot_be_told_of_a_back_off() -> None:
    class Away(Coordinators):
        def hold(self, quota: Quota, seconds: float) -> None:
            raise UnreachableError("BW2029", "away")

    with pytest.raises(UnreachableError):
        limiter_over(Away()).back_off(5.0)


@pytest.mark.parametrize(
    ("quota", "count", "why"),
    [
        (Quota("acme", 0, 60.0), 1, "at least one call"),
        (Quota("acme", 5, 60.0, margin_seconds=-1.0), 1, "less than nothing"),
        (Quota("acme", 5, 60.0, margin_seconds=math.nan), 1, "less than nothing"),
        (Quota("acme", 5, 60.0), 6, "6 calls at once"),
    ],
)
def test_what_can_never_be_drawn_is_refused_before_anybody_is_asked(quota: Quota, count: int, why: str) -> None:
    coordinator = Coordinators()
    with pytest.raises(UsageError) as caught:
        limiter_over(coordinator, quota=quota).wait(count=count)
    assert (caught.value.code, coordinator.asked) == ("BW3110", [])
    assert why in caught.value.problem.why


def test_a_wait_for_a_quota_is_no_stall() -> None:
    clock, stalls = ManualClock(), list[Stall]()
    watchdog = Watchdog(60.0, clock, stalls.append)
    limiter = SharedLimiter(SIXTY, Coordinators(*[60.0] * 20), PatientClock(clock, watchdog), Metrics())
    checks: list[float] = []
    clock_sleep = clock.sleep
    clock.sleep = lambda seconds: (clock_sleep(seconds), checks.append(watchdog.check()))[0]  # type: ignore[method-assign]
    with watchdog.watching():
        limiter.wait("writes")
    assert clock.monotonic() == pytest.approx(100.0)
    assert (stalls, len(checks) > 200) == ([], True)


# --- one at a time when others ask, too


def test_only_who_has_rivals_asks_a_little_later() -> None:
    clock, coordinator = SleepyClock(), Coordinators(0.1, 0.0, 0.1, 0.1)
    limiter = SharedLimiter(SIXTY, coordinator, clock, Metrics(), chance=lambda: 1.0)
    assert limiter.wait() == pytest.approx(0.1), "alone: at the very moment"
    assert limiter.wait() == pytest.approx(0.1 + 0.1 + 0.05), "it was refused when the calls should have been free"
    coordinator.answers = [0.1]
    assert limiter.wait() == pytest.approx(0.1 + 0.05), "there are rivals for a period"
    clock.advance(61.0)
    coordinator.answers = [0.1]
    assert limiter.wait() == pytest.approx(0.1), "and then no more"


def test_the_stagger_is_small_beside_the_time_between_two_calls() -> None:
    clock, coordinator = SleepyClock(), Coordinators(0.01, 0.01)
    fast = SharedLimiter(Quota("q", 100, 1.0), coordinator, clock, Metrics(), chance=lambda: 1.0)
    assert fast.wait() == pytest.approx(0.02 + 0.25 * 1.035 / 100)


# --- numbers


def test_what_was_drawn_and_waited_is_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    with QuotaHouse(tmp_path, SIXTY) as house:
        limiter = house.process(metrics)
        for _ in range(61):
            house.draw(limiter, "writes")
        house.draw(limiter, "reads", 3)
        limiter.back_off(1.0)
    found = {(one.name, dict(one.labels).get("share")): one for one in metrics.snapshot()}
    assert found["busway_quota_calls_total", "writes"].value == 61
    assert found["busway_quota_calls_total", "reads"].value == 3
    waits = found["busway_quota_wait_seconds", "writes"]
    assert (waits.value, waits.total) == (61, pytest.approx(61.0))
    assert found["busway_quota_backoffs_total", None].value == 1
    assert all(dict(one.labels)["quota"] == "acme" for one in metrics.snapshot())


# --- one for each quota


def limiters(folder: Path) -> tuple[SharedLimiters, list[LocalCoordinator]]:
    made: list[LocalCoordinator] = []

    def coordinator() -> LocalCoordinator:
        if not made:
            made.append(LocalCoordinator(folder, ManualClock()))
        return made[0]

    return SharedLimiters(coordinator, ManualClock(), Metrics()), made


def test_two_who_name_one_quota_share_its_limiter(tmp_path: Path) -> None:
    make, made = limiters(tmp_path)
    first, second = make(SIXTY), make(Quota("acme", 60, 60.0, dict(SHARES)))
    other: Limiter = make(Quota("elsewhere", 1, 60.0))
    assert first is second
    assert other is not first
    assert not made, "nothing is connected to before a call is wanted"
    first.wait("writes")
    assert len(made) == 1
    made[0].close()


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Quota("acme", 50, 60.0, SHARES), "once with 50 calls in 60 s, shares writes 0.7, reads 0.25, console 0.05"),
        (Quota("acme", 60, 60.0, margin_seconds=2), "once with 60 calls in 60 s, margin 2 s"),
    ],
)
def test_two_that_give_one_quota_other_numbers_are_told(tmp_path: Path, other: Quota, told: str) -> None:
    make, _ = limiters(tmp_path)
    make(SIXTY)
    with pytest.raises(UsageError, match="declared twice, and differently") as caught:
        make(other)
    problem = caught.value.problem
    assert problem.code == "BW3110"
    assert problem.where == f"once with 60 calls in 60 s, shares writes 0.7, reads 0.25, console 0.05, {told}"
