"""A disk that is slow, full or broken: nobody waits for it, nothing is raised, and every event is accounted for."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.contracts.clock import SystemClock
from busway.events.journal import JournalWriter
from busway.events.journal_line import encode_line
from busway.events.journal_reader import JournalFolder
from busway.events.ring import Ring
from busway.metrics.registry import Counter, Metrics

INFO, ERROR = 9, 17
PATIENCE = 10.0


class Disk:
    """In place of ``os.write``: stands still, refuses or is slow, as it is told."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.refuses: int | None = None
        self.slow_seconds = 0.0
        self.writers: list[str] = []
        """Names of the threads that wrote."""
        self.entered = threading.Event()

    def write(self, descriptor: int, data: bytes) -> int:
        self.writers.append(threading.current_thread().name)
        self.entered.set()
        self.free.wait(PATIENCE)
        if self.slow_seconds:
            time.sleep(self.slow_seconds)
        if self.refuses is not None:
            raise OSError(self.refuses, os.strerror(self.refuses))
        return os.write(descriptor, data)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.free.set()


@pytest.fixture
def writer(tmp_path: Path, disk: Disk) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, SystemClock(), write=disk.write, ring=Ring(max_entries=50))
    yield writer
    disk.free.set()
    disk.refuses, disk.slow_seconds = None, 0.0
    writer.close(PATIENCE)


def put(writer: JournalWriter, name: str, severity: int = INFO) -> bool:
    return writer.append_line(encode_line({"event_id": name}), Counter(), severity)


def names(folder: Path) -> list[str]:
    journal = JournalFolder(folder)
    lines = (line for file in journal.files() for line in journal.lines(file))
    return [line.record["event_id"] if line.record else line.fault for line in lines]


def until_it_is_in_callers_hands(writer: JournalWriter, disk: Disk) -> None:
    """Emits until the caller writes for itself again."""
    ends = time.monotonic() + PATIENCE
    me = threading.current_thread().name
    while time.monotonic() < ends:
        put(writer, "again")
        if disk.writers[-1] == me:
            return
    raise AssertionError("callers never wrote again")


def test_after_a_slow_write_another_thread_writes_and_callers_again_when_it_is_over(
    writer: JournalWriter, disk: Disk, tmp_path: Path
) -> None:
    me = threading.current_thread().name
    disk.slow_seconds = 0.06
    assert put(writer, "slow")
    disk.slow_seconds = 0.0
    assert put(writer, "next"), "the disk is quick again, so the line was waited for"
    assert disk.writers[:2] == [me, "busway-journal"]
    until_it_is_in_callers_hands(writer, disk)
    assert names(tmp_path)[:2] == ["slow", "next"]


def test_one_write_that_was_a_little_slow_says_nothing_three_in_a_row_do(writer: JournalWriter, disk: Disk) -> None:
    me = threading.current_thread().name
    for slow in (True, True, False, True, True, False):
        disk.slow_seconds = 0.008 if slow else 0.0
        put(writer, "x")
    assert set(disk.writers) == {me}
    disk.slow_seconds = 0.008
    for _ in range(3):
        put(writer, "x")
    assert set(disk.writers) == {me}
    put(writer, "x")
    assert disk.writers[-1] == "busway-journal"


def test_a_slow_disk_costs_callers_a_tenth_of_their_time_at_most(writer: JournalWriter, disk: Disk) -> None:
    disk.slow_seconds = 0.06
    put(writer, "slow")
    started, waited = time.monotonic(), 0.0
    while time.monotonic() - started < 1.0:
        began = time.monotonic()
        put(writer, "x")
        waited += time.monotonic() - began
        time.sleep(0.005)
    assert waited < 0.6, "100 ms and a tenth of a second, and a lot of room"


def test_a_disk_that_stands_still_holds_up_the_one_who_writes_and_nobody_else(
    writer: JournalWriter, disk: Disk, tmp_path: Path
) -> None:
    disk.free.clear()
    victim = threading.Thread(target=put, args=(writer, "victim"))
    victim.start()
    assert disk.entered.wait(PATIENCE)
    longest = 0.0
    for number in range(30):
        started = time.monotonic()
        assert put(writer, str(number), ERROR) is False
        longest = max(longest, time.monotonic() - started)
    assert longest < 1.0
    assert writer.waiting == 30
    disk.free.set()
    victim.join(PATIENCE)
    writer.sync(PATIENCE)
    assert names(tmp_path) == ["victim", *(str(number) for number in range(30))]
    assert writer.dropped == {}


def test_only_the_first_waits_for_a_disk_that_stands_still(writer: JournalWriter, disk: Disk) -> None:
    disk.slow_seconds = 0.06
    put(writer, "slow")  # from here on the other thread writes
    disk.free.clear()
    put(writer, "first")
    started = time.monotonic()
    for number in range(40):
        put(writer, str(number))
    assert time.monotonic() - started < 1.0, "100 ms in all and a lot of room"
    assert writer.waiting == 41


def test_a_signal_handler_inside_of_a_write_may_emit(tmp_path: Path) -> None:
    inner: list[bool] = []

    def write(descriptor: int, data: bytes) -> int:
        if not inner:
            inner.append(put(journals[0], "inner"))  # as a handler does: on the same thread, the lock being held
        return os.write(descriptor, data)

    journals = [JournalWriter(tmp_path, SystemClock(), write=write)]
    put(journals[0], "outer")
    journals[0].sync(PATIENCE)
    assert sorted(names(tmp_path)) == ["inner", "outer"]
    journals[0].close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
def test_what_the_disk_refuses_is_written_when_there_is_room(
    writer: JournalWriter, disk: Disk, tmp_path: Path, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    put(writer, "before")
    disk.refuses = code
    for number in range(20):
        assert put(writer, str(number)) is False
    assert writer.waiting == 20
    disk.refuses = None
    writer.sync(PATIENCE)
    put(writer, "after")
    writer.sync(PATIENCE)  # on a busy machine another thread may still be at it
    assert names(tmp_path) == ["before", *(str(number) for number in range(20)), "after"]
    assert writer.dropped == {}
    told = [record.getMessage() for record in caplog.records if "BW3010" in record.getMessage()]
    assert len(told) == 1, "told once, not with every event"
    assert os.strerror(code) in told[0]
    assert "written again" in caplog.text


def test_whole_lines_of_several_that_the_disk_took_stay(tmp_path: Path) -> None:
    """They can be read at once: a sink may have taken them before the disk refuses the rest."""
    room, read = [0], list[list[str]]()

    def write(descriptor: int, data: bytes) -> int:
        read.append(names(tmp_path))
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        taken, room[0] = data[: room[0]], room[0] - min(len(data), room[0])
        return os.write(descriptor, taken)

    writer = JournalWriter(tmp_path, SystemClock(), write=write, threads=False)
    for number in range(4):
        put(writer, str(number))
    room[0] = 2 * len(encode_line({"event_id": "0"})) + 5
    writer._tend_here(at_once=True)
    assert read[-1] == names(tmp_path) == ["0", "1"]
    assert (writer.waiting, writer.dropped) == (2, {})
    room[0] = 10_000
    writer.sync()
    assert names(tmp_path) == ["0", "1", "2", "3"]
    writer.close()


def test_a_full_ring_drops_the_least_severe_and_counts_them(tmp_path: Path, disk: Disk) -> None:
    metrics = Metrics()
    writer = JournalWriter(tmp_path, SystemClock(), write=disk.write, ring=Ring(max_entries=50), metrics=metrics)
    counter = Counter()
    disk.refuses = errno.ENOSPC
    for number in range(60):
        writer.append_line(encode_line({"event_id": f"info{number}"}), counter, INFO)
    for number in range(30):
        writer.append_line(encode_line({"event_id": f"error{number}"}), counter, ERROR)
    assert counter.value == 90
    dropped = writer.dropped["journal_full"]
    assert writer.waiting + dropped == 90
    assert 38 <= dropped <= 40, "one or two lines may be in hand, outside of the ring"
    disk.refuses = None
    writer.close(PATIENCE)
    assert names(tmp_path)[-30:] == [f"error{number}" for number in range(30)]
    assert len(names(tmp_path)) + dropped == 90
    (sample,) = [one for one in metrics.snapshot() if one.name == "busway_journal_dropped_total"]
    assert sample.value == dropped


def test_closing_waits_for_the_disk_until_the_deadline_and_counts_the_rest(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path, SystemClock(), write=disk.write)
    put(writer, "before")
    disk.refuses = errno.ENOSPC
    for number in range(20):
        put(writer, str(number))
    started = time.monotonic()
    writer.close(0.2)
    assert time.monotonic() - started < 2.0
    assert writer.dropped == {"journal_full": 20}
    assert names(tmp_path) == ["before"]


def test_closing_does_not_wait_for_a_write_that_hangs(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path, SystemClock(), write=disk.write)
    disk.slow_seconds = 0.06
    put(writer, "slow")
    disk.free.clear()
    put(writer, "hangs")
    started = time.monotonic()
    writer.close(0.2)
    assert time.monotonic() - started < 2.0
    assert writer.dropped == {"journal_full": 1}
    disk.free.set()


def test_callers_that_write_again_too_soon_wait_longer_the_next_time(writer: JournalWriter, disk: Disk) -> None:
    waits = []
    for _ in range(3):
        disk.slow_seconds = 0.06
        put(writer, "slow")
        disk.slow_seconds = 0.0
        started = time.monotonic()
        until_it_is_in_callers_hands(writer, disk)
        waits.append(time.monotonic() - started)
    assert waits[2] > 0.15, "50 ms, then 100, then 200"


def test_without_a_thread_the_caller_tries_again(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path, SystemClock(), write=disk.write, threads=False)
    disk.refuses = errno.ENOSPC
    assert put(writer, "1") is False
    assert put(writer, "2") is False
    assert len(disk.writers) < 4, "a disk that refuses is not tried with every event"
    disk.refuses = None
    writer.sync()
    assert put(writer, "3")
    assert names(tmp_path) == ["1", "2", "3"]
    assert set(disk.writers) == {threading.current_thread().name}
    writer.close()
