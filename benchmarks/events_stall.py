"""A sink that hangs for two seconds, and a slow sink beside a fast one: what the caller and the others feel of it,
beside the peers. Run by ``events.py``; arguments: rounds.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from events_parts import Row, child, folder, median, said, say, start
from events_peers import PEERS, opentelemetry, queue_handler, sentry
from events_pipelines import Make, busway

EVENTS, HANG_SECONDS = 50_000, 2.0
FEW, SLOW_SECONDS = 100, 0.02
SETTLE_SECONDS = 120.0
MEBIBYTE = 1024 * 1024
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
OURS = "busway"
lost: list[int] = []
"""What Sentry says it dropped."""

HUNG: dict[str, Make] = {
    OURS: busway,
    "stdlib logging, synchronous": PEERS["stdlib logging, synchronous"],
    "stdlib QueueHandler": queue_handler,
    "stdlib QueueHandler, 10,000 at most": partial(queue_handler, size=10_000),
    "loguru, serialize, enqueue": PEERS["loguru, serialize, enqueue"],
    "OpenTelemetry, batch": opentelemetry,
    "Sentry logs": partial(sentry, logs=True, lost=lost),
}
BESIDE: dict[str, Make] = {
    OURS: busway,
    "stdlib logging, synchronous": PEERS["stdlib logging, synchronous"],
    "stdlib QueueHandler": queue_handler,
    "loguru, serialize, enqueue": PEERS["loguru, serialize, enqueue"],
    "OpenTelemetry, batch every 50 ms": partial(opentelemetry, delay_ms=50),
    "apprise": PEERS["apprise"],
}


def main(rounds: int) -> None:
    hung = in_turns("hung", HUNG, rounds)
    title = f"A sink hangs for {HANG_SECONDS:g} s while {EVENTS:,} events are emitted"
    say(f"{title}: p99.9, longest emit, growth, delivered in the end", list(hung_rows(hung)))
    beside = in_turns("beside", BESIDE, rounds)
    title = f"{FEW} events, a sink that takes {SLOW_SECONDS * 1e3:.0f} ms for each, and a fast one"
    say(f"{title}: when the fast one is done, the emitting itself, the slow one", list(beside_rows(beside)))


def in_turns(what: str, made: Mapping[str, Make], rounds: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in made}
    for _ in range(rounds):
        for name in made:
            found[name].append(said(child(__file__, what, name, seconds=300)))
    return found


# ---- One hangs


def hung_rows(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Row]:
    for name, runs in found.items():
        p999, longest, growth = (median([one[key] for one in runs]) for key in ("p999", "longest", "growth"))
        worst = max(one["longest"] for one in runs)
        delivered = min(one["delivered"] for one in runs)
        told = f"{p999:.2f}, {longest:,.1f} ms (worst {worst:,.1f}); {growth:.1f} MB; {delivered:,}"
        if name == OURS:
            told += f", {median([one['seconds'] for one in runs]):.1f} s after the last one"
        if name == "Sentry logs":
            told += f"; it reports {median([one['reported'] for one in runs]):,.0f} dropped"
        yield name, "<= 10 ms; <= 16 MB; all" if name == OURS else "-", told


def hung(name: str) -> None:
    """The sink hangs before the others are emitted, in so far as the caller can go on at all."""
    delivered, hanging = [0], threading.Event()

    def receive(events: Sequence[Mapping[str, Any]]) -> None:
        if not hanging.is_set():
            hanging.set()
            time.sleep(HANG_SECONDS)
        delivered[0] += sum(is_one(event) for event in events)

    logging.raiseExceptions = False  # what a full queue does not take, it complains about, each time
    with folder() as home:
        pipeline = HUNG[name](home, [receive])
        before, taken = peak(), [timed(pipeline.emit, 0)]
        hanging.wait(10)
        began = time.perf_counter()
        taken += [timed(pipeline.emit, number) for number in range(1, EVENTS)]
        emitted = time.perf_counter()
        pipeline.settle(SETTLE_SECONDS)
        seconds = time.perf_counter() - max(emitted, began + HANG_SECONDS)
        pipeline.close(5)
        time.sleep(max(0.0, began + HANG_SECONDS + 0.5 - time.perf_counter()))
        growth = peak() - before
        taken.sort()
        told = {"p999": taken[int(EVENTS * 0.999)] * 1e3, "longest": taken[-1] * 1e3, "growth": growth}
        print(json.dumps({**told, "delivered": delivered[0], "seconds": seconds, "reported": sum(lost)}))


def timed(emit: Callable[[int], object], number: int) -> float:
    """Seconds."""
    began = time.perf_counter()
    emit(number)
    return time.perf_counter() - began


def is_one(event: Mapping[str, Any]) -> bool:
    """One of the events emitted here: a session begins with one of its own."""
    return bool(event.get("entity_id", True))


def peak() -> float:
    """Megabytes of this process, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT / MEBIBYTE


# ---- One is slow


def beside_rows(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Row]:
    for name, runs in found.items():
        fast, emitting, slow = (median([one[key] for one in runs]) for key in ("fast", "emitting", "slow"))
        worst, least = max(one["fast"] for one in runs), min(one["slow_got"] for one in runs)
        told = f"{fast * 1e3:,.0f} ms (worst {worst * 1e3:,.0f}), {emitting * 1e3:,.1f} ms; {slow:.1f} s, {least}"
        yield name, "<= 100 ms, <= 10 ms" if name == OURS else "-", told


def beside(name: str) -> None:
    got: dict[str, list[float]] = {"fast": [], "slow": []}

    def fast(events: Sequence[Mapping[str, Any]]) -> None:
        got["fast"] += [time.perf_counter() for event in events if is_one(event)]

    def slow(events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            time.sleep(SLOW_SECONDS)
            got["slow"] += [time.perf_counter()] if is_one(event) else []

    with folder() as home:
        pipeline = BESIDE[name](home, [slow, fast])
        began = time.perf_counter()
        for number in range(FEW):
            pipeline.emit(number)
        emitting = time.perf_counter() - began
        until = began + FEW * SLOW_SECONDS + 10
        while min(map(len, got.values())) < FEW and time.perf_counter() < until:
            time.sleep(0.01)
        pipeline.close(5)
        ends = {name: times[-1] - began for name, times in got.items()}
        print(json.dumps({"emitting": emitting, **ends, "slow_got": len(got["slow"])}))


if __name__ == "__main__":
    start(main, 5, {"hung": hung, "beside": beside})
