"""Writes of many files that are killed at every step in turn. A program: ``killed_writes.py FOLDER``.

It forks a process for each write; the n-th ends by SIGKILL just before its n-th change of the file system. What is left
is looked at, then finished by the next run. One line of JSON for each says what was found.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from busway_migrate.journal import Entry, Journal
from busway_migrate.writer import finish, write_all

NAMES = ("a.py", "b.py", "sub/c.py", "sub/d.py", "e_legacy.py")


def main(folder: Path) -> None:
    """Kills one write after the other, until one comes to its end."""
    number = 0
    killed = True
    while killed:
        number += 1
        entries = fresh(folder)
        journal = Journal(folder / ".journal")
        killed = killed_at(number, lambda entries=entries, journal=journal: write_all(journal, entries))
        left = states(entries)
        pending = journal.exists()
        if pending:
            finish(journal)
        found = {"left": left, "pending": pending, "after": states(entries), "litter": litter(folder)}
        sys.stdout.write(json.dumps({"step": number, **found}) + "\n")
        sys.stdout.flush()  # or the process that is forked next would print it once more


def fresh(folder: Path) -> Sequence[Entry]:
    """A folder with files, and what shall become of them: changed ones and a new one."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "sub").mkdir(parents=True)
    entries = [Entry(folder / name, f"old {name}\n".encode(), f"new {name}\n".encode()) for name in NAMES[:-1]]
    for entry in entries:
        entry.path.write_bytes(entry.old or b"")
    return [Entry(folder / NAMES[-1], None, b"moved\n"), *entries]


def states(entries: Sequence[Entry]) -> list[str]:
    """Old, new or something else, for each file."""
    found = []
    for entry in entries:
        content = entry.path.read_bytes() if entry.path.exists() else None
        found.append("old" if content == entry.old else "new" if content == entry.new else f"broken: {content!r}")
    return found


def litter(folder: Path) -> list[str]:
    """Files that belong to nobody."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name.startswith("."))


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Does ``work`` in a process of its own that kills itself before its n-th change; False when it came to its end."""
    child = os.fork()
    if child == 0:
        count_down(step)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def count_down(step: int) -> None:
    """Every change of the file system counts."""
    left = [step]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counting

    for name in ("replace", "unlink", "open", "chmod"):
        setattr(Path, name, counted(getattr(Path, name)))
    os.fsync = counted(os.fsync)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
