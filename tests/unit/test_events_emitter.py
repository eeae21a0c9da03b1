"""What becomes of an event between the caller and the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from busway.contracts.clock import SystemClock
from busway.contracts.events import EventError, Severity
from busway.events.emitter import Emitter
from busway.events.event_codec import event_of
from busway.events.ids import Ids
from busway.events.journal import JournalWriter
from busway.events.journal_line import MAX_LINE
from busway.events.journal_reader import JournalFolder
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor

SECRET = "hunter2-hunter2-X9"
FIELDS = ["event_id", "timestamp", "severity", "category", "session_id", "entity_type", "entity_id"]


class Rig:
    """An emitter over a real journal."""

    def __init__(self, folder: Path, engine: Any = "auto", clock: SystemClock | None = None) -> None:
        self.folder = JournalFolder(folder)
        self.writer = JournalWriter(folder, SystemClock())
        self.metrics = Metrics()
        self.notified = 0
        self.redactor = Redactor([SECRET], engine=engine)
        self.emitter = Emitter(self.writer, self.redactor, clock or SystemClock(), self.metrics, self.notify)

    def notify(self) -> None:
        self.notified += 1

    def emit(self, attributes: Any = None, category: Any = "change", severity: Any = Severity.INFO, **more: Any) -> str:
        return self.emitter.emit(category, severity, attributes, **{"supplied": True, **more})

    def raw(self) -> bytes:
        return b"".join((self.folder.path / file).read_bytes() for file in self.folder.files())

    def records(self) -> list[dict[str, Any]]:
        lines = [line for file in self.folder.files() for line in self.folder.lines(file)]
        assert all(line.record is not None for line in lines)
        return [line.record for line in lines if line.record is not None]

    def last(self) -> dict[str, Any]:
        record = self.records()[-1]
        assert event_of(record).event_id == record["event_id"]
        return record


@pytest.fixture(params=["re2", "re"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "re2":
        pytest.importorskip("re2")
    rig = Rig(tmp_path, request.param)
    yield rig
    rig.writer.close()


def test_an_event_has_the_fields_of_the_schema_and_nothing_else(rig: Rig) -> None:
    error = EventError("validation", "no name", "ValueError", "BW1")
    event_id = rig.emit(
        {"n": 1}, severity=Severity.ERROR, entity_type="asset", entity_id="A-1", session_id="s", error=error
    )
    record = rig.last()
    assert list(record) == [*FIELDS, "attributes", "error"]
    assert record["event_id"] == event_id
    assert record == {
        **record,
        "severity": 17,
        "category": "change",
        "entity_type": "asset",
        "entity_id": "A-1",
        "session_id": "s",
        "attributes": {"n": 1},
        "error": {"kind": "validation", "message": "no name", "type": "ValueError", "code": "BW1"},
    }
    assert UUID(event_id).version == 7
    assert abs(record["timestamp"] - SystemClock.now_ns()) < 60_000_000_000
    assert rig.notified == 1


def test_what_the_caller_supplied_is_redacted_wherever_it_stands(rig: Rig) -> None:
    places: list[dict[str, Any]] = [
        {"attributes": {"note": f"it is {SECRET}!"}},
        {"attributes": {"deep": [{"er": (1, {"x": SECRET})}]}},
        {"attributes": {f"the key {SECRET}": 1}},
        {"attributes": {"password": "anything"}},
        {"attributes": {"note": "ask jane.doe@customer.example"}},
        {"attributes": {"note": f'a\tb\\"{SECRET}"'}},
        {"entity_id": SECRET},
        {"entity_type": f"x{SECRET}x"},
        {"entity_type": SECRET, "category": "\u00e4" * 30},
        {"error": EventError("k", f"login with {SECRET} failed")},
        {"error": EventError(SECRET, "m")},
        {"error": EventError("k", "m", SECRET)},
        {"error": EventError("k", "m", "T", SECRET)},
    ]
    for place in places:
        for session_id in (None, "0199f3c2-7d00-7000-8000-000000000010"):
            rig.emit(**place, session_id=session_id)
            assert "[redacted:" in str(rig.last()), place
    for hidden in (SECRET.encode(), b"anything", b"jane.doe"):
        assert hidden not in rig.raw()


def test_what_the_core_made_is_not_touched(rig: Rig) -> None:
    rig.emit({"name": "sync_employees", "operation": "started"}, supplied=False, entity_id=SECRET)
    record = rig.last()
    assert record["attributes"] == {"name": "sync_employees", "operation": "started"}
    assert record["entity_id"] == "[redacted:secret]"
    rig.emit({"name": "Jane"}, supplied=True)
    assert rig.last()["attributes"] == {"name": "[redacted:name]"}


def test_clean_events_are_written_as_they_are(rig: Rig) -> None:
    attributes = {"table": "assets", "batch": 42, "ms": 12.5, "changed": ["a", "b"], "at": {"x": None, "y": True}}
    rig.emit(attributes, entity_type="asset", entity_id="A-000001")
    assert rig.last()["attributes"] == attributes


class Odd:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


class OddMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(SECRET)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError(SECRET)

    def __len__(self) -> int:
        return 1


class Color(Enum):
    RED = "red"


class TextLike(str):
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


def cyclic() -> dict[str, Any]:
    loop: dict[str, Any] = {"ok": 1}
    loop["again"] = [loop]
    return loop


def bomb() -> list[Any]:
    value: list[Any] = ["x" * 60_000] * 60
    for _ in range(5):
        value = [value] * 60
    return value


BAD: dict[str, Any] = {
    "object": {"v": Odd()},
    "object as a key": {Odd(): 1},
    "not a mapping": ["a", "b"],
    "text": "just text",
    "number": 7,
    "mapping that raises": OddMapping(),
    "mapping inside": {"v": OddMapping()},
    "cyclic": cyclic(),
    "10 MB": {"v": "x" * 10_000_000},
    "10 MB of small ones": {"rows": [{"id": n, "text": "y" * 90} for n in range(100_000)]},
    "a bomb": {"v": bomb()},
    "deep": {"v": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
    "control characters": {"a\x00b": "line\r\nfeed\x1b[31m\x7f\u2028"},
    "lone surrogate": {"v": "\ud800", "\udfff": 1},
    "huge integer": {"v": 2**80, "w": -(2**70)},
    "not a number": {"v": float("nan"), "w": float("inf")},
    "dates": {"v": datetime(2026, 1, 1, tzinfo=UTC), "w": date(2026, 1, 1), "d": Decimal("1.50")},
    "sets and bytes": {"v": {1, 2}, "w": b"\xff\x00", "e": Color.RED, "u": UUID(int=1)},
    "odd keys": {1: "a", None: "b", (1, 2): "c", b"k": "d", 1.5: "e"},
    "odd text": {"v": TextLike("fine")},
    "an error": {"v": ValueError("x")},
    "nothing": None,
}


@pytest.mark.parametrize("what", BAD)
def test_nothing_that_is_in_an_event_is_raised(rig: Rig, what: str) -> None:
    event_id = rig.emit(BAD[what], entity_type="asset", entity_id="A-1")
    record = rig.last()
    assert record["event_id"] == event_id
    assert (record["entity_type"], record["entity_id"]) == ("asset", "A-1")
    assert isinstance(record["attributes"], dict)
    assert len(rig.raw()) <= MAX_LINE
    assert SECRET.encode() not in rig.raw()
    assert rig.raw().count(b"\n") == 1


def test_a_value_that_was_cut_says_so(rig: Rig) -> None:
    rig.emit(BAD["10 MB"])
    assert rig.last()["attributes"]["v"].endswith("[redacted:too-long]")
    rig.emit(BAD["10 MB of small ones"])
    assert "cut" in str(rig.last()["attributes"]) or "too-many" in str(rig.last()["attributes"])


def test_odd_words_ids_and_severities_are_written_as_something(rig: Rig) -> None:
    rig.emit(category=Odd(), entity_type=Odd(), entity_id=7)
    record = rig.last()
    assert record["category"] == record["entity_type"] == "[Odd without text: RuntimeError]"
    assert record["entity_id"] == "7"
    rig.emit(entity_id=TextLike("A-1"), category=TextLike("change"))
    assert (rig.last()["entity_id"], rig.last()["category"]) == ("A-1", "change")
    rig.emit(severity=13)
    assert rig.last()["severity"] == 13
    for severity in (99, "high", None, 9.5):
        rig.emit(severity=severity)
        assert rig.last()["severity"] == Severity.ERROR


def test_an_error_that_cannot_say_what_it_is(rig: Rig) -> None:
    odd: Any = Odd()
    rig.emit(error=EventError(odd, odd, odd, odd))
    assert rig.last()["error"]["message"] == "[Odd without text: RuntimeError]"
    rig.emit(error=EventError("k", "m" * 1_000_000))
    assert len(rig.last()["error"]["message"]) < 70_000


def test_every_event_is_counted_by_severity(rig: Rig) -> None:
    for severity, count in ((Severity.INFO, 3), (Severity.ERROR, 2)):
        for _ in range(count):
            rig.emit(severity=severity)
    rig.emitter.write({**rig.last(), "severity": 13})
    counts = {sample.labels[0][1]: sample.value for sample in rig.metrics.snapshot()}
    assert counts == {"info": 3, "error": 2, "warning": 1, "debug": 0, "critical": 0}


class Jumping(SystemClock):
    def __init__(self, *times: int) -> None:
        self.times = list(times)

    def now_ns(self) -> int:
        return self.times.pop(0)


@pytest.mark.parametrize("times", [(2 * 10**18, 10**18, 3 * 10**18), (5, 10**9, 0)], ids=str)
def test_timestamps_are_told_as_they_are_and_ids_stay_in_order_when_the_clock_jumps(
    tmp_path: Path, times: tuple[int, ...]
) -> None:
    rig = Rig(tmp_path, clock=Jumping(*times))
    given = [rig.emit({"note": f"{n} {SECRET}"}, entity_id=SECRET) for n in range(len(times))]
    assert [record["timestamp"] for record in rig.records()] == list(times)
    assert given == sorted(set(given))
    assert SECRET.encode() not in rig.raw()
    rig.writer.close()


def test_ids_only_grow_when_their_source_goes_back() -> None:
    source = ["0199f3c2-7d00-7000-8000-00000000000f", "0199f3c2-7d00-7000-8000-000000000001"]
    source += ["0199f3c2-7d00-7000-8000-00000000000f", "0199f3c2-7e00-7000-8000-000000000000"]
    ids = Ids(iter(source).__next__)
    made = [ids() for _ in range(4)]
    assert made == [
        "0199f3c2-7d00-7000-8000-00000000000f",
        "0199f3c2-7d00-7000-8000-000000000010",
        "0199f3c2-7d00-7000-8000-000000000011",
        "0199f3c2-7e00-7000-8000-000000000000",
    ]
    assert all(len(one) == 36 for one in made)


def test_a_finished_record_is_written_and_said_to_be_there(rig: Rig) -> None:
    record = {"event_id": "d", "timestamp": 1, "severity": 13, "category": "digest", "attributes": {"name": "x"}}
    assert rig.emitter.write(record) is True
    assert rig.records()[-1] == record
