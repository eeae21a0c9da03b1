"""Digests: told at once, then counted; exact whatever dies or is set back in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.error_journal import ErrorJournal, error_record
from busway.events import error_intake
from busway.events.audience import is_addressed
from busway.events.digest import Digest
from busway.events.digest_writing import MAX_FIRST_MESSAGES
from busway.events.policy import Route
from busway.metrics.registry import Metrics
from busway.stores.file_lock import file_lock

HOUR = 3_600.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[ErrorJournal]:
    made = ErrorJournal(tmp_path)
    yield made
    made.state.close()


def test_the_first_of_a_group_is_told_at_once_and_the_others_are_counted(journal: ErrorJournal) -> None:
    digest = journal.open()
    for number in range(5):
        journal.error(f"employee {number} has no site")
        digest.tell()
    (first,) = journal.sent()
    assert (first["kind"], first["errors"]) == ("first", 1)
    journal.error("the target is away")
    digest.tell()
    assert [one["groups"][0]["message"] for one in journal.sent("first")] == [
        "employee 0 has no site",
        "the target is away",
    ]


def test_everything_is_in_one_hourly_digest(journal: ErrorJournal) -> None:
    digest = journal.open()
    journal.error("employee 1 has no site", 3)
    digest.tell()
    journal.clock.advance(HOUR - 1)
    journal.error("employee 2 has no site", 4)
    journal.error("the target is away", entity_type=None)
    digest.tell()
    assert journal.sent("hourly") == []
    journal.clock.advance(1)
    digest.tell()
    (hourly,) = journal.sent("hourly")
    assert (hourly["errors"], hourly["suppressed"], hourly["more_groups"]) == (8, 6, 0)
    assert [(one["message"], one["count"]) for one in hourly["groups"]] == [
        ("employee 1 has no site", 7),
        ("the target is away", 1),
    ]
    assert hourly["groups"][0]["examples"] == ["employee 1 has no site", "employee 2 has no site"]
    journal.clock.advance(5 * HOUR)
    digest.tell()
    assert len(journal.sent("hourly")) == 1, "there is nothing to tell of an hour without errors"


def test_the_hour_begins_with_the_first_error(journal: ErrorJournal) -> None:
    digest = journal.open()
    journal.error("a")
    digest.tell()
    journal.clock.advance(HOUR)
    digest.tell()
    journal.clock.advance(50 * HOUR)
    journal.error("b")
    digest.tell()
    assert [one["kind"] for one in journal.sent()] == ["first", "hourly", "first"]
    assert journal.sent("first")[1]["next_digest_ns"] == journal.clock.now_ns() + HOUR * 1e9


def test_a_group_that_goes_on_is_told_again_after_the_repeat_interval(journal: ErrorJournal) -> None:
    digest = journal.open()
    kinds = []
    for hours in (0, 1, 2.75, 0.25, 0.5, 19):  # at 0, 1, 3.75, 4, 4.5 and 23.5
        journal.clock.advance(hours * HOUR)
        if hours != 19:
            journal.error("a")
        kinds.append([one["kind"] for one in digest.tell()])
    assert kinds == [["first"], ["hourly"], [], ["first"], [], ["hourly"]]


def test_ten_thousand_errors_in_an_hour_are_two_messages_across_restarts(tmp_path: Path) -> None:
    journal = ErrorJournal(tmp_path)
    for part in range(10):
        digest = journal.open()  # a process of its own
        for number in range(1_000):
            journal.error(f"employee {part * 1_000 + number} has no site")
        journal.clock.advance(359)
        digest.tell()
    journal.clock.advance(HOUR)
    journal.open().tell()
    assert [(one["kind"], one["errors"], one["suppressed"]) for one in journal.sent()] == [
        ("first", 1_000, 999),
        ("hourly", 10_000, 9_999),
    ]


def test_errors_that_all_read_differently_do_not_flood_anybody(
    journal: ErrorJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_intake, "MAX_GROUPS", 100)
    digest = journal.open()
    words = [f"{chr(97 + a)}{chr(97 + b)}" for a in range(20) for b in range(20)]
    for word in words:
        journal.error(f"broken {word}")
        if word.endswith(("a", "k")):
            digest.tell()
    journal.clock.advance(HOUR)
    digest.tell()
    assert len(journal.sent("first")) == MAX_FIRST_MESSAGES
    (hourly,) = journal.sent("hourly")
    assert hourly["errors"] == 400
    assert hourly["groups"][0]["count"] == 300, "wordings beyond the limit are one group"
    assert len(hourly["groups"]) + hourly["more_groups"] == 101
    journal.error("broken again")
    digest.tell()
    assert len(journal.sent("first")) == MAX_FIRST_MESSAGES + 1, "a new hour, a new allowance"


@pytest.mark.parametrize("back", [60.0, HOUR, 400 * 24 * HOUR])
def test_a_clock_that_jumps_back_neither_repeats_nor_loses(journal: ErrorJournal, back: float) -> None:
    digest = journal.open()
    journal.error("a")
    digest.tell()
    journal.clock.advance(-back)
    for _ in range(3):
        journal.error("a")
        assert not digest.idle()
        digest.tell()
    assert len(journal.sent()) == 1
    journal.clock.advance(HOUR)
    assert not digest.idle()
    digest.tell()
    (hourly,) = journal.sent("hourly")
    assert (hourly["errors"], hourly["since_ns"] <= hourly["until_ns"]) == (4, True)
    journal.clock.advance(3 * HOUR)
    journal.error("a")
    digest.tell()
    assert len(journal.sent("first")) == 2, "the repeat interval ends, too"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before", "after", "torn"])
def test_a_kill_around_the_append_loses_and_repeats_nothing(journal: ErrorJournal, moment: str) -> None:
    digest = journal.open()

    def dying(record: dict[str, Any]) -> bool:
        if moment == "after":
            journal.write(record)
        elif moment == "torn":
            with (journal.folder.path / "0-1.jsonl").open("ab") as file:
                file.write(b'00000000 {"event_id":"' + record["event_id"].encode())
        raise Killed

    digest._write = dying
    journal.error("a", 3)
    with pytest.raises(Killed):
        digest.tell()
    (unsent,) = journal.open()._unsent.all()
    journal.open().tell()
    journal.open().tell()
    (first,) = journal.sent()
    assert first["event_id"] == unsent["event_id"]
    journal.clock.advance(HOUR)
    journal.open().tell()
    assert [one["errors"] for one in journal.sent("hourly")] == [3]


@pytest.mark.parametrize("where", ["cursors.advance", "error_groups.add"])
def test_counts_and_cursors_move_together(journal: ErrorJournal, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    store, method = where.split(".")
    real = getattr(getattr(journal.state, store), method)

    def dying(*arguments: Any) -> None:
        real(*arguments)
        raise Killed

    journal.error("a", 2)
    monkeypatch.setattr(getattr(journal.state, store), method, dying)
    with pytest.raises(Killed):
        journal.open().collect()
    monkeypatch.undo()
    content = journal.open().send()
    assert content is not None
    assert content["errors"] == 2


def test_what_the_journal_does_not_take_is_sent_later_under_its_id(journal: ErrorJournal) -> None:
    digest = journal.open()
    digest._write = lambda record: False
    journal.error("a")
    (content,) = digest.tell()
    digest._write = journal.write
    assert digest.tell() == [content]
    assert digest.tell() == []


def test_routes_are_told_what_is_theirs(tmp_path: Path) -> None:
    routes = {
        "titles": Route(jobs=frozenset({"titles"})),
        "quiet": Route(first=False),
        "eager": Route(repeat_seconds=600),
        "deaf": Route(categories=frozenset({"error"})),
        "plain": Route(),
    }
    journal = ErrorJournal(tmp_path, routes=routes)
    titles, people = journal.session("titles"), journal.session("employees")
    digest = journal.open(plain=frozenset({"events"}))
    for _ in range(2):
        journal.error("no title", session_id=titles)
        journal.error("no site", 3, session_id=people)
        digest.tell()
        journal.clock.advance(700)
    journal.clock.advance(HOUR)
    digest.tell()

    def told(sink: str) -> list[tuple[str, int, int]]:
        return [(one["kind"], one["errors"], one["suppressed"]) for one in journal.sent() if is_addressed(sink, one)]

    assert told("someone") == told("another") == [("first", 4, 2), ("hourly", 8, 6)]
    assert told("titles") == [("first", 1, 0), ("hourly", 2, 1)]
    assert told("quiet") == [("hourly", 8, 8)]
    assert told("eager") == [("first", 4, 2), ("first", 8, 4), ("hourly", 8, 4)]
    for one in journal.sent():
        assert not {"deaf", "plain"} & {*one.get("only_for", ()), *one.get("not_for", ())}, "digests for nobody"
    assert {one["job"] for one in journal.sent("hourly")[0]["groups"]} == {"titles", "employees"}


def test_what_nobody_was_told_of_at_once_is_measured(tmp_path: Path) -> None:
    journal, metrics = ErrorJournal(tmp_path, routes={"email": Route(), "chat": Route(first=False)}), Metrics()
    digest = Digest(journal.folder, journal.state, journal.clock, journal.write, journal.policy, metrics=metrics)
    journal.error("a", 5)
    digest.tell()
    journal.error("a", 2)
    digest.send()
    measured = {dict(sample.labels)["sink"]: sample.value for sample in metrics.snapshot()}
    assert measured == {"*": 6, "email": 6, "chat": 7}


def test_who_is_told_the_same_is_told_by_one_event(tmp_path: Path) -> None:
    journal = ErrorJournal(tmp_path, routes={"email": Route(), "chat": Route(first=False)})
    journal.error("a")
    digest = journal.open()
    digest.tell()
    assert journal.sent()[0]["not_for"] == ["chat"]
    digest.send()
    whole, chat = journal.sent("hourly")
    assert (whole["not_for"], whole["suppressed"]) == (["chat"], 0)
    assert (chat["only_for"], chat["suppressed"]) == (["chat"], 1)
    journal.error("b")
    assert digest.send() is not None
    assert "not_for" not in journal.sent("hourly")[-1], "the same for everybody"


def test_a_sink_that_gets_a_route_later_is_still_told(tmp_path: Path) -> None:
    journal = ErrorJournal(tmp_path, routes={"chat": Route(first=False)})
    journal.error("a")
    journal.open().tell()
    assert is_addressed("email", journal.sent()[0])


def test_an_explicit_digest_tells_everything_and_is_no_second_message(journal: ErrorJournal) -> None:
    digest = journal.open()
    journal.error("a", 2)
    content = digest.send()
    assert content is not None
    assert (content["kind"], content["errors"], content["suppressed"]) == ("hourly", 2, 2)
    journal.error("a")
    digest.tell()
    assert len(journal.sent()) == 1, "people know of it"
    assert digest.send() is not None
    assert digest.send() is None


def test_status_says_what_waits(journal: ErrorJournal) -> None:
    digest = journal.open()
    assert digest.status().due_ns is None
    journal.error("a", 3)
    digest.tell()
    journal.error("b")
    digest.collect()
    status = digest.status()
    assert (status.errors, [group.count for group in status.groups]) == (4, [3, 1])
    assert status.due_ns == journal.clock.now_ns() + HOUR * 1e9
    (others,) = status.audiences
    assert (others.name, others.groups, others.errors, others.suppressed, others.messages) == ("*", 2, 4, 3, 1)
    assert others.last is not None
    assert others.last["event_id"] == journal.sent()[0]["event_id"]
    assert len(journal.sent()) == 1, "looking sends nothing"


def test_nobody_waits_without_end_for_a_process_that_was_stopped(journal: ErrorJournal) -> None:
    journal.error("a")
    digest = journal.open()
    with file_lock(journal.state.state_dir / "locks" / "digest.lock"):
        assert digest.collect(wait_seconds=0) is False
        assert digest.tell(wait_seconds=0) == []
    assert len(digest.tell()) == 1


def test_idle_is_cheap_and_right(journal: ErrorJournal) -> None:
    digest = journal.open()
    assert digest.idle()
    journal.error("a")
    assert not digest.idle()
    digest.tell()
    digest.tell()  # reads its own digest
    assert digest.idle()
    journal.clock.advance(-1)
    assert not digest.idle(), "the clock was set back: what is due must be reckoned anew"
    digest.tell()
    assert digest.idle()
    journal.clock.advance(HOUR)
    assert not digest.idle()


@pytest.mark.parametrize(
    "record",
    [
        error_record("x", error=None),
        error_record("x", error="text"),
        error_record("x", error={"kind": None, "message": 7}),
        error_record("x", entity_type=3, session_id=4),
        {**error_record("x"), "timestamp": "yesterday"},
        error_record("x" * 100_000),
    ],
)
def test_odd_errors_are_counted_or_left_and_never_stop_the_digest(
    journal: ErrorJournal, record: dict[str, Any]
) -> None:
    journal.write(record)
    journal.error("a")
    content = journal.open().send()
    assert content is not None
    assert content["errors"] == (1 if isinstance(record["timestamp"], str) else 2)
    assert all(len(group["message"]) <= 400 for group in content["groups"])


def test_more_lines_than_one_go_are_counted_once(journal: ErrorJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_intake, "MAX_LINES", 7)
    for number in range(30):
        journal.name = f"{number % 3 + 1}-1.jsonl"
        journal.error("a")
    journal.open().tell()
    assert [one["errors"] for one in journal.sent()] == [30]


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["error", "tell", "restart", "wait", "back", "send"]), st.integers(1, 5)), max_size=30
    )
)
def test_every_error_is_in_exactly_one_hourly_digest(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    journal = ErrorJournal(tmp_path_factory.mktemp("digest"))
    digest, emitted = journal.open(), 0
    for step, number in steps:
        if step == "error":
            journal.error(f"wording {'abc'[number % 3]}", number)
            emitted += number
        elif step == "tell":
            digest.tell()
        elif step == "send":
            digest.send()
        elif step == "restart":
            digest = journal.open()
        else:
            journal.clock.advance(number * 1_500 * (-1 if step == "back" else 1))
    digest.send()
    assert sum(one["errors"] for one in journal.sent("hourly")) == emitted
    ids = [one["event_id"] for one in journal.sent()]
    assert len(ids) == len(set(ids))
    journal.state.close()


def test_a_digest_becomes_due_though_another_process_counted_and_deleted_what_it_is_of(journal: ErrorJournal) -> None:
    ours = journal.open()
    ours.tell()
    journal.error("a")
    assert journal.open().collect()
    for path in journal.folder.path.iterdir():
        path.unlink()
    assert ours.idle(), "nothing in the folder tells of it, and it is not due"
    journal.clock.advance(HOUR)
    assert not ours.idle()
    assert [one["kind"] for one in ours.tell()] == ["hourly"]
