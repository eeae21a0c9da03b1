"""The watchdog: a run that does not move is told once, with the plugin it is in. Time is a clock that tests move."""

from __future__ import annotations

import contextvars
import gc
import threading
import types
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from builders.manual_clock import ManualClock
from busway.plugins.origins import Origin, note_origin, origin_of, package_origins
from busway.plugins.stack import raised_at, stack_of
from busway.plugins.watchdog import PatientClock, Stall, Watchdog, ticker

PEOPLE = Origin("jobs", "people", "acme-busway-people", "2.1", "acme_people.jobs:people")
PAGER = Origin("sinks", "pager", "acme-busway-pager", "1.0", "acme_pager")
SECRET = "canary-9f3c2a1b-secret"

JOB = """
def source(wait):
    password = "canary-9f3c2a1b-secret"
    return helper(wait)

def helper(wait):
    wait()
"""


def plugin_module(name: str) -> Any:
    """A module of a plugin, whose code really runs under its name."""
    module = types.ModuleType(name)
    exec(compile(JOB, f"/site-packages/{name.replace('.', '/')}.py", "exec"), module.__dict__)
    return module


class Stuck:
    """A run in a thread of its own that is inside of a plugin's code until it is let go."""

    def __init__(self, watchdog: Watchdog, *modules: str) -> None:
        self.entered, self.release = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(watchdog, modules), daemon=True)
        self.thread.start()
        assert self.entered.wait(5)

    def _run(self, watchdog: Watchdog, modules: tuple[str, ...]) -> None:
        call = self._wait
        for name in reversed(modules):
            call = self._through(plugin_module(name), call)
        with watchdog.watching():
            call()

    def _through(self, module: Any, inner: Any) -> Any:
        return lambda: module.source(inner)

    def _wait(self) -> None:
        self.entered.set()
        self.release.wait(30)

    def end(self) -> None:
        self.release.set()
        self.thread.join(5)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stalls() -> list[Stall]:
    return []


@pytest.fixture
def watchdog(clock: ManualClock, stalls: list[Stall]) -> Watchdog:
    packages = package_origins([PEOPLE, PAGER])
    return Watchdog(60, clock, stalls.append, packages=packages)


@pytest.fixture
def stuck(watchdog: Watchdog) -> Iterator[Stuck]:
    stuck = Stuck(watchdog, "acme_people.jobs.employees")
    yield stuck
    stuck.end()


def test_a_run_that_does_not_move_is_told_once(
    watchdog: Watchdog, clock: ManualClock, stalls: list[Stall], stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    clock.advance(59)
    assert watchdog.check() == pytest.approx(1)
    assert stalls == []
    clock.advance(1)
    assert watchdog.check() == 60
    clock.advance(600)
    watchdog.check()
    (stall,) = stalls
    assert stall.origin is PEOPLE
    assert (stall.seconds, stall.function) == (60.0, "employees.py:7 helper")
    assert str(stall) == ("no progress for 60 s in jobs.people (acme-busway-people 2.1): employees.py:7 helper")
    assert stall.attributes() == {
        "what": "no progress", "seconds": 60.0, "plugin": "jobs.people", "distribution": "acme-busway-people",
        "version": "2.1", "function": "employees.py:7 helper", "stack": list(stall.stack),
    }  # fmt: skip
    assert "employees.py:4 source" in stall.stack
    assert 2 < len(stall.stack) <= 8
    assert caplog.text.count("no progress for 60 s in jobs.people") == 1
    assert SECRET not in f"{caplog.text}{stall}"


def test_progress_puts_it_off_and_the_next_stall_is_told_again(
    watchdog: Watchdog, clock: ManualClock, stalls: list[Stall], stuck: Stuck
) -> None:
    for _ in range(5):
        clock.advance(50)
        watchdog.progress()
        assert watchdog.check() == 60
    assert stalls == []
    clock.advance(61)
    watchdog.check()
    watchdog.progress()
    clock.advance(62)
    watchdog.check()
    assert [stall.seconds for stall in stalls] == [61, 62]


def test_a_wait_on_purpose_is_no_stall(
    watchdog: Watchdog, clock: ManualClock, stalls: list[Stall], stuck: Stuck
) -> None:
    class Looking(ManualClock):
        """The watchdog looks while somebody sleeps."""

        def sleep(self, seconds: float) -> None:
            clock.advance(seconds)
            watchdog.check()

    PatientClock(Looking(), watchdog).sleep(300)
    assert clock.monotonic() == 300
    assert stalls == []
    patient = PatientClock(clock, watchdog)
    assert patient.monotonic() == clock.monotonic()
    assert patient.now_ns() == clock.now_ns()
    assert watchdog.check() == 60
    watchdog.expect_wait(300)
    clock.advance(359)
    watchdog.check()
    assert stalls == []
    clock.advance(2)
    watchdog.check()
    assert len(stalls) == 1


def test_the_innermost_plugin_is_the_one_that_is_named(
    watchdog: Watchdog, clock: ManualClock, stalls: list[Stall]
) -> None:
    for modules, origin in (
        (("acme_people.jobs", "acme_pager"), PAGER),
        (("acme_pager", "acme_people.jobs", "requests.sessions"), PEOPLE),
        (("somebody_else",), None),
    ):
        stuck = Stuck(watchdog, *modules)
        clock.advance(61)
        watchdog.check()
        stuck.end()
        assert stalls[-1].origin is origin
    assert "no plugin's code" in str(stalls[-1])
    assert "plugin" not in stalls[-1].attributes()


def test_the_thread_lives_as_long_as_the_run_and_is_none_before(watchdog: Watchdog) -> None:
    def running() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "busway-watchdog"]

    for left_over in running():
        left_over.join(5)
    before = running()
    assert ticker()() is None, "nobody watches"
    with watchdog.watching():
        (mine,) = [thread for thread in running() if thread not in before]
        assert mine.daemon
        assert ticker() == watchdog.progress
        with watchdog.watching():
            assert len(running()) == len(before) + 1, "a run within a run is watched with it"
        assert ticker() == watchdog.progress
    mine.join(5)
    assert not mine.is_alive()
    assert ticker() != watchdog.progress


def test_it_tells_by_itself_in_real_time(caplog: pytest.LogCaptureFixture) -> None:
    told = threading.Event()
    watchdog = Watchdog(0.02, on_stall=lambda stall: told.set())
    with watchdog.watching():
        assert told.wait(5)
    assert f"{__name__.rpartition('.')[2]}.py" in caplog.text


def test_a_listener_that_fails_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("busway.plugins.patrol.PAUSED_SECONDS", 0.01)
    seen: list[Stall] = []
    both = threading.Event()

    def fail(stall: Stall) -> None:
        seen.append(stall)
        if len(seen) == 2:
            both.set()
        watchdog.progress()
        raise ValueError(SECRET)

    watchdog = Watchdog(0.01, on_stall=fail)
    with watchdog.watching():
        assert both.wait(5)
    assert SECRET not in caplog.text


# -- whose code it is


def test_packages_belong_to_the_distribution_whose_entry_point_is_in_them() -> None:
    vault = Origin("secrets", "vault", "acme-vault", "1", "acme.vault.plugin:make")
    pager = Origin("sinks", "pager", "acme-pager", "1", "acme.pager")
    also = Origin("caches", "pager", "acme-pager", "1", "acme.pager")
    memory = Origin("caches", "memory", "busway", "1", "busway.data.memory_level")
    assert package_origins([vault, pager, also, memory]) == {
        "acme.vault.plugin": vault, "acme.vault": vault, "acme.pager": pager
    }  # fmt: skip


def test_an_origin_says_who_and_where() -> None:
    assert PEOPLE.owner == "acme-busway-people 2.1"
    assert PEOPLE.label == "jobs.people (acme-busway-people 2.1)"
    assert PEOPLE.where == ("acme-busway-people 2.1, entry point busway.v1.jobs: people = acme_people.jobs:people")


class Slotted:
    __slots__ = ("entity",)


class Unhashable:
    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize("make", [Slotted, Unhashable, lambda: types.ModuleType("x"), lambda: partial(print)])
def test_an_origin_is_noted_for_any_object(make: Any) -> None:
    made = make()
    note_origin(made, PEOPLE)
    assert origin_of(made) is PEOPLE
    note_origin(made, PAGER)
    assert origin_of(made) is PAGER, "the last one counts"


def test_an_origin_is_forgotten_with_its_object() -> None:
    from busway.plugins import origins

    made = Unhashable()
    note_origin(made, PEOPLE)
    assert origin_of(Unhashable()) is None, "it is of the object, not of what equals it"
    other = Unhashable()
    origins._known[id(other)] = origins._known[id(made)]
    assert origin_of(other) is None, "an id that is used again says nothing"
    del origins._known[id(other)]
    key = id(made)
    del made
    gc.collect()
    assert key not in origins._known


def test_a_stack_tells_places_only() -> None:
    spots = stack_of(threading.get_ident())
    assert spots[2].function == "test_a_stack_tells_places_only"
    assert str(spots[2]).startswith("test_plugins_watchdog.py:")
    assert stack_of(-1) == []
    with pytest.raises(KeyError) as caught:
        raise KeyError(SECRET)
    assert raised_at(caught.value).startswith("raised at test_plugins_watchdog.py:")
    assert raised_at(KeyError()) == "raised nowhere known"


def test_each_thread_of_a_run_has_its_own_time(watchdog: Watchdog, clock: ManualClock, stalls: list[Stall]) -> None:
    people, pager = Stuck(watchdog, "acme_people.jobs"), Stuck(watchdog, "acme_pager")
    clock.advance(50)
    with watchdog.watching():
        watchdog.progress()
        clock.advance(20)
        assert watchdog.check() == pytest.approx(40), "the thread that moved is the next to be due"
    assert sorted(str(stall.origin and stall.origin.name) for stall in stalls) == ["pager", "people"]
    people.end()
    pager.end()


def test_a_thread_that_works_for_another_moves_that_one(
    watchdog: Watchdog, clock: ManualClock, stalls: list[Stall]
) -> None:
    with watchdog.watching():
        context = contextvars.copy_context()
        clock.advance(50)
        helper = threading.Thread(target=context.run, args=(watchdog.progress,))
        helper.start()
        helper.join(5)
        clock.advance(50)
        watchdog.check()
    assert stalls == []
