from __future__ import annotations

import pytest

from acme_busway_rules import PersonRules


def test_a_record_is_tidied_and_left_alone() -> None:
    record = {"number": "1", "name": " Ada   Example ", "email": " ADA@example.test"}
    verdict = PersonRules("").validate(record)
    assert verdict.valid
    assert verdict.record == {"number": "1", "name": "Ada Example", "email": "ada@example.test"}
    assert record["name"] == " Ada   Example "


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"name": "", "email": "a@example.test"}, "name: is empty"),
        ({"name": "A", "email": "nobody"}, "email: is not an address"),
        ({"name": "A", "email": "a@elsewhere.test"}, "email: is not in example.test"),
    ],
)
def test_what_is_wrong_is_named_without_the_value(record: dict[str, str], error: str) -> None:
    assert PersonRules("example.test").validate(record).errors == (error,)
