from __future__ import annotations

import pytest

from acme_busway_rules import PersonRules
from busway import Record
from busway.testing import ValidatorContract


class TestPersonRules(ValidatorContract):
    @pytest.fixture
    def validator(self) -> PersonRules:
        return PersonRules("example.test")

    @pytest.fixture
    def valid(self) -> list[Record]:
        return [{"number": "1", "name": " Ada   Example ", "email": " ADA@example.test"}]

    @pytest.fixture
    def invalid(self) -> list[tuple[str, Record]]:
        return [
            ("name", {"name": "", "email": "ada@example.test"}),
            ("email", {"name": "Ada Example", "email": "nobody"}),
            ("email", {"name": "Ada Example", "email": "ada@elsewhere.test"}),
        ]


def test_a_record_is_tidied() -> None:
    verdict = PersonRules("").validate({"number": "1", "name": " Ada   Example ", "email": " ADA@example.test"})
    assert verdict.record == {"number": "1", "name": "Ada Example", "email": "ada@example.test"}
