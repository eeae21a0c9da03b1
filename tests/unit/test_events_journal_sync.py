"""When lines are made safe from a power failure."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.contracts.clock import SystemClock
from busway.events.journal import JournalWriter
from busway.events.journal_line import encode_line
from busway.metrics.registry import Counter

INFO, ERROR = 9, 17
PATIENCE = 10.0


class Syncs:
    """In place of ``os.fsync``: counts the bytes that were safe after each, and can stand still or fail."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.threads: list[str] = []
        self.done = threading.Condition()
        self.free = threading.Event()
        self.free.set()
        self.fails = False

    def __call__(self, descriptor: int) -> None:
        self.free.wait(PATIENCE)
        with self.done:
            self.sizes.append(os.fstat(descriptor).st_size)
            self.threads.append(threading.current_thread().name)
            self.done.notify_all()
        if self.fails:
            raise OSError("no")

    def reaches(self, size: int) -> bool:
        with self.done:
            return self.done.wait_for(lambda: bool(self.sizes) and self.sizes[-1] >= size, PATIENCE)


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Syncs]:
    syncs = Syncs()
    monkeypatch.setattr(os, "fsync", syncs)
    yield syncs
    syncs.free.set()


@pytest.fixture
def writer(tmp_path: Path, syncs: Syncs) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, SystemClock())
    yield writer
    syncs.free.set()
    writer.close()


def put(writer: JournalWriter, severity: int = INFO) -> bool:
    return writer.append_line(encode_line({"event_id": "e"}), Counter(), severity)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_quiet_event_is_safe_soon_without_anybody_asking(writer: JournalWriter, syncs: Syncs, tmp_path: Path) -> None:
    assert put(writer)
    assert syncs.reaches(size(tmp_path))
    assert syncs.threads == ["busway-journal"], "the caller did not wait for it"


def test_many_events_share_few_syncs(writer: JournalWriter, syncs: Syncs, tmp_path: Path) -> None:
    for _ in range(2000):
        put(writer)
    assert syncs.reaches(size(tmp_path))
    assert len(syncs.sizes) <= 40


def test_a_hundred_events_do_not_wait_for_the_50_ms(
    writer: JournalWriter, syncs: Syncs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.events.sync_group.GROUP_SECONDS", 3600.0)
    for _ in range(99):
        put(writer)
    assert syncs.sizes == []
    put(writer)
    assert syncs.reaches(size(tmp_path))


def test_an_error_is_safe_when_it_is_emitted(
    writer: JournalWriter, syncs: Syncs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.events.sync_group.GROUP_SECONDS", 3600.0)
    monkeypatch.setattr("busway.events.journal.SYNC_WAIT_SECONDS", PATIENCE)
    put(writer)
    put(writer, ERROR)
    assert syncs.sizes == [size(tmp_path)]


def test_errors_that_follow_each_other_share_syncs(writer: JournalWriter, syncs: Syncs, tmp_path: Path) -> None:
    started = time.monotonic()
    for _ in range(500):
        put(writer, ERROR)
    assert syncs.reaches(size(tmp_path))
    assert len(syncs.sizes) <= 20 + 20 * (time.monotonic() - started) + 5


def test_nobody_waits_for_a_sync_that_hangs(writer: JournalWriter, syncs: Syncs) -> None:
    syncs.free.clear()
    started = time.monotonic()
    for _ in range(50):
        assert put(writer, ERROR)
    assert time.monotonic() - started < 0.5, "20 ms once, not 50 times"


def test_a_sync_that_fails_is_counted_and_not_raised(writer: JournalWriter, syncs: Syncs, tmp_path: Path) -> None:
    syncs.fails = True
    assert put(writer, ERROR)
    assert syncs.reaches(size(tmp_path))
    writer.sync()
    assert writer.sync_failures >= 1


def test_a_file_that_was_full_in_the_middle_of_a_group_is_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    monkeypatch.setattr("busway.events.sync_group.GROUP_SECONDS", 3600.0)
    writer = JournalWriter(tmp_path, SystemClock(), segment_bytes=100)
    for _ in range(20):
        put(writer)
    assert len(writer.files) > 3
    writer.sync(PATIENCE)
    assert synced == {path.stat().st_ino for path in tmp_path.iterdir()}
    writer.close()


def test_without_a_thread_the_caller_syncs_groups(tmp_path: Path, syncs: Syncs) -> None:
    writer = JournalWriter(tmp_path, SystemClock(), threads=False)
    for _ in range(250):
        put(writer)
    assert len(syncs.sizes) >= 2
    put(writer, ERROR)
    writer.sync()
    assert syncs.sizes[-1] == size(tmp_path)
    assert set(syncs.threads) == {threading.current_thread().name}
    writer.close()


def test_the_thread_ends_when_there_is_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busway.events.keeper.IDLE_SECONDS", 0.01)
    writer = JournalWriter(tmp_path, SystemClock())

    def alive() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one is writer._keeper._thread]

    put(writer)
    (thread,) = alive()
    thread.join(PATIENCE)
    assert alive() == []
    put(writer)
    assert len(alive()) == 1
    writer.close()
    assert alive() == []
