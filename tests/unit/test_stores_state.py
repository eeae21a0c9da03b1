from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.errors import ConfigurationError
from busway.stores.dead_letters import DeadLetter
from busway.stores.state import StateStore
from busway.stores.state_dir import prepare_state_dir


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path / "state")
    yield store
    store.close()


def test_the_state_folder_is_private(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    folder = prepare_state_dir(tmp_path / "state")
    for part in (folder, folder / "journal", folder / "keys"):
        assert stat.S_IMODE(part.stat().st_mode) == 0o700


def test_a_file_in_the_way_is_a_coded_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        prepare_state_dir(tmp_path / "state")
    assert caught.value.code == "BW3103"


def test_managed_records(store: StateStore) -> None:
    store.managed.add("employees", "1")
    store.managed.add_many("employees", ["1", "2", "3"])
    store.managed.add("titles", "9")
    assert store.managed.ids("employees") == {"1", "2", "3"}
    assert store.managed.remove("employees", "2") is True
    assert store.managed.remove("employees", "2") is False
    assert store.managed.ids("employees") == {"1", "3"}


def test_a_transaction_is_all_or_nothing(store: StateStore) -> None:
    def fail_in_the_middle() -> None:
        with store.transaction():
            store.managed.add("employees", "1")
            store.put("plans", "x", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert store.managed.ids("employees") == frozenset()
    assert store.get("plans", "x") is None


def test_good_runs(store: StateStore) -> None:
    assert store.last_good_run("employees") is None
    store.record_good_run("employees", source_count=10, session_id="a", at_ns=1)
    store.record_good_run("employees", source_count=12, session_id="b", at_ns=2)
    assert store.last_good_run("employees") == {"source_count": 12, "session_id": "b", "at_ns": 2}


def test_a_plan_is_used_once(store: StateStore) -> None:
    assert store.mark_plan_used("p1") is True
    assert store.mark_plan_used("p1") is False


def test_small_values_survive_reopening(store: StateStore) -> None:
    store.put("pause", "employees", {"until": 5, "why": ["x"]})
    store.put("pause", "titles", 1)
    store.close()
    assert store.get("pause", "employees") == {"until": 5, "why": ["x"]}
    assert store.items("pause") == {"employees": {"until": 5, "why": ["x"]}, "titles": 1}
    store.put("pause", "employees", None)
    assert store.get("pause", "employees", "gone") == "gone"


def test_cursors_only_move_forward(store: StateStore) -> None:
    store.cursors.advance("log", {"a": 10, "b": 5})
    store.cursors.advance("log", {"a": 7})
    assert store.cursors.of("log") == {"a": 10, "b": 5}
    store.cursors.forget("a")
    assert store.cursors.of("log") == {"b": 5}


def test_counts_of_a_deleted_file_move_to_the_sum(store: StateStore) -> None:
    store.sink_counts.add("mail", "a", {"delivered": 3, "dead": 1})
    store.sink_counts.add("old", "a", {"delivered": 4})
    store.sink_counts.close_file("a", {"mail": 4})
    assert store.sink_counts.of("mail") == {"delivered": 3, "dead": 1, "emitted": 4}
    assert store.sink_counts.of("old") == {}


def test_a_dead_letter_is_kept_once(store: StateStore) -> None:
    letter = DeadLetter("mail", "e1", "no such mailbox", {"event_id": "e1"}, 5)
    store.dead_letters.add([letter, letter])
    assert store.dead_letters.of("mail") == [letter]
    assert store.dead_letters.of() == [letter]
    assert store.dead_letters.count("mail") == 1
    assert store.dead_letters.count("log") == 0


def test_a_forked_child_gets_its_own_connection(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("n", "k", 1)
    parent = store._database.connection
    real = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: real + 1)
    assert store.get("n", "k") == 1
    child = store._database.connection
    assert child is not parent
    child.close()
    monkeypatch.undo()
    parent.close()


def test_closing_waits_for_the_transaction_of_another_thread(store: StateStore) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with store.transaction():
            inside.set()
            go_on.wait(10)
            store.put("n", "k", 1)

    writer, closer = threading.Thread(target=write), threading.Thread(target=store.close)
    writer.start()
    assert inside.wait(10)
    closer.start()
    go_on.set()
    writer.join()
    closer.join()
    assert store.get("n", "k") == 1


def test_another_connection_of_the_process_does_not_cost_the_first_its_file(tmp_path: Path) -> None:
    """What the first goes on writing is seen by other processes, after this one opened and closed the file again."""
    first = StateStore(tmp_path)
    first.put("test", "ours", 1)
    second = StateStore(tmp_path)
    second.put("test", "second", 1)
    second.close()
    script = (
        "import sys; from pathlib import Path; from busway.stores.state import StateStore; "
        "store = StateStore(Path(sys.argv[1])); store.put('test', sys.argv[2], 1); "
        "print(*sorted(store.items('test'))); store.close()"
    )

    def other(key: str) -> str:
        command = [sys.executable, "-c", script, str(tmp_path), key]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert other("theirs") == "ours second theirs"
    first.put("test", "after", 1)
    assert other("theirs too") == "after ours second theirs theirs too"
    assert "theirs too" in first.items("test")
    first.close()
