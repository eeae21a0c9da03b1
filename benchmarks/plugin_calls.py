"""What the guards around plugins add to a call, in one process. Run by `plugins.py`; prints JSON."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from timeit import Timer
from typing import Any

import pluggy

from busway.contracts.clock import SystemClock
from busway.contracts.events import Event, Severity
from busway.contracts.sinks import Delivery
from busway.data.level import Level
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.data.names import KeySchema, parse_name
from busway.events.journal_reader import Line
from busway.events.manager import EventManager
from busway.events.sink_worker import SinkWorker
from busway.events.window import Item
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

Row = tuple[str, str, str]
SINKS = 5
EMITS = 400
TURNS = 9
NAME = "vista.employees"


class Sink:
    """Takes whatever comes."""

    def deliver(self, events: Sequence[Event]) -> Delivery:
        return Delivery.done(events)

    def close(self) -> None:
        """Nothing to close."""


def main() -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="busway-calls-") as name:
        tables = {
            f"one event to {SINKS} sinks that do nothing (fastest of {TURNS} turns)": deliveries(Path(name)),
            f"emit() for its caller (median of {EMITS} calls, of {TURNS} turns)": emits(Path(name)),
            f"one cached value from the level memory (fastest of {TURNS} turns)": cached(),
        }
    json.dump(tables, sys.stdout)


@contextmanager
def event_manager(state_dir: Path, sinks: int) -> Iterator[EventManager]:
    """A manager with so many sinks; nothing runs before the first event."""
    metrics, state = Metrics(), StateStore(state_dir)
    named = [(f"sink{number}", Sink()) for number in range(sinks)]
    clock = SystemClock()
    manager = EventManager.open(state_dir, sinks=named, redactor=Redactor(), clock=clock, metrics=metrics, state=state)
    yield manager
    manager.close()
    state.close()


def deliveries(folder: Path) -> list[Row]:
    """Five sinks called one after the other: plainly, each by the worker that guards it, and by pluggy."""
    event = Event("0192a000-0000-7000-8000-000000000000", 0, Severity.INFO, "change")
    batch = [Item(Line("journal", 0, {}), event, None)]
    with event_manager(folder / "deliveries", SINKS) as manager:
        dispatcher = manager._pipeline.dispatcher
        workers = dispatcher._workers
        sinks = [worker.sink for worker in workers]
        hook = pluggy_hook()
        plain, guarded, hooked, woken = best(
            lambda: [sink.deliver([event]) for sink in sinks],
            lambda: [worker.courier.call(batch) for worker in workers],
            lambda: hook(events=[event]),
            partial(wake, workers),
        )
    return [
        ("plain loop", "-", micro(plain)),
        ("guarded: watched, answer checked", "adds <= 10 us", f"{micro(guarded)}, adds {micro(guarded - plain)}"),
        ("pluggy, no guard", "-", f"{micro(hooked)}, adds {micro(hooked - plain)}"),
        ("waking the five threads, already awake", "-", micro(woken)),
    ]


def wake(workers: Sequence[SinkWorker]) -> None:
    """What an event does to every worker."""
    for worker in workers:
        worker.signal()


def pluggy_hook() -> Any:
    """A hook with five implementations that do what the sinks do."""
    spec, impl = pluggy.HookspecMarker("bench"), pluggy.HookimplMarker("bench")

    class Spec:
        @spec
        def deliver(self, events: Sequence[Event]) -> Delivery: ...  # type: ignore[empty-body]

    class Plugin(Sink):
        deliver = impl(Sink.deliver)

    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Spec)
    for _ in range(SINKS):
        manager.register(Plugin())
    return manager.hook.deliver


def emits(folder: Path) -> list[Row]:
    """What the one who emits waits for: with five sinks whose threads run, and with none."""
    with event_manager(folder / "none", 0) as without, event_manager(folder / "five", SINKS) as with_five:
        none, five = [], []
        for _ in range(TURNS):
            none.append(median_call(lambda: without.emit("system")))
            five.append(median_call(lambda: with_five.emit("system")))
            with_five.flush()
    base, full = statistics.median(none), statistics.median(five)
    return [("no sink", "-", micro(base)), ("five sinks", "adds <= 10 us", f"{micro(full)}, adds {micro(full - base)}")]


def median_call(call: Callable[[], object]) -> float:
    """Seconds of one call among many, each timed alone: the threads of the sinks run meanwhile."""
    seconds = []
    for _ in range(EMITS):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def cached() -> list[Row]:
    """A hit: asked of the backend itself, through its level, and through the manager."""
    backend, clock = MemoryLevel(), SystemClock()
    manager = DataManager.open(
        [("memory", backend)],
        app="bench",
        tables={NAME: {"isolation": "share"}},
        where=lambda _: "",
        clock=clock,
        metrics=Metrics(),
        validators={},
        loaders={},
    )
    manager.save_cache(NAME, {"id": 1})
    key = KeySchema("bench").full_key(parse_name(NAME), None)
    assert backend.get(key) is not None
    state = manager._state
    (level,) = state.levels._levels
    assert isinstance(level, Level)
    address = state.locate(NAME, None)
    judge = state.levels._judge(address.policy, 0)
    chosen = state.levels.near_get
    assert chosen is not None
    now = clock.now_ns()
    own, direct, judged, through_level, through_manager = best(
        lambda: backend.get(key),
        lambda: chosen(key),
        lambda: state.levels.near_hit(address.key, now, 0),
        lambda: level.read(key, judge),
        lambda: manager.get_or_populate(NAME, loader=dict),
    )
    return [
        ("MemoryLevel.get()", "-", nano(own)),
        ("the chosen level, as the manager calls it", "adds <= 30 ns", adds(direct, own)),
        ("Levels.near_hit(): freshness, counts", "-", adds(judged, own)),
        ("Level.read(): breaker, counts, freshness", "-", adds(through_level, own)),
        ("DataManager.get_or_populate()", "-", adds(through_manager, own)),
    ]


def best(*calls: Callable[[], object]) -> list[float]:
    """Seconds of one call of each, the fastest of turns in which all of them take part."""
    timers = [Timer(call) for call in calls]
    number = 20_000
    fastest = [float("inf")] * len(timers)
    for _ in range(TURNS):
        for place, timer in enumerate(timers):
            fastest[place] = min(fastest[place], timer.timeit(number) / number)
    return fastest


def adds(seconds: float, base: float) -> str:
    return f"{nano(seconds)}, adds {nano(seconds - base)} ({seconds / base:.1f} x)"


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us"


def nano(seconds: float) -> str:
    return f"{seconds * 1e9:,.0f} ns"


if __name__ == "__main__":
    main()
