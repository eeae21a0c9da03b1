"""Errors read well and carry the right exit codes."""

from __future__ import annotations

import pytest

from busway import errors
from busway.errors import BuswayError, ConfigurationError, Problem, RejectedRecordError, UsageError


def test_a_problem_reads_as_code_where_why_fix() -> None:
    problem = Problem("BW1101", "the file cannot be read", "busway.toml:3", "a quote is missing", "close it\nand save")
    assert problem.render() == (
        "error[BW1101]: the file cannot be read\n"
        "  where busway.toml:3\n"
        "  why   a quote is missing\n"
        "  fix   close it\n"
        "        and save"
    )


def test_parts_that_are_not_known_are_left_out() -> None:
    assert Problem("BW1002", "no such command").render("held") == "held[BW1002]: no such command"


def test_many_problems_are_one_error_of_the_class_asked() -> None:
    error = ConfigurationError.of([Problem("BW1102", "first"), Problem("BW1103", "second")])
    assert isinstance(error, ConfigurationError)
    assert [problem.code for problem in error.problems] == ["BW1102", "BW1103"]
    assert error.render().count("error[") == 2


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("BuswayError", 1),
        ("UsageError", 2),
        ("ConfigurationError", 3),
        ("PluginError", 3),
        ("RefusedError", 4),
        ("RejectedRecordError", 4),
        ("UnreachableError", 5),
        ("IncompleteReadError", 5),
        ("RecordsFailedError", 6),
        ("HeldError", 7),
    ],
)
def test_exit_codes(name: str, exit_code: int) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, BuswayError)
    assert kind.exit_code == exit_code
    assert name in str(errors.__doc__), "the tree in the docstring names every class"


def test_a_rejected_record_names_its_fields() -> None:
    error = RejectedRecordError("refused", fields={"email": ["taken"]}, status=422)
    assert error.fields == {"email": ("taken",)}
    assert error.status == 422


def test_the_message_holds_code_and_what_only() -> None:
    assert str(UsageError("BW1002", "no such command", why="secret cause")) == "BW1002: no such command"
