"""Generations: shared by processes, cached for seconds, compared with each other and never with a clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from builders.cache_processes import CacheProcess, CacheServer, SharedCache
from builders.manual_clock import ManualClock
from busway.data.generations import Generations
from busway.data.names import Name
from busway.testing.caches import FakeCache

EMPLOYEES, JOBS = Name("vista", "employees"), Name("vista", "jobs")


class Quiet(SharedCache):
    """Keeps generations, and publishes nothing."""

    publish = subscribe = None  # type: ignore[assignment]


class Deployment:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.server = CacheServer()

    def client(self, kind: type[SharedCache] = SharedCache, clock: ManualClock | None = None) -> SharedCache:
        return kind(self.server, clock or self.clock)

    def process(self, *levels: tuple[str, Any], clock: ManualClock | None = None) -> CacheProcess:
        return CacheProcess(clock or self.clock, *(levels or [("shared", self.client(clock=clock))]))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_an_invalidation_reaches_every_level_of_every_process_at_once(deployment: Deployment) -> None:
    file = FakeCache(deployment.clock)
    first = deployment.process(("shared", deployment.client()), ("file", file))
    second = deployment.process(("shared", deployment.client()), ("file", file))
    first.put("vista.employees", 1, "E1")
    first.put("vista.jobs", 2)
    assert [second.get("vista.employees", "E1"), second.get("vista.jobs")] == [1, 2]
    first.invalidate("vista.employees")
    assert [second.get("vista.employees", "E1"), second.get("vista.jobs")] == [None, 2]
    second.put("vista.employees", 3, "E1")
    assert first.get("vista.employees", "E1") == 3
    second.invalidate("vista")
    assert [first.get("vista.employees", "E1"), first.get("vista.jobs")] == [None, None]


def test_a_new_process_knows_what_was_invalidated_before_it_began(deployment: Deployment) -> None:
    first = deployment.process()
    first.put("vista.employees", 1)
    deployment.process().invalidate("vista.employees")
    assert deployment.process().get("vista.employees") is None
    assert deployment.server.held, "the entry is still there: only its generation is over"


def test_it_costs_one_raise_and_one_message_whatever_there_is(deployment: Deployment) -> None:
    cache = deployment.client()
    process = deployment.process(("shared", cache))
    process.get("vista.employees")
    process.get("vista.employees")
    for size in (1, 300):
        for number in range(size):
            process.put("vista.employees", number, str(number))
        cache.calls.clear()
        assert process.invalidate("vista.employees") == size
        assert cache.calls == ["raise_generation", "publish"]


def test_without_messages_stamps_are_read_again_after_seconds(deployment: Deployment) -> None:
    cache = deployment.client(Quiet)
    first, second = deployment.process(("shared", cache)), deployment.process(("shared", deployment.client(Quiet)))
    first.put("vista.employees", 1)
    assert second.get("vista.employees") == 1
    cache.calls.clear()
    for _ in range(10):
        first.stamp("vista.employees")
    assert cache.calls == [], "cached"
    first.invalidate("vista.employees")
    deployment.clock.advance(4.9)
    assert second.get("vista.employees") == 1
    deployment.clock.advance(0.2)
    assert second.get("vista.employees") is None


def test_all_stamps_in_use_are_read_in_one_question(deployment: Deployment) -> None:
    cache = deployment.client(Quiet)
    process = deployment.process(("shared", cache))
    for number in range(50):
        process.stamp(f"vista.entity{number}")
    cache.calls.clear()
    deployment.clock.advance(6)
    process.stamp("vista.entity7")
    assert cache.calls == ["read_generations"]


def test_the_file_level_shares_them_between_processes_without_a_server(deployment: Deployment) -> None:
    first, second = (deployment.process(("file", deployment.client(Quiet))) for _ in range(2))
    first.put("vista.employees", 1)
    assert second.get("vista.employees") == 1
    first.invalidate("vista")
    deployment.clock.advance(6)
    assert second.get("vista.employees") is None


def test_the_next_level_keeps_them_while_the_first_is_away_and_the_first_is_told(deployment: Deployment) -> None:
    files = CacheServer()
    shared = [deployment.client() for _ in range(3)]
    first, second, third = (
        deployment.process(("shared", one), ("file", Quiet(files, deployment.clock))) for one in shared
    )
    first.put("vista.employees", 1)
    assert second.get("vista.employees") == 1
    for one in shared:
        one.away = True
    first.invalidate("vista.employees")
    assert files.stamps
    assert deployment.server.stamps == {}
    assert third.get("vista.employees") is None, "it has never heard of it, and the file level knows"
    deployment.clock.advance(6)
    for one in shared:
        one.mend()
    first.levels.tend()
    assert deployment.server.stamps == files.stamps
    assert second.get("vista.employees") is None


def test_a_level_that_was_too_busy_for_a_stamp_is_told_soon(deployment: Deployment) -> None:
    cache = deployment.client()
    process = deployment.process(("shared", cache))
    process.stamp("vista.employees")
    cache.busy = True
    process.invalidate("vista.employees")
    cache.busy = False
    assert deployment.server.stamps == {}
    process.levels.tend()
    assert list(deployment.server.stamps) == ["acme:v1:vista.employees"]


def test_a_server_that_lost_its_stamps_is_told_again(deployment: Deployment) -> None:
    file = Quiet(CacheServer(), deployment.clock)
    process = deployment.process(("shared", deployment.client(Quiet)), ("file", file))
    process.put("vista.employees", 1)
    process.invalidate("vista.employees")
    process.levels.tend()
    before = dict(deployment.server.stamps)
    deployment.server.stamps.clear()
    assert deployment.process(("shared", deployment.client()), ("file", file)).get("vista.employees") is None
    deployment.clock.advance(6)
    process.stamp("vista.employees")
    process.levels.tend()
    assert deployment.server.stamps == before


@pytest.mark.parametrize("behind_seconds", [-3_600, -5, 0, 5, 3_600])
def test_clocks_that_differ_neither_lose_an_invalidation_nor_entries_stored_after_it(
    deployment: Deployment, behind_seconds: int
) -> None:
    other_clock = ManualClock(deployment.clock.now_ns() - behind_seconds * 10**9)
    first, second = deployment.process(), deployment.process(clock=other_clock)
    for one, other in ((first, second), (second, first)) * 3:
        other.put("vista.employees", "old")
        one.invalidate("vista.employees")
        assert [one.get("vista.employees"), other.get("vista.employees")] == [None, None]
        one.put("vista.employees", "new")
        assert one.get("vista.employees") == "new", "stored right after, and valid"
        assert other.get("vista.employees") == "new" or behind_seconds
        one.invalidate("vista")
        assert [one.get("vista.employees"), other.get("vista.employees")] == [None, None]


def test_an_invalidation_is_not_lost_to_a_stamp_ahead_that_nobody_told_us(deployment: Deployment) -> None:
    process = deployment.process(("shared", deployment.client(Quiet)))
    process.stamp("vista.employees")
    ahead = deployment.clock.now_ns() + 60 * 10**9
    deployment.server.stamps["acme:v1:vista.employees"] = ahead
    entry = process.entry("vista.employees", "loaded after that", stamp=ahead)
    process.invalidate("vista.employees")
    assert process.stamp("vista.employees") > ahead
    assert entry.generation < process.stamp("vista.employees")


def test_two_processes_that_invalidate_in_the_same_instant_do_not_agree_on_one_stamp(deployment: Deployment) -> None:
    both = [deployment.process(("shared", deployment.client(Quiet))).levels.generations for _ in "ab"]
    for generations in both:
        generations.current(EMPLOYEES)
    first, second = (generations.bump(EMPLOYEES) for generations in both)
    assert first != second


def test_what_is_stored_while_it_is_invalidated_elsewhere_is_old(deployment: Deployment) -> None:
    first, second = deployment.process(), deployment.process()
    began = first.stamp("vista.employees")
    second.invalidate("vista.employees")
    entry = first.entry("vista.employees", "read before", stamp=began)
    first.levels.write(first.key("vista.employees"), entry, b"x", first.policy)
    assert first.get("vista.employees") is None


def test_the_epoch_grows_with_every_change_and_only_then(deployment: Deployment) -> None:
    process = deployment.process()
    generations = process.levels.generations
    generations.current(EMPLOYEES)
    epoch = generations.epoch
    generations.current(EMPLOYEES)
    assert generations.epoch == epoch
    deployment.process().invalidate("vista.employees")
    assert generations.epoch > epoch
    epoch = generations.epoch
    generations.bump(JOBS)
    assert generations.epoch > epoch


@pytest.mark.parametrize("stamp", [-1, 0, 2**62, 2**63])
def test_a_stamp_no_clock_can_have_made_is_ignored(stamp: int) -> None:
    generations = Generations(ManualClock())
    assert not generations.learn("vista", stamp)
    assert generations.current(EMPLOYEES) == 0


def test_names_nobody_uses_do_not_pile_up() -> None:
    clock = ManualClock()
    generations = Generations(clock)
    for number in range(10_100):
        generations.learn(f"foreign{number}", clock.now_ns())
    assert len(generations._stamps) == 10_000


@pytest.mark.parametrize("answer", ["text", [1], [1, 2, 3], [1, "x"], None, [object(), 1]])
def test_an_answer_that_is_no_stamps_is_a_failure_of_the_level(deployment: Deployment, answer: Any) -> None:
    class Wrong(SharedCache):
        def read_generations(self, names: Sequence[str]) -> Any:
            return answer

    process = deployment.process(("shared", deployment.client(Wrong)))
    assert process.stamp("vista.employees") == 0
    assert process.state("shared")["state"] == "away"


def test_stamps_are_read_when_a_level_is_found_back_before_what_it_has_is_served(deployment: Deployment) -> None:
    cut_off = deployment.client()
    first, second = deployment.process(("shared", cut_off)), deployment.process()
    second.put("vista.employees", "old")
    assert first.get("vista.employees") == "old"
    first.memory.close()
    cut_off.away = True
    first.get("vista.employees")
    second.invalidate("vista.employees")
    deployment.clock.advance(4.9)
    first.levels.generations.refresh()  # fails, and is not due again for a while
    deployment.clock.advance(0.2)
    cut_off.away = False  # no message yet that messages were missed
    assert first.get("vista.employees") is None
