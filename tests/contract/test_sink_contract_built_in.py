"""The built-in event sinks keep the contract: ``log`` (JSON and text) and ``ledger``."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from busway.contracts.sinks import EventSink
from busway.events.ledger_schema import LEDGER_DB
from busway.events.ledger_sink import LedgerSink
from busway.events.log_format import as_json
from busway.events.log_sink import LogSink
from busway.testing import EventSinkContract
from busway.testing.sinks import sample_event

FULL_AFTER_TWO = """
CREATE TRIGGER full BEFORE INSERT ON events WHEN (SELECT count(*) FROM events) = 2
BEGIN SELECT RAISE(ABORT, 'disk is full'); END
"""


class TestLogSink(EventSinkContract):
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "audit.log"

    @pytest.fixture
    def sink(self, file: Path) -> EventSink:
        return LogSink(file)

    @pytest.fixture
    def arrived(self, tmp_path: Path) -> Callable[[], Iterable[str]]:
        def ids() -> list[str]:
            lines = [line for file in tmp_path.rglob("audit.log") for line in file.read_text().splitlines()]
            return [json.loads(line)["Attributes"]["busway.event.id"] for line in lines]

        return ids

    @pytest.fixture
    def sent(self, file: Path) -> Callable[[], str]:
        return file.read_text

    @pytest.fixture
    def build(self, file: Path) -> Callable[[], EventSink]:
        return lambda: LogSink(file)

    @pytest.fixture
    def partial_sink(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventSink]:
        """On a disk that has room for one line and a bit."""
        (tmp_path / "full").mkdir()
        real, room = os.write, [len(as_json(sample_event(1))) + 100]

        def write(descriptor: int, data: bytes) -> int:
            if not room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, data[: room.pop()])

        monkeypatch.setattr(os, "write", write)
        yield LogSink(tmp_path / "full" / "audit.log")
        monkeypatch.undo()

    @pytest.fixture
    def unreachable_sink(self, tmp_path: Path) -> EventSink:
        return LogSink(tmp_path / "later" / "audit.log")

    @pytest.fixture
    def recover(self, tmp_path: Path) -> Callable[[], object]:
        return (tmp_path / "later").mkdir


class TestLogSinkAsText(EventSinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> EventSink:
        return LogSink(tmp_path / "audit.log", text=True)

    @pytest.fixture
    def sent(self, tmp_path: Path) -> Callable[[], str]:
        return (tmp_path / "audit.log").read_text

    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], EventSink]:
        return lambda: LogSink(tmp_path / "audit.log", text=True)


class TestLedgerSink(EventSinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> Iterator[EventSink]:
        sink = LedgerSink(tmp_path)
        yield sink
        sink.close()

    @pytest.fixture
    def rows(self, tmp_path: Path) -> Callable[[], list[tuple[object, ...]]]:
        def read() -> list[tuple[object, ...]]:
            found: list[tuple[object, ...]] = []
            for file in tmp_path.rglob(LEDGER_DB):
                with closing(sqlite3.connect(file)) as database:
                    found += database.execute("SELECT * FROM events ORDER BY event_id").fetchall()
            return found

        return read

    @pytest.fixture
    def arrived(self, rows: Callable[[], list[tuple[object, ...]]]) -> Callable[[], Iterable[str]]:
        return lambda: [str(row[0]) for row in rows()]

    @pytest.fixture
    def sent(self, rows: Callable[[], list[tuple[object, ...]]]) -> Callable[[], str]:
        return lambda: "\n".join(map(str, rows()))

    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], EventSink]:
        return lambda: LedgerSink(tmp_path)

    @pytest.fixture
    def partial_sink(self, tmp_path: Path) -> Iterator[EventSink]:
        """On a disk that is full after two rows."""
        (tmp_path / "full").mkdir(mode=0o700)
        sink = LedgerSink(tmp_path / "full")
        sink.deliver([])
        with closing(sqlite3.connect(tmp_path / "full" / LEDGER_DB)) as database:
            database.execute(FULL_AFTER_TWO)
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self, tmp_path: Path) -> Iterator[EventSink]:
        (tmp_path / "later").write_text("a file where a folder should be")
        sink = LedgerSink(tmp_path / "later")
        yield sink
        sink.close()

    @pytest.fixture
    def recover(self, tmp_path: Path) -> Callable[[], object]:
        def mend() -> None:
            (tmp_path / "later").unlink()
            (tmp_path / "later").mkdir(mode=0o700)

        return mend
