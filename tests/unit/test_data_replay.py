"""Replay: a level that was away is told everything it missed, and never loses something newer for it."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.cache_processes import CacheProcess, CacheServer, SharedCache
from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.data.entry_format import decode, encode
from busway.data.missed import MAX_PATTERNS, Missed
from busway.data.policy import Policy
from busway.testing.caches import FakeCache

WINDOW = 6.0


class Deployment:
    """Two processes over one server; the first has a file level of its own."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.server = CacheServer()
        self.cut, self.other_client = SharedCache(self.server, self.clock), SharedCache(self.server, self.clock)
        self.file = FakeCache(self.clock, stores_in_clear=False)
        self.process = CacheProcess(self.clock, ("shared", self.cut), ("file", self.file))
        self.other = CacheProcess(self.clock, ("shared", self.other_client))
        for one in (self.process, self.other):
            one.get("vista.employees")

    def outage(self) -> None:
        """Noticed by the first process at once."""
        self.cut.away = True
        self.process.get("vista.nothing")
        assert self.process.levels.degraded

    def recover(self) -> None:
        self.clock.advance(WINDOW)
        self.cut.mend()
        self.process.levels.tend()

    def on_server(self, name: str, key: str | None = None) -> Any:
        held = self.server.held.get(self.process.key(name, key))
        return decode(held[0]).value if held is not None else None

    @property
    def pending(self) -> int:
        return int(self.process.state("shared")["pending"])


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_missed_writes_arrive(deployment: Deployment) -> None:
    deployment.process.put("vista.employees", "old")
    assert deployment.other.get("vista.employees") == "old"
    deployment.outage()
    deployment.clock.advance(1)
    assert deployment.process.put("vista.employees", "new") == 2, "memory and file"
    deployment.process.memory.close()
    assert deployment.process.level_of("vista.employees") == "file", "the next level serves"
    assert deployment.on_server("vista.employees") == "old"
    deployment.recover()
    assert deployment.on_server("vista.employees") == "new"
    assert deployment.other.get("vista.employees") == "new", "it is told, too"
    assert (deployment.pending, deployment.process.levels.degraded) == (0, False)
    assert deployment.process.state("shared")["replayed"] == 1


def test_missed_removals_arrive(deployment: Deployment) -> None:
    for key in ("E1", "E2", "X1"):
        deployment.process.put("vista.employees", key, key)
    assert deployment.other.get("vista.employees", "E2") == "E2"
    deployment.outage()
    assert deployment.process.invalidate("vista.employees/E1") == 1
    assert deployment.process.invalidate("vista:employees:E*") == 1
    deployment.recover()
    left = [deployment.on_server("vista.employees", key) for key in ("E1", "E2", "X1")]
    assert left == [None, None, "X1"]
    assert deployment.other.get("vista.employees", "E2") is None


def test_a_pattern_finds_what_only_the_level_that_was_away_had(deployment: Deployment) -> None:
    deployment.other.put("vista.employees", "only there", "E1")
    deployment.outage()
    assert deployment.process.invalidate("vista:employees:E*") == 0
    deployment.cut.mend()
    deployment.clock.advance(WINDOW)
    assert deployment.process.get("vista.employees", "E1") is None, "the first read of the caller who finds it back"
    assert deployment.on_server("vista.employees", "E1") is None
    assert deployment.other.get("vista.employees", "E1") is None


def test_missed_generations_arrive(deployment: Deployment) -> None:
    deployment.other.put("vista.employees", "old")
    deployment.outage()
    deployment.process.invalidate("vista.employees")
    assert deployment.server.stamps == {}
    deployment.recover()
    assert list(deployment.server.stamps) == ["acme:v1:vista.employees"]
    assert deployment.other.get("vista.employees") is None or deployment.clock.advance(5) is None
    assert deployment.other.get("vista.employees") is None


def test_the_next_caller_is_enough(deployment: Deployment) -> None:
    deployment.outage()
    for number in range(40):
        deployment.process.put("vista.employees", number, str(number))
    deployment.cut.away = False
    deployment.clock.advance(5)
    deployment.process.get("vista.other")
    assert deployment.pending == 0
    assert [deployment.on_server("vista.employees", str(number)) for number in range(40)] == list(range(40))


def test_a_newer_entry_is_never_overwritten_nor_removed(deployment: Deployment) -> None:
    deployment.outage()
    deployment.process.put("vista.employees", "mine, old", "E1")
    deployment.process.invalidate("vista.employees/E2")
    deployment.process.invalidate("vista:employees:E3*")
    deployment.clock.advance(1)
    for key in ("E1", "E2", "E3"):
        deployment.other.put("vista.employees", "theirs, new", key)
    deployment.recover()
    assert [deployment.process.get("vista.employees", key) for key in ("E1", "E2", "E3")] == ["theirs, new"] * 3
    assert deployment.pending == 0


def test_an_older_entry_does_not_stay(deployment: Deployment) -> None:
    deployment.outage()
    deployment.other.put("vista.employees", "theirs, old", "E1")
    deployment.other.put("vista.employees", "theirs, old", "E2")
    deployment.clock.advance(1)
    deployment.process.put("vista.employees", "mine, new", "E1")
    deployment.process.invalidate("vista.employees/E2")
    deployment.recover()
    assert [deployment.other.get("vista.employees", key) for key in ("E1", "E2")] == ["mine, new", None]


def test_a_write_from_before_a_removal_nobody_told_us_of_does_not_stay(deployment: Deployment) -> None:
    for text in ("vista.employees/E1", "vista:employees:E*"):
        deployment.outage()
        deployment.process.put("vista.employees", "old", "E1")
        deployment.clock.advance(1)
        deployment.other.invalidate(text)
        deployment.recover()
        assert deployment.server.held == {}, "the one who removed it removes it again"
        assert deployment.process.get("vista.employees", "E1") is None


@pytest.mark.parametrize("text", ["vista.employees/E1", "vista:employees:E*"])
def test_who_did_not_hear_that_an_entry_was_brought_back_removes_it_when_he_is_connected_again(
    deployment: Deployment, text: str
) -> None:
    deployment.outage()
    deployment.process.put("vista.employees", "old", "E1")
    deployment.clock.advance(1)
    deployment.other.invalidate(text)
    deployment.other_client.away = True
    deployment.recover()
    assert deployment.on_server("vista.employees", "E1") == "old"
    deployment.other_client.mend()
    deployment.other.levels.tend()
    assert deployment.server.held == {}
    assert deployment.process.get("vista.employees", "E1") is None


def test_the_last_word_counts_once(deployment: Deployment) -> None:
    deployment.outage()
    for value in range(5):
        deployment.process.put("vista.employees", value)
        deployment.process.invalidate("vista.employees/_")
    deployment.process.put("vista.employees", "last")
    deployment.cut.calls.clear()
    deployment.recover()
    assert deployment.on_server("vista.employees") == "last"
    assert deployment.cut.calls.count("set") == 1


def test_what_was_invalidated_or_ran_out_meanwhile_is_not_written(deployment: Deployment) -> None:
    deployment.outage()
    deployment.process.put("vista.employees", "invalidated")
    deployment.process.invalidate("vista.employees")
    deployment.process.put("vista.jobs", "expired", ttl=2)
    deployment.recover()
    assert deployment.server.held == {}
    assert deployment.pending == 0


@pytest.mark.parametrize("calls", range(1, 40, 3))
def test_a_second_outage_during_replay_loses_nothing(deployment: Deployment, calls: int) -> None:
    deployment.process.put("vista.gone", "old", "E1")
    deployment.process.put("vista.gone", "old", "E2")
    deployment.outage()
    for number in range(8):
        deployment.process.put("vista.employees", number, str(number))
    deployment.process.invalidate("vista.gone/E1")
    deployment.process.invalidate("vista:gone:E2*")
    deployment.process.invalidate("vista.jobs")
    deployment.cut.mend()
    deployment.cut.fail_after = calls
    deployment.clock.advance(WINDOW)
    deployment.process.levels.tend()
    if deployment.process.levels.degraded:
        assert deployment.pending > 0
    deployment.recover()
    assert deployment.pending == 0
    assert [deployment.on_server("vista.employees", str(number)) for number in range(8)] == list(range(8))
    assert [deployment.on_server("vista.gone", key) for key in ("E1", "E2")] == [None, None]
    assert len(deployment.server.stamps) == 1


def test_nothing_of_before_is_served_while_replay_is_not_done(deployment: Deployment) -> None:
    for key in ("E1", "E2"):
        deployment.process.put("vista.employees", "old", key)
    deployment.other.put("vista.employees", "old", "P1")
    deployment.outage()
    deployment.process.put("vista.employees", "new", "E1")
    deployment.process.invalidate("vista.employees/E2")
    deployment.process.invalidate("vista:employees:P*")
    deployment.process.memory.close()
    deployment.file.held.clear()
    deployment.cut.mend()
    deployment.clock.advance(WINDOW)
    level = deployment.process.levels._levels[1]
    level._breaker.succeeded()
    level._hooks = type(level._hooks)(background=True)  # replay is somebody else's business, and has not begun
    assert [deployment.process.get("vista.employees", key) for key in ("E1", "E2", "P1")] == [None] * 3
    assert [deployment.on_server("vista.employees", key) for key in ("E1", "E2", "P1")] == ["old"] * 3


def test_a_write_during_the_replay_of_its_key_is_not_overwritten_by_it(deployment: Deployment) -> None:
    deployment.outage()
    deployment.process.invalidate("vista.jobs/_")  # told first: with it the level is back
    deployment.process.put("vista.employees", "missed")
    original = deployment.cut.set

    def overtaken(key: str, entry: bytes, ttl_seconds: float) -> None:
        assert not deployment.process.levels.degraded
        deployment.cut.set = original  # type: ignore[method-assign]
        deployment.clock.advance(1)
        deployment.process.put("vista.employees", "newer")
        original(key, entry, ttl_seconds)

    deployment.cut.set = overtaken  # type: ignore[method-assign]
    deployment.recover()
    assert deployment.on_server("vista.employees") == "newer"
    assert deployment.pending == 0


def test_a_server_that_can_be_read_and_not_written_stays_away(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Full, or a replica: to call it back at each read and away at each write would be noise."""

    def full(*_: Any) -> None:
        raise OSError(28, "no space")

    deployment.cut.set = full  # type: ignore[method-assign]
    deployment.process.put("vista.employees", 1)
    for _ in range(5):
        deployment.clock.advance(WINDOW)
        deployment.process.get("vista.employees")
        deployment.process.levels.tend()
    assert deployment.process.levels.degraded
    assert len(caplog.records) == 1


def test_copies_of_what_another_level_has_are_not_kept_for_it(deployment: Deployment) -> None:
    deployment.outage()
    deployment.file.set(deployment.process.key("vista.employees"), encode(deployment.process.entry("vista", 1)), 60)
    assert deployment.process.get("vista.employees") == 1
    assert deployment.pending == 0


def test_a_sensitive_entry_is_not_kept_for_a_level_that_stores_in_clear(deployment: Deployment) -> None:
    deployment.process.policy = Policy(sensitive=True)
    deployment.outage()
    deployment.process.put("vista.employees", "personal")
    deployment.recover()
    assert deployment.server.held == {}


def test_closing_tells_a_level_that_answers_what_is_left(deployment: Deployment) -> None:
    deployment.cut.busy = True
    deployment.process.put("vista.employees", 1)
    deployment.cut.busy = False
    assert deployment.on_server("vista.employees") is None
    deployment.process.levels.close()
    assert deployment.on_server("vista.employees") == 1


def test_too_many_keys_of_a_domain_make_it_invalid_instead(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    level = deployment.process.levels._levels[1]
    level.missed._max_keys = 10
    deployment.process.put("vista.employees", "old", "E1")
    deployment.process.put("graph.users", "old", "U1")
    deployment.outage()
    deployment.clock.advance(1)
    deployment.process.put("vista.employees", "new", "E1")
    deployment.process.put("graph.users", "new", "U1")
    for number in range(30):
        deployment.process.put("vista.employees", number, f"N{number}")
    assert deployment.pending <= 11
    deployment.recover()
    assert deployment.other.get("vista.employees", "E1") is None, "the write was given up, and what it replaced with it"
    assert deployment.other.get("graph.users", "U1") == "new", "the other domain is not concerned"
    assert "BW2021" in caplog.text
    assert deployment.pending == 0


def test_too_many_bytes_become_removals_oldest_first(deployment: Deployment) -> None:
    level = deployment.process.levels._levels[1]
    level.missed._max_bytes = 3_000
    for number in range(5):
        deployment.process.put("vista.employees", "old", str(number))
    deployment.outage()
    for number in range(5):
        deployment.process.put("vista.employees", "x" * 1_000, str(number))
    assert level.missed.size <= 3_000
    deployment.recover()
    values = [deployment.on_server("vista.employees", str(number)) for number in range(5)]
    assert values == [None, None, None, "x" * 1_000, "x" * 1_000]


def test_too_many_patterns_become_one_that_finds_everything(deployment: Deployment) -> None:
    deployment.other.put("vista.employees", "old", "E1")
    deployment.server.held["foreign:v1:a:b:c"] = (b"1", 1e9)
    deployment.outage()
    for number in range(MAX_PATTERNS + 1):
        deployment.process.invalidate(f"vista:none{number}:*")
    assert deployment.pending == 1
    deployment.recover()
    assert list(deployment.server.held) == ["foreign:v1:a:b:c"]


def test_a_clock_that_was_set_back_does_not_bring_an_entry_back() -> None:
    missed = Missed(lambda domain: None)
    entry = Entry("v", 1, 100, 200, 200)
    missed.note_write("acme:v1:d:e:x", entry, b"packed")
    missed.note_removal("acme:v1:d:e:x", 50)
    (_, word) = missed.word() or ("", None)
    assert (type(word).__name__, getattr(word, "stamp_ns", 0)) == ("MissedRemoval", 100)
    missed.note_write("acme:v1:d:e:x", entry, b"packed")
    assert missed.size == len(b"packed"), "what arrives later and is as new counts"
    assert len(missed) == 1


# -- any schedule of two processes, outages and what they say

KEYS = ["E1", "E2", "F1"]
ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 1), st.sampled_from(KEYS)),
    st.tuples(st.just("get"), st.integers(0, 1), st.sampled_from(KEYS)),
    st.tuples(st.just("remove"), st.integers(0, 1), st.sampled_from(KEYS)),
    st.tuples(st.just("pattern"), st.integers(0, 1), st.sampled_from(["E*", "?1"])),
    st.tuples(st.just("entity"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("domain"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("cut"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("fail_soon"), st.integers(0, 1), st.sampled_from(["1", "2", "5"])),
    st.tuples(st.just("mend"), st.integers(0, 1), st.just("")),
)


class Schedule:
    """Two processes on one host, one server, and what is true: the last word said about each key."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.server = CacheServer()
        self.clients = [SharedCache(self.server, self.clock) for _ in range(2)]
        file = FakeCache(self.clock)
        self.processes = [CacheProcess(self.clock, ("shared", client), ("file", file)) for client in self.clients]
        self.truth: dict[str, int | None] = dict.fromkeys(KEYS)
        self.generation_moved = False

    def step(self, number: int, action: str, who: int, what: str) -> None:
        self.clock.advance(0.001)
        process, client = self.processes[who], self.clients[who]
        if action == "put":
            process.put("vista.employees", number, what)
            self.truth[what] = number
        elif action == "get":
            process.get("vista.employees", what)
        elif action == "cut":
            client.away = True
        elif action == "fail_soon":
            client.fail_after = int(what)
        elif action == "mend":
            client.mend()
            self.clock.advance(WINDOW)
            process.levels.tend()
        else:
            self._remove(process, action, what)

    def _remove(self, process: CacheProcess, action: str, what: str) -> None:
        text, gone = {
            "remove": (f"vista.employees/{what}", [what]),
            "pattern": (f"vista:employees:{what}", fnmatch.filter(KEYS, what)),
            "entity": ("vista.employees", KEYS),
            "domain": ("vista", KEYS),
        }[action]
        self.generation_moved |= action in ("entity", "domain")
        process.invalidate(text)
        self.truth.update(dict.fromkeys(gone))

    def settle(self) -> None:
        for _ in range(2):  # the second round is for what the first one told the other process
            for process, client in zip(self.processes, self.clients, strict=True):
                client.mend()
                self.clock.advance(WINDOW)
                process.get("vista.settle")
                process.levels.tend()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTIONS, max_size=40))
def test_after_any_schedule_both_sides_agree_and_nothing_overwritten_or_invalidated_is_served(
    actions: list[tuple[str, int, str]],
) -> None:
    schedule = Schedule()
    for number, action in enumerate(actions):
        schedule.step(number, *action)
    schedule.settle()
    assert [one.state("shared")["pending"] for one in schedule.processes] == [0, 0]
    for key, value in schedule.truth.items():
        first, second = (one.get("vista.employees", key) for one in schedule.processes)
        assert first == second
        assert first in (None, value)
        if not schedule.generation_moved:
            assert first == value, "every missed write arrived"
