"""Expressions that a deployment adds, read strictly enough to be safe.

What is allowed means the same to `re` and to RE2, and cannot take long: characters, classes, groups, alternatives and
bounded repetition. A repeated group must not vary inside, and all that varies together has at most `MAX_WAYS` ways:
backtracking has nothing to explore.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from busway.redaction.patterns import Pattern

__all__ = ["own_pattern"]

MAX_LENGTH = 500
MAX_REPEAT = 1000
MAX_WAYS = 1000
MIN_WIDTH = 4
_COUNT = re.compile(r"\{(\d{1,9})(?:(,)(\d{0,9}))?\}")
_SPACES = r" \t\n\r\f\v"


@dataclass(slots=True)
class _Part:
    """A piece of an expression: its text for both engines, the least it matches, the ways in which it can match."""

    text: str
    width: int = 1
    ways: int = 1


def own_pattern(name: str, expression: str) -> Pattern:
    """The pattern ``name`` of a deployment.

    Raises ``ValueError`` with a reason, in words that follow "the expression", when it is not usable.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    flags = "(?i)" if expression.startswith("(?i)") else ""
    reader = _Reader(expression, len(flags))
    part = reader.alternatives()
    if reader.at < len(expression):
        raise ValueError(f"has an unmatched ')' at character {reader.at + 1}")
    if part.width < MIN_WIDTH:
        raise ValueError(f"can match fewer than {MIN_WIDTH} characters, which would mask almost everything")
    text = flags + part.text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            regex = re.compile(text, re.ASCII)
        except (re.error, FutureWarning, OverflowError) as error:
            raise ValueError(f"cannot be read: {error}") from None
    return Pattern(name, regex, text, span=re.Match.span)


class _Reader:
    """Reads an expression from left to right. Each method raises ``ValueError`` for what is not allowed."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def alternatives(self) -> _Part:
        parts = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        return _Part("|".join(part.text for part in parts), min(part.width for part in parts), _sum_of_ways(parts))

    def _sequence(self) -> _Part:
        whole = _Part("", 0)
        while self._next() not in ("", "|", ")"):
            part = self._repeated(self._atom())
            whole = _Part(whole.text + part.text, whole.width + part.width, whole.ways * part.ways)
            if whole.ways > MAX_WAYS:
                raise ValueError("has so many ways to match that it could take long; narrow its repetitions")
        return whole

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _atom(self) -> _Part:
        char = self._next()
        self.at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$":
            raise ValueError(f"has the anchor {char}; texts are searched, not matched as a whole: leave it out")
        if char in "*+?{":
            raise ValueError(f"has {char} at character {self.at} with nothing to repeat; a literal one is \\{char}")
        return _Part(char)

    def _group(self) -> _Part:
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self._next() == "?":
            raise ValueError("has look-around, a named group or flags inside; allowed are (?:...) and a leading (?i)")
        inner = self.alternatives()
        if self._next() != ")":
            raise ValueError("has an unmatched '('")
        self.at += 1
        return _Part(f"(?:{inner.text})", inner.width, inner.ways)

    def _class(self) -> _Part:
        start = self.at
        self.at += self.text.startswith("^", start)
        self.at += self._next() == "]"  # one that comes first is a character
        while self._next() != "]":
            if self._next() in ("", "["):
                raise ValueError("has a class that does not end, or an unescaped '[' in one")
            self.at += 2 if self._next() == "\\" else 1
        inner = self.text[start : self.at]
        self.at += 1
        for escape in re.findall(r"\\(.)", inner, re.DOTALL):
            if escape not in "dwstrnfv" and (escape.isalnum() or not escape.isascii()):
                raise ValueError(f"has \\{escape} in a class, which the engines do not understand alike")
        return _Part(f"[{inner}]".replace("\\s", _SPACES))

    def _escape(self) -> _Part:
        char = self._next()
        self.at += 1
        if char in "dDwWtrnfv" and char:
            return _Part("\\" + char)
        if char in "sS" and char:
            return _Part(f"[{'^' if char == 'S' else ''}{_SPACES}]")
        if char == "b":
            return _Part("\\b", 0)
        if char.isdigit():
            raise ValueError(f"has the back-reference \\{char}")
        if not char or char.isalnum() or not char.isascii():
            raise ValueError(f"has \\{char}, which the engines do not understand alike")
        return _Part("\\" + char)

    def _repeated(self, part: _Part) -> _Part:
        least, most, mark = self._count()
        if not mark:
            return part
        if most > MAX_REPEAT:
            raise ValueError(f"repeats more than {MAX_REPEAT} times")
        if part.width == 0 or (most > 1 and part.ways > 1):
            raise ValueError("repeats a group that varies inside or can be empty; write the repetition out")
        if self._next() in ("*", "+", "?", "{"):
            raise ValueError("has two repetition marks after each other")
        return _Part(part.text + mark, part.width * least, part.ways * (most - least + 1))

    def _count(self) -> tuple[int, int, str]:
        char = self._next()
        if char == "?":
            self.at += 1
            return 0, 1, "?"
        found = _COUNT.match(self.text, self.at)
        if char in ("*", "+") or (found and found[2] and not found[3]):
            raise ValueError("repeats without a bound; write {0,50} for * and {1,50} for +")
        if char != "{":
            return 1, 1, ""
        if not found:
            raise ValueError("has '{' without a count; a literal one is \\{")
        self.at = found.end()
        least = int(found[1])
        return least, int(found[3] or least), found[0]


def _sum_of_ways(parts: list[_Part]) -> int:
    return sum(part.ways for part in parts)
