"""Real processes over one Redis: one load for all of them, whoever dies, and what one changes the others see."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from builders.cache_children import CacheChild, Deployment, Outcome
from builders.redis_server import RedisServer, comes_true

LEASE = 0.3
SHORT_LEASE = {"hr": {"lease": f"{int(LEASE * 1000)}ms"}}
NAME = "hr.employees"
FAILURE = "LookupError: the source has no such table"
TRIES = 5

Open = Callable[..., list[CacheChild]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def deployment(server: RedisServer, tmp_path: Path) -> Deployment:
    server.ask("FLUSHALL")
    return Deployment(tmp_path, server.port, SHORT_LEASE)


@pytest.fixture
def start() -> Iterator[Open]:
    with ExitStack() as stack:

        def some(deployment: Deployment, count: int) -> list[CacheChild]:
            children = [stack.enter_context(CacheChild(deployment)) for _ in range(count)]
            for child in children:
                child.tell("open")
            for child in children:
                child.hear()
            return children

        yield some


def at_once(children: list[CacheChild], loader: str, seconds: float) -> list[Outcome]:
    """What the callers get when eight threads of each child ask for a cold key."""
    for child in children:
        child.tell("crowd", NAME, 8, loader, seconds)
    for child in children:
        assert child.hear() == "ready"
    for child in children:
        child.tell("go")
    return [outcome for child in children for outcome in child.hear()]


@pytest.mark.parametrize("whole_app", [False, True], ids=["managers", "apps"])
def test_sixty_four_callers_in_eight_processes_cost_one_load(
    server: RedisServer, tmp_path: Path, start: Open, whole_app: bool
) -> None:
    server.ask("FLUSHALL")
    deployment = Deployment(tmp_path, server.port, whole_app=whole_app)
    children = start(deployment, 8 if not whole_app else 2)
    server.forget_commands()
    outcomes = at_once(children, "value", 0.2)
    (loader,) = deployment.loads()
    assert [(outcome.value, outcome.error) for outcome in outcomes] == [(int(loader), "")] * 8 * len(children)
    commands = server.commands()
    assert sum(commands.values()) <= 100, commands


def test_a_failure_is_shared_within_each_process(deployment: Deployment, start: Open) -> None:
    children = start(deployment, 3)
    outcomes = at_once(children, "fail", 0.05)
    assert [outcome.error for outcome in outcomes] == [FAILURE] * 24
    assert sorted(deployment.loads()) == sorted(str(child.pid) for child in children), "one run in each process"


def test_a_holder_that_is_killed_is_replaced_within_its_lease(
    server: RedisServer, deployment: Deployment, start: Open
) -> None:
    (waiting,) = start(deployment, 1)
    took = []
    for attempt in range(TRIES):
        holder, key = start(deployment, 1)[0], f"E{attempt}"
        hold(holder, key)
        wait_for(server, waiting, key)
        holder.signal(signal.SIGKILL)
        killed_at = time.monotonic()
        outcome = waiting.hear()
        assert (outcome.value, outcome.error) == (waiting.pid, "")
        assert deployment.loads()[-2:] == [str(holder.pid), str(waiting.pid)], "one more load"
        took.append(outcome.at - killed_at)
        assert took[-1] < LEASE + 2
        if took[-1] <= LEASE + 0.1:
            return
    pytest.fail(f"not replaced in time: {took}")


def test_a_load_that_outlives_its_lease_delivers_its_value(
    server: RedisServer, deployment: Deployment, start: Open
) -> None:
    holder, waiting = start(deployment, 2)
    hold(holder, "E1")
    wait_for(server, waiting, "E1")
    holder.signal(signal.SIGSTOP)  # it renews nothing any more
    assert waiting.hear().value == waiting.pid, "another process takes its place"
    holder.signal(signal.SIGCONT)
    holder.tell("go on")
    outcome = holder.hear()
    assert (outcome.value, outcome.error) == (holder.pid, "")
    assert len(deployment.loads()) == 2


def test_a_long_load_keeps_its_lease(server: RedisServer, deployment: Deployment, start: Open) -> None:
    holder, waiting = start(deployment, 2)
    hold(holder, "E1")
    wait_for(server, waiting, "E1")
    server.forget_commands()
    assert comes_true(lambda: server.commands().get("pexpire", 0) >= 4), "renewed, for longer than it lasts"
    holder.tell("go on")
    assert (holder.hear().value, waiting.hear().value) == (holder.pid, holder.pid)
    assert deployment.loads() == [str(holder.pid)]


def test_what_another_process_writes_and_invalidates_reaches_memory(
    server: RedisServer, deployment: Deployment, start: Open
) -> None:
    """Far below the five seconds memory is trusted without messages; ``benchmarks/cache.py`` has the figures."""
    writer, reader = start(deployment, 2)
    connected(server, [writer, reader])
    for text in (NAME, "hr", f"{NAME}/_", "hr:empl*"):
        for value in ("old", "new"):
            reader.tell("until", NAME, value)
            written_at = writer.ask("save", NAME, value)
            assert reader.hear() - written_at < 1, "a write"
        assert reader.ask("level", NAME) == "memory"
        reader.tell("until", NAME, None)
        gone_at = writer.ask("invalidate", text)
        assert reader.hear() - gone_at < 1, f"invalidate {text}"
    assert server.ask("KEYS", "acme:v1:*") == []


def test_a_fork_while_subscribed(server: RedisServer, deployment: Deployment, start: Open) -> None:
    """The new process has no thread of its parent's; it listens for itself, and the parent goes on."""
    writer, parent = start(deployment, 2)
    connected(server, [writer, parent])
    listening = server.listening()
    parent.ask("fork")
    assert parent.ask_fork("get", NAME) == parent.ask("get", NAME) == "known"
    assert comes_true(lambda: server.listening() == listening + 1)
    for value in ("after", "later"):
        for one in (parent.tell, lambda *question: parent.fork.send((question[0], question[1:]))):
            one("until", NAME, value)
        written_at = writer.ask("save", NAME, value)
        assert parent.hear() - written_at < 1
        assert parent.hear(parent.fork) - written_at < 1
    parent.tell("until", NAME, "from the fork")
    written_at = parent.ask_fork("save", NAME, "from the fork")
    assert parent.hear() - written_at < 1, "its messages are not taken for the parent's own"


def test_a_fork_while_a_load_is_under_way_waits_for_its_parent(
    server: RedisServer, deployment: Deployment, start: Open
) -> None:
    (parent,) = start(deployment, 1)
    connected(server, [parent])
    parent.ask("fork")
    hold(parent, "E1")
    server.forget_commands()
    parent.fork.send(("populate", (NAME, "value", 0.0, "E1")))
    assert comes_true(lambda: server.commands().get("pttl", 0) >= 1), "it waits for the lock of its parent"
    parent.tell("go on")
    assert parent.hear().value == parent.hear(parent.fork).value == parent.pid
    assert deployment.loads() == [str(parent.pid)]


def test_without_redis_the_processes_of_a_host_load_in_turn(tmp_path: Path, start: Open) -> None:
    children = start(Deployment(tmp_path, None), 3)
    outcomes = at_once(children, "value", 0.1)
    (loader,) = Deployment(tmp_path, None).loads()
    assert [(outcome.value, outcome.error) for outcome in outcomes] == [(int(loader), "")] * 24


def test_without_redis_a_holder_that_is_killed_is_replaced_at_once(tmp_path: Path, start: Open) -> None:
    holder, waiting = start(Deployment(tmp_path, None), 2)
    hold(holder, "E1")
    waiting.tell("populate", NAME, "value", 0.0, "E1")
    holder.signal(signal.SIGKILL)
    killed_at = time.monotonic()
    outcome = waiting.hear()
    assert (outcome.value, outcome.error) == (waiting.pid, "")
    assert outcome.at - killed_at < 1
    assert Deployment(tmp_path, None).loads() == [str(holder.pid), str(waiting.pid)]


def hold(child: CacheChild, key: str) -> None:
    """The child loads the key from now on, until it is told to go on."""
    child.tell("populate", NAME, "held", 0.0, key)
    assert child.hear() == "loading"


def wait_for(server: RedisServer, child: CacheChild, key: str) -> None:
    """The child asks for the key, and waits for the lock of another process."""
    server.forget_commands()
    child.tell("populate", NAME, "value", 0.0, key)
    assert comes_true(lambda: server.commands().get("pttl", 0) >= 1)


def connected(server: RedisServer, children: list[CacheChild]) -> None:
    """Every child has a value in memory, and listens."""
    for child in children:
        child.ask("save", NAME, "known")
    assert comes_true(lambda: server.listening() >= len(children))
    for child in children:
        child.ask("until", NAME, "known")
