"""Plans of 1,000 to 100,000 validated records, five percent of which changed. A part of ``sync.py``.

By itself: uv run python benchmarks/sync_plan.py --sizes 100000 --rounds 3
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness import turns
from sync_parts import Used, answer, child, deployment, peak_mib, resident_mib, searched, used
from sync_people import CHANGED, Person, sides

ROUNDS = {1_000: 7, 10_000: 5, 100_000: 3}
GOALS = {100_000: "<= 1.5 s, <= 400 MiB"}
Row = tuple[str, str, str]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(ROUNDS))
    parser.add_argument("--rounds", type=int, help="of processes in turns, besides one that does not count")
    parser.add_argument("--contender", choices=CONTENDERS)
    options = parser.parse_args()
    if options.contender:
        answer(one(options.contender, options.sizes[0]))
        return
    from cache_parts import say

    for count in options.sizes:
        rounds = options.rounds or ROUNDS.get(count, 3)
        work = {name: partial(child, __file__, "--contender", name, "--sizes", str(count)) for name in CONTENDERS}
        title = f"Plan of {count:,} records, {CHANGED:.0%} changed (median of {rounds} processes, in turns)"
        say(title, rows(turns(work, rounds), count))


def rows(found: dict[str, list[dict[str, Any]]], count: int) -> list[Row]:
    """A row for each contender, with the ratio to diffsync of each turn."""
    shown = []
    for name, runs in found.items():
        seconds = statistics.median(run["seconds"] for run in runs)
        processor = statistics.median(run["processor"] for run in runs)
        pairs = zip(runs, found["diffsync"], strict=True)
        ratio = statistics.median(own["seconds"] / peer["seconds"] for own, peer in pairs)
        peak, raw = (statistics.median(run[what] for run in runs) for what in ("peak_mib", "raw_mib"))
        text = f"{seconds:.3f} s (processor {processor:.3f}), {ratio:.3f} x diffsync, {peak:.0f} MiB (lists {raw:.0f})"
        shown.append((LABELS[name], GOALS.get(count, "-") if name == "busway" else "-", text))
    return shown


def one(name: str, count: int) -> Used:
    """The numbers of this process; both lists are there before and stay, as they would in the memory of a job."""
    source, target = sides(count)
    return CONTENDERS[name](source, target)


def measured(work: Callable[[], tuple[int, int, int]], source: list[Person]) -> Used:
    """Seconds of ``work`` and the memory of all of it; it has to find what there is to find."""
    gc.collect()
    raw, found = resident_mib(), list[tuple[int, int, int]]()
    numbers = used(lambda: found.append(work()))
    (created, updated, left), differ = found[0], max(1, int(len(source) * CHANGED))
    assert abs(created + updated + left - differ) <= differ * 0.01 + 1, found
    return {**numbers, "raw_mib": raw, "peak_mib": peak_mib()}


def busway(source: list[Person], target: list[Person]) -> Used:
    """``app.sync.plan()``: both reads, mapping, validation, comparison, quarantine, brakes."""
    from busway import App
    from busway.sync.plan import Action

    with tempfile.TemporaryDirectory(prefix="busway-bench-") as name:
        folder = Path(name)
        with searched(deployment(folder, "sync_plugin")), App.from_config(folder, environ={}) as app:
            import sync_plugin

            job, engine = sync_plugin.EMPLOYEES, app.sync
            for person in target:
                person["id"] = f"t{person['emp_id']}"
            job.people, job.held = source, {person["id"]: person for person in target}
            app.state.managed.add_many(job.name, job.held)

            def plan() -> tuple[int, int, int]:
                made = engine.plan(job.name)
                assert not made.held
                return made.count(Action.CREATE), made.count(Action.UPDATE), made.count(Action.DEACTIVATE)

            return measured(plan, source)


def diffsync(source: list[Person], target: list[Person]) -> Used:
    """Both sides loaded into validating models, and the difference of the two."""
    from sync_peers import diffsync_side

    def compare() -> tuple[int, int, int]:
        summary = diffsync_side("source", source).diff_to(diffsync_side("target", target)).summary()
        return summary["create"], summary["update"], summary["delete"]

    return measured(compare, source)


def by_hand(source: list[Person], target: list[Person]) -> Used:
    """The same validator and two dictionaries: no plan that could be looked at, held or applied."""
    from sync_plugin import TypeRule

    validate = TypeRule().validate

    def compare() -> tuple[int, int, int]:
        held = {person["emp_id"]: person for person in target}
        wanted = {person["emp_id"]: validate(person).record for person in source}
        common = wanted.keys() & held.keys()
        updated = sum(wanted[number] != held[number] for number in common)
        return len(wanted) - len(common), updated, len(held) - len(common)

    return measured(compare, source)


CONTENDERS: dict[str, Callable[[list[Person], list[Person]], Used]] = {
    "busway": busway,
    "diffsync": diffsync,
    "by hand": by_hand,
}
LABELS = {
    "busway": "busway, app.sync.plan()",
    "diffsync": "diffsync, load and diff",
    "by hand": "the same validator and two dicts, by hand",
}


if __name__ == "__main__":
    main()
