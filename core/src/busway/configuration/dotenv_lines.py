"""The assignments of a ``.env`` text, as python-dotenv reads them, with the line of each.

python-dotenv is the authority. Nearly every file has nothing but lines that leave no room for interpretation:
``NAME=value``, a quoted value without an escape, a comment, a blank line. Those are read here by one expression, which
is twenty times as fast and spares the import; everything else goes to the library. A test holds both to the same
answers.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dotenv.parser import Binding

__all__ = ["Fault", "ParsedLines", "parse_lines"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_PLAIN = re.compile(
    r"""
    [ \t\r\n]*+
    (?:
        \#[^\r\n]*+
    |
        (?:export[ \t]++)?+
        ([A-Za-z_][A-Za-z0-9_.]*+) [ \t]*+ = [ \t]*+
        (?:
            '([^'\\\r\n]*+)' [ \t]*+ (?:\#[^\r\n]*+)?+
        |
            "([^"\\\r\n]*+)" [ \t]*+ (?:\#[^\r\n]*+)?+
        |
            # A '#' begins a comment only behind a blank: it is part of "pass#word".
            ([^\s'"\#][^\r\n\#]*+ (?:(?<!\s)\#[^\r\n\#]*+)*+) (?:\#[^\r\n]*+)?+
        )?+
    )
    (?:\r\n|\n|\r|\Z)
    """,
    re.VERBOSE,
)
# Quantifiers are possessive because the library never tries again either: `export =x` is a fault, and must not be
# read as a variable called "export".
_OPENING = re.compile(r"""[^=\r\n]*=[^\S\r\n]*(?=(['"]))""")
_QUOTED = {"'": re.compile(r"'(?:\\.|[^'\\])*'", re.DOTALL), '"': re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)}
_MOST_HANDOVERS = 32
"""How often the library may be given the rest of a text anew: each time copies it."""


class Fault(NamedTuple):
    """A line that is no assignment. No text shows any of it: it may be part of a secret."""

    line: int
    reason: str
    fix: str


class ParsedLines:
    """What a text says, in its order."""

    # No dataclass, here and in what else every start imports: making one costs more than reading a usual file.
    __slots__ = ("assignments", "faults")

    def __init__(self) -> None:
        self.assignments: list[tuple[str, str, int]] = []
        """Name, value and line (from 1) of each."""
        self.faults: list[Fault] = []


def parse_lines(text: str) -> ParsedLines:
    """The assignments of ``text``; a value may be empty, and a name may come more than once.

    Lines end with LF, CRLF or CR. ``${NAME}`` stays as it is.
    """
    text = text.removeprefix("\ufeff")
    parsed, take = ParsedLines(), _PLAIN.match
    at, line, handovers = 0, 1, 0
    while at < len(text):
        plain = take(text, at)
        if plain is None:
            handovers += 1
            at, line = _hand_over(text, at, line, parsed, for_good=handovers == _MOST_HANDOVERS)
            continue
        name, single, double, bare = plain.groups()
        if name is None:
            line += _newlines(text, at, plain.end())
        else:
            if plain.start(1) != at:
                line += _newlines(text, at, plain.start(1))
            parsed.assignments.append((name, bare.rstrip() if bare else single or double or "", line))
            line += 1
        at = plain.end()
    return parsed


def _hand_over(text: str, at: int, line: int, parsed: ParsedLines, *, for_good: bool) -> tuple[int, int]:
    """Lets the library read until a plain line comes, or to the end. Returns where it stopped, and on which line."""
    for binding in _by_library(text, at):
        original = binding.original.string
        end = at + len(original)
        place = end - len(original.lstrip())
        _take(binding, text, place, line + _newlines(text, at, place), parsed)
        at, line = end, line + _newlines(text, at, end)
        if not for_good and _PLAIN.match(text, at):
            break
    return at, line


def _newlines(text: str, start: int, end: int) -> int:
    """How many line ends begin there. CR and LF together are one, where they are torn apart too: it counts at LF."""
    found = text.count("\n", start, end)
    returns = text.count("\r", start, end)
    return found + returns - text.count("\r\n", start, end + 1) if returns else found


def _by_library(text: str, start: int) -> Iterator[Binding]:
    """What python-dotenv makes of ``text`` from ``start`` on; the originals together are that text."""
    from dotenv.parser import parse_stream

    # The library drops a byte order mark from the front of a stream, and this is not the front: hence the line feed.
    bindings = parse_stream(io.StringIO(f"\n{text[start:]}", newline=""))
    first = next(bindings)
    yield first._replace(original=first.original._replace(string=first.original.string[1:]))
    yield from bindings


def _take(binding: Binding, text: str, place: int, line: int, parsed: ParsedLines) -> None:
    """Takes over a binding that begins at ``place``."""
    if binding.error:
        parsed.faults.append(_fault(text, place, line))
    elif binding.key is None:
        # A comment, or blanks at the end.
        return
    elif binding.value is None or not _NAME.fullmatch(binding.key):
        parsed.faults.append(_no_assignment(line))
    else:
        parsed.assignments.append((binding.key, binding.value, line))


def _fault(text: str, place: int, line: int) -> Fault:
    """Why the line at ``place`` cannot be read: a quote, or no assignment at all."""
    opening = _OPENING.match(text, place)
    if opening is None:
        return _no_assignment(line)
    quote = opening.group(1)
    closed = _QUOTED[quote].match(text, opening.end())
    close = f"end the value with {quote}, and write \\{quote} for a {quote} inside it"
    if closed is None:
        return Fault(line, f"a value begins with {quote} and the quote is not closed", close)
    last = line + _newlines(text, *closed.span())
    where = "" if last == line else f" on line {last}"
    return Fault(line, f"a value begins with {quote}, the quote closes{where}, and more text follows it", close)


def _no_assignment(line: int) -> Fault:
    return Fault(line, "the line is not NAME=value", "write NAME='value'; put a value of several lines in quotes")
