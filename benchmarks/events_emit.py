"""What one event costs its caller: Busway with and without RE2, with and without sinks, beside the peers.

Every pipeline has a process of its own; they all live at the same time and take turns of a few milliseconds, so that
what else the machine does falls on all of them alike. Run by ``events.py``; arguments: rounds.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from events_parts import Row, ToFile, event, folder, median, ratio, say, start
from events_peers import PEERS
from events_pipelines import Make, Pipeline, busway, busway_with_log

EVENTS = 2_000
"""Of a turn; of the slow ones a tenth."""
STRAIGHT = 100_000
"""In one go, without a pause."""
STRAIGHT_ROUNDS = 3
BURST, PAUSE_SECONDS = 200, 0.002
"""Writers in the background get a chance to run."""
SETTLE_SECONDS = 120.0
BEST = "busway[fast], log sink"
SLOW_BEST = "busway without re2, log sink"
BUILD = "building the event (in every row)"
QUEUE, OTEL = "stdlib QueueHandler", "OpenTelemetry, batch"
Turns = Mapping[str, Sequence[Mapping[str, float]]]
SLOW = ("loguru, serialize, enqueue", "Sentry message", "logfire", "apprise")
NO_OP = (OTEL, "Sentry logs", "Sentry message", "logfire", "apprise")
"""Nothing receives their events, which spares them the writing."""


def build(home: Path, receivers: Sequence[Any]) -> Pipeline:
    return Pipeline(event, lambda _: None, lambda _: None)


OURS: dict[str, Make] = {
    "busway[fast], no sink": lambda home, receivers: busway(home, [], "re2"),
    BEST: partial(busway_with_log, engine="re2", ledger=False),
    "busway[fast], log and ledger (the default)": partial(busway_with_log, engine="re2", ledger=True),
    "busway without re2, no sink": lambda home, receivers: busway(home, [], "re"),
    SLOW_BEST: partial(busway_with_log, engine="re", ledger=False),
}
ALL: dict[str, Make] = {BUILD: build, **OURS, **PEERS}
PEAK = (*OURS, "stdlib logging, synchronous", QUEUE, "structlog, JSON to a file", OTEL)
"""Those that emit 100,000 in one go."""


# ---- The process of one pipeline


def serve(name: str) -> None:
    """Answers ``turn COUNT``, ``straight COUNT`` and ``tail`` with one line of JSON each."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print
    with folder() as home:
        receivers = [(lambda events: None) if name in NO_OP else ToFile(home / "out.jsonl")]
        pipeline = ALL[name](home, receivers)
        run(pipeline, pipeline.emit, 300)
        worker = Worker(pipeline)
        print(json.dumps("ready"), file=answers)
        for line in sys.stdin:
            command, count = line.split()
            print(json.dumps(getattr(worker, command)(int(count))), file=answers)
        pipeline.close(5)


def run(pipeline: Pipeline, emit: Callable[[int], object], count: int) -> None:
    for number in range(count):
        emit(number)
    pipeline.settle(SETTLE_SECONDS)


class Worker:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._next = 1_000
        self._taken: list[int] = []

    def turn(self, count: int) -> dict[str, float]:
        """``count`` events in bursts: median nanoseconds, and those of the processor, this measuring among them."""
        emit, clock, first = self._pipeline.emit, time.perf_counter_ns, self._next
        self._next += count
        taken = [0] * count
        gc.collect()
        spent = time.thread_time_ns()
        for at in range(count):
            began = clock()
            emit(first + at)
            taken[at] = clock() - began
            if at % BURST == BURST - 1:
                time.sleep(PAUSE_SECONDS)
        spent = time.thread_time_ns() - spent
        self._pipeline.settle(SETTLE_SECONDS)
        self._taken += taken
        return {"p50": statistics.median(taken), "processor": spent / count}

    def straight(self, count: int) -> dict[str, float]:
        """Emits in a second, in one of this thread's processor time, and events in a second until they have arrived."""
        emit, first = self._pipeline.emit, self._next
        self._next += count
        gc.collect()
        began, spent = time.perf_counter(), time.thread_time()
        for number in range(first, first + count):
            emit(number)
        emitted, spent = time.perf_counter() - began, time.thread_time() - spent
        self._pipeline.settle(SETTLE_SECONDS)
        whole = time.perf_counter() - began
        return {"emits": count / emitted, "processor": count / spent, "whole": count / whole}

    def tail(self, _: int) -> dict[str, float]:
        """Percentiles of all turns, in nanoseconds."""
        taken = sorted(self._taken)
        return {name: taken[int(len(taken) * share)] for name, share in (("p99", 0.99), ("p999", 0.999))}


# ---- The process that lets them take turns


class Remote:
    """The process of one pipeline, from outside."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-W", "ignore", __file__, "serve", name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = name

    def __enter__(self) -> Remote:
        assert self._answer() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def ask(self, command: str, count: int = 0) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} {count}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name!r} ended")
        return json.loads(line)


def main(rounds: int) -> None:
    with ExitStack() as stack:
        remotes = [stack.enter_context(Remote(name)) for name in ALL]
        turns, tails = in_bursts(remotes, rounds)
    title = f"One of {rounds * EVENTS:,} distinct events, for its caller"
    say(f"{title}: p50, p99, p99.9", list(cost_rows(turns, tails)))
    say("The same as ratios of p50, turn by turn, and of processor time", list(ratio_rows(turns)))
    with ExitStack() as stack:
        remotes = [stack.enter_context(Remote(name)) for name in PEAK]
        found = in_one_go(remotes)
    title = f"{STRAIGHT:,} in one go, one thread: emits/s, in a second of the processor, events/s until they arrived"
    say(title, list(peak_rows(found)))


def in_bursts(remotes: Sequence[Remote], rounds: int) -> tuple[Turns, dict[str, dict[str, float]]]:
    """Each turn of each pipeline, and the percentiles of all its turns."""
    turns: dict[str, list[dict[str, float]]] = {one.name: [] for one in remotes}
    for turn in range(rounds):
        for one in remotes if turn % 2 else reversed(remotes):
            turns[one.name].append(one.ask("turn", EVENTS // 10 if one.name in SLOW else EVENTS))
    return turns, {one.name: one.ask("tail") for one in remotes}


def in_one_go(remotes: Sequence[Remote]) -> Turns:
    found: dict[str, list[dict[str, float]]] = {one.name: [] for one in remotes}
    for _ in range(STRAIGHT_ROUNDS):
        for one in remotes:
            found[one.name].append(one.ask("straight", STRAIGHT))
    return found


def cost_rows(turns: Turns, tails: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    goals = dict.fromkeys(OURS, "<= 6, 20, 100 us")
    goals |= {name: "p50 <= 60 us" for name in OURS if "without" in name}
    for name in turns:
        p50, spent, tail = of(turns, name, "p50"), of(turns, name, "processor"), tails[name]
        text = f"{median(p50) / 1e3:.1f}, {tail['p99'] / 1e3:.1f}, {tail['p999'] / 1e3:,.0f} us"
        more = f"fastest turn {min(p50) / 1e3:.1f}; processor {median(spent) / 1e3:.1f}"
        yield name, goals.get(name, "-"), f"{text}; {more}"


def ratio_rows(turns: Turns) -> Iterator[Row]:
    goals = {QUEUE: "<= 0.9 x", OTEL: "<= 0.5 x", "loguru, serialize, enqueue": "<= 0.1 x"}
    goals |= dict.fromkeys(("logfire", "Sentry message"), "<= 0.06 x")
    for peer in PEERS:
        with_re2, without = (
            [ratio(of(turns, name, what), of(turns, peer, what)) for what in ("p50", "processor")]
            for name in (BEST, SLOW_BEST)
        )
        told = f"{with_re2[0]:.2f} x, processor {with_re2[1]:.2f} (without re2 {without[0]:.2f}, {without[1]:.2f})"
        yield f"{BEST} over {peer}", goals.get(peer, "-"), told


def of(turns: Turns, name: str, what: str) -> list[float]:
    return [turn[what] for turn in turns[name]]


def peak_rows(found: Turns) -> Iterator[Row]:
    for name, answers in found.items():
        emits, processor, whole = ([one[kind] for one in answers] for kind in ("emits", "processor", "whole"))
        goal = ">= 120,000 /s" if name.startswith("busway[fast]") else "-"
        yield (
            name,
            goal,
            f"{median(emits):,.0f}, fastest {max(emits):,.0f}; {median(processor):,.0f}; {median(whole):,.0f}",
        )


if __name__ == "__main__":
    start(main, 50, {"serve": serve})
