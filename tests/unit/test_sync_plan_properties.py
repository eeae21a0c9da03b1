"""Whatever the two sides hold, the planner says what a plain and slow one says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders.plain_planner import PlainPlan, PlainPlanner
from builders.recording_target import PeopleJob
from builders.sync_engine import run_of
from busway.contracts.fields import always, create_only, if_empty, never
from busway.contracts.keys import MatchKey, casefolded, exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway.contracts.validators import Validation, Validator
from busway.errors import RejectedRecordError
from busway.sync.keys import key_reader
from busway.sync.plan import Action, Plan, Unplanned
from busway.sync.planner import make_plan


class OddJob(PeopleJob):
    """Maps, refuses, breaks and labels as each record says."""

    numbers_are_made_up = False
    labels_by = ""

    def map(self, record: Record, run: Run) -> Record | Skip:
        if record.get("odd") == "refused":
            raise RejectedRecordError("no place for it", fields={})
        if record.get("odd") == "skipped":
            return Skip("out of scope")
        if record.get("odd") == "broken":
            raise ValueError(record)
        if self.numbers_are_made_up and record.get("number"):
            return {**record, "number": f"E-{record['number']}"}
        return record

    def label(self, record: Record) -> str:
        return f"{record[self.labels_by]}!" if self.labels_by else super().label(record)


@dataclass(frozen=True)
class Townsfolk:
    """Copies and tidies; some towns are errors, some are remarks, and one makes it break."""

    entity: str = "person"

    def validate(self, record: Record) -> Validation:
        town = record.get("town")
        if town == "b":
            return Validation(record, ("town: unknown",))
        if town == 7:
            raise ValueError(town)
        tidy = {name: value.strip() if isinstance(value, str) else value for name, value in record.items()}
        return Validation(tidy, warnings=("town: odd",) if town == "B" else ())


@dataclass(frozen=True)
class Renumbered:
    """What is matched is the number after the last validator."""

    entity: str = "person"

    def validate(self, record: Record) -> Validation:
        return Validation({**record, "number": str(record.get("number") or "").removeprefix("x") or None})


def fussy(value: Any) -> str:
    """A normaliser that takes text alone."""
    return str(value.casefold())


def picky(text: str) -> str:
    """A key normaliser that fails on what only a validator brings about."""
    if text == "!":
        raise ValueError(text)
    return text.strip()


KEYS = st.sampled_from(["1", "1", "2", "3", "x1", "x!", " 2 ", "3 ", "a b", "A  B", 2, "", None])
VALUES = st.sampled_from(["a", "A", " a ", "b", "B", "1", "1.0", 1, 7, 0, True, "", " ", None, [], ["a"], [1]])
RULE = st.sampled_from(
    [
        always,
        always,
        always,
        always.clearing(),
        always.normalised(fussy),
        always.normalised(str).clearing(),
        always.reading(lambda current: current.get("town") or "a"),
        if_empty,
        if_empty.normalised(str),
        create_only,
        never,
    ]
)
SOURCE_RECORD = st.fixed_dictionaries(
    {"number": KEYS, "name": VALUES, "town": VALUES},
    optional={"email": VALUES, "odd": st.sampled_from(["refused", "skipped", "broken", None, None, None])},
)
TARGET_RECORD = st.fixed_dictionaries(
    {"number": KEYS, "active": st.sampled_from([1, 1, 1, True, "1", 0, "0", None])},
    optional={"name": VALUES, "email": VALUES, "town": VALUES},
)
MOST = 6
"""Records of a side. Lists are drawn whole where random lengths would mostly be short ones."""
WHICH = st.lists(st.sampled_from([True, True, False]), min_size=MOST, max_size=MOST)
IDS = WHICH.map(lambda which: frozenset(f"t{number}" for number, chosen in enumerate(which) if chosen))
MATCH_ON = st.sampled_from(
    [exact("number"), exact("number"), casefolded("number"), MatchKey(("number",), picky), exact("number", "town")]
)
OPTIONS = st.fixed_dictionaries(
    {
        "match_on": MATCH_ON,
        "adopt_on": st.sampled_from([(), (), (exact("email"),), (exact("email"), casefolded("name"))]),
        "fields": st.fixed_dictionaries(dict.fromkeys(("number", "name", "email", "town"), RULE)),
        "distinct": st.booleans(),
        "active_field": st.sampled_from(["active", "active", ""]),
        "numbers_are_made_up": st.sampled_from([False, False, True]),
        "labels_by": st.sampled_from(["", "", "name", "email"]),
    }
)
VALIDATORS = st.lists(st.sampled_from([Townsfolk(), Renumbered()]), max_size=2, unique=True)


@given(
    source=st.lists(SOURCE_RECORD, max_size=MOST) | st.lists(SOURCE_RECORD, min_size=MOST, max_size=MOST),
    target=st.lists(TARGET_RECORD, min_size=MOST, max_size=MOST) | st.lists(TARGET_RECORD, max_size=MOST),
    alike=WHICH,
    again=st.lists(st.integers(0, MOST - 1), max_size=2),
    options=OPTIONS,
    managed=IDS,
    deactivated=IDS,
    validators=VALIDATORS,
)
@settings(max_examples=200)
def test_a_plan_is_what_a_plain_planner_makes_of_the_same_sides(
    source: list[Record],
    target: list[Record],
    alike: list[bool],
    again: list[int],
    options: Mapping[str, Any],
    managed: frozenset[str],
    deactivated: frozenset[str],
    validators: list[Validator],
) -> None:
    job = OddJob(**options)
    target = [  # random values hardly ever agree, and most records of a real target do
        {**held, **{name: value for name, value in wanted.items() if name != "odd"}} if chosen else held
        for held, wanted, chosen in zip_longest(target, source[: len(target)], alike[: len(target)], fillvalue={})
    ]
    held = [{**record, "id": f"t{number}"} for number, record in enumerate(target)]
    source = source + [{**source[number], "name": "b"} for number in again if number < len(source)]
    run = run_of(job)
    plain = PlainPlanner(job, source, held, managed, deactivated, run=run, validators=validators).plan()
    plan = make_plan(job, source, Complete(held), managed, run=run, deactivated_ids=deactivated, validators=validators)
    assert plan.changes == plain.changes
    assert_same_accounts(plan, plain)
    assert len(source) == plan.merged + accounted(plan), "every source record is in the plan once"
    assert (plan.source_count, plan.target_count) == (len(source), len(held))


def assert_same_accounts(plan: Plan, plain: PlainPlan) -> None:
    numbers = (plan.unchanged, plan.merged, plan.linked)
    assert numbers == (plain.unchanged, plain.merged, plain.linked)
    assert plan.skipped == plain.skipped
    assert in_order(plan.invalid) == in_order(plain.invalid)
    assert sorted(plan.warnings) == sorted(plain.warnings)


def accounted(plan: Plan) -> int:
    wanted = sum(change.action is not Action.DEACTIVATE for change in plan.changes)
    return wanted + plan.unchanged + len(plan.skipped) + len(plan.invalid)


def in_order(told: list[Unplanned]) -> list[Any]:
    """The order in which invalid records are told says nothing."""
    return sorted((one.stage, one.key, one.label, one.reasons, one.code, repr(one.record)) for one in told)


@given(
    match_on=st.builds(
        MatchKey,
        st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2).map(tuple),
        st.sampled_from([str.strip, str.casefold, str, lambda text: text.removeprefix("0")]),
    ),
    record=st.dictionaries(
        st.sampled_from(["a", "b"]),
        st.none()
        | st.text()
        | st.integers()
        | st.booleans()
        | st.lists(st.integers())
        | st.sampled_from([Action.CREATE]),
    ),
)
def test_a_key_reader_answers_as_the_match_key_does(match_on: MatchKey, record: Record) -> None:
    assert key_reader(match_on)(record) == match_on.of(record)


def test_a_match_key_of_somebody_elses_making_is_asked_itself() -> None:
    class Reversed(MatchKey):
        __slots__ = ()

        def of(self, record: Mapping[str, Any]) -> str | None:
            return str(record["number"])[::-1]

    assert key_reader(Reversed(("number",)))({"number": "12"}) == "21"
