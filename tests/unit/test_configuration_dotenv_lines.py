"""The lines of a .env: the fast way and python-dotenv give the same answers for every text."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from dotenv.parser import Binding, parse_stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from busway.configuration import dotenv_lines
from busway.configuration.dotenv_lines import parse_lines

_NEWLINE = re.compile(r"\r\n|\n|\r")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def by_library(text: str) -> tuple[list[tuple[str, str, int]], list[int]]:
    """What python-dotenv says: assignments with their lines, and the lines that are none."""
    assignments, faults, at = [], [], 0
    bindings = list(parse_stream(io.StringIO(text, newline="")))
    text = text.removeprefix("\ufeff")
    for binding in bindings:
        original = binding.original.string
        start = at + len(original) - len(original.lstrip())
        line = len(_NEWLINE.findall(text[:start])) + 1
        at += len(original)
        if binding.error or (binding.key is not None and not _is_assignment(binding.key, binding.value)):
            faults.append(line)
        elif binding.key is not None:
            assignments.append((binding.key, binding.value or "", line))
    assert at == len(text)
    return assignments, faults


def _is_assignment(key: str, value: str | None) -> bool:
    return value is not None and _NAME.fullmatch(key) is not None


def by_us(text: str) -> tuple[list[tuple[str, str, int]], list[int]]:
    parsed = parse_lines(text)
    return parsed.assignments, [fault.line for fault in parsed.faults]


NAMES = st.sampled_from(
    ["A", "B", "_x", "a.b", "export", "'Q'", "1A", "A-B", "é", "A B", "", "#A", "export A", "\ufeffA"]
)
BLANKS = st.sampled_from(["", "", "", " ", "\t", "\xa0", "\x0b", "\u2003"])
PIECES = st.sampled_from(
    [
        *[
            "x",
            "pass#word",
            " # c",
            "#",
            "\\",
            "\\'",
            '\\"',
            "\\n",
            "'",
            '"',
            "$A",
            "${A}",
            "=",
            " ",
            "\t",
            "\xa0",
            "\x1c",
        ],
        *["\x00", "é", "😀", "\u2028", "\x85", "\x0c", "export ", "\n", "\r\n", "\r", "\ufeff"],
    ]
)
VALUES = st.lists(PIECES, max_size=5).map("".join)
QUOTED = st.builds(
    lambda quote, inner, closed: quote + inner + (quote if closed else ""),
    st.sampled_from(["'", '"']),
    VALUES,
    st.sampled_from([True, True, True, False]),
)
LINES = st.builds(
    lambda *parts: "".join(parts),
    BLANKS,
    st.sampled_from(["", "", "export ", "export\t", "export"]),
    NAMES,
    BLANKS,
    st.sampled_from(["=", "=", "=", "=", "", "=="]),
    BLANKS,
    st.one_of(VALUES, QUOTED, st.text(max_size=6)),
    st.sampled_from(["", "", " ", " # c", "#c", " x"]),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "", "\n\n", "\x0c\n"]),
)
TEXTS = st.one_of(
    st.builds(lambda mark, lines: mark + "".join(lines), st.sampled_from(["", "\ufeff"]), st.lists(LINES, max_size=6)),
    st.text(st.sampled_from("A=x '\"#\\\n\r\t\ufeffexport"), max_size=24),
)


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
@example("export =x\n")
@example("export\n=x\n")
@example("A=\n=B\n")
@example("A='x' y\nB=1\n")
@example("A=x\n\ufeffB=1\n")
@example("A= # c\n")
@example("A=#c\n")
@example("A=a#b # c\n")
@example("A=a \xa0#c\n")
@example("A='\n' # x\nB=1\r\n\r\nC=\"\\n\"\nD=1")
@example("A\r=1")
def test_every_text_reads_as_python_dotenv_reads_it(text: str) -> None:
    assert by_us(text) == by_library(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=6).map("".join))
def test_the_limit_of_handovers_changes_no_answer(text: str) -> None:
    assert by_us(text * 40) == by_library(text * 40)


def test_plain_lines_are_read_without_the_library() -> None:
    program = (
        "import sys; from busway.configuration.dotenv_lines import parse_lines\n"
        "text = '# c\\n\\nA=1\\r\\nexport B=two # c\\nC=\\'#3\\'\\nD=\"4 \" # c\\nE=p#w\\nF=\\n'\n"
        "print([a[:2] for a in parse_lines(text).assignments], 'dotenv' in sys.modules)\n"
        "parse_lines('A=\"\\\\n\"'); print('dotenv' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    expected = [("A", "1"), ("B", "two"), ("C", "#3"), ("D", "4 "), ("E", "p#w"), ("F", "")]
    assert answer.stdout.splitlines() == [f"{expected} False", "True"]


def test_the_library_gets_the_rest_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[int] = []
    original = dotenv_lines._by_library

    def noted(text: str, start: int) -> Iterator[Binding]:
        starts.append(start)
        return original(text, start)

    monkeypatch.setattr(dotenv_lines, "_by_library", noted)
    parsed = parse_lines("A=1\nB='\\''\n" * 500)
    assert len(parsed.assignments) == 1000
    assert len(starts) == 32


@pytest.mark.parametrize(
    ("text", "line", "reason", "fix"),
    [
        (
            "A=1\nB='canary\nC=2\n",
            2,
            "a value begins with ' and the quote is not closed",
            "end the value with ', and write \\' for a ' inside it",
        ),
        (
            'A="canary',
            1,
            'a value begins with " and the quote is not closed',
            'end the value with ", and write \\" for a " inside it',
        ),
        (
            "A=1\r\n\r\nB='canary\r\nC='2'\r\n",
            3,
            "a value begins with ', the quote closes on line 4, and more text follows it",
            "end the value with ', and write \\' for a ' inside it",
        ),
        (
            "export A = 'can'ary\n",
            1,
            "a value begins with ', the quote closes, and more text follows it",
            "end the value with ', and write \\' for a ' inside it",
        ),
        (
            "\n\ncanary\n",
            3,
            "the line is not NAME=value",
            "write NAME='value'; put a value of several lines in quotes",
        ),
        (
            "can ary=1\n",
            1,
            "the line is not NAME=value",
            "write NAME='value'; put a value of several lines in quotes",
        ),
    ],
)
def test_what_is_wrong_with_a_line(text: str, line: int, reason: str, fix: str) -> None:
    (fault,) = parse_lines(text).faults
    assert (fault.line, fault.reason, fault.fix) == (line, reason, fix)


def test_repr_shows_no_value() -> None:
    assert "canary" not in repr(parse_lines("A=canary\nB='canary\n"))
