"""A database that closes for good: nobody is disturbed, and nothing stays open."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from busway.stores import process_database
from busway.stores.database import Database
from busway.stores.process_database import ProcessDatabase

SCHEMA = ["CREATE TABLE numbers (n INTEGER)"]
INSERT = "INSERT INTO numbers VALUES (1)"
COUNT = "SELECT count(*) FROM numbers"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """Every connection to the database of the test that was opened."""
    connections: list[Database] = []
    real = process_database.open_database

    def open_and_note(path: Path, migrations: list[str]) -> Database:
        made = real(path, migrations)
        if path.name == "numbers.db":  # a thread that an earlier test left behind may open its own meanwhile
            connections.append(made)
        return made

    monkeypatch.setattr(process_database, "open_database", open_and_note)
    return connections


@pytest.fixture
def database(tmp_path: Path, opened: list[Database]) -> ProcessDatabase:
    return ProcessDatabase(tmp_path / "numbers.db", SCHEMA)


def is_open(connection: Database) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def test_one_connection_serves_until_it_is_closed(database: ProcessDatabase, opened: list[Database]) -> None:
    with database.transaction() as connection:
        connection.execute(INSERT)
    assert database.rows(COUNT) == [(1,)]
    assert [is_open(one) for one in opened] == [True]
    database.close()
    database.close()
    assert [is_open(one) for one in opened] == [False]


def test_a_use_after_the_close_leaves_nothing_open(database: ProcessDatabase, opened: list[Database]) -> None:
    database.close()
    with database.transaction() as connection:
        connection.execute(INSERT)
        assert database.rows(COUNT) == [(1,)], "inside, it is the same connection"
    with database.snapshot() as connection:
        assert connection.execute(COUNT).fetchall() == [(1,)]
    assert database.rows(COUNT) == [(1,)]
    assert [is_open(one) for one in opened] == [False, False, False]


def test_a_use_that_fails_after_the_close_leaves_nothing_open(
    database: ProcessDatabase, opened: list[Database]
) -> None:
    database.close()
    with pytest.raises(sqlite3.OperationalError):
        database.rows("SELECT * FROM nothing")
    with pytest.raises(ZeroDivisionError), database.transaction():
        raise ZeroDivisionError
    assert [is_open(one) for one in opened] == [False, False]


def test_a_close_in_the_middle_of_a_use_waits_for_its_end(database: ProcessDatabase, opened: list[Database]) -> None:
    with database.transaction() as connection:
        database.close()
        connection.execute(INSERT)
    assert [is_open(one) for one in opened] == [False]
    assert database.rows(COUNT) == [(1,)]


def test_threads_are_not_disturbed_by_a_close(database: ProcessDatabase, opened: list[Database]) -> None:
    go = threading.Barrier(9)

    def write(_: int) -> None:
        go.wait(10)
        for _number in range(20):
            with database.transaction() as connection:
                connection.execute(INSERT)

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write, number) for number in range(8)]
        go.wait(10)
        database.close()
        for one in writing:
            one.result()
    assert database.rows(COUNT) == [(160,)]
    assert not any(map(is_open, opened))


def test_a_forked_child_does_not_count_what_its_parent_was_doing(
    database: ProcessDatabase, opened: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as connection:
        connection.execute(INSERT)
    parent = opened[0]
    database._uses = 3  # as copied from a parent with three threads at work
    database._counting.acquire()
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert database.rows(COUNT) == [(1,)]
    database.close()
    assert [is_open(one) for one in opened] == [True, False], "the parent's is left alone"
    parent.close()
