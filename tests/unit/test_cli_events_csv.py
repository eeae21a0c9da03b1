from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.cli.events_csv import csv_line, print_csv, safe_cell
from busway.cli.events_view import event_line, shown

FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"), [(None, ""), (-5, "-5"), (2.5, "2.5"), ("a=b", "a=b"), ({"a": 1}, '{"a": 1}')]
)
def test_other_cells_are_as_they_are(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_row_is_read_back_and_no_cell_is_a_formula(cells: list[str]) -> None:
    line = csv_line(cells)
    (row,) = csv.reader(io.StringIO(line, newline=""))
    assert len(row) == len(cells)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)
    assert "\x1b" not in line
    assert "\0" not in line


def test_csv_is_utf_8_with_a_mark_only_when_asked(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for bom in (False, True):
        print_csv(("name", "id"), [{"name": "Zoë", "id": "=1"}], bom=bom)
    out = capfdbinary.readouterr().out
    plain = "name,id\r\nZoë,'=1\r\n".encode()
    assert out == plain + b"\xef\xbb\xbf" + plain


def test_what_is_shown_cannot_move_the_cursor() -> None:
    assert shown("a\x1b[2Jb\nc\u202e") == "a\\u001b[2Jb\\u000ac\\u202e"
    assert shown(None) == ""
    row = {
        "at_ns": 0, "severity": 17, "category": "error", "operation": None, "entity_type": "e\x1b", "entity_id": "1",
        "error_kind": "k", "error_message": "m\r", "job": None, "session_id": None, "attributes": {},
    }  # fmt: skip
    assert "\x1b" not in event_line(row).replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert "\r" not in event_line(row)
