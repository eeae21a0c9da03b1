from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from busway.errors import ConfigurationError
from busway.stores.database import Transaction, open_database

FIRST = "CREATE TABLE things (name TEXT PRIMARY KEY);\nINSERT INTO things VALUES ('one');"
SECOND = "ALTER TABLE things ADD COLUMN size INTEGER;"


def names(database: sqlite3.Connection) -> set[str]:
    return {row[0] for row in database.execute("SELECT name FROM things")}


def test_a_new_database_is_private_and_has_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = open_database(path, [FIRST])
    assert names(database) == {"one"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert database.execute("PRAGMA busy_timeout").fetchone() == (5000,)
    database.close()


def test_migration_keeps_the_content_and_a_copy_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_database(path, [FIRST]).close()
    database = open_database(path, [FIRST, SECOND])
    assert database.execute("SELECT name, size FROM things").fetchall() == [("one", None)]
    assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()
    copy = sqlite3.connect(tmp_path / "a.db.v1.bak")
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert names(copy) == {"one"}
    copy.close()


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_database(path, [FIRST]).close()
    with pytest.raises(ConfigurationError):
        open_database(path, [FIRST, "CREATE TABLE more (x);\nNONSENSE;"])
    database = open_database(path, [FIRST])
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("things",)]
    database.close()


def test_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_database(path, [FIRST, SECOND]).close()
    with pytest.raises(ConfigurationError) as caught:
        open_database(path, [FIRST])
    assert caught.value.code == "BW3101"
    open_database(path, [FIRST, SECOND]).close()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 40])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        open_database(path, [FIRST])
    assert caught.value.code == "BW3102"
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_database(tmp_path / "missing" / "a.db", [FIRST])
    assert caught.value.code == "BW3103"


def test_transactions_roll_back_and_join(tmp_path: Path) -> None:
    database = open_database(tmp_path / "a.db", [FIRST])

    def fail_after_an_inner_one() -> None:
        with Transaction(database):
            with Transaction(database):
                database.execute("INSERT INTO things VALUES ('two')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_an_inner_one()
    assert names(database) == {"one"}
    database.close()


def test_threads_share_a_connection_without_mixing_transactions(tmp_path: Path) -> None:
    database = open_database(tmp_path / "a.db", [FIRST])

    def work(number: int) -> None:
        for step in range(50):
            with Transaction(database):
                database.execute("INSERT INTO things VALUES (?)", (f"{number}-{step}",))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(database)) == 201
    database.close()
