"""Records brought to the target's shape, each on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from builders.recording_target import PeopleJob, person
from builders.sync_engine import run_of
from busway.contracts.keys import exact
from busway.contracts.records import Record, Skip
from busway.contracts.validators import Validation, Validator
from busway.errors import UnreachableError
from busway.sync.mapping import Mapped, map_records


@dataclass
class EmailRule:
    entity: str = "person"

    def validate(self, record: Record) -> Validation:
        if record.get("email") == "explode":
            raise RuntimeError("secret value")
        errors = () if "@" in str(record.get("email")) else ("email: not an address",)
        return Validation({**record, "email": str(record.get("email")).lower()}, errors, ("town: odd",))


def mapped(*source: Record, job: PeopleJob | None = None, validators: tuple[Validator, ...] = ()) -> Mapped:
    job = job or PeopleJob()
    return map_records(job, source, run_of(job), validators)


def test_one_broken_record_does_not_stop_the_others() -> None:
    out = mapped(person(1), person(2, broken="p2@example.test is bad"), person(3))
    assert list(out.records) == ["1", "3"]
    (invalid,) = out.invalid
    assert invalid.reasons == ("mapping raised ValueError",)
    assert invalid.code == "BW6002"


def test_an_error_about_the_remote_ends_the_mapping() -> None:
    class Away(PeopleJob):
        def map(self, record: Record, run: Any) -> Record | Skip:
            raise UnreachableError("BW5001", "titles did not answer")

    with pytest.raises(UnreachableError):
        mapped(person(1), job=Away())


def test_skips_keep_their_reason() -> None:
    out = mapped(person(1, skip="no home site"))
    assert [one.reasons for one in out.skipped] == [("no home site",)]
    assert out.keys == {"1"}


def test_a_record_without_key_is_invalid() -> None:
    out = mapped(person(1, number="  "))
    assert out.records == {}
    assert [one.reasons for one in out.invalid] == [("no match key",)]


def test_validators_run_in_order_and_errors_make_a_record_invalid() -> None:
    out = mapped(person(1, email="A@B.TEST"), person(2, email="none"), validators=(EmailRule(),))
    assert out.records["1"]["email"] == "a@b.test"
    assert [(one.key, one.reasons) for one in out.invalid] == [("2", ("email: not an address",))]
    assert out.keys == {"1", "2"}
    assert out.warnings == {"town: odd": 2}


def test_a_validator_that_raises_fails_one_record_without_its_text() -> None:
    out = mapped(person(1, email="explode"), person(2), validators=(EmailRule(),))
    assert list(out.records) == ["2"]
    assert out.invalid[0].reasons == ("validator EmailRule raised RuntimeError",)


def test_all_records_of_a_repeated_key_are_invalid() -> None:
    out = mapped(person(1), person(2), person(1, name="Other"), person(1, name="Third"))
    assert list(out.records) == ["2"]
    assert len(out.invalid) == 3
    assert out.invalid[0].reasons == ("3 source records have this match key: records 1, 3, 4",)


def test_repeats_of_an_invalid_record_are_counted_once_each() -> None:
    out = mapped(person(1, email="none"), person(1), validators=(EmailRule(),))
    assert out.records == {}
    assert len(out.invalid) == 2


def test_distinct_jobs_keep_the_first_of_each_key() -> None:
    job = PeopleJob(distinct=True)
    out = mapped(person(1, town="First"), person(1, town="Second"), job=job)
    assert out.records["1"]["town"] == "First"
    assert (out.merged, out.invalid) == (1, [])


def test_a_distinct_job_takes_the_first_valid_one() -> None:
    job = PeopleJob(distinct=True)
    out = mapped(person(1, email="none"), person(1, town="Valid"), job=job, validators=(EmailRule(),))
    assert out.records["1"]["town"] == "Valid"


class NumberedJob(PeopleJob):
    """Keys are values of the source under another name."""

    def map(self, record: Record, run: Any) -> Record | Skip:
        if record.get("bad"):
            raise ValueError
        return {"number": str(record["Employee"])}


class MadeUpKeys(NumberedJob):
    """Keys are made by the mapping."""

    def map(self, record: Record, run: Any) -> Record | Skip:
        plain = super().map(record, run)
        assert isinstance(plain, dict)
        return {"number": "E-" + plain["number"]}


def test_an_unidentified_record_may_hold_the_keys_among_its_values() -> None:
    out = mapped({"Employee": 1}, {"Employee": 2, "bad": True}, job=NumberedJob())
    assert out.may_hold("2")
    assert not out.may_hold("3")


def test_an_unidentified_record_may_be_anybody_where_keys_are_made_up() -> None:
    out = mapped({"Employee": 1}, {"Employee": 2, "bad": True}, job=MadeUpKeys())
    assert out.may_hold("E-2")
    assert out.may_hold("E-3")


def test_nothing_may_be_held_back_when_every_record_is_known() -> None:
    assert not mapped({"Employee": 1}, job=MadeUpKeys()).may_hold("E-3")


def test_keys_of_several_fields_are_found_in_nested_values() -> None:
    job = NumberedJob(match_on=exact("number", "town"))
    job.map = lambda record, run: (  # type: ignore[method-assign]
        Skip("out") if record.get("bad") else {"number": str(record["x"][0]), "town": record["y"]["town"]}
    )
    out = mapped({"x": [1], "y": {"town": "A"}}, {"bad": 1, "x": [2], "y": {"town": "B"}}, job=job)
    assert out.may_hold("2\x1fB")
    assert not out.may_hold("2\x1fC")
