from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.error_journal import ErrorJournal
from busway.events.digest import Digest
from busway.events.digest_ticker import DigestTicker


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[ErrorJournal]:
    made = ErrorJournal(tmp_path)
    yield made
    made.state.close()


class Watched:
    """A digest that says when it has told something."""

    def __init__(self, digest: Digest) -> None:
        self.told, self.calls = threading.Event(), 0
        self.error: Exception | None = None
        self._digest = digest

    def idle(self) -> bool:
        return self.error is None and self._digest.idle()

    def tell(self, wait_seconds: float) -> list[dict[str, Any]]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        sent = self._digest.tell(wait_seconds)
        if sent:
            self.told.set()
        return sent


def ticker_of(watched: Watched) -> DigestTicker:
    return DigestTicker(watched, idle_seconds=0.01, linger_seconds=0.0)  # type: ignore[arg-type]


def test_an_event_starts_it_and_an_error_is_told(journal: ErrorJournal) -> None:
    watched = Watched(journal.open())
    ticker = ticker_of(watched)
    journal.error("a")
    ticker.notify()
    assert watched.told.wait(10)
    ticker.close()
    assert len(journal.sent()) == 1


def test_what_is_due_is_told_without_an_event(journal: ErrorJournal) -> None:
    watched = Watched(journal.open())
    ticker = ticker_of(watched)
    journal.error("a")
    ticker.notify()
    assert watched.told.wait(10)
    watched.told.clear()
    journal.clock.advance(3_600)
    assert watched.told.wait(10)
    ticker.close()
    assert [one["kind"] for one in journal.sent()] == ["first", "hourly"]


def test_closing_tells_a_last_time_only_where_something_was_emitted(journal: ErrorJournal) -> None:
    watched = Watched(journal.open())
    silent = ticker_of(watched)
    journal.error("a")
    silent.close()
    assert journal.sent() == []
    late = DigestTicker(watched, idle_seconds=60, linger_seconds=60)  # type: ignore[arg-type]
    late.notify()
    late.close()
    assert len(journal.sent()) == 1
    late.notify()
    assert not any(thread.name == "busway-digest" and thread.is_alive() for thread in threading.enumerate())


def test_a_forked_child_leaves_it_to_its_parent(journal: ErrorJournal) -> None:
    watched = Watched(journal.open())
    ticker = ticker_of(watched)
    journal.error("a")
    ticker.renew_after_fork()
    ticker.notify()
    ticker.settle()
    ticker.close()
    assert watched.calls == 0


def test_a_flush_takes_along_what_is_due(journal: ErrorJournal) -> None:
    journal.error("a")
    ticker_of(Watched(journal.open())).settle()
    assert len(journal.sent()) == 1


def test_a_database_that_fails_is_told_once_and_stops_nobody(
    journal: ErrorJournal, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(journal.open())
    watched.error = sqlite3.OperationalError("disk I/O error")
    ticker = ticker_of(watched)
    with caplog.at_level(logging.WARNING, "busway.events"):
        ticker.settle()
        ticker.settle()
    assert [record.getMessage() for record in caplog.records] == [
        "errors were not summed up (OperationalError); they are counted later"
    ]
    watched.error = None
    journal.error("a")
    ticker.settle()
    assert len(journal.sent()) == 1
