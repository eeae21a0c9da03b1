"""Runs of the real engine that kill themselves at a chosen step. A program: ``killed_runs.py FOLDER SEED KILLS``.

It imports everything once and forks a process for each run; a run ends by SIGKILL at the step it was told, or by
itself. One line of JSON at the end says what was found.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from builders.file_target import FileTarget
from busway.app import App
from busway.contracts.fields import FieldRule, always, create_only
from busway.contracts.jobs import Job
from busway.contracts.keys import exact
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.events.ledger import Ledger
from busway.stores.process_database import ProcessDatabase

TOML = """
app = "kills"
[plugins]
secrets = ["env"]
sinks = ["ledger"]
[sync.people]
max_deactivations_pct = 100
max_source_drop_pct = 100
max_updates_pct = 100
"""
PEOPLE = 7
KILLS = (("", 40), ("", 120), ("", 400), ("target", 14), ("target", 6))
"""A kill falls on one of the first so many steps: of all, or of those at the target, where an answer is lost."""


class Countdown:
    """Kills the process at the n-th step of a kind; with 0, never."""

    def __init__(self, kind: str, steps: int) -> None:
        self._kind = kind
        self._left = steps

    def __call__(self, step: str) -> None:
        if not step.startswith(self._kind):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class People(Job):
    name, entity, match_on, active_field = "people", "person", exact("number"), "active"
    fields: ClassVar[dict[str, FieldRule]] = {"number": create_only, "name": always}

    def __init__(self, source: list[Record], target: FileTarget, concurrency: int) -> None:
        self.people, self.remote = source, target
        self.concurrency = concurrency  # type: ignore[misc]

    def source(self, run: Run) -> Iterator[Record]:
        yield from self.people

    def target(self, run: Run) -> Complete[Record]:
        return self.remote.read()

    def create(self, record: Record) -> Record:
        return self.remote.create(record)

    def update(self, current: Record, changes: Record) -> Record:
        return self.remote.change("update", current["id"], changes)

    def deactivate(self, current: Record) -> Record:
        return self.remote.change("deactivate", current["id"], {"active": 0})

    def reactivate(self, current: Record, changes: Record) -> Record:
        return self.remote.change("reactivate", current["id"], {**changes, "active": 1})

    def find(self, record: Record) -> Record | None:
        return self.remote.find(record["number"])


def main() -> None:
    folder, seed, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance, done, found, number = random.Random(seed), 0, list[str](), 0
    while done < kills:
        number += 1
        one = Story(folder / str(number), chance)
        done += one.play()
        found += one.mistakes()
    sys.stdout.write(json.dumps({"kills": done, "stories": number, "mistakes": found}) + "\n")


class Story:
    """A source that changes three times; each time runs are killed until one gets through."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        folder.mkdir(parents=True)
        self._folder, self._chance = folder, chance
        self._concurrency = chance.choice((1, 1, 3))
        (folder / "busway.toml").write_text(TOML)
        self._source: list[Record] = []

    def play(self) -> int:
        """Returns how many runs were killed."""
        kills = 0
        for _ in range(3):
            self._source = self._another_source()
            for _ in range(self._chance.randint(1, 5)):
                kind, most = self._chance.choice(KILLS)
                step = Countdown(kind, self._chance.randint(1, most))
                kills += in_a_fork(partial(self._run, step)) == -signal.SIGKILL
            in_a_fork(partial(self._run, Countdown("", 0)))
        return kills

    def mistakes(self) -> list[str]:
        """What is wrong at the end: duplicates, losses, records that were forgotten, leftovers."""
        told = self._folder / "mistakes.json"
        in_a_fork(lambda: told.write_text(json.dumps(self._found())) and 0)
        found: list[str] = json.loads(told.read_text())
        return found

    def _another_source(self) -> list[Record]:
        numbers = self._chance.sample(range(PEOPLE), self._chance.randint(3, PEOPLE))
        return [{"number": str(n), "name": self._chance.choice(("Ann", "Bob", "Cleo"))} for n in sorted(numbers)]

    def _run(self, step: Countdown) -> int:
        count_transactions(step)
        with self._app(step) as app:
            return app.sync.run().exit_code

    def _app(self, step: Callable[[str], None]) -> App:
        app = App.from_config(self._folder, environ={}, require=False)
        target = FileTarget(self._folder / "target.db", step)
        app.__dict__["jobs"] = [People(self._source, target, self._concurrency)]
        return app

    def _found(self) -> list[str]:
        wanted = {record["number"]: record["name"] for record in self._source}
        target = FileTarget(self._folder / "target.db")
        active = {one["number"]: one["name"] for one in target.read() if one["active"]}
        created = [(number, target_id) for operation, target_id, number in target.writes() if operation == "create"]
        numbers, ids = [number for number, _ in created], {target_id for _, target_id in created}
        with self._app(lambda _: None) as app:
            managed = app.state.managed.ids("people")
            left = app.state.writes_in_hand.of("people")
            waiting = app.state.quarantine.of()
            app.sync  # noqa: B018 - opens the events, which delivers what killed runs left
            app.events.flush(20)
            ledger = Ledger(app.boot.state_dir)
            told = {row.entity_id for row in ledger.changes(operation="created", limit=10_000)}
            ledger.close()
        found = {
            f"created twice: {sorted(numbers)}": len(numbers) != len({*numbers}),
            f"active {active}, wanted {wanted}": active != wanted,
            f"managed {sorted(managed)}, created {sorted(ids)}": managed != ids,
            f"in hand: {left}": bool(left),
            f"in quarantine: {waiting}": bool(waiting),
            f"never told: {ids - told}": bool(ids - told),
        }
        return [f"{self._folder.name}: {what}" for what, wrong in found.items() if wrong]


def killed(folder: Path, seed: int, kills: int) -> dict[str, Any]:
    """What the program found: ``kills``, ``stories`` and ``mistakes``."""
    command = [sys.executable, __file__, str(folder), str(seed), str(kills)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def in_a_fork(work: Callable[[], int]) -> int:
    """What ``work`` returns in a process of its own; the negative signal where that was killed."""
    pid = os.fork()
    if not pid:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"a run ended with {code}")
    return code


def count_transactions(step: Callable[[str], None]) -> None:
    """Makes every write transaction of the stores a step, before and after it."""
    plain = ProcessDatabase.transaction

    class Counted:
        def __init__(self, database: ProcessDatabase) -> None:
            self._inner = plain(database)

        def __enter__(self) -> Any:
            step("before a transaction")
            return self._inner.__enter__()

        def __exit__(self, *exc: Any) -> None:
            self._inner.__exit__(*exc)
            step("after a transaction")

    ProcessDatabase.transaction = lambda self: Counted(self)  # type: ignore[method-assign, assignment, return-value]


if __name__ == "__main__":
    main()
