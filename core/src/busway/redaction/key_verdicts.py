"""What becomes of keys and of what is below them, remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from busway.redaction.keys import KeyRules
from busway.redaction.markers import Markers

__all__ = ["KeyVerdicts", "Verdict"]

MAX_VERDICTS = 10_000
"""Keys remembered; entity ids used as keys must not fill the memory."""
MAX_REMEMBERED = 200
"""Longer keys are judged each time."""
MAX_JUDGED = 2_000
"""Characters at the end of a key that are judged: that is where rules look."""
PLAIN_KEYS = frozenset((int, float, bool, type(None), date, datetime, UUID))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a key that is not ordinary."""

    key: str
    """The key as it may be shown."""
    rule: str | None
    """The rule that hides its value, if one does."""


class KeyVerdicts:
    """Judges keys by rules and hides secrets in the keys themselves.

    A verdict holds for one state of the rules: whoever registers a value starts with new verdicts.
    """

    def __init__(self, rules: KeyRules, markers: Markers, text: Callable[[str], str]) -> None:
        self._rules = rules
        self._markers = markers
        self._text = text
        self.ordinary: set[Any] = set()
        """Keys that were found to call for nothing."""
        self._special: dict[str, Verdict] = {}

    def all_ordinary(self, node: dict[Any, Any]) -> bool:
        """True when no key of ``node`` calls for anything."""
        if self.ordinary.issuperset(node):
            return True
        return all(self.of(key) is None if type(key) is str else type(key) in PLAIN_KEYS for key in node)

    def shown_values(self, node: Mapping[Any, Any]) -> list[Any]:
        """The values of ``node`` that no key rule hides."""
        return [item for key, item in node.items() if not (found := self.of(key)) or found.rule is None]

    def of(self, key: Any) -> Verdict | None:
        """The verdict on ``key``; ``None`` for an ordinary one."""
        if key in self.ordinary or type(key) is not str:
            return None
        return self._special.get(key) or self._judge(key)

    def _judge(self, key: str) -> Verdict | None:
        rule = None if key in self._markers else self._rules.match(key[-MAX_JUDGED:])
        shown = self._text(key)
        verdict = None if rule is None and shown == key else Verdict(shown, rule)
        if len(key) <= MAX_REMEMBERED:
            self._remember(key, verdict)
        return verdict

    def _remember(self, key: str, verdict: Verdict | None) -> None:
        if len(self.ordinary) + len(self._special) >= MAX_VERDICTS:
            self.ordinary, self._special = set(), {}
        if verdict is None:
            self.ordinary.add(key)
        else:
            self._special[key] = verdict
