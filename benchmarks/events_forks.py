"""Forks while two threads emit: what arrives from parent and children, and whether anybody gets stuck; beside the
peers. Run by ``events.py``; arguments: rounds (of 1,000 forks; peers get 50).
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from events_parts import Row, ToFile, child, folder, ids_in, journalled, said, say, start
from events_peers import PEERS
from events_pipelines import Make, Pipeline, busway

FORKS = 1_000
FEW = 50
STUCK_SECONDS = 5
"""Longer than that a child is not waited for."""
CHILDREN = 1_000_000_000
"""Numbers of the events of children begin here."""
OURS = "busway"
MADE: dict[str, Make] = {OURS: busway} | {
    name: PEERS[name]
    for name in (
        "stdlib logging, synchronous",
        "structlog, JSON to a file",
        "stdlib QueueHandler",
        "loguru, serialize, enqueue",
        "OpenTelemetry, batch",
        "Sentry logs",
    )
}
QUEUED = ("stdlib QueueHandler", "loguru, serialize, enqueue", "OpenTelemetry, batch", "Sentry logs")
"""Their children wait for a second at the end, so that threads may write."""


def main(rounds: int) -> None:
    say("Forks while two threads emit; each child emits twice and ends", list(rows(rounds)))


def rows(rounds: int) -> Iterator[Row]:
    for name in MADE:
        for _ in range(rounds if name == OURS else 1):
            yield name, "all; none stuck" if name == OURS else "-", forked(name)


def forked(name: str) -> str:
    forks = FORKS if name == OURS else FEW
    with folder() as home:
        done = child(__file__, "forks", name, forks, home, seconds=300)
        if done.returncode:
            return f"the parent ended with {done.returncode}"
        told = said(done)
        left = {int(one[2:]) for one in (*ids_in(home / "out.jsonl"), *(journalled(home) if name == OURS else ()))}
    children = sum(number >= CHILDREN for number in left)
    return (
        f"{forks:,} forks in {told['seconds']:.1f} s, {told['stuck']} stuck; of children {children:,} of "
        f"{2 * forks:,}; of the parent {len(left) - children:,} of {told['emitted']:,}"
    )


def forks(name: str, count: str, home: str) -> None:
    to = ToFile(Path(home) / "out.jsonl")
    pipeline, ended = MADE[name](Path(home), [to]), threading.Event()
    emitted = [0, 0]

    def load(which: int) -> None:
        while not ended.wait(0.001):
            for _ in range(20):
                pipeline.emit(which * CHILDREN // 2 + emitted[which])
                emitted[which] += 1

    threads = [threading.Thread(target=load, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    stuck = sum(not lives_and_ends(pipeline, number, name in QUEUED) for number in range(int(count)))
    seconds = time.perf_counter() - began
    ended.set()
    for thread in threads:
        thread.join()
    pipeline.settle(120)
    print(json.dumps({"seconds": seconds, "stuck": stuck, "emitted": sum(emitted)}), flush=True)
    pipeline.close(5)


def lives_and_ends(pipeline: Pipeline, number: int, is_queued: bool) -> bool:
    """Whether a child did its work and ended by itself."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(STUCK_SECONDS)
        pipeline.emit(CHILDREN + 2 * number)
        pipeline.emit(CHILDREN + 2 * number + 1)
        if is_queued:
            pipeline.settle(1.0)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    start(main, 1, {"forks": forks})
