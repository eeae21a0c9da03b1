"""Digests and the ledger while processes come, go and are killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from builders.error_journal import ErrorJournal
from busway.events.journal_reader import JournalFolder
from busway.events.ledger import Ledger, bring_up_to_date
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL

TELLER = """
import os, sys
from pathlib import Path
from busway.contracts.clock import SystemClock
from busway.events.digest import Digest
from busway.events.ids import new_event_id
from busway.events.journal_line import encode_line
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.stores.state import StateStore
folder, number, ends = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "ends"
file = os.open(folder / "journal" / f"{os.getpid()}-1.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def write(record):
    os.write(file, encode_line(record))
    return True
state = StateStore(folder)
digest = Digest(JournalFolder(folder / "journal"), state, SystemClock(), write, EventPolicy(digest_seconds=0.02))
print("ready", flush=True)
sys.stdin.readline()
for at in range(number):
    error = {"kind": "sync", "message": f"error {at}", "type": "", "code": ""}
    write({"event_id": new_event_id(), "timestamp": 1, "severity": 17, "category": "error", "entity_type": "x",
           "entity_id": None, "session_id": None, "attributes": {}, "error": error})
    if at % 7 == 0:
        digest.tell()
if not ends:
    while True:
        digest.tell()
"""


def tellers(folder: Path, count: int, number: int, *, ends: bool = True) -> list[subprocess.Popen[str]]:
    """Processes that emit errors and send digests, all at once."""
    command = [sys.executable, "-c", TELLER, str(folder), str(number), "ends" if ends else "never"]
    pipe = subprocess.PIPE
    found = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(count)]
    for process in found:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in found:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return found


def counted(folder: Path) -> tuple[int, int]:
    """Errors in the journals, and in hourly digests once everything was told; no digest is there twice."""
    journal = ErrorJournal(folder)
    journal.open().send()
    lines = [line.record for file in journal.folder.files() for line in journal.folder.lines(file) if line.record]
    errors = sum(record["category"] == "error" for record in lines)
    ids = [one["event_id"] for one in journal.sent()]
    assert len(ids) == len(set(ids)), "a digest was journalled twice"
    told = sum(one["errors"] for one in journal.sent("hourly"))
    journal.state.close()
    return errors, told


def test_several_processes_count_every_error_once(tmp_path: Path) -> None:
    StateStore(tmp_path).close()
    for process in tellers(tmp_path, 4, 100):
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert counted(tmp_path) == (400, 400)


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_neither_loses_nor_repeats_a_count(tmp_path: Path, seed: int) -> None:
    StateStore(tmp_path).close()
    chance = random.Random(seed)
    for process in tellers(tmp_path, 2, 60, ends=False):
        time.sleep(chance.uniform(0.01, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    errors, told = counted(tmp_path)
    assert errors == told > 0


def test_a_ledger_damaged_again_and_again_has_all_that_the_journals_have(tmp_path: Path) -> None:
    journal = ErrorJournal(tmp_path)
    for number in range(6):
        journal.error(f"error {number}")
        assert bring_up_to_date(tmp_path)
        (tmp_path / "ledger.db").write_bytes(bytes([number]) * 9_000)
        for part in ("-wal", "-shm"):
            (tmp_path / f"ledger.db{part}").unlink(missing_ok=True)
    with closing(Ledger(tmp_path)) as ledger:
        assert {row.message for row in ledger.errors(kind="sync")} == {f"error {number}" for number in range(6)}
    assert len(list(tmp_path.glob("ledger.db.damaged-*"))) == 6
    cursors = journal.state.cursors.of("ledger")
    folder = JournalFolder(tmp_path / JOURNAL)
    assert bring_up_to_date(tmp_path)
    assert all(cursors.get(file, 0) <= folder.size(file) for file in folder.files())
    journal.state.close()
