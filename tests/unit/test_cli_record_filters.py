"""Filters over quarantined records, and what is said of one."""

from __future__ import annotations

from typing import Any

import pytest

from busway.cli.record_view import print_record, print_records
from busway.errors import UsageError
from busway.stores.quarantine import QuarantinedRecord
from busway.sync.decisions import find_records
from busway.views.record_filter import RecordFilter

NOW = 1_767_268_800_000_000_000
DAY = 86_400_000_000_000


def record(name: str, **fields: Any) -> QuarantinedRecord:
    made: dict[str, Any] = {
        "job": "people",
        "key_digest": name * 16,
        "label": f"person {name}",
        "entity": "person",
        "action": "update",
        "reason": "rejected",
        "code": "BW5003",
        "what": "refused",
        "first_ns": NOW - DAY,
        "last_ns": NOW - DAY // 2,
    }
    return QuarantinedRecord(**{**made, **fields})


A = record("a", fields={"email": "1", "town": "2"})
B = record("b", reason="transient", code="BW5001", job="teams", next_ns=NOW + DAY, first_ns=NOW - 9 * DAY)
C = record("c", reason="partial", code="BW6004", fields={"email": "1"}, state="released", last_ns=NOW)
D = record("d", reason="broken", code="BW6002", action="map", state="dismissed", actor="ann", note="known")
ALL = (A, B, C, D)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, (A, B, C)),
        ({"job": "teams"}, (B,)),
        ({"classes": ("partial", "transient")}, (B, C)),
        ({"code": "bw5003"}, (A,)),
        ({"field": "email"}, (A, C)),
        ({"state": "dismissed"}, (D,)),
        ({"state": "all"}, ALL),
        ({"older_than": 7 * 86_400.0}, (B,)),
        ({"hours": 1.0}, (C,)),
        ({"field": "email", "job": "teams"}, ()),
    ],
)
def test_each_filter_narrows(wanted: dict[str, Any], found: tuple[QuarantinedRecord, ...]) -> None:
    filters = RecordFilter(**wanted)
    assert tuple(filters.pick(ALL, NOW, ("waiting", "released"))) == found
    assert filters.narrows is bool(set(wanted) - {"job"})


def test_records_are_found_by_label_and_by_the_beginning_of_their_id() -> None:
    assert find_records(ALL, ["person a", "bbbb", "person a", "aaaaaaaaaaaa"]) == [A, B]
    with pytest.raises(UsageError) as caught:
        find_records(ALL, ["bbb"])
    assert (caught.value.code, caught.value.problem.why) == ("BW7013", "no record fits")
    twin = record("e", label="person b", job="people")
    with pytest.raises(UsageError) as caught:
        find_records((*ALL, twin), ["person b"])
    assert caught.value.problem.why == "2 records fit, of people, teams: give the id, or the job"


def test_a_short_label_is_a_name_too() -> None:
    seven = record("f", label="7")
    assert find_records((*ALL, seven), ["7"]) == [seven]


@pytest.mark.parametrize(
    ("one", "waits"),
    [
        (A, "until one of these fields or the mapping changes, or a job to which they refer has written"),
        (record("a"), "until the record or the mapping changes, or a job to which it refers has written"),
        (record("a", action="validate", reason="invalid"), "until the record or the mapping changes"),
        (
            record("a", reason="partial", fields={"email": "1"}),
            "until one of these fields or the mapping changes; all else of the record is written as usual",
        ),
        (record("a", next_ns=NOW - 1, reason="transient"), "the next run tries it: busway run people"),
        (C, "the next run tries it: busway run people"),
        (D, "nobody is told of it; it is tried again once the record or the mapping changes"),
    ],
)
def test_what_a_record_waits_for(one: QuarantinedRecord, waits: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_record(one, NOW)
    assert f"  waits    {waits}\n" in capsys.readouterr().out


def test_a_transient_one_says_when(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(B, NOW)
    shown = capsys.readouterr().out
    assert "then a run tries it by itself" in shown
    assert "busway plan teams --only 'person b' --trace" in shown


def test_a_record_without_a_name_is_not_to_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(record("a", label="record 17"), NOW)
    assert "--only" not in capsys.readouterr().out


def test_the_table_ends_with_its_sum_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    print_records(ALL, 4, NOW)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "JOB", "RECORD", "CLASS", "CODE", "TRIED", "LAST", "NEXT", "TRY", "WHAT"]
    assert lines[5] == "4 records: 1 rejected, 1 broken, 1 partial, 1 transient"
    print_records(ALL[:1], 4, NOW)
    assert "and 3 more: --limit 4" in capsys.readouterr().out


def test_labels_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    one = record("a", label="a\x1b]0;x\x07b", what="x\ny", note="\x1b]0;y\x07", actor="ann", fields={"a\x07": "1"})
    print_records([one], 1, NOW)
    print_record(one, NOW)
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07"}.intersection(shown)
    assert "x\ny" not in shown
