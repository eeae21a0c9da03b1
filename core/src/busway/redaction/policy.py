"""The table ``[redaction]`` of a deployment: what happens to personal fields, and what is hidden besides.

::

    [redaction]
    emails = "hash"                    # mask (default) | hash | show, for each class of fields
    phones = "show"
    keys = ["badge number"]            # more keys whose values are hidden
    [redaction.patterns]
    badge = "B-[0-9]{6}"               # more shapes, for both engines
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from busway.errors import ConfigurationError, Problem
from busway.redaction.engine import Engine
from busway.redaction.field_classes import FIELD_CLASSES, SECRETS, Treatment
from busway.redaction.keys import SECRET_RULES, KeyRule, words_of
from busway.redaction.own_patterns import own_pattern
from busway.redaction.patterns import Pattern, default_patterns

__all__ = ["Policy", "read_policy", "table_problems"]

TREATMENTS = ("mask", "hash", "show")
ENGINES = ("auto", "re2", "re")
KNOWN = (*FIELD_CLASSES, "keys", "patterns", "engine")
SECRET_CLASSES = frozenset((SECRETS, *(f"{rule.name}{ending}" for rule in SECRET_RULES for ending in ("", "s"))))
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")

Where = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a deployment decides about redaction."""

    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    """By class of fields; a class that is not named is masked."""
    keys: tuple[str, ...] = ()
    expressions: Mapping[str, str] = field(default_factory=dict)
    engine: Engine = "auto"

    def rules(self, rules: Iterable[KeyRule]) -> list[KeyRule]:
        """Those key rules that hide something here, and the deployment's own, which come first."""
        own = [KeyRule("-".join(words_of(key)), words_of(key)) for key in self.keys]
        return [*own, *(rule for rule in rules if not self._shows(rule.field_class))]

    def patterns(self) -> tuple[Pattern, ...]:
        """Those patterns that hide something here, and the deployment's own."""
        own = (own_pattern(name, expression) for name, expression in self.expressions.items())
        return (*(one for one in default_patterns() if not self._shows(one.field_class)), *own)

    def _shows(self, field_class: str) -> bool:
        return self.treatments.get(field_class) == "show"


def read_policy(table: Mapping[str, Any], where: Where) -> Policy:
    """The policy in ``table``. Raises ``ConfigurationError`` with everything that is wrong in it."""
    problems = list(table_problems(table, where))
    if problems:
        raise ConfigurationError.of(problems)
    return Policy(
        {name: cast("Treatment", table[name]) for name in FIELD_CLASSES if name in table},
        tuple(table.get("keys", ())),
        dict(table.get("patterns", {})),
        cast("Engine", table.get("engine", "auto")),
    )


def table_problems(table: Mapping[str, Any], where: Where) -> Iterator[Problem]:
    """Everything in ``[redaction]`` that is not usable.

    BW1102 for unknown names and values, BW1120 for an expression, BW1121 for a class that may not be treated so.

    :param where: the place of a key in the file: ``where("emails")``.
    """
    for name, value in table.items():
        if name == "keys":
            yield from _key_problems(value, where)
        elif name == "patterns":
            yield from _pattern_problems(value, where)
        elif name == "engine":
            yield from _choice_problems(name, value, ENGINES, where)
        elif name in FIELD_CLASSES:
            yield from _choice_problems(name, value, TREATMENTS, where)
            yield from _hash_problems(name, value, where)
        elif name.replace("_", "-") in SECRET_CLASSES:
            yield from _secret_problems(name, value, where)
        else:
            fix = _nearest(name, KNOWN) or 'remove it; further keys to hide are listed: keys = ["badge number"]'
            yield Problem(
                "BW1102",
                f"unknown key {name!r} under [redaction]",
                where(name),
                f"known here: {', '.join(KNOWN)}",
                fix,
            )


def _choice_problems(name: str, value: Any, known: tuple[str, ...], where: Where) -> Iterator[Problem]:
    if value not in known:
        shown = repr(value) if isinstance(value, str) else "no text"
        fix = (isinstance(value, str) and _nearest(value, known)) or f'write {name} = "{known[0]}"'
        yield Problem(
            "BW1102",
            f"{name} under [redaction] is {shown}",
            where(name),
            f"known here: {', '.join(known)}",
            fix,
        )


def _hash_problems(name: str, value: Any, where: Where) -> Iterator[Problem]:
    found = FIELD_CLASSES[name]
    if value == "hash" and not found.may_hash:
        allowed = ", ".join(one.name for one in FIELD_CLASSES.values() if one.may_hash)
        why = f"so few {found.covers} are possible that each could be tried; hashes are for: {allowed}"
        fix = f'write {name} = "mask"'
        yield Problem("BW1121", f"{name} under [redaction] cannot be hashed", where(name), why, fix)


def _secret_problems(name: str, value: Any, where: Where) -> Iterator[Problem]:
    if value != "mask":
        why = "secrets are masked everywhere and always"
        yield Problem("BW1121", f"{name} under [redaction] can only be masked", where(name), why, f"remove {name}")


def _key_problems(value: Any, where: Where) -> Iterator[Problem]:
    if not (isinstance(value, list) and all(isinstance(key, str) and words_of(key) for key in value)):
        fix = 'write it as keys = ["badge number", "locker"]'
        yield Problem("BW1102", "keys under [redaction] must be a list of names", where("keys"), "", fix)


def _pattern_problems(value: Any, where: Where) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        fix = '[redaction.patterns]\nbadge = "B-[0-9]{6}"'
        yield Problem("BW1102", "[redaction.patterns] must be a table", where("patterns"), "", fix)
        return
    taken = {pattern.name for pattern in default_patterns()}
    for name, expression in value.items():
        place = where("patterns", name)
        if not _NAME.fullmatch(name) or name in taken:
            why = "there is a built-in one of this name" if name in taken else "it becomes part of the marker"
            fix = "use up to 32 of a-z, 0-9 and '-', starting with a letter"
            yield Problem("BW1120", f"{name!r} is no usable name of a pattern", place, why, fix)
        elif not isinstance(expression, str):
            yield Problem("BW1102", f"the pattern {name} must be text", place, "", f"write {name} = 'B-[0-9]{{6}}'")
        else:
            yield from _expression_problems(name, expression, place)


def _expression_problems(name: str, expression: str, place: str) -> Iterator[Problem]:
    try:
        own_pattern(name, expression)
    except ValueError as error:
        fix = "rewrite it; what is allowed: busway explain BW1120"
        yield Problem("BW1120", f"the pattern {name} is not usable", place, f"the expression {error}", fix)


def _nearest(name: str, known: Iterable[str]) -> str:
    # Imported late: names are mistyped rarely, and every start would pay for it.
    from difflib import get_close_matches

    found = get_close_matches(name.casefold(), tuple(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""
