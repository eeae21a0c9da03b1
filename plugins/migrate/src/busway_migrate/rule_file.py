"""Rule files: TOML with one table per rule, checked as a whole before the first is used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from busway.errors import ConfigurationError, Problem
from busway_migrate.rules import Level, Rule, RuleKind

__all__ = ["FLAGS", "RuleFile", "parse_rules"]

FLAGS = ("config", "data", "events")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.(\{name\}|[A-Za-z_]\w*))*(\(.*\))?", re.DOTALL)
_KEYS = {"module", "name", "attribute", "call", "becomes", "level", "since", "removed_in", "doc", "flag", "overrides"}
_TOP = {"since", "removed_in", "doc", "words", "rule"}
_WORD = re.compile(r"\{([A-Z_]+)\}")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The rules of one pack or file."""

    pack: str
    rules: tuple[Rule, ...]
    overriding: frozenset[tuple[str, str, str, str]] = frozenset()
    """Keys of those that say ``overrides = true``: they take the place of another pack's rule."""


def parse_rules(text: str, pack: str) -> RuleFile:
    """The rules in ``text``. Raises ``ConfigurationError`` BW7601 with everything that is wrong in it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError.of([_wrong(pack, "is no TOML", str(error))]) from error
    rows = table.get("rule", [])
    problems = list(_top_problems(table, pack))
    rules: list[Rule] = []
    overriding = set()
    for number, row in enumerate(rows if isinstance(rows, list) else [], 1):
        rule, wrong = _rule(row, table, pack)
        problems += [_wrong(pack, f"rule {number} {text}", why) for text, why in wrong]
        if rule is not None:
            rules.append(rule)
            overriding |= {rule.key} if row.get("overrides") is True else set()
    if problems:
        raise ConfigurationError.of(problems)
    return RuleFile(pack, tuple(rules), frozenset(overriding))


def _top_problems(table: Mapping[str, Any], pack: str) -> Iterator[Problem]:
    unknown = sorted(table.keys() - _TOP)
    if unknown:
        yield _wrong(pack, f"has unknown keys: {', '.join(unknown)}", f"known are {', '.join(sorted(_TOP))}")
    if not isinstance(table.get("rule"), list):
        yield _wrong(pack, "has no rules", "each is a table [[rule]]")


def _rule(row: Any, table: Mapping[str, Any], pack: str) -> tuple[Rule | None, list[tuple[str, str]]]:
    """The rule of one table, or what is wrong with it (what, why)."""
    if not isinstance(row, dict):
        return None, [("is no table", "write [[rule]]")]
    unknown = sorted(row.keys() - _KEYS)
    if unknown:
        return None, [(f"has unknown keys: {', '.join(unknown)}", f"known are {', '.join(sorted(_KEYS))}")]
    given = {key: row.get(key, table.get(key, "")) for key in _KEYS - {"overrides"}}
    strange = sorted(key for key, value in given.items() if not isinstance(value, str))
    if strange:
        return None, [(f"has values that are no text: {', '.join(strange)}", "every value is text")]
    if (row.get("level") or "safe") not in set(Level):
        return None, [(f"has the level {row['level']!r}", f"levels are {', '.join(Level)}")]
    given["level"] = Level(row.get("level") or "safe")
    try:
        given |= {key: _spelt_out(given[key], table) for key in ("name", "attribute")}
    except KeyError as error:
        return None, [(f"uses the word {error}", "words are defined in the table [words]")]
    rule = Rule(pack=pack, **given)
    wrong = [(f"({rule.old})", why) for why in _complaints(rule)]
    return (None if wrong else rule), wrong


def _spelt_out(text: str, table: Mapping[str, Any]) -> str:
    """``text`` with each ``{WORD}`` as the table ``[words]`` has it: a long list stands there once."""
    return _WORD.sub(lambda match: f"(?:{table.get('words', {})[match[1]]})", text)


def _complaints(rule: Rule) -> Iterator[str]:
    """Why the rule cannot be used."""
    if not _DOTTED.fullmatch(rule.module):
        yield f"module {rule.module!r} is no dotted name"
    if not rule.name:
        yield "it names nothing: name is missing"
    if rule.flag not in ("", *FLAGS):
        yield f"flag {rule.flag!r} is none of {', '.join(FLAGS)}"
    try:
        _try(rule)
    except ValueError as error:
        yield str(error)
        return
    if not rule.becomes:
        if rule.level is not Level.REPORT:
            yield "becomes is missing; only a rule of the level report does without"
        return
    if not rule.attribute and not _TARGET.fullmatch(rule.becomes):
        yield f"becomes {rule.becomes!r} is not module:name, with an attribute or call behind it"


def _try(rule: Rule) -> None:
    for pattern in (rule.name, rule.attribute):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if rule.call:
        _ = rule.shape
    if rule.becomes and rule.kind in (RuleKind.FUNCTION, RuleKind.METHOD):
        _ = rule.replacement


def _wrong(pack: str, what: str, why: str) -> Problem:
    return Problem(
        "BW7601", f"the rules of {pack} cannot be used: {what}", pack, why, "mend the rule; nothing was changed"
    )
