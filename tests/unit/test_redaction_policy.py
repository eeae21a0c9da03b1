from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from busway.configuration.deployment import find_deployment
from busway.errors import ConfigurationError
from busway.redaction.field_classes import FIELD_CLASSES
from busway.redaction.keys import PERSONAL_RULES, SECRET_RULES
from busway.redaction.patterns import default_patterns
from busway.redaction.policy import Policy
from busway.redaction.redactor import Redactor

KEY = bytes(range(32))
PERSON = {"name": "Jane", "email": "jane@example.test", "phone": "+41446681800", "ssn": "078-05-1120", "token": "abc"}


def refused(table: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        Redactor.from_table(table)
    return [(problem.code, problem.what) for problem in caught.value.problems]


def test_everything_is_masked_without_a_table() -> None:
    assert Redactor.from_table({}).redact(PERSON) == {
        "name": "[redacted:name]",
        "email": "[redacted:email]",
        "phone": "[redacted:phone]",
        "ssn": "[redacted:ssn]",
        "token": "[redacted:token]",
    }


def test_a_class_that_is_shown_is_shown_by_key_and_in_text() -> None:
    redactor = Redactor.from_table({"names": "show", "phones": "show", "emails": "mask"})
    assert redactor.redact({**PERSON, "note": "call +41446681800 or jane@example.test"}) == {
        "name": "Jane",
        "email": "[redacted:email]",
        "phone": "+41446681800",
        "ssn": "[redacted:ssn]",
        "token": "[redacted:token]",
        "note": "call +41446681800 or [redacted:pattern.email]",
    }


@pytest.mark.parametrize("name", FIELD_CLASSES)
def test_every_class_can_be_shown_and_covers_something(name: str) -> None:
    keys = [" ".join(rule.words) for rule in PERSONAL_RULES if rule.field_class == name]
    assert keys
    hidden, shown = Redactor.from_table({name: "mask"}), Redactor.from_table({name: "show"})
    for key in keys:
        assert hidden.redact({key: "x"}) != {key: "x"}
        assert shown.redact({key: "x"}) == {key: "x"}


def test_every_rule_belongs_to_a_class() -> None:
    assert {rule.field_class for rule in PERSONAL_RULES} == set(FIELD_CLASSES)
    assert {rule.field_class for rule in SECRET_RULES} == {"secrets"}
    assert {pattern.field_class for pattern in default_patterns()} <= {*FIELD_CLASSES, "secrets"}


def test_a_hash_says_the_same_again_without_saying_what() -> None:
    redactor = Redactor.from_table({"emails": "hash", "names": "hash"}, hash_key=KEY)
    first = redactor.redact({"email": "Jane@Example.test", "note": "to jane@example.test"})
    second = redactor.redact({"work_email": " jane@example.test ", "email": "joe@example.test"})
    digest = first["email"].partition(":h=")[2].rstrip("]")
    assert len(bytes.fromhex(digest)) == 8
    assert first["email"] == second["work_email"] == f"[redacted:email:h={digest}]"
    assert first["note"] == f"to [redacted:pattern.email:h={digest}]"
    assert second["email"] != first["email"]
    assert redactor.redact(first) == first
    assert digest not in str(redactor.redact({"name": "jane@example.test"}))


def test_another_key_gives_another_hash_and_none_gives_a_mask() -> None:
    table = {"emails": "hash"}
    one, other = (Redactor.from_table(table, hash_key=key).redact(PERSON)["email"] for key in (KEY, bytes(32)))
    assert one != other
    assert Redactor.from_table(table).redact(PERSON)["email"] == "[redacted:email]"
    assert Redactor.from_table({}, hash_key=KEY).redact(PERSON)["email"] == "[redacted:email]"


def test_only_simple_values_are_hashed() -> None:
    redactor = Redactor.from_table({"names": "hash"}, hash_key=KEY)
    assert redactor.redact({"name": ["Jane"]}) == {"name": "[redacted:name]"}
    assert redactor.redact({"name": None}) == {"name": None}
    assert redactor.redact({"name": 17})["name"].startswith("[redacted:name:h=")


@pytest.mark.parametrize("name", ["phones", "ids", "birth_dates", "addresses", "bank", "demographics"])
def test_classes_of_which_few_values_are_possible_cannot_be_hashed(name: str) -> None:
    assert refused({name: "hash"}) == [("BW1121", f"{name} under [redaction] cannot be hashed")]


def test_such_a_class_is_masked_even_when_a_policy_is_made_without_a_table() -> None:
    redactor = Redactor(policy=Policy({"phones": "hash"}), hash_key=KEY)
    assert redactor.redact({"phone": "+41446681800"}) == {"phone": "[redacted:phone]"}


@pytest.mark.parametrize("name", ["secrets", "passwords", "password", "tokens", "api-keys", "api_key"])
@pytest.mark.parametrize("treatment", ["show", "hash", True])
def test_secrets_can_only_be_masked(name: str, treatment: object) -> None:
    assert refused({name: treatment}) == [("BW1121", f"{name} under [redaction] can only be masked")]
    assert Redactor.from_table({name: "mask"}).redact({"password": "x"}) == {"password": "[redacted:password]"}


def test_more_keys_and_patterns() -> None:
    redactor = Redactor.from_table(
        {
            "keys": ["badge number", "lockerCode"],
            "patterns": {"badge": "(?i)\\bB-[0-9]{6}\\b", "plate": "[A-Z]{2} [0-9]{5,6}"},
        }
    )
    assert redactor.redact({"badgeNumber": 4711, "LOCKER_CODE": "x", "old-badge-number": "y", "locker": 3}) == {
        "badgeNumber": "[redacted:badge-number]",
        "LOCKER_CODE": "[redacted:locker-code]",
        "old-badge-number": "[redacted:badge-number]",
        "locker": 3,
    }
    assert redactor.redact_text("b-123456 in ZH 12345") == "[redacted:pattern.badge] in [redacted:pattern.plate]"
    assert redactor.redact_text("xb-1234567") == "xb-1234567"
    assert redactor.redact({"title": "B-123456"}) == {"title": "[redacted:pattern.badge]"}


@pytest.mark.parametrize(
    ("table", "what", "fix"),
    [
        ({"emial": "mask"}, "unknown key 'emial' under [redaction]", "did you mean emails?"),
        ({"emails": "hide"}, "emails under [redaction] is 'hide'", 'write emails = "mask"'),
        ({"emails": "hsah"}, "emails under [redaction] is 'hsah'", "did you mean hash?"),
        ({"emails": 3}, "emails under [redaction] is no text", 'write emails = "mask"'),
        ({"engine": "hyperscan"}, "engine under [redaction] is 'hyperscan'", 'write engine = "auto"'),
        ({"keys": "badge"}, "keys under [redaction] must be a list of names", 'keys = ["badge number", "locker"]'),
        ({"keys": ["--"]}, "keys under [redaction] must be a list of names", 'keys = ["badge number", "locker"]'),
        ({"patterns": "x"}, "[redaction.patterns] must be a table", "[redaction.patterns]"),
        ({"patterns": {"badge": 3}}, "the pattern badge must be text", "badge"),
    ],
)
def test_what_is_unknown_or_of_the_wrong_type_is_told(table: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Redactor.from_table(table)
    (problem,) = caught.value.problems
    assert (problem.code, problem.what) == ("BW1102", what)
    assert fix in problem.fix
    assert problem.where


def test_the_file_is_checked_with_line_numbers_and_all_problems_in_one_pass(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text(
        '[redaction]\nnames = "show"\nphone = "show"\ntokens = "show"\nids = "hash"\n'
        '[redaction.patterns]\nwide = "[a-z]*"\nemail = "abcdef"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        find_deployment(tmp_path)
    told = [(problem.code, problem.where) for problem in caught.value.problems]
    assert told == [
        ("BW1102", "busway.toml:3"),
        ("BW1121", "busway.toml:4"),
        ("BW1121", "busway.toml:5"),
        ("BW1120", "busway.toml:7"),
        ("BW1120", "busway.toml:8"),
    ]
    assert "did you mean phones?" in caught.value.problems[0].fix


def test_a_good_table_passes_the_check_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text('[redaction]\nemails = "hash"\n[redaction.patterns]\nbadge = "B-[0-9]{6}"\n')
    table = find_deployment(tmp_path).table("redaction")
    assert Redactor.from_table(table).redact_text("B-123456") == "[redacted:pattern.badge]"


def test_redaction_must_be_a_table(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text('redaction = "mask"\n')
    with pytest.raises(ConfigurationError, match=r"\[redaction\] must be a table"):
        find_deployment(tmp_path)
