"""One load for many processes: here, many managers that share a level with locks, or a folder for them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.locking_cache import LockingCache
from builders.manual_clock import ManualClock
from busway.contracts.clock import Clock, SystemClock
from busway.data.leases import HeldLease, Leases
from busway.data.load_lock import MOST_WAKINGS, LoadLock, lock_name
from busway.data.lock_files import LockFiles
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.metrics.registry import Metrics
from busway.testing.caches import FakeCache

LEASE = 2.0
KEY = "acme:v1:vista:employees:_"


class SlowLoad:
    """A loader that tells when it has begun and ends when it is told to."""

    def __init__(self, outcome: Any = "loaded") -> None:
        self.outcome = outcome
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.runs = 0

    def __call__(self) -> Any:
        self.runs += 1
        self.begun.set()
        assert self.go_on.wait(20)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def never() -> Any:
    raise AssertionError("another one was to load it")


class Fleet:
    """Processes that share one level; each has a memory of its own."""

    def __init__(self, size: int, tables: dict[str, Any] | None = None, **of_cache: Any) -> None:
        self.clock = ManualClock()
        self.cache = LockingCache(self.clock, **of_cache)
        self.metrics = [Metrics() for _ in range(size)]
        self.pool = ThreadPoolExecutor(70)
        self.processes = [self._process(metrics, tables) for metrics in self.metrics]

    def _process(self, metrics: Metrics, tables: dict[str, Any] | None) -> DataManager:
        levels: list[Any] = [("memory", MemoryLevel(clock=self.clock)), ("shared", self.cache)]
        return open_manager(*levels, clock=self.clock, metrics=metrics, tables=tables)

    def ask(self, process: int, loader: Any, name: str = "vista.employees") -> Future[Any]:
        return self.pool.submit(self.processes[process].get_or_populate, name, loader=loader)

    def count(self, process: int, name: str) -> float:
        return sum(one.value for one in self.metrics[process].snapshot() if one.name == name)


@pytest.fixture
def fleet() -> Iterator[Any]:
    made: list[Fleet] = []

    def make(size: int = 2, **options: Any) -> Fleet:
        made.append(Fleet(size, **options))
        return made[-1]

    yield make
    for one in made:
        one.pool.shutdown(cancel_futures=True)
        for process in one.processes:
            process.close()


def test_eight_processes_with_eight_threads_each_load_once(fleet: Any) -> None:
    eight, load = fleet(8), SlowLoad()
    first = eight.ask(0, load)
    assert load.begun.wait(20)
    others = [eight.ask(process, load) for process in range(8) for _ in range(8)]
    eight.cache.until_waiting(7)
    load.go_on.set()
    assert {one.result(20) for one in [first, *others]} == {"loaded"}
    assert load.runs == 1
    asked = eight.cache.calls
    assert asked.count("acquire") == 8, "who was woken looks at the levels before it asks for the lock again"
    assert asked.count("wait") == 7
    assert asked.count("release") == 1
    assert asked.count("get") <= 8 + 8, "one look of each process before the lock, one after"
    assert len([one for one in asked if one != "woken"]) <= 50
    assert sum(eight.count(process, "busway_cache_lock_waits_total") for process in range(8)) == 7


def test_who_gets_the_lock_looks_again_before_it_loads(fleet: Any) -> None:
    two = fleet()
    take = two.cache.acquire_lock

    def after_another_one(name: str, token: str, lease_seconds: float) -> bool:
        two.cache.acquire_lock = take
        assert two.processes[1].get_or_populate("vista.employees", loader=lambda: "theirs") == "theirs"
        return bool(take(name, token, lease_seconds))

    two.cache.acquire_lock = after_another_one
    assert two.processes[0].get_or_populate("vista.employees", loader=never) == "theirs"
    assert two.cache.locks == {}, "the lock was given back all the same"


def test_a_failing_loader_runs_once_per_process_and_all_its_callers_get_the_same_exception(fleet: Any) -> None:
    three, loads = fleet(3), [SlowLoad(ConnectionError(f"process {number}")) for number in range(3)]
    asked = [[three.ask(0, loads[0])]]
    assert loads[0].begun.wait(20)
    asked[0] += [three.ask(0, loads[0]) for _ in range(3)]
    asked += [[three.ask(process, loads[process]) for _ in range(4)] for process in (1, 2)]
    three.cache.until_waiting(2)
    for load in loads:
        load.go_on.set()
    for process, callers in enumerate(asked):
        raised = [caller.exception(20) for caller in callers]
        assert {id(error) for error in raised} == {id(loads[process].outcome)}
    assert [load.runs for load in loads] == [1, 1, 1]


def test_a_holder_that_was_killed_is_replaced_when_its_lease_is_over(fleet: Any) -> None:
    two = fleet()
    two.cache.acquire_lock(KEY, "of a process that is no more", LEASE)
    caller = two.ask(0, lambda: "mine")
    two.cache.until_waiting(1)
    two.cache.advance(LEASE - 0.1)
    assert not caller.done()
    two.cache.advance(0.2)
    assert caller.result(20) == "mine"


def test_a_waiter_looks_at_the_levels_at_least_once_a_lease(fleet: Any) -> None:
    two = fleet()
    two.cache.locks[KEY] = ("of a holder that renews", float("inf"))
    caller = two.ask(0, never)
    two.cache.until_waiting(1)
    two.processes[1].save_cache("vista.employees", "saved by hand")
    two.cache.advance(LEASE)
    assert caller.result(20) == "saved by hand"


def test_the_lease_is_renewed_at_a_third_of_it_as_long_as_the_load_lasts() -> None:
    clock = ManualClock()
    cache, leases = LockingCache(clock), Leases(clock, lambda: None)
    lease = HeldLease(cache, KEY, "token", LEASE)
    assert cache.acquire_lock(KEY, "token", LEASE)
    leases.keep(lease)
    for _ in range(10):
        clock.advance(LEASE / 3)
        assert leases.renew_due() == pytest.approx(LEASE / 3)
        assert cache.locks[KEY] == ("token", clock.monotonic() + LEASE)
    assert leases.renew_due() == pytest.approx(LEASE / 3), "nothing is due"
    assert cache.calls.count("renew") == 10
    leases.drop(lease)
    clock.advance(LEASE)
    assert leases.renew_due() is None
    assert cache.calls.count("renew") == 10


def test_a_thread_renews_in_real_time_and_ends_when_there_is_nothing_left() -> None:
    cache, leases = LockingCache(ManualClock()), Leases(SystemClock(), lambda: None)
    lease, before = HeldLease(cache, KEY, "token", 0.03), set(threading.enumerate())
    cache.acquire_lock(KEY, "token", 60)
    leases.keep(lease)
    with cache.changed:
        assert cache.changed.wait_for(lambda: cache.calls.count("renew") >= 3, 20)
    leases.drop(lease)
    for thread in set(threading.enumerate()) - before:
        assert thread.daemon
        thread.join(20)
        assert not thread.is_alive()


def test_losing_the_lease_loses_nothing_else(fleet: Any) -> None:
    two, load = fleet(), SlowLoad("late, and good")
    caller = two.ask(0, load)
    assert load.begun.wait(20)
    thief = ("another process", float("inf"))
    two.cache.locks[KEY] = thief
    two.cache.advance(LEASE / 3)
    leases = two.processes[0]._state.guard._lock.leases
    assert leases.renew_due() is None
    load.go_on.set()
    assert caller.result(20) == "late, and good"
    assert two.processes[1].get_cached_data("vista.employees") == "late, and good", "it is stored as well"
    assert two.count(0, "busway_cache_leases_lost_total") == 1
    assert two.cache.locks[KEY] == thief, "somebody else's lock is not given back"
    assert "release" not in two.cache.calls


def test_a_lock_level_that_goes_away_while_its_lock_is_waited_for_costs_a_load(fleet: Any) -> None:
    two = fleet()
    two.cache.acquire_lock(KEY, "another process", LEASE)
    caller = two.ask(0, lambda: "mine")
    two.cache.until_waiting(1)
    two.cache.lose_locks()
    assert caller.result(20) == "mine"
    assert two.count(0, "busway_cache_lock_errors_total") == 1


@pytest.mark.parametrize("during_the_load", [False, True])
def test_a_lock_level_without_locks_for_the_moment_costs_nobody_a_value(fleet: Any, during_the_load: bool) -> None:
    two, load = fleet(), SlowLoad()
    if not during_the_load:
        two.cache.lose_locks()
    caller = two.ask(0, load)
    assert load.begun.wait(20)
    two.cache.lose_locks()
    load.go_on.set()
    assert caller.result(20) == "loaded"


def test_a_loader_that_asks_for_what_another_process_loads_does_not_wait_for_ever(fleet: Any) -> None:
    """Both hold a lock and want the other's: without an end to the waiting neither would ever load."""
    two = fleet()
    both = threading.Barrier(2)

    def outer(process: int, other: str) -> Any:
        def load() -> Any:
            both.wait(20)
            return two.processes[process].get_or_populate(other, loader=lambda: f"{other} of {process}")

        return load

    asked = [two.ask(0, outer(0, "vista.b"), "vista.a"), two.ask(1, outer(1, "vista.a"), "vista.b")]
    two.cache.until_waiting(2)
    for name, (token, _) in two.cache.locks.items():
        two.cache.locks[name] = (token, float("inf"))  # both holders live, and renew
    two.cache.advance(LEASE)
    assert {one.result(20) for one in asked} <= {"vista.b of 0", "vista.a of 1"}


def test_a_level_that_wakes_its_waiters_for_nothing_is_not_asked_for_ever() -> None:
    class Restless(LockingCache):
        def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
            self.calls.append("acquire")
            return False

        def wait_lock(self, name: str, timeout_seconds: float) -> bool:
            return True

    cache = Restless(ManualClock())
    lock = LoadLock(lambda: cache, None, SystemClock(), Metrics())
    assert lock.load_once("n", LEASE, lambda: None, lambda: "loaded") == "loaded"
    assert cache.calls.count("acquire") == MOST_WAKINGS


def test_only_what_others_could_find_is_locked(fleet: Any) -> None:
    """Nobody waits for a process whose result stays with it."""
    one = fleet(1, tables={"people": {"sensitive": True}})
    one.processes[0].get_or_populate("people.all", loader=lambda: 1)
    assert "acquire" not in one.cache.calls
    sealed = fleet(1, tables={"people": {"sensitive": True}}, stores_in_clear=False)
    sealed.processes[0].get_or_populate("people.all", loader=lambda: 1, key="jane@example.test")
    (name,) = sealed.cache.names
    assert name == lock_name("acme:v1:people:all:jane%40example.test", sensitive=True)
    one.processes[0].get_or_populate("other", loader=lambda: 1)
    assert "acquire" in one.cache.calls


def test_the_name_of_a_lock_shows_no_personal_id() -> None:
    key = "acme:v1:people:all:jane%40example.test"
    assert lock_name(key, sensitive=False) == key
    hashed = lock_name(key, sensitive=True)
    assert hashed.startswith("acme:v1:people:all:~")
    assert "jane" not in hashed
    assert hashed != lock_name(key + "x", sensitive=True)


def test_without_lock_nothing_is_locked(fleet: Any) -> None:
    one = fleet(1)
    one.processes[0].get_cached_data_with_fallback("d", None, lambda: 1, 60, lock=False)
    assert "acquire" not in one.cache.calls


def hosts(folder: Path, count: int = 2) -> list[DataManager]:
    """Processes of one host that share a level without locks."""
    clock = ManualClock()
    shared = FakeCache(clock)
    return [of_host([("shared", shared)], clock, folder) for _ in range(count)]


def of_host(levels: Any, clock: Clock, folder: Path) -> DataManager:
    return DataManager.open(
        levels,
        app="acme",
        tables={},
        where=str,
        clock=clock,
        metrics=Metrics(),
        validators={},
        loaders={},
        lock_dir=folder,
    )


def test_without_a_level_that_locks_files_do(tmp_path: Path) -> None:
    processes, load = hosts(tmp_path / "locks", 4), SlowLoad()
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(processes[0].get_or_populate, "d", loader=load)]
        assert load.begun.wait(20)
        begun = [threading.Event() for _ in processes[1:]]

        def ask(number: int) -> Any:
            begun[number].set()
            return processes[number + 1].get_or_populate("d", loader=never)

        asked += [pool.submit(ask, number) for number in range(3)]
        assert all(one.wait(20) for one in begun)
        load.go_on.set()
        assert {one.result(20) for one in asked} == {"loaded"}
    assert load.runs == 1
    (lock,) = (tmp_path / "locks").iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600


def test_a_killed_holder_of_a_lock_file_is_replaced_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from busway.data.lock_files import LockFiles\n"
        "with LockFiles(pathlib.Path(sys.argv[1])).hold(sys.argv[2], wait=True) as taken:\n"
        "    print(taken, flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), "acme:v1:d:_:_"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder, ThreadPoolExecutor(1) as pool:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        with LockFiles(tmp_path).hold("acme:v1:d:_:_", wait=False) as taken:
            assert not taken
        (process,) = hosts(tmp_path, 1)
        waiting = pool.submit(process.get_or_populate, "d", loader=lambda: "mine")
        holder.kill()
        assert waiting.result(20) == "mine"


def test_names_that_share_a_file_do_not_lock_each_other_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busway.data.lock_files.LockFiles.path", lambda self, name: tmp_path / "all.lock")
    (process,) = hosts(tmp_path, 1)
    inner = lambda: process.get_or_populate("inner", loader=lambda: "in")  # noqa: E731
    assert process.get_or_populate("outer", loader=inner) == "in"


def test_names_are_spread_over_a_bounded_number_of_files(tmp_path: Path) -> None:
    files = LockFiles(tmp_path, stripes=8)
    paths = {files.path(f"acme:v1:d:_:{number}") for number in range(200)}
    assert len(paths) == 8
    assert files.path("a\ud800") == files.path("a\ud800")


def test_a_folder_that_cannot_be_used_costs_nobody_a_value(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    (process,) = hosts(in_the_way, 1)
    assert process.get_or_populate("d", loader=lambda: "loaded") == "loaded"


def test_memory_alone_is_locked_by_nobody(tmp_path: Path) -> None:
    clock = ManualClock()
    process = of_host([("memory", MemoryLevel(clock=clock))], clock, tmp_path / "locks")
    assert process.get_or_populate("d", loader=lambda: 1) == 1
    assert not (tmp_path / "locks").exists()


def test_the_folders_of_the_lock_files_are_private(tmp_path: Path) -> None:
    files = LockFiles(tmp_path / "state" / "locks" / "loads")
    with files.hold("vista.employees", wait=True) as taken:
        assert taken
    for folder in (tmp_path / "state", tmp_path / "state" / "locks", tmp_path / "state" / "locks" / "loads"):
        assert folder.stat().st_mode & 0o777 == 0o700
