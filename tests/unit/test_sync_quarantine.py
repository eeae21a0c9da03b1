"""Which failed records are tried again, and for which reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import NOON, keyed_digest
from busway.contracts.fields import FieldRule, always, create_only
from busway.contracts.records import Record
from busway.stores.quarantine import QuarantinedRecord
from busway.sync.digests import RecordDigests
from busway.sync.plan import Action, Change, FieldChange, Plan, Unplanned
from busway.sync.quarantine import Sieve

RULES: Mapping[str, FieldRule] = {
    "number": create_only,
    "name": always,
    "email": always.optional(),
    "title_id": always.referring("titles"),
}
DIGESTS = RecordDigests(keyed_digest, "people")
JOB = PeopleJob([], RecordingTarget())


def sieve(*, version: str = "1", now_ns: int = NOON, wrote: Mapping[str, int] | None = None) -> Sieve:
    return Sieve(JOB, RULES, DIGESTS, version, now_ns, lambda job: (wrote or {}).get(job, 0))


def change(record: Record, action: Action = Action.CREATE, current: Record | None = None) -> Change:
    fields = tuple(FieldChange(name, None, record[name]) for name in RULES if name in record)
    return Change(action, record["number"], record["number"], record, current, fields)


def entry(record: Record, *names: str, **changes: Any) -> QuarantinedRecord:
    made = QuarantinedRecord(
        job="people",
        key_digest=DIGESTS.key(record["number"]),
        label=record["number"],
        entity="person",
        action="create",
        reason="rejected",
        code="BW5003",
        what="refused (fields: email)",
        fields=DIGESTS.fields(record, names),
        record_digest=DIGESTS.record(record),
        mapping_version="1",
        last_ns=NOON - 10,
    )
    return replace(made, **changes)


def sifted(one: Change | Unplanned, entry: QuarantinedRecord, **options: Any) -> Plan:
    plan = Plan("people", "person")
    if isinstance(one, Change):
        plan.changes.append(one)
    else:
        plan.invalid.append(one)
    sieve(**options).sift(plan, [entry])
    return plan


RECORD = {**person(1), "title_id": 5}


def is_tried(plan: Plan) -> bool:
    assert len(plan.changes) + len(plan.quarantined) == 1
    return bool(plan.changes)


def test_the_same_record_waits() -> None:
    plan = sifted(change(RECORD), entry(RECORD, "email"))
    assert not is_tried(plan)
    (waiting,) = plan.quarantined
    assert (waiting.label, waiting.reasons, waiting.code) == ("1", ("refused (fields: email)",), "BW5003")
    assert plan.recovered == []


@pytest.mark.parametrize(
    ("changed", "tried"),
    [({"email": "other@example.test"}, True), ({"email": None}, True), ({"town": "Elsewhere"}, False)],
)
def test_a_failing_field_is_a_reason_and_another_field_is_none(changed: Record, tried: bool) -> None:
    assert is_tried(sifted(change({**RECORD, **changed}), entry(RECORD, "email"))) is tried


def test_where_no_field_was_named_any_change_is_a_reason() -> None:
    assert is_tried(sifted(change({**RECORD, "town": "Elsewhere"}), entry(RECORD)))
    assert not is_tried(sifted(change(RECORD), entry(RECORD)))


def test_the_mapping_an_operator_and_another_action_are_reasons() -> None:
    assert is_tried(sifted(change(RECORD), entry(RECORD, "email"), version="2"))
    assert is_tried(sifted(change(RECORD), entry(RECORD, "email", state="released")))
    assert is_tried(sifted(change(RECORD, Action.UPDATE, {"id": "t1"}), entry(RECORD, "email")))


@pytest.mark.parametrize(
    ("names", "wrote", "tried"),
    [
        (("title_id",), {"titles": NOON}, True),
        (("title_id",), {"titles": NOON - 20}, False),
        (("title_id",), {"sites": NOON}, False),
        (("email",), {"titles": NOON}, False),
        ((), {"titles": NOON}, True),
    ],
)
def test_a_dependency_that_wrote_is_a_reason_for_the_fields_that_refer_to_it(
    names: tuple[str, ...], wrote: Mapping[str, int], tried: bool
) -> None:
    assert is_tried(sifted(change(RECORD), entry(RECORD, *names), wrote=wrote)) is tried


def test_what_time_may_mend_is_tried_when_its_time_has_come() -> None:
    waiting = entry(RECORD, reason="transient", next_ns=NOON)
    assert is_tried(sifted(change(RECORD), waiting, now_ns=NOON))
    assert not is_tried(sifted(change(RECORD), waiting, now_ns=NOON - 1))


def test_a_dismissed_record_is_skipped_with_who_and_why() -> None:
    plan = sifted(change(RECORD), entry(RECORD, "email", state="dismissed", actor="ann", note="a test account"))
    assert (plan.changes, plan.quarantined) == ([], [])
    assert plan.skipped[0].reasons == ("dismissed by ann: a test account",)


def test_a_deactivation_waits_until_the_target_record_changes() -> None:
    current = {**RECORD, "id": "t1", "active": 1}
    failed = replace(entry(current), action="deactivate")
    gone = Change(Action.DEACTIVATE, "1", "1", {}, current)
    assert not is_tried(sifted(gone, failed))
    assert is_tried(sifted(replace(gone, current={**current, "town": "Elsewhere"}), failed))


def test_a_record_in_part_is_written_without_the_field_that_was_refused() -> None:
    partial = entry(RECORD, "email", reason="partial")
    update = change({**RECORD, "name": "Other"}, Action.UPDATE, {"id": "t1"})
    plan = sifted(update, partial)
    (kept,) = plan.changes
    assert [field.name for field in kept.fields] == ["number", "name", "title_id"]
    assert (plan.partial, plan.unchanged, plan.quarantined) == (1, 0, [])


def test_a_record_in_part_with_nothing_else_to_write_is_unchanged() -> None:
    partial = entry(RECORD, "email", reason="partial")
    only = replace(change(RECORD, Action.UPDATE, {"id": "t1"}), fields=(FieldChange("email", None, RECORD["email"]),))
    plan = sifted(only, partial)
    assert (plan.changes, plan.partial, plan.unchanged, plan.quarantined, plan.recovered) == ([], 1, 1, [], [])
    for reason in ({"state": "released"}, {"mapping_version": "0"}):
        assert sifted(only, replace(partial, **reason)).changes[0].fields == only.fields
    new = {**RECORD, "email": "new@example.test"}
    assert sifted(replace(only, record=new), partial).changes, "the field has another value"


def test_what_fails_no_more_is_over() -> None:
    plan = Plan("people", "person")
    sieve().sift(plan, [entry(RECORD, "email")])
    assert plan.recovered == [DIGESTS.key("1")]


def invalid(record: Record, **changes: Any) -> Unplanned:
    return replace(Unplanned(record["number"], record["number"], ("email: not one",), record=record), **changes)


def invalid_entry(record: Record) -> QuarantinedRecord:
    return entry(record, action="validate", reason="invalid", code="BW6001", what="email: not one")


def test_an_invalid_record_fails_once_and_waits_as_long_as_it_stays_as_it_is() -> None:
    plan = sifted(invalid(RECORD), invalid_entry(RECORD))
    assert ([one.label for one in plan.quarantined], plan.invalid) == (["1"], [])
    for other in (invalid({**RECORD, "town": "Elsewhere"}), invalid(RECORD, stage="map")):
        plan = sifted(other, invalid_entry(RECORD))
        assert (plan.invalid, plan.quarantined) == ([other], [])
    assert sifted(invalid(RECORD), invalid_entry(RECORD), version="2").invalid


def test_every_copy_of_a_repeated_key_waits() -> None:
    copies = [replace(invalid(RECORD), stage="match", record={"copies": 2})] * 2
    kept = entry(RECORD, action="match", record_digest=DIGESTS.record({"copies": 2}))
    plan = Plan("people", "person", invalid=[*copies])
    sieve().sift(plan, [kept])
    assert (len(plan.quarantined), plan.invalid, plan.recovered) == (2, [], [])


def test_a_record_without_a_key_is_known_by_its_content() -> None:
    keyless = Unplanned("", "record 7", ("no match key",), "match", record={"name": "Jo"})
    moved = replace(keyless, label="record 8")
    assert sieve().digest_of(keyless) == sieve().digest_of(moved)
    assert sieve().digest_of(keyless) != sieve().digest_of(replace(keyless, record={"name": "Jan"}))
