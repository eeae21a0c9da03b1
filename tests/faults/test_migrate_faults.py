"""``busway migrate --write`` when something goes wrong in the middle: the tree is as it was, or finished."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from builders.killed_writes import NAMES, fresh, litter, states
from busway.errors import HeldError, UsageError
from busway_migrate import writer
from busway_migrate.journal import Entry, Journal
from busway_migrate.writer import finish, write_all

PROGRAM = Path(__file__).resolve().parents[1] / "builders" / "killed_writes.py"


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a kill at every step leaves behind."""
    folder = tmp_path_factory.mktemp("kills") / "tree"
    environ = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[1])}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder)], env=environ, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_kills_fall_on_every_stage(kills: list[dict[str, Any]]) -> None:
    mixed = [kill for kill in kills if len(set(kill["left"])) == 2]
    assert len(kills) > 20
    assert len(mixed) >= len(NAMES), "or nothing would be proven about a tree that is half written"


def test_no_file_is_ever_half_written(kills: list[dict[str, Any]]) -> None:
    assert {state for kill in kills for state in kill["left"]} == {"old", "new"}


def test_after_a_kill_the_tree_is_as_it_was_or_the_next_run_finishes_it(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        whole = {"new"} if kill["pending"] or "new" in kill["left"] else {"old"}
        assert set(kill["after"]) == whole, kill


def test_nothing_of_the_write_is_left_lying_about(kills: list[dict[str, Any]]) -> None:
    assert [kill for kill in kills if kill["pending"] and kill["litter"]] == []
    assert kills[-1]["litter"] == [], "nor by a write that came to its end"


@pytest.mark.parametrize("number", range(1, len(NAMES) + 1))
def test_a_write_that_fails_is_taken_back(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = fresh(tmp_path / "tree")
    journal = Journal(tmp_path / "journal")
    real, calls = writer.put, [0]

    def full(path: Path, data: bytes | None) -> None:
        calls[0] += 1
        if calls[0] == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, data)

    monkeypatch.setattr(writer, "put", full)
    with pytest.raises(UsageError) as raised:
        write_all(journal, entries)
    assert set(states(entries)) == {"old"}
    assert not journal.exists()
    assert litter(tmp_path) == []
    path = entries[number - 1].path
    assert raised.value.render() == (
        f"error[BW7506]: {path} cannot be written\n"
        f"  where {path}\n"
        "  why   No space left on device; every file is as it was before\n"
        "  fix   make the file and its folder writable, then run busway migrate again"
    )


def test_a_file_that_was_changed_meanwhile_stops_the_write(tmp_path: Path) -> None:
    entries = fresh(tmp_path / "tree")
    entries[2].path.write_text("mine\n", "utf-8")
    with pytest.raises(UsageError, match="BW7505"):
        write_all(Journal(tmp_path / "journal"), entries)
    assert states(entries)[1] == "old"
    assert entries[2].path.read_text("utf-8") == "mine\n"


def test_finishing_leaves_what_somebody_changed(tmp_path: Path) -> None:
    entries = fresh(tmp_path / "tree")
    journal = Journal(tmp_path / "journal")
    journal.write(entries)
    entries[1].path.write_text("mine\n", "utf-8")
    written, left = finish(journal)
    assert left == [entries[1].path]
    assert len(written) == len(entries) - 1
    assert entries[1].path.read_text("utf-8") == "mine\n"
    assert not journal.exists()


@pytest.mark.parametrize("content", ["", "{", '[{"path": 1}]', '[{"path": "a", "old": "!", "new": null}]'])
def test_a_journal_that_cannot_be_read_is_told(content: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.path.write_text(content, "utf-8")
    with pytest.raises(UsageError) as raised:
        finish(journal)
    assert raised.value.code == "BW7503"
    assert str(journal.path) in raised.value.render()


def test_two_writes_of_one_tree_do_not_mix(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    entries = fresh(tmp_path / "tree")
    with journal.locked(), pytest.raises(HeldError, match="BW7504"):
        write_all(journal, entries)
    assert set(states(entries)) == {"old"}
    write_all(journal, entries)
    assert set(states(entries)) == {"new"}


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_waits_until_all_is_written(
    number: int, ends: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = fresh(tmp_path / "tree")
    real = writer.put

    def interrupted(path: Path, data: bytes | None) -> None:
        os.kill(os.getpid(), number)
        real(path, data)

    monkeypatch.setattr(writer, "put", interrupted)
    before = signal.getsignal(number)
    with pytest.raises(ends) as raised:
        write_all(Journal(tmp_path / "journal"), entries)
    assert set(states(entries)) == {"new"}
    assert signal.getsignal(number) == before
    if isinstance(raised.value, SystemExit):
        assert raised.value.code == 143


def test_a_write_in_another_thread_needs_no_signals(tmp_path: Path) -> None:
    entries = fresh(tmp_path / "tree")
    thread = threading.Thread(target=write_all, args=(Journal(tmp_path / "journal"), entries))
    thread.start()
    thread.join(20)
    assert set(states(entries)) == {"new"}


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.py"
    path.write_bytes(b"old")
    path.chmod(0o755)
    write_all(Journal(tmp_path / "journal"), [Entry(path, b"old", b"new")])
    assert path.stat().st_mode & 0o777 == 0o755
    assert path.read_bytes() == b"new"
