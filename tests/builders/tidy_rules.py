"""A validator that keeps every rule of the contract, and the ones that break one."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from busway.contracts.records import Record
from busway.contracts.validators import Validation

VALID: list[Record] = [
    {"name": " Ada  Lindqvist", "email": "ADA@example.test", "phone": "555 0101", "tags": ["a"]},
    {"name": "Ben Okafor", "email": "ben@example.test"},
]
INVALID: list[tuple[str, Record]] = [
    ("name", {"name": " ", "email": "cyd@example.test"}),
    ("email", {"name": "Cyd Moreau", "email": "nowhere"}),
    ("email", {"name": "Dee Tanaka", "phone": "555 0104"}),
]
WARNED: list[tuple[str, Record]] = [("phone", {"name": "Ada", "email": "ada@example.test", "phone": "unlisted"})]
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")


class TidyRules:
    """A validator that keeps every rule."""

    entity: Any = "person"

    def validate(self, record: Record) -> Validation:
        errors: list[str] = []
        warnings: list[str] = []
        made = dict(record)
        self.name(made, errors)
        self.email(made, errors)
        self.phone(made, warnings)
        return Validation(made, tuple(errors), tuple(warnings))

    def name(self, made: Record, errors: list[str]) -> None:
        made["name"] = " ".join(text(made.get("name")).split())
        if not made["name"]:
            errors.append("name: is missing")

    def email(self, made: Record, errors: list[str]) -> None:
        made["email"] = text(made.get("email")).strip().lower()
        if not ADDRESS.fullmatch(made["email"]):
            errors.append("email: is not an address")

    def phone(self, made: Record, warnings: list[str]) -> None:
        if made.get("phone") is None:
            return
        digits = "".join(letter for letter in text(made["phone"]) if letter in "0123456789")
        if len(digits) < 7:
            del made["phone"]
            warnings.append("phone: is no phone number, left out")
        else:
            made["phone"] = digits


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Specimen:
    """A validator that fails ``check``, and no other."""

    check: str
    validator: type[TidyRules]


SPECIMENS: list[Specimen] = []


def breaks(check: str) -> Callable[[type[TidyRules]], type[TidyRules]]:
    def enter(made: type[TidyRules]) -> type[TidyRules]:
        SPECIMENS.append(Specimen(f"test_{check}", made))
        return made

    return enter


@breaks("it_names_its_entity")
class NamesNobody(TidyRules):
    entity = " "


@breaks("good_records_are_accepted")
class IsTooStrict(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        strict = record.keys() == {"name", "email"} and record["name"] == "Ben Okafor"
        return Validation(verdict.record, (*verdict.errors, "name: is short")) if strict else verdict


@breaks("a_verdict_has_the_right_shape")
class ListsItsErrors(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        return Validation(verdict.record, [*verdict.errors], verdict.warnings)  # type: ignore[arg-type]


@breaks("bad_records_are_refused")
class TakesAnyAddress(TidyRules):
    def email(self, made: Record, errors: list[str]) -> None:
        made["email"] = text(made.get("email")).strip().lower()
        if not made["email"]:
            errors.append("email: is missing")


@breaks("errors_name_the_field_and_the_reason")
class SaysThatSomethingIsWrong(TidyRules):
    def name(self, made: Record, errors: list[str]) -> None:
        super().name(made, found := [])
        errors += ["a name is needed" for _ in found]


@breaks("errors_name_the_field_and_the_reason")
class BlamesAnotherField(TidyRules):
    def email(self, made: Record, errors: list[str]) -> None:
        super().email(made, found := [])
        errors += ["name: has no address"] if found and made["name"] == "Dee Tanaka" else found


@breaks("no_text_tells_a_value")
class RepeatsTheAddress(TidyRules):
    def email(self, made: Record, errors: list[str]) -> None:
        super().email(made, found := [])
        errors += [f"{error}: {made['email']}" for error in found]


@breaks("no_text_tells_a_value")
class RepeatsThePhoneInAWarning(TidyRules):
    def phone(self, made: Record, warnings: list[str]) -> None:
        given = made.get("phone")
        super().phone(made, found := [])
        warnings += [f"{warning} ({given})" for warning in found]


@breaks("what_is_left_out_is_warned_about")
class RefusesWhatCouldBeLeftOut(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        return Validation(verdict.record, (*verdict.errors, *verdict.warnings))


@breaks("no_record_makes_it_raise")
class KnowsOnlyText(TidyRules):
    def phone(self, made: Record, warnings: list[str]) -> None:
        if isinstance(made.get("phone"), float):
            raise TypeError("phone")
        super().phone(made, warnings)


@breaks("no_record_makes_it_raise")
class NeedsTwoFields(TidyRules):
    """Only hypothesis thinks of a record with one."""

    def validate(self, record: Record) -> Validation:
        if len(record) == 1:
            raise IndexError("record")
        return super().validate(record)


@breaks("an_empty_record_is_judged")
class NeedsAField(TidyRules):
    def validate(self, record: Record) -> Validation:
        next(iter(record))
        return super().validate(record)


@breaks("what_it_is_handed_is_not_changed")
class TidiesInPlace(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        record["name"] = verdict.record["name"]
        return verdict


@breaks("what_it_is_handed_is_not_changed")
class ReturnsWhatItWasHanded(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        return Validation(record, verdict.errors, verdict.warnings) if verdict.record == record else verdict


@breaks("the_same_record_gives_the_same_verdict")
class RemembersWhoWasThere(TidyRules):
    """Looks for duplicates, which is for match keys."""

    last: Any = None

    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        if threading.current_thread() is not threading.main_thread():
            return verdict
        again, self.last = repr(record) == self.last, repr(record)
        return Validation(verdict.record, verdict.errors, (*verdict.warnings, *(["name: twice"] if again else [])))


@breaks("its_own_record_stays_as_it_is")
class AddsAPrefixEachTime(TidyRules):
    def phone(self, made: Record, warnings: list[str]) -> None:
        super().phone(made, warnings)
        if made.get("phone"):
            made["phone"] = f"1{made['phone']}"


@breaks("its_own_record_stays_as_it_is")
class RefusesWhatItTidied(TidyRules):
    def name(self, made: Record, errors: list[str]) -> None:
        super().name(made, errors)
        if made["name"].startswith("Doctor "):
            errors.append("name: has a title")
        made["name"] = f"Doctor {made['name']}" if made["name"] == "Zoë Łukasz 李雷 👩‍🔧" else made["name"]


@breaks("what_it_does_not_know_is_kept")
class ReturnsOnlyWhatItKnows(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        known = {name: value for name, value in verdict.record.items() if not name.startswith("busway")}
        return Validation(known, verdict.errors, verdict.warnings)


@breaks("nothing_disappears_in_silence")
class DropsPhonesWithoutAWord(TidyRules):
    def phone(self, made: Record, warnings: list[str]) -> None:
        super().phone(made, found := [])
        warnings += found if made.get("name") == "Ada" else []


@breaks("it_invents_nothing")
class FillsInATag(TidyRules):
    def validate(self, record: Record) -> Validation:
        verdict = super().validate(record)
        return Validation({"tags": ["new"], **verdict.record}, verdict.errors, verdict.warnings)


@breaks("big_values_cost_in_proportion")
class ComparesEachLetterWithEach(TidyRules):
    def phone(self, made: Record, warnings: list[str]) -> None:
        phone = text(made.get("phone"))[:400]
        for letter in phone:
            for other in phone if phone.startswith("a b a b ") else "":
                letter.startswith(other)
        super().phone(made, warnings)


@breaks("it_does_not_slow_down")
class RemembersEverybody(TidyRules):
    def __init__(self) -> None:
        self.names: list[str] = []

    def validate(self, record: Record) -> Validation:
        any(name.startswith("\n") for name in self.names[:2_000])
        verdict = super().validate(record)
        self.names.append(verdict.record["name"])
        return verdict


@breaks("several_threads_may_ask_it")
class KeepsTheRecordInOnePlace(TidyRules):
    def __init__(self) -> None:
        self.met = threading.Event()

    def validate(self, record: Record) -> Validation:
        self.record = record
        if threading.current_thread() is not threading.main_thread():
            self.met.wait(0.001)
        return super().validate(self.record)


@breaks("it_asks_no_remote")
class LooksTheDomainUp(TidyRules):
    def email(self, made: Record, errors: list[str]) -> None:
        super().email(made, errors)
        if made["email"] == "ben@example.test" and made["name"] == "Ben Okafor":
            try:
                socket.getaddrinfo("localhost", 25)
            except OSError:
                return
