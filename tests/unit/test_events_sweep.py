"""Which journals are deleted, when, and what the books say of them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from busway.contracts.clock import SystemClock
from busway.events.books import Books, keep_books
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.events.retention import Candidate, fallen
from busway.events.sweep import OwnReader, sweep_journals
from busway.metrics.registry import Counter as Count
from busway.stores.cursors import Ahead
from busway.stores.state import StateStore

EVENTS, DIGESTS = frozenset({"events"}), frozenset({"digests"})
DAY = 86_400
NOW = 1_800_000_000


class Rig:
    """A state folder with journals of writers that are gone."""

    def __init__(self, folder: Path) -> None:
        self.state = StateStore(folder)
        self.folder = JournalFolder(folder / "journal")
        self.sinks: dict[str, frozenset[str]] = {"a": EVENTS, "b": EVENTS}
        self.told: list[tuple[str, int]] = []
        self.collected = 0

    def journal(self, count: int, *, start: int = 1, age_days: float = 0.0, category: str = "change") -> str:
        writer = JournalWriter(self.folder.path, SystemClock(), segment_bytes=1 << 30)
        for number in range(count):
            writer.append({"event_id": f"e{number}", "category": category}, Count())
        writer.close()
        (written,) = writer.files
        name = f"{start}-1.jsonl"
        (self.folder.path / written).rename(self.folder.path / name)
        seconds = NOW - age_days * DAY
        os.utime(self.folder.path / name, (seconds, seconds))
        return name

    def reads(self, sink: str, file: str, count: int) -> None:
        """``sink`` has delivered the first ``count`` events of ``file``."""
        ends = [end for end, _ in self.folder.raw_lines(file)]
        with self.state.transaction():
            self.state.cursors.advance(sink, {file: ends[count - 1]})
            self.state.sink_counts.add(sink, file, {"delivered": count})

    def sweep(self, policy: EventPolicy | None = None, *, day: float = 0.0, **own: Any) -> int:
        def collect() -> None:
            self.collected += 1

        return sweep_journals(
            self.folder,
            self.state,
            self.sinks,
            collect,
            policy=policy,
            now_ns=int((NOW + day * DAY) * 1e9),
            tell=lambda sink, lost: self.told.append((sink, lost)),
            **own,
        )

    def books(self, sink: str) -> Books:
        with self.state.snapshot():
            read = self.state.cursors.of(sink), self.state.sink_counts.of(sink)
        books = keep_books(self.folder, self.folder.files(), self.sinks[sink], read, {})
        assert books.balanced, books
        return books


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.state.close()


def test_a_journal_goes_when_every_sink_has_read_it(rig: Rig) -> None:
    file = rig.journal(3)
    rig.reads("a", file, 3)
    assert rig.sweep() == 0
    rig.reads("b", file, 3)
    assert rig.sweep() == 1
    assert rig.folder.files() == []
    assert rig.collected == 1
    for sink in "ab":
        assert rig.books(sink) == Books(3, 3)
        assert rig.state.cursors.of(sink) == {}
    assert rig.told == []


def test_a_journal_that_is_written_stays(rig: Rig) -> None:
    writer = JournalWriter(rig.folder.path, SystemClock())
    writer.append({"event_id": "e"}, Count())
    (file,) = writer.files
    for sink in "ab":
        rig.reads(sink, file, 1)
    assert rig.sweep(EventPolicy(retention_seconds=1e-9, retention_bytes=1), day=3650) == 0
    writer.close()
    assert rig.sweep() == 1


def test_a_sink_that_is_not_selected_holds_nothing(rig: Rig) -> None:
    file = rig.journal(3)
    rig.reads("a", file, 3)
    del rig.sinks["b"]
    assert rig.sweep() == 1


def test_what_is_too_old_is_given_up_and_counted_for_who_has_not_read_it(rig: Rig) -> None:
    old, young = rig.journal(5, start=1, age_days=8), rig.journal(2, start=2, age_days=6)
    rig.reads("a", old, 5)
    rig.reads("b", old, 2)
    assert rig.sweep(EventPolicy()) == 1
    assert rig.folder.files() == [young]
    assert rig.books("a") == Books(7, 5, pending=2)
    assert rig.books("b") == Books(7, 2, dropped={"retention": 3}, pending=2)
    assert rig.told == [("b", 3)]
    assert rig.collected == 1, "the digest has counted its errors before"


def test_the_oldest_go_when_there_are_too_many(rig: Rig) -> None:
    files = [rig.journal(4, start=start) for start in (1, 2, 3)]
    size = rig.folder.size(files[0])
    assert rig.sweep(EventPolicy(retention_bytes=2 * size)) == 1
    assert rig.folder.files() == files[1:]
    assert rig.sweep(EventPolicy(retention_bytes=size - 1)) == 2
    assert rig.books("a") == Books(12, dropped={"retention": 12})


def test_only_its_own_kind_is_counted_for_a_sink(rig: Rig) -> None:
    rig.sinks = {"a": EVENTS, "people": DIGESTS}
    rig.journal(3, age_days=9)
    rig.journal(1, start=2, age_days=9, category="digest")
    assert rig.sweep(EventPolicy()) == 2
    assert rig.books("a").dropped == {"retention": 3}
    assert rig.books("people") == Books(1, dropped={"retention": 1})


def test_a_sink_is_told_of_once_a_day_and_nothing_is_left_out(rig: Rig) -> None:
    for day, count in ((0, 2), (0.1, 3), (0.2, 4), (1.1, 5), (1.2, 6), (3, 1)):
        rig.journal(count, age_days=30)
        assert rig.sweep(EventPolicy(), day=day) == 1
    assert [told for told in rig.told if told[0] == "a"] == [("a", 2), ("a", 12), ("a", 7)]
    assert rig.books("b").dropped == {"retention": 21}


def test_what_was_delivered_ahead_of_a_stuck_event_is_not_called_lost(rig: Rig) -> None:
    file = rig.journal(4, age_days=9)
    rig.reads("a", file, 4)
    ends = [end for end, _ in rig.folder.raw_lines(file)]
    rig.reads("b", file, 1)
    rig.state.cursors.advance("b", {}, [Ahead(file, ends[2], "delivered"), Ahead(file, ends[3], "dead")])
    assert rig.sweep(EventPolicy()) == 1
    assert rig.books("b") == Books(4, 2, dropped={"retention": 2})


def test_two_who_sweep_at_once_count_a_file_once(rig: Rig) -> None:
    file = rig.journal(3, age_days=9)

    swept: list[int] = []

    def sweep_first() -> None:
        swept.append(rig.sweep(EventPolicy()))

    assert sweep_journals(rig.folder, rig.state, rig.sinks, sweep_first, policy=EventPolicy(), now_ns=NOW * 10**9) == 0
    assert swept == [1]
    assert rig.books("a") == Books(3, dropped={"retention": 3})
    assert file not in rig.folder.files()


def test_who_comes_between_the_mark_and_the_unlinking_counts_nothing_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = rig.journal(3, age_days=9)

    def slow(path: Path, missing_ok: bool = False) -> None:
        raise OSError("not yet")

    def sweep_first() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", slow)
            with pytest.raises(OSError, match="not yet"):
                rig.sweep(EventPolicy())

    assert sweep_journals(rig.folder, rig.state, rig.sinks, sweep_first, policy=EventPolicy(), now_ns=NOW * 10**9) == 0
    assert rig.folder.files() == [file]
    assert rig.books("a") == Books(3, dropped={"retention": 3})
    rig.sweep(EventPolicy())
    assert rig.folder.files() == []
    assert rig.books("a") == Books(3, dropped={"retention": 3})


KILLED = """
import os, signal, sys
from pathlib import Path
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.events.sweep import sweep_journals
from busway.stores.state import StateStore

where = sys.argv[2]
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
state = StateStore(Path(sys.argv[1]))
if where == "before the unlinking":
    Path.unlink = die
elif where == "after the unlinking":
    state.cursors.forget = die
else:
    state.cursors.advance = die
folder = JournalFolder(Path(sys.argv[1]) / "journal")
sinks = {"a": frozenset({"events"}), "b": frozenset({"events"})}
sweep_journals(folder, state, sinks, lambda: None, policy=EventPolicy(), now_ns=int(float(sys.argv[3]) * 1e9))
"""


@pytest.mark.parametrize("where", ["in the transaction", "before the unlinking", "after the unlinking"])
def test_a_kill_in_the_middle_leaves_books_that_balance_and_is_finished_later(rig: Rig, where: str) -> None:
    file = rig.journal(5, age_days=9)
    rig.reads("a", file, 5)
    rig.reads("b", file, 2)
    rig.state.close()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(rig.state.state_dir), where, str(NOW)]
    assert subprocess.run(command, check=False).returncode == -9
    for sink in "ab":
        assert rig.books(sink).emitted == 5, "at every moment"
    rig.sweep(EventPolicy())
    assert rig.folder.files() == []
    assert rig.books("a") == Books(5, 5)
    assert rig.books("b") == Books(5, 2, dropped={"retention": 3})
    assert rig.state.cursors.of("b") == {}
    assert not [outcome for outcome in rig.state.sink_counts.of("b") if outcome.startswith("swept")]


class Own:
    """The progress of a sink that reads only its own process's journals."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    def read(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        return self.offsets, self.counts

    def forget(self, file: str, *, emitted: int, lost: int) -> None:
        self.offsets.pop(file, None)
        self.counts.update({"emitted": emitted, "dropped:retention": lost})


def rotated(rig: Rig) -> JournalWriter:
    writer = JournalWriter(rig.folder.path, SystemClock(), segment_bytes=50)
    for number in range(6):
        writer.append({"event_id": f"e{number}"}, Count())
    assert len(writer.finished) == 2
    return writer


def test_a_full_file_of_this_process_waits_for_its_own_sinks_too(rig: Rig) -> None:
    writer, own = rotated(rig), Own()
    first, second = writer.finished
    for sink in "ab":
        rig.reads(sink, first, 2)
        rig.reads(sink, second, 2)
    assert rig.sweep() == 0, "another process, or one that does not know how far its own sinks are, leaves it alone"
    more: dict[str, Any] = {"own": writer, "own_readers": [OwnReader(EVENTS, own)]}
    assert rig.sweep(**more) == 0
    own.offsets[first] = rig.folder.size(first)
    own.counts["delivered"] = 2
    assert rig.sweep(**more) == 1
    assert rig.folder.files() == writer.files == [second, writer.current]
    books = keep_books(rig.folder, writer.files, EVENTS, own.read(), {})
    assert books == Books(6, 2, dropped={"retention": 0}, pending=4)
    assert rig.books("a") == Books(6, 4, pending=2)
    writer.close()


def test_full_files_of_a_living_process_fall_to_retention_as_well(rig: Rig) -> None:
    writer, own = rotated(rig), Own()
    policy = EventPolicy(retention_bytes=1)
    assert rig.sweep(policy, own=writer, own_readers=[OwnReader(EVENTS, own)]) == 2
    assert rig.folder.files() == writer.files == [writer.current]
    books = keep_books(rig.folder, writer.files, EVENTS, own.read(), {})
    assert books == Books(6, dropped={"retention": 4}, pending=2)
    assert rig.books("b") == Books(6, dropped={"retention": 4}, pending=2)
    assert writer.append({"event_id": "more"}, Count())
    writer.close()


def candidates(*sizes: int, complete: Callable[[int], bool] = lambda place: True) -> list[Candidate]:
    return [Candidate(f"f{place}", size, NOW * 10**9, complete(place)) for place, size in enumerate(sizes)]


def test_as_few_as_possible_fall() -> None:
    def chosen(files: list[Candidate], most: int) -> set[str]:
        return fallen(files, EventPolicy(retention_bytes=most), NOW * 10**9)

    assert chosen(candidates(5, 5, 5), 15) == set()
    assert chosen(candidates(5, 5, 5), 14) == {"f0"}
    assert chosen(candidates(5, 5, 5), 9) == {"f0", "f1"}
    assert chosen(candidates(5, 5, 5, complete=lambda place: place > 0), 9) == {"f1", "f2"}
    assert chosen([], 0) == set()
