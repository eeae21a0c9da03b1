"""Plan files: readable, complete, and refused when they are not what was reviewed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import NOON, UNBRAKED, Bench, keyed_digest
from busway.errors import HeldError, UsageError
from busway.sync.saved_plan import LIFETIME_NS, load


class Saved:
    """A bench with a plan saved in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "plan.json"
        self.target = RecordingTarget.holding(person(1, town="Old"), person(3))
        self.job = PeopleJob([person(1), person(2)], self.target)
        self.bench = Bench(self.job, tables={"people": UNBRAKED})
        self.bench.state.managed["people"] = {"t2"}
        self.engine = self.bench.engine
        self.plan_id = self.engine.save(self.engine.plans(), self.path)

    def refused(self) -> str:
        with pytest.raises(UsageError) as caught:
            self.engine.apply_saved(self.path)
        assert self.target.ledger == []
        return caught.value.code


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return Saved(tmp_path)


def test_what_was_reviewed_is_applied_once(saved: Saved) -> None:
    report = saved.engine.apply_saved(saved.path)
    assert report.exit_code == 0
    assert saved.target.operations() == [("create", "t3"), ("update", "t1"), ("deactivate", "t2")]
    with pytest.raises(UsageError) as caught:
        saved.engine.apply_saved(saved.path)
    assert caught.value.code == "BW4022"
    assert len(saved.target.ledger) == 3


def test_a_moved_source_is_refused(saved: Saved) -> None:
    saved.job.people = [person(1), person(2, town="Elsewhere")]
    assert saved.refused() == "BW4023"


def test_a_moved_target_is_refused(saved: Saved) -> None:
    saved.target.records["t1"]["town"] = "Older"
    assert saved.refused() == "BW4023"


def test_another_record_in_the_target_is_refused(saved: Saved) -> None:
    saved.target.records["t1"]["id"] = "t99"
    assert saved.refused() == "BW4023"


def test_a_change_that_matters_to_no_planned_write_is_let_through(saved: Saved) -> None:
    saved.target.records["t1"]["phone"] = "not managed"
    assert saved.engine.apply_saved(saved.path).exit_code == 0


def test_an_expired_plan_is_refused(saved: Saved) -> None:
    saved.bench.clock.ns = NOON + LIFETIME_NS
    assert saved.refused() == "BW4021"


def test_an_edited_plan_is_refused(saved: Saved) -> None:
    document = json.loads(saved.path.read_text())
    document["jobs"][0]["changes"].pop()
    saved.path.write_text(json.dumps(document))
    assert saved.refused() == "BW4020"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 2, "checksum": ""}'])
def test_what_is_no_plan_is_refused(saved: Saved, content: str) -> None:
    saved.path.write_text(content)
    assert saved.refused() == "BW4020"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "gone.json")
    assert caught.value.code == "BW4020"
    assert "gone.json" in caught.value.problem.what


def test_a_file_that_cannot_be_written_is_refused(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        saved.engine.save([], tmp_path / "no folder" / "plan.json")
    assert caught.value.code == "BW4024"


def test_a_held_plan_is_not_used_up(saved: Saved) -> None:
    saved.bench.tables["people"] = {**UNBRAKED, "max_creates": 0}
    with pytest.raises(HeldError):
        saved.engine.apply_saved(saved.path)
    assert saved.bench.state.used == {}
    assert saved.target.ledger == []


def test_it_holds_no_personal_data(saved: Saved) -> None:
    text = saved.path.read_text()
    for value in ("Name1", "Name2", "example.test", "Springfield", "Old", "t1"):
        assert f'"{value}' not in text
    assert '"email"' in text


def test_it_can_be_shown(saved: Saved) -> None:
    plan = load(saved.path)
    assert plan.plan_id == saved.plan_id
    assert plan.matches(saved.engine.plans(), keyed_digest)
    assert plan.as_dict()["jobs"][0]["fields"]["update"] == {"town": 1}
    assert "people: 1 create, 1 update, 1 deactivate, 0 unchanged" in plan.describe()
    assert plan.jobs[0].field_names() == {"number", "name", "email", "town"}
