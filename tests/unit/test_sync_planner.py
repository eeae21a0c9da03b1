"""Plans: what would be created, updated, adopted, reactivated and deactivated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from builders.recording_target import PeopleJob, person
from builders.sync_engine import run_of
from busway.contracts.fields import always, create_only, never
from busway.contracts.keys import MatchKey, exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.validators import Validation, Validator
from busway.sync.payloads import payload_of
from busway.sync.plan import Action, Plan
from busway.sync.planner import make_plan


def plan_of(
    source: Iterable[Record],
    target: Iterable[Record],
    managed: Iterable[str] = (),
    deactivated: Iterable[str] = (),
    **changed: Any,
) -> tuple[PeopleJob, Plan]:
    job = PeopleJob(**changed)
    ours = frozenset(deactivated)
    plan = make_plan(job, list(source), Complete(target), frozenset(managed), run=run_of(job), deactivated_ids=ours)
    return job, plan


def held_by(number: int, /, **fields: Any) -> Record:
    return {"id": f"t{number}", "active": 1, **person(number), **fields}


def test_the_four_actions_in_order() -> None:
    target = [held_by(1), held_by(2, town="Old"), held_by(3, active=0), held_by(4)]
    _, plan = plan_of([person(5), person(3), person(2), person(1)], target, ["t1", "t2", "t3", "t4"], ["t3"])
    assert [(change.action, change.key) for change in plan.changes] == [
        (Action.CREATE, "5"),
        (Action.UPDATE, "2"),
        (Action.DEACTIVATE, "4"),
        (Action.REACTIVATE, "3"),
    ]
    assert plan.summary() == "1 create, 1 update, 1 deactivate, 1 reactivate, 1 unchanged"
    assert (plan.source_count, plan.target_count) == (4, 4)


def test_the_same_sides_give_the_same_plan_in_any_order() -> None:
    source, target = [person(n) for n in range(9)], [held_by(n, town="Old") for n in range(5, 14)]
    _, one = plan_of(source, target, [f"t{n}" for n in range(14)])
    _, other = plan_of(source[::-1], target[::-1], [f"t{n}" for n in range(14)])
    assert one.changes == other.changes


def test_unmanaged_records_are_never_deactivated_nor_reactivated() -> None:
    _, plan = plan_of([person(1)], [held_by(1, active=0), held_by(2)])
    assert plan.changes == []
    assert plan.linked == 1


def test_what_a_person_made_inactive_stays_so() -> None:
    """D20: an earlier integration gave access back on every run to people whom an administrator had blocked."""
    target = [held_by(1, active=0), held_by(2, active=0, town="Old")]
    _, plan = plan_of([person(1), person(2)], target, ["t1", "t2"])
    assert [(change.action, change.key) for change in plan.changes] == [(Action.UPDATE, "2")]
    assert plan.warnings == ["2 managed target records were made inactive by somebody else and stay so"]


def test_an_inactive_record_is_not_deactivated_again() -> None:
    _, plan = plan_of([], [held_by(1, active=0), held_by(2, active="0")], ["t1", "t2"])
    assert plan.changes == []


def test_a_job_without_lifecycle_deactivates_nothing() -> None:
    _, plan = plan_of([], [held_by(1)], ["t1"], active_field="")
    assert plan.changes == []


def test_records_that_fell_out_are_not_absent() -> None:
    """Skipped, failed, invalid and repeated: their people are still in the source."""
    source = [person(1, skip="no site"), person(2, broken="x"), person(4), person(4)]
    _, plan = plan_of(
        [*source, person(3), person(5)], [held_by(n) for n in range(1, 7)], [f"t{n}" for n in range(1, 7)]
    )
    assert [change.key for change in plan.changes] == ["6"]


def test_a_failed_record_spares_those_it_may_be() -> None:
    class Numbered(PeopleJob):
        def map(self, record: Record, run: Any) -> Record:
            return {"number": str(record["Employee"]), "name": record["LastName"].strip()}

    job = Numbered()
    source: list[Record] = [{"Employee": 1, "LastName": "A"}, {"Employee": 2, "LastName": None}]
    target = Complete([{"id": f"t{n}", "active": 1, "number": str(n), "name": "A"} for n in (1, 2, 3)])
    plan = make_plan(job, source, target, frozenset({"t1", "t2", "t3"}), run=run_of(job))
    assert [(change.action, change.key) for change in plan.changes] == [(Action.DEACTIVATE, "3")]
    assert plan.warnings == [
        "1 managed target records stay active: 1 source records were skipped or failed before their key was known "
        "and may be theirs"
    ]


@dataclass(frozen=True)
class Unpadded:
    """Takes leading zeros off numbers and refuses people without an address; ``returns_input`` when it does."""

    entity: str = "person"
    returns_input: bool = False

    def validate(self, record: Record) -> Validation:
        if record["name"] == "break":
            raise ValueError
        tidy = {**record, "number": record["number"].lstrip("0")}
        if record["email"]:
            return Validation(tidy)
        return Validation(record if self.returns_input else tidy, ("email: missing",))


@pytest.mark.parametrize(
    ("validator", "refused"),
    [
        (Unpadded(), person(2, number="002", email="")),
        (Unpadded(returns_input=True), person(2, number="002", email="")),
        (Unpadded(), person(2, number="002", name="break")),
    ],
)
def test_a_record_is_not_absent_because_it_was_refused_before_its_key_had_its_last_form(
    validator: Validator, refused: Record
) -> None:
    target = Complete([held_by(1), held_by(2)])
    job, source = PeopleJob(), [person(1, number="001"), refused]
    plan = make_plan(job, source, target, frozenset({"t1", "t2"}), run=run_of(job), validators=[validator])
    assert (plan.changes, plan.unchanged, len(plan.invalid)) == ([], 1, 1)


@pytest.mark.parametrize("odd", [{"skip": "on leave"}, {"broken": "x"}])
def test_a_record_is_not_absent_because_it_shows_another_key_than_the_mapping_makes(odd: Record) -> None:
    class Prefixed(PeopleJob):
        def map(self, record: Record, run: Any) -> Record | Skip:
            mapped = super().map(record, run)
            return mapped if isinstance(mapped, Skip) else {**mapped, "number": f"E-{mapped['number']}"}

    job = Prefixed()
    target = Complete([held_by(n, number=f"E-{n}") for n in (1, 2)])
    plan = make_plan(job, [person(1), person(2, **odd)], target, frozenset({"t1", "t2"}), run=run_of(job))
    assert plan.changes == []
    assert plan.warnings == [
        "1 managed target records stay active: 1 source records were skipped or failed before their key was known "
        "and may be theirs"
    ]


def test_a_refused_record_costs_no_deactivation_where_keys_stay_as_they_are() -> None:
    target = Complete([held_by(n) for n in (1, 2, 3)])
    job, source = PeopleJob(), [person(1), person(2, email="")]
    plan = make_plan(job, source, target, frozenset({"t1", "t2", "t3"}), run=run_of(job), validators=[Unpadded()])
    assert [(change.action, change.key) for change in plan.changes] == [(Action.DEACTIVATE, "3")]


def test_a_key_that_cannot_be_made_after_validation_costs_one_record() -> None:
    job = PeopleJob(match_on=MatchKey(("number",), lambda text: str(int(text))))

    @dataclass(frozen=True)
    class Breaking:
        entity: str = "person"

        def validate(self, record: Record) -> Validation:
            return Validation({**record, "number": "two"} if record["number"] == "2" else record)

    target = Complete([held_by(1), held_by(2)])
    plan = make_plan(job, [person(1), person(2)], target, frozenset({"t2"}), run=run_of(job), validators=[Breaking()])
    assert (plan.changes, plan.unchanged) == ([], 1)
    assert [(one.key, one.reasons) for one in plan.invalid] == [("2", ("making its match key raised ValueError",))]


def test_a_target_record_without_key_is_left_alone() -> None:
    _, plan = plan_of([person(1)], [held_by(1), {"id": "t9", "active": 1, "number": None}], ["t1", "t9"])
    assert plan.changes == []


def test_a_key_twice_in_the_target_is_never_guessed() -> None:
    twice = [held_by(1), held_by(1, id="t9", town="Old")]
    _, plan = plan_of([person(1, town="New"), person(2)], [*twice, held_by(2)], ["t1", "t9", "t2"])
    assert plan.changes == []
    assert [one.reasons for one in plan.invalid] == [("2 target records have this match key: ids t1, t9",)]


def test_a_create_holds_only_declared_fields_that_say_something() -> None:
    fields = {"number": create_only, "name": always, "email": always.clearing(), "town": never}
    source = [person(1, name=" ", email=None, secret="not declared")]
    job, plan = plan_of(source, [], fields=fields)
    assert payload_of(job, job.fields, plan.changes[0]) == {"number": "1", "email": None}


def test_an_update_sends_changes_and_what_is_always_demanded_from_the_new_record() -> None:
    source = [person(1, town="New", name="", email="new@example.test")]
    target = [held_by(1, town="Old", name="Kept", email="old@example.test")]
    job, plan = plan_of(source, target, always_send=("name", "email"))
    payload = payload_of(job, job.fields, plan.changes[0])
    assert payload == {"email": "new@example.test", "town": "New", "name": "Kept"}


def test_adoption_by_a_further_key() -> None:
    target = [held_by(1, number="", id="t9"), held_by(2)]
    job, plan = plan_of([person(1), person(2)], target, adopt_on=(exact("email"),))
    (change,) = plan.changes
    assert (change.action, change.adopts, change.key) == (Action.UPDATE, True, "1")
    assert payload_of(job, job.fields, change) == {"number": "1"}
    assert plan.linked == 1


def test_adoption_is_tried_only_for_records_that_lack_the_key() -> None:
    _, plan = plan_of([person(1)], [held_by(7, email="p1@example.test")], adopt_on=(exact("email"),))
    assert [change.action for change in plan.changes] == [Action.CREATE]


def test_an_ambiguous_adoption_is_refused() -> None:
    target = [held_by(1, number="", id="t8"), held_by(1, number=None, id="t9")]
    _, plan = plan_of([person(1)], target, adopt_on=(exact("email"),))
    assert plan.changes == []
    assert "ids t8, t9" in plan.invalid[0].reasons[0]


def test_adoption_keys_are_tried_in_order() -> None:
    target = [held_by(1, number="", id="by-mail", name="?"), held_by(1, number="", id="by-name", email="?")]
    _, plan = plan_of([person(1)], target, adopt_on=(exact("email"), exact("name")))
    assert [change.current and change.current["id"] for change in plan.changes] == ["by-mail"]


def test_code_of_a_rule_that_fails_costs_one_record() -> None:
    rules = {"number": create_only, "town": always.normalised(lambda value: value.strip())}
    _, plan = plan_of([person(1), person(2, town="New")], [held_by(1, town=5), held_by(2)], fields=rules)
    assert [change.key for change in plan.changes] == ["2"]
    assert plan.invalid[0].reasons == ("comparing its fields raised AttributeError",)


def test_every_source_record_is_accounted_for() -> None:
    source = [person(1), person(2), person(3, skip="x"), person(4, broken="x"), person(5), person(5), person(6)]
    _, plan = plan_of(source, [held_by(2), held_by(6, town="Old")])
    counts = plan.counts()
    accounted = counts["create"] + counts["update"] + counts["unchanged"] + counts["skipped"] + counts["invalid"]
    assert accounted + plan.merged == plan.source_count == 7


def test_a_plan_shows_no_values_in_its_repr() -> None:
    _, plan = plan_of([person(1)], [held_by(1, name="Canary Old")])
    assert "Canary" not in repr(plan)
    assert "Name1" not in repr(plan)
