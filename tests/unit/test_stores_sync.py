"""What the sync engine keeps in ``state.db``: quarantine, held plans, pauses, writes in hand, progress, fences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.errors import HeldError
from busway.stores.held_plans import HeldPlan
from busway.stores.pauses import Pause
from busway.stores.quarantine import QuarantinedRecord
from busway.stores.state import StateStore
from busway.stores.writes_in_hand import WriteInHand

DAY_NS = 24 * 3600 * 1_000_000_000
RECORD = QuarantinedRecord("people", "abcdef0123456789", "7", "person", "create", "rejected", "BW5003", "refused")
HELD = HeldPlan(
    "0199f3c9-0000", "people", "person", DAY_NS, "s1", [{"brake": "create_count", "count": 9}], {"create": 9}
)
WRITE = WriteInHand("people", "abc", "7", "create", "", ["name"], "run-1", 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path)
    yield store
    store.close()


def test_a_quarantined_record_is_kept_as_it_is_and_replaced_by_the_next(store: StateStore, tmp_path: Path) -> None:
    full = replace(RECORD, fields={"email": "d1"}, record_digest="d2", mapping_version="3", attempts=2, session_id="s")
    full = replace(full, first_ns=1, last_ns=2, next_ns=3, state="released", actor="ann", note="why", decided_ns=4)
    store.quarantine.put_many([RECORD, full])
    store.close()
    again = StateStore(tmp_path)
    assert again.quarantine.of("people") == [full]
    assert again.quarantine.of("others") == []
    assert full.as_dict()["fields"] == ["email"]
    assert "d1" not in str(full.as_dict()), "no digest of a value"
    again.close()


def test_quarantined_records_are_listed_latest_first_and_counted_without_dismissed(store: StateStore) -> None:
    old, new = replace(RECORD, last_ns=1), replace(RECORD, key_digest="ffff", last_ns=2)
    store.quarantine.put_many([old, new, replace(RECORD, job="titles")])
    assert store.quarantine.of("people") == [new, old]
    assert (store.quarantine.count("people"), store.quarantine.count()) == (2, 3)
    assert store.quarantine.decide([old], "dismissed", "ann", "known", 9) == 1
    assert (store.quarantine.count("people"), store.quarantine.count()) == (1, 2)
    assert store.quarantine.of("people")[1] == replace(old, state="dismissed", actor="ann", note="known", decided_ns=9)
    assert store.quarantine.remove("people", ["ffff", "nothing"]) == 1
    assert store.quarantine.decide([new], "released", "ann", "again", 9) == 0


def test_a_held_plan_replaces_the_one_before(store: StateStore) -> None:
    later = replace(HELD, hold_id="0199f3d0-0000", at_ns=2 * DAY_NS, changes=[{"action": "create", "label": "7"}])
    store.held_plans.add(HELD)
    store.held_plans.add(later)
    assert store.held_plans.of() == [later, replace(HELD, state="replaced")]
    assert store.held_plans.of("people", ("held",)) == [later]
    assert store.held_plans.find("0199f3c9") == [replace(HELD, state="replaced")]
    assert len(store.held_plans.find("0199f3")) == 2
    assert later.as_dict()["brakes"] == [{"brake": "create_count", "count": 9}]


def test_a_decision_is_made_once_and_used_once(store: StateStore) -> None:
    store.held_plans.add(HELD)
    assert store.held_plans.decide(HELD.hold_id, ("held",), "allowed", "ann", "right", 7)
    assert not store.held_plans.decide(HELD.hold_id, ("held",), "rejected", "bob", "wrong", 8)
    assert store.held_plans.use(HELD.hold_id)
    assert not store.held_plans.use(HELD.hold_id)
    assert store.held_plans.of()[0] == replace(HELD, state="used", actor="ann", note="right", decided_ns=7)


def test_old_held_plans_are_forgotten(store: StateStore) -> None:
    store.held_plans.add(HELD)
    store.held_plans.add(replace(HELD, hold_id="later", at_ns=HELD.at_ns + 91 * DAY_NS))
    assert [one.hold_id for one in store.held_plans.of()] == ["later"]


def test_pauses_hold_until_they_end(store: StateStore) -> None:
    store.pauses.set(Pause("", "ann", "audit", 1, 10))
    store.pauses.set(Pause("people", "bob", "mapping", 2))
    assert [pause.job for pause in store.pauses.all(5)] == ["", "people"]
    assert [pause.job for pause in store.pauses.all(10)] == ["people"]
    found = store.pauses.of("titles", 5)
    assert found is not None
    assert found.actor == "ann"
    assert store.pauses.of("titles", 10) is None
    assert store.pauses.of("people", 99) == Pause("people", "bob", "mapping", 2)
    assert store.pauses.end("people")
    assert not store.pauses.end("people")


def test_writes_in_hand_are_known_until_they_are_accounted(store: StateStore) -> None:
    store.writes_in_hand.begin(WRITE)
    store.writes_in_hand.begin(replace(WRITE, key_digest="first", at_ns=1))
    store.writes_in_hand.begin(replace(WRITE, job="titles"))
    assert [one.key_digest for one in store.writes_in_hand.of("people")] == ["first", "abc"]
    store.writes_in_hand.end("people", ["abc", "unknown"])
    assert [one.key_digest for one in store.writes_in_hand.of("people")] == ["first"]
    assert store.writes_in_hand.of("titles") == [replace(WRITE, job="titles")]


def test_progress_counts_and_remembers_when_a_job_last_wrote(store: StateStore) -> None:
    progress = store.job_progress
    assert progress.of("people") is None
    progress.begin("people", "run-1", "s1", 9, 100)
    progress.advance("people", 1, 120)
    progress.advance("people", 1, 0)
    progress.end("people", 130)
    found = progress.of("people")
    assert found is not None
    assert (found.planned, found.done, found.started_ns, found.ended_ns, found.wrote_ns) == (9, 2, 100, 130, 120)
    progress.begin("people", "run-2", "s2", 3, 200)
    found = progress.of("people")
    assert found is not None
    assert (found.run_id, found.done, found.ended_ns, found.wrote_ns) == ("run-2", 0, 0, 120)


def test_a_lower_token_is_refused_once_a_higher_has_been_seen(store: StateStore) -> None:
    store.fences.check("run:acme", 1)
    store.fences.raise_to("run:acme", 3)
    store.fences.check("run:acme", 3)
    for refused in (store.fences.check, store.fences.raise_to):
        with pytest.raises(HeldError) as caught:
            refused("run:acme", 2)
        assert caught.value.code == "BW7003"
        assert "number 2, and number 3 has been given since" in caught.value.problem.why
    store.fences.check("run:other", 1)
