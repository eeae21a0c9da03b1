"""What is left when a process ends: in four ways right after 10,000 events, idle after 200, in the middle of a
delivery, and by SIGTERM while a sink hangs; beside the peers. Run by ``events.py``; arguments: rounds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from events_parts import (
    House,
    Receiving,
    Row,
    ToFile,
    child,
    folder,
    ids_in,
    journalled,
    median,
    say,
    start,
)
from events_peers import PEERS
from events_pipelines import Make, busway

EVENTS, QUIET = 10_000, 200
IDLE_SECONDS = 0.5
BATCH, CRASHED = 20, 1_000
DEADLINE_SECONDS, PATIENCE_SECONDS = 2.0, 10.0
OURS = "busway"
ENDS: dict[str, Callable[[], object]] = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "os._exit": lambda: os._exit(0),
    "return": lambda: None,
}
MADE: dict[str, Make] = {OURS: partial(busway, batch_size=BATCH), **PEERS}
WITH_FILES = [name for name in MADE if name not in ("Sentry message", "apprise")]
QUEUED = (OURS, "stdlib QueueHandler", "loguru, serialize, enqueue", "OpenTelemetry, batch", "Sentry logs")


def main(rounds: int) -> None:
    say(
        f"{EVENTS:,} events, then {', '.join(ENDS)}; {QUIET} events, {IDLE_SECONDS} s idle, SIGKILL: how many are left",
        [survivors(name) for name in WITH_FILES],
    )
    say(f"Killed after a batch arrived and before that is known, {rounds * 4} times", list(crash_rows(rounds * 4)))
    say(f"SIGTERM while a sink hangs, {DEADLINE_SECONDS:g} s to end", list(stop_rows(rounds)))


# ---- Survivors


def survivors(name: str) -> Row:
    cells = [remaining(name, end, EVENTS) for end in ENDS]
    quiet, _ = remaining(name, "SIGKILL", QUIET)
    told = ", ".join(f"{left:,}" for left, _ in cells)
    later = f"; all delivered by the next run, {sum(more for _, more in cells)} twice" if name == OURS else ""
    goal = f"all {EVENTS:,}; {QUIET}" if name == OURS else "-"
    return name, goal, f"{told}; {quiet}{later}"


def remaining(name: str, end: str, count: int) -> tuple[int, int]:
    """Events that are in what was received or, of ours, in the journal; and how many were delivered twice."""
    with folder() as home:
        idle = IDLE_SECONDS if count == QUIET else 0
        child(__file__, "emits", name, end, count, idle, home)
        if name != OURS:
            return len(set(ids_in(home / "out.jsonl"))), 0
        left = {*ids_in(home / "out.jsonl"), *journalled(home)}
        received = next_run(home)
        assert received.keys() == left, "the next run delivers what was left, and nothing else"
        return len(left), received.total() - len(received)


def next_run(home: Path) -> Counter[str]:
    """How often each event was received, when a second process has delivered what the first one left."""
    with House(home, {"sink0": Receiving(ToFile(home / "out.jsonl"), BATCH)}) as events:
        assert events.flush(120), "everything is delivered in the end"
    return Counter(ids_in(home / "out.jsonl"))


def emits(name: str, end: str, count: str, idle: str, home: str) -> None:
    pipeline = MADE[name](Path(home), [ToFile(Path(home) / "out.jsonl")])
    for number in range(int(count)):
        pipeline.emit(number)
    time.sleep(float(idle))
    ENDS[end]()


# ---- A crash between delivery and acknowledgement


def crash_rows(times: int) -> Iterator[Row]:
    for name in QUEUED:
        lost, again = zip(*(crashed(name, Random(turn).randrange(1, CRASHED)) for turn in range(times)), strict=True)
        told = f"lost {median(lost):.0f} of {CRASHED:,}, at most {max(lost)}"
        more = f"; delivered again at most {max(again)}, all under the same id" if name == OURS else ""
        yield name, f"0 lost, <= {BATCH} again" if name == OURS else "-", told + more


def crashed(name: str, received_at_least: int) -> tuple[int, int]:
    """Events that never arrived, and deliveries that were repeated, when a process dies with so many received."""
    with folder() as home:
        done = child(__file__, "dies", name, received_at_least, home)
        if done.returncode not in (-signal.SIGKILL, 0):
            raise SystemExit(done.stderr)
        arrived = next_run(home) if name == OURS else Counter(ids_in(home / "out.jsonl"))
        again = arrived.total() - len(arrived)
        if name == OURS:
            assert same_ids(home / "out.jsonl"), "a repeat has the id of the first delivery"
        return CRASHED - len(arrived), again


def same_ids(path: Path) -> bool:
    """Whether each entity came under one event id only."""
    pairs = {tuple(line.split(",", 2)[:2]) for line in path.read_text().splitlines()}
    return len(pairs) == len({entity for _, entity in pairs})


def dies(name: str, received_at_least: str, home: str) -> None:
    to, left = ToFile(Path(home) / "out.jsonl"), [int(received_at_least)]

    def receive(events: Sequence[Mapping[str, Any]]) -> None:
        to(events)
        left[0] -= len(events)
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    pipeline = MADE[name](Path(home), [receive])
    for number in range(CRASHED):
        pipeline.emit(number)
    pipeline.settle(60)
    pipeline.close(5)


# ---- SIGTERM and a sink that hangs


def stop_rows(rounds: int) -> Iterator[Row]:
    for name in QUEUED:
        found = [stopped(name) for _ in range(rounds if name == OURS else 1)]
        seconds = [one for one, _ in found]
        over = f"more than {PATIENCE_SECONDS:g} s, then killed"
        told = over if max(seconds) > PATIENCE_SECONDS else f"{median(seconds):.2f} s, slowest {max(seconds):.2f}"
        kept = f"; {min(left for _, left in found)} of 500 are there" if name == OURS else "; the queue is gone"
        yield name, "<= 2.2 s, 0 lost" if name == OURS else "-", told + kept


def stopped(name: str) -> tuple[float, int]:
    """Seconds from the signal to the end of the process, and events in the journal then."""
    with folder() as home:
        command = [sys.executable, "-W", "ignore", __file__, "hangs", name, str(home)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "hanging\n"
            began = time.monotonic()
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
            seconds = time.monotonic() - began
        return seconds, len(journalled(home))


def hangs(name: str, home: str) -> None:
    emitted = threading.Event()

    def receive(events: Sequence[Mapping[str, Any]]) -> None:
        emitted.wait(2)  # not longer: loguru's caller waits for the sink
        print("hanging", flush=True)
        threading.Event().wait(60)

    def end(*_: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    made = MADE[name](Path(home), [receive])
    try:
        for number in range(500):
            made.emit(number)
        emitted.set()
        signal.pause()
    finally:
        made.close(DEADLINE_SECONDS)


if __name__ == "__main__":
    start(main, 5, {"emits": emits, "dies": dies, "hangs": hangs})
