"""What the engine adds to every record it writes: notes, events, accounts. A part of ``sync.py``.

By itself: uv run python benchmarks/sync_overhead.py --records 5000 --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness import turns
from sync_parts import Used, answer, child, deployment, searched
from sync_people import Person, people

KINDS = ("create", "update", "deactivate")
Row = tuple[str, str, str]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contender", choices=CONTENDERS)
    options = parser.parse_args()
    if options.contender:
        answer(CONTENDERS[options.contender](options.records))
        return
    from cache_parts import say

    arguments = ("--records", str(options.records))
    work = {name: partial(child, __file__, *arguments, "--contender", name) for name in CONTENDERS}
    title = (
        f"Overhead for each written record, target answers at once, {options.records:,} of each kind "
        f"(median of {options.rounds} processes, in turns)"
    )
    say(title, rows(turns(work, options.rounds)))


def rows(found: dict[str, list[dict[str, Any]]]) -> list[Row]:
    """Milliseconds for each kind of write, and how long events were behind at the end."""
    shown = []
    for name, runs in found.items():
        for kind in KINDS:
            wall, processor = (statistics.median(run[f"{kind} {what}"] for run in runs) for what in ("ms", "processor"))
            goal = "<= 1 ms" if name == "busway" else "-"
            shown.append((f"{LABELS[name]}, {kind}", goal, f"{wall:.3f} ms (processor {processor:.3f})"))
    behind = statistics.median(run["behind"] for run in found["busway"])
    events = statistics.median(run["events"] for run in found["busway"])
    text = f"{behind:.2f} s after the last write, {events:,.0f} events"
    return [*shown, ("all events in ledger and audit log", "-", text)]


class Marks:
    """When the plan stood, and when the last write was accounted; on the clock and on the processor."""

    def __init__(self) -> None:
        self.began = self.ended = (0.0, 0.0)

    def started(self, job: str) -> None: ...

    def planned(self, plan: object) -> None:
        self.began = time.perf_counter(), time.process_time()

    def advanced(self, job: str, done: int, total: int, counts: object) -> None: ...

    def finished(self, report: object) -> None:
        self.ended = time.perf_counter(), time.process_time()

    def each(self, kind: str, count: int) -> Used:
        """Milliseconds for each record."""
        wall, processor = (1_000 * (end - begin) / count for begin, end in zip(self.began, self.ended, strict=True))
        return {f"{kind} ms": wall, f"{kind} processor": processor}


def sources(count: int) -> list[tuple[str, list[Person]]]:
    """What the source holds for each kind of write: all are new, all have moved, all have left."""
    moved: list[Person] = [{**person, "city": "Elsewhere"} for person in people(count)]
    return [*zip(KINDS, (people(count), moved, []), strict=True)]


def busway(count: int) -> Used:
    """``app.sync.run()`` three times, with the state store, journal, ledger and audit log of a usual deployment."""
    from busway import App

    numbers: Used = {}
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as name:
        folder = Path(name)
        with searched(deployment(folder, "sync_plugin")), App.from_config(folder, environ={}) as app:
            import sync_plugin

            for kind, source in sources(count):
                sync_plugin.EMPLOYEES.people, marks = source, Marks()
                report = app.sync.run(["employees"], progress=marks)
                assert report.jobs[0].counts.written == count, report
                numbers |= marks.each(kind, count)
            began = time.perf_counter()
            assert app.events.flush(120)
            numbers["behind"] = time.perf_counter() - began
            books = app.events.books()
            numbers["events"] = min(books[sink]["delivered"] for sink in ("log", "ledger"))
            assert numbers["events"] >= len(KINDS) * count, books
    return numbers


def diffsync(count: int) -> Used:
    """``sync_to()`` into an adapter in memory, which notes, tells and accounts nothing."""
    from sync_peers import diffsync_side

    numbers: Used = {}
    target = diffsync_side("target", [])
    for kind, source in sources(count):
        side, marks = diffsync_side("source", source), Marks()
        difference = side.diff_to(target)
        marks.planned(difference)
        side.sync_to(target, diff=difference)
        marks.finished(difference)
        assert len(target) == len(source)
        numbers |= marks.each(kind, count)
    return numbers


CONTENDERS: dict[str, Callable[[int], Used]] = {"busway": busway, "diffsync": diffsync}
LABELS = {"busway": "busway, app.sync.run()", "diffsync": "diffsync, sync_to() in memory, nothing kept"}


if __name__ == "__main__":
    main()
