"""What ``forget`` erases, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.error_journal import ErrorJournal, error_record
from busway.events.forgetting import Forgotten, erased, forget
from busway.events.journal_line import encode_line
from busway.events.ledger import Ledger, bring_up_to_date
from busway.stores.dead_letters import DeadLetter

NAME = "Zebulon-4711"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[ErrorJournal]:
    made = ErrorJournal(tmp_path)
    yield made
    made.state.close()


def fill(journal: ErrorJournal) -> None:
    change = {"category": "change", "error": None, "severity": 9, "attributes": {"operation": "created", "n": NAME}}
    journal.write(error_record("a", 1, **change, entity_id=NAME))
    journal.error(f"{NAME} is broken", entity_id=NAME)
    journal.error("another", entity_id="other")
    journal.error("same id, other kind", entity_id=NAME, entity_type="title")
    assert bring_up_to_date(journal.state.state_dir)
    dead = error_record(f"dead {NAME}", entity_id=NAME)
    journal.state.dead_letters.add([DeadLetter("mail", dead["event_id"], f"no box {NAME}", dead, 1)])


def kept(journal: ErrorJournal) -> bytes:
    files = [path for path in journal.state.state_dir.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def test_a_record_is_erased_everywhere_and_what_happened_stays(journal: ErrorJournal) -> None:
    fill(journal)
    journal.state.open_sessions.all()
    assert forget(journal.state, "employee", NAME, dry_run=True) == Forgotten(2, 2, 1)
    assert kept(journal).count(NAME.encode()) > 5
    assert forget(journal.state, "employee", NAME) == Forgotten(2, 2, 1)
    assert forget(journal.state, "title", NAME).total == 2
    assert NAME.encode() not in kept(journal)
    with closing(Ledger(journal.state.state_dir)) as ledger:
        (change,) = ledger.changes()
        assert (change.operation, change.entity_type, change.entity_id) == ("created", "employee", None)
        assert [row.message for row in ledger.errors()] == ["", "another", ""]
    (letter,) = journal.state.dead_letters.of()
    assert (letter.event["entity_id"], letter.event["error"]["message"], letter.reason) == ("", "", "")
    assert forget(journal.state, "employee", NAME).total == 0


def test_lines_stay_where_they_are_and_readable(journal: ErrorJournal) -> None:
    fill(journal)
    before = [(line.file, line.end) for file in journal.folder.files() for line in journal.folder.lines(file)]
    forget(journal.state, "employee", NAME)
    after = [line for file in journal.folder.files() for line in journal.folder.lines(file)]
    assert [(line.file, line.end) for line in after] == before
    assert all(line.record is not None for line in after)


def test_a_rebuilt_ledger_does_not_remember(journal: ErrorJournal) -> None:
    fill(journal)
    forget(journal.state, "employee", NAME)
    (journal.state.state_dir / "ledger.db").write_bytes(b"damaged" * 1000)
    with closing(Ledger(journal.state.state_dir)) as ledger:
        assert NAME not in [row.entity_id for row in ledger.errors(entity="employee")]
        assert len(ledger.errors(entity="employee")) == 2
    assert forget(journal.state, "employee", NAME).copies[0].startswith("ledger.db.damaged-")


@given(
    st.text(min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
    st.text(max_size=5) | st.none(),
)
def test_what_stays_is_never_longer(entity_id: str, attributes: dict[str, object], message: str | None) -> None:
    record = error_record(message or "", entity_id=entity_id, attributes=attributes)
    if message is None:
        record["error"] = None
    assert len(encode_line(erased(record))) <= len(encode_line(record))
