from __future__ import annotations

import stat
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.clock import SystemClock
from busway.events.journal import JournalWriter
from busway.events.journal_line import decode_line, encode_line
from busway.events.journal_reader import JournalFolder
from busway.metrics.registry import Counter


def record(number: int) -> dict[str, Any]:
    return {"event_id": f"e{number}", "category": "change", "attributes": {"n": number}}


def written(folder: Path, count: int) -> JournalWriter:
    writer = JournalWriter(folder, SystemClock())
    for number in range(count):
        assert writer.append(record(number), Counter())
    return writer


def ids(folder: Path, file: str, offset: int = 0) -> list[str]:
    return [
        line.record["event_id"] if line.record else line.fault for line in JournalFolder(folder).lines(file, offset)
    ]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_a_line_gives_back_what_was_written(value: dict[str, Any]) -> None:
    line = encode_line(value)
    assert line.count(b"\n") == 1
    assert decode_line(line) == value


@given(st.binary(max_size=60))
def test_hostile_bytes_are_no_record(data: bytes) -> None:
    assert decode_line(data + b"\n") is None


@given(st.integers(0, 60), st.integers(1, 255))
def test_any_changed_byte_is_noticed(position: int, change: int) -> None:
    line = bytearray(encode_line(record(1)))
    position %= len(line) - 1
    line[position] ^= change
    decoded = decode_line(bytes(line))
    # The checksum's own letters may change case; nothing else may pass.
    assert decoded is None or (position < 8 and decoded == record(1))


@pytest.mark.parametrize(
    "value",
    ["\ud800", 2**80, Decimal("1.5"), datetime(2026, 1, 1, tzinfo=UTC), {"a"}, {("x", 1): 2}, object(), float("nan")],
    ids=str,
)
def test_what_json_cannot_hold_is_written_as_something(value: Any) -> None:
    decoded = decode_line(encode_line({"event_id": "e", "attributes": {"v": value}}))
    assert decoded is not None
    assert decoded["event_id"] == "e"


def test_nesting_without_end_does_not_raise() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    assert decode_line(encode_line(loop)) is not None


def test_nothing_is_created_before_the_first_event(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, SystemClock())
    assert list(tmp_path.iterdir()) == []
    assert writer.current is None
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private_and_named_after_its_process(tmp_path: Path) -> None:
    import os

    writer = written(tmp_path, 3)
    (path,) = tmp_path.iterdir()
    assert path.name == writer.current
    assert path.name.endswith(f"-{os.getpid()}.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ids(tmp_path, path.name) == ["e0", "e1", "e2"]
    writer.close()


def test_a_writer_is_gone_when_it_has_closed_its_file(tmp_path: Path) -> None:
    writer = written(tmp_path, 1)
    folder, file = JournalFolder(tmp_path), writer.files[0]
    assert folder.writer_is_gone(file) is False
    writer.close()
    assert folder.writer_is_gone(file) is True


def test_an_event_after_closing_goes_to_a_new_file(tmp_path: Path) -> None:
    writer = written(tmp_path, 1)
    writer.close()
    assert writer.append(record(7), Counter())
    assert [ids(tmp_path, file) for file in writer.files] == [["e0"], ["e7"]]
    assert JournalFolder(tmp_path).files() == writer.files
    writer.close()


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    writer = written(tmp_path, 5)
    (file,) = writer.files
    ends = [line.end for line in JournalFolder(tmp_path).lines(file)]
    assert ids(tmp_path, file, ends[2]) == ["e3", "e4"]
    assert ids(tmp_path, file, ends[-1]) == []
    assert ids(tmp_path, "1-1.jsonl") == []
    writer.close()


def test_the_unfinished_line_of_a_living_writer_is_not_there_yet(tmp_path: Path) -> None:
    writer = written(tmp_path, 2)
    (path,) = tmp_path.iterdir()
    with path.open("ab") as stream:
        stream.write(b"12345678 {half")
    assert ids(tmp_path, path.name) == ["e0", "e1"]
    writer.close()
    assert ids(tmp_path, path.name) == ["e0", "e1", "torn"]
    assert JournalFolder(tmp_path).count(path.name, 0, path.stat().st_size) == {"events": 2, "unreadable": 1}


def test_a_damaged_line_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    writer = written(tmp_path, 3)
    writer.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b'"e1"', b'"eX"'))
    assert ids(tmp_path, path.name) == ["e0", "corrupt", "e2"]


def test_a_folder_that_vanished_is_a_counted_drop(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "gone", SystemClock())
    assert writer.append(record(1), Counter()) is False
    assert writer.dropped == {"io_error": 1}
