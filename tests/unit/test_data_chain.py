"""The validator chain of the data manager."""

from __future__ import annotations

from builders.data_managers import open_manager
from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway.plugins.origins import Origin, note_origin


class Upper:
    entity = "employee"

    def validate(self, record: Record) -> Validation:
        return Validation({**record, "name": str(record["name"]).upper()})


class Raising:
    entity = "employee"

    def validate(self, record: Record) -> Validation:
        raise ValueError(f"cannot stand {record['name']}")


def test_a_validator_that_raises_makes_the_record_invalid_and_is_named() -> None:
    rules = Raising()
    note_origin(rules, Origin("validators", "rules", "acme-busway-rules", "1.2", "acme_rules"))
    data = open_manager(validators={"employee": [rules, Upper()]})
    valid, errors, record = data.validate_employee_data({"name": "Jane Roe"}, "1", "Jane Roe")
    assert not valid
    assert errors == ["validator Raising of acme-busway-rules 1.2 raised ValueError"]
    assert record == {"name": "JANE ROE"}, "the others still run"
