"""Whatever the two sides, the policies and the faults: in the end both sides agree, and there is nothing left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders.faulty_target import STEPS, Blind, FaultyTarget, Finding
from builders.sync_engine import UNBRAKED, Bench, MemoryState
from busway.contracts.fields import FieldPolicy, FieldRule, always, create_only, if_empty, never
from busway.contracts.keys import exact
from busway.contracts.records import Record
from busway.errors import IncompleteReadError
from busway.sync.diff import is_empty, same
from busway.sync.plan import Plan
from busway.sync.report import JobReport, Outcome

NAMES = ("name", "email", "town")
VALUES = st.sampled_from(["a", "A", " a ", "b", "1", "1.0", 1, 0, True, "", " ", None, [], ["a"]])
RULE = st.builds(
    lambda rule, optional: rule.optional() if optional else rule,
    st.sampled_from(
        [always, always, always.clearing(), always.normalised(str), if_empty, if_empty.clearing(), create_only, never]
    ),
    st.booleans(),
)
FIELDS = st.fixed_dictionaries({"number": st.just(create_only), **dict.fromkeys(NAMES, RULE)})
ADDRESS = "their own"
"""Stands for an address that nobody else has, by which a record without a number is adopted."""
PERSON = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(NAMES, VALUES), "email": st.one_of(VALUES, st.just(ADDRESS), st.just(ADDRESS))}
)
ODD = st.sampled_from([{}, {}, {}, {}, {"skip": "on leave"}, {"broken": "x"}, {"twice": True}])
STEP = st.tuples(st.sampled_from(["ok", "ok", "ok", *STEPS]), st.sampled_from([*NAMES, ""]))


def people(each: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of six people. Drawn for each of them, because dictionaries of random keys are mostly small."""
    drawn = st.fixed_dictionaries({str(number): st.one_of(each, each, st.none()) for number in range(6)})
    return drawn.map(lambda found: {number: one for number, one in found.items() if one is not None})


NUMBERS = people(st.just(True)).map(frozenset)
SOURCE = people(st.tuples(PERSON, ODD))
TARGET = people(st.tuples(PERSON, st.sampled_from([True, True, False])))
SCRIPT = st.lists(STEP, min_size=6, max_size=10)
PHASES = st.lists(st.tuples(SOURCE, SCRIPT, st.sampled_from([False, False, False, True])), min_size=1, max_size=2)


@dataclass
class World:
    """One job against one target, over several runs."""

    fields: Mapping[str, FieldRule]
    always_send: tuple[str, ...]
    finds: bool
    target: FaultyTarget
    state: MemoryState
    wanted: dict[str, list[Record]] = field(default_factory=dict)
    """By number, what the source has said of people so far."""

    def __post_init__(self) -> None:
        self.before = {record["id"]: dict(record) for record in self.target.records.values()}
        self.managed_before = self.state.managed_ids("people")
        self.deactivated_before = self.state.deactivated_ids("people")
        self.out_of_use = {known for known, record in self.before.items() if not record["active"]}
        self.loose = {known for known, record in self.before.items() if not record.get("number")}
        kind = Finding if self.finds else Blind
        self.job = kind([], self.target, self.fields, always_send=self.always_send, adopt_on=(exact("email"),))
        self.bench = Bench(self.job, tables={"people": UNBRAKED}, state=self.state)

    def becomes(self, source: Mapping[str, tuple[Record, Record]]) -> None:
        """The source holds these people now."""
        self.job.people = []
        for number, (record, odd) in source.items():
            one = with_address({"number": number, **record}, number)
            self.job.people += [one, dict(one)] if odd.get("twice") else [{**one, **odd}]
            if not odd:
                self.wanted.setdefault(number, []).append(one)

    def run(self) -> JobReport | None:
        """``None`` where the run was interrupted."""
        self.target.stopping = False
        try:
            return self.bench.engine.run(stop=self.target).jobs[0]
        except KeyboardInterrupt:
            return None
        finally:
            assert not self.bench.events.open, "every session is closed, however a run ends"

    def heal(self) -> None:
        """Nothing goes wrong any more, and somebody lets every failed record be tried again."""
        self.target.script, self.target.read_error = [], None
        decisions = self.bench.engine.decisions
        decisions.release(decisions.records("people", ()), "ann", "the target is mended")

    def plan(self) -> Plan:
        return self.bench.engine.plan("people")


def with_address(record: Record, number: str) -> Record:
    return {**record, "email": f"p{number}@example.test"} if record.get("email") == ADDRESS else record


def world(
    held: Mapping[str, tuple[Record, bool]],
    keyless: Mapping[str, Record],
    managed: frozenset[str],
    ours: frozenset[str],
    **parts: Any,
) -> World:
    target = FaultyTarget()
    for number, (record, active) in held.items():
        known = {**record, "id": f"id{number}", "number": number, "active": int(active)}
        target.records[known["id"]] = with_address(known, number)
    for number, record in keyless.items():
        loose = {**record, "email": ADDRESS, "id": f"loose{number}", "active": 1}
        target.records[loose["id"]] = with_address(loose, number)
    state = MemoryState({"people": {f"id{number}" for number in managed}}, {"people": {f"id{n}" for n in ours}})
    return World(target=target, state=state, **parts)


@given(
    fields=FIELDS,
    always_send=st.sets(st.sampled_from(NAMES), max_size=2),
    finds=st.booleans(),
    held=TARGET,
    keyless=people(PERSON),
    managed=NUMBERS,
    ours=NUMBERS,
    phases=PHASES,
)
@settings(max_examples=80)
def test_after_any_faults_one_good_run_makes_both_sides_equal_and_the_next_plan_is_empty(
    fields: Mapping[str, FieldRule],
    always_send: set[str],
    finds: bool,
    held: Mapping[str, tuple[Record, bool]],
    keyless: Mapping[str, Record],
    managed: frozenset[str],
    ours: frozenset[str],
    phases: Sequence[tuple[Mapping[str, tuple[Record, Record]], list[tuple[str, str]], bool]],
) -> None:
    one = world(held, keyless, managed, ours, fields=fields, always_send=tuple(sorted(always_send)), finds=finds)
    for source, script, unreadable in phases:
        one.becomes(source)
        one.target.script = list(script)
        one.target.read_error = IncompleteReadError("BW5004", "page 3 did not answer") if unreadable else None
        attempts = one.target.attempts
        report = one.run()
        assert not unreadable or one.target.attempts == attempts, "nothing is written on half a read"
        assert_harmless(one)
        assert_truthful(one, report)
    one.heal()
    report = one.run()
    assert report is not None
    assert report.outcome is Outcome.DONE
    assert_harmless(one)
    plan = one.plan()
    assert plan.changes == []
    assert report.counts.failed == len(plan.quarantined), "what is left is wrong in the source"
    assert_equal(one, plan)


def assert_harmless(one: World) -> None:
    """At no moment is anything there twice, or touched that is not ours to touch."""
    assert max(Counter(one.target.numbers()).values(), default=1) == 1, "somebody was created twice"
    for operation, target_id, payload in one.target.ledger:
        assert payload.keys() <= {*one.fields, "active"}
        if operation in ("deactivate", "reactivate"):
            assert target_id in one.managed_before | one.state.managed_ids("people")
        if operation == "reactivate":
            assert target_id not in one.out_of_use - one.deactivated_before, "what a person made inactive stays so"
    for target_id, record in one.before.items():
        if target_id not in one.managed_before | one.loose and record["number"] not in one.wanted:
            assert one.target.records[target_id] == record, "a record that is not ours was touched"


def assert_truthful(one: World, report: JobReport | None) -> None:
    """What counts as written is in the target's ledger."""
    if report is not None:
        assert report.counts.written <= len(one.target.ledger)
    if report is not None and report.outcome is Outcome.DONE:
        counts = report.counts
        told = counts.created + counts.updated + counts.reactivated + counts.unchanged + counts.failed
        assert told + counts.skipped + counts.quarantined >= len(one.job.people), "no source record is left untold"


def assert_equal(one: World, plan: Plan) -> None:
    """Both sides agree on every managed field, as far as its policy asks."""
    by_number = {record["number"]: record for record in one.target.records.values() if record.get("number")}
    invalid = {told.key for told in (*plan.invalid, *plan.quarantined, *plan.skipped)}
    present = {person["number"] for person in one.job.people}
    managed, deactivated = one.state.managed_ids("people"), one.state.deactivated_ids("people")
    made_ours = {known for operation, known, _ in one.target.ledger if operation == "create" or known in one.loose}
    assert made_ours <= managed | one.target.unproven, "what Busway created or adopted, it knows as its own"
    for number in present - invalid:
        assert number in by_number
        for name, rule in one.fields.items():
            assert_field(one, name, rule, by_number[number])
    for number, record in by_number.items():
        if record["id"] in managed and number not in present:
            assert not record["active"], "whoever has left is out of use"
        if record["id"] in managed and number in present - invalid:
            assert record["active"] or record["id"] not in deactivated, "what Busway deactivated is in use again"


def assert_field(one: World, name: str, rule: FieldRule, record: Record) -> None:
    said = one.wanted[record["number"]]
    new, got, old = said[-1].get(name), record.get(name), one.before.get(record["id"], {}).get(name)
    if is_theirs(one, name, rule, record["id"]):
        assert got == old
    elif rule.policy is FieldPolicy.IF_EMPTY and not is_empty(new):
        assert not is_empty(got)
    elif rule.policy is FieldPolicy.ALWAYS and name in said[-1] and (rule.clear_when_empty or not is_empty(new)):
        assert (is_empty(new) and is_empty(got)) or alike(rule, new, got)
    else:
        assert got == old or is_empty(got) or got in [person.get(name) for person in said]
        assert is_empty(old) or not is_empty(got) or rule.clear_when_empty, "nothing clears what it must not"


def is_theirs(one: World, name: str, rule: FieldRule, target_id: str) -> bool:
    """Whether the field belongs to those who work in the target."""
    if rule.policy is FieldPolicy.NEVER:
        return True
    if name in (*one.always_send, "number") or target_id not in one.before:
        return False
    filled = rule.policy is FieldPolicy.IF_EMPTY and not is_empty(one.before[target_id].get(name))
    return filled or rule.policy is FieldPolicy.CREATE_ONLY


def alike(rule: FieldRule, new: Any, got: Any) -> bool:
    if rule.normaliser is not None:
        new, got = rule.normaliser(new), rule.normaliser(got)
    return same(new, got)
