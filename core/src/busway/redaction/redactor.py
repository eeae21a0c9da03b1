"""The redactor: what passes through it may be written down."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from busway.metrics.registry import Metrics
from busway.redaction.keys import DEFAULT_RULES, KeyRule, KeyRules
from busway.redaction.patterns import redact_patterns
from busway.redaction.values import SecretValues

__all__ = ["Redactor"]

SECRET_MARKER = "[redacted:secret]"
ERROR_MARKER = "[redacted:error]"
DEPTH_MARKER = "[redacted:depth]"
OBJECT_MARKER = "[redacted:object]"
MAX_DEPTH = 32
MAX_VERDICTS = 10_000
"""Keys remembered; entity ids used as keys must not fill the memory."""

PLAIN = frozenset((int, float, bool, type(None), datetime, date, time, timedelta, Decimal, UUID))
UNSEEN: Any = object()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of a key that is not ordinary."""

    key: str
    rule: str | None

    def applied(self, item: Any, redacted: Any) -> Any:
        if self.rule is None:
            return redacted
        return item if item is None or item is True or item is False else f"[redacted:{self.rule}]"


class Redactor:
    """Replaces values by markers that name the rule and never the match: ``[redacted:password]``.

    A value goes when its key is on the rules (``None`` and booleans stay), when it contains a registered secret in
    one of its usual spellings, or when it has the shape of a secret. Input is never changed: what needs no redaction
    is returned as it is, anything else as a copy. Errors inside give a marker and are counted in :attr:`failures`.
    Safe to use from many threads.
    """

    def __init__(
        self,
        secret_values: Iterable[str] = (),
        rules: Iterable[KeyRule] = DEFAULT_RULES,
        *,
        metrics: Metrics | None = None,
    ) -> None:
        self._values = SecretValues(secret_values)
        self._rules = KeyRules(rules)
        self._verdicts: dict[Any, _Verdict | None] = {}
        self._registering = threading.Lock()
        self._metrics = metrics or Metrics()
        self.failures = 0
        """Values replaced because redacting them raised."""

    def register(self, value: str) -> None:
        """Makes ``value`` a secret from now on, unless it is too short to be one (under 8 characters)."""
        with self._registering:
            self._values = self._values.with_value(value)
            self._verdicts = {}  # a key may contain the value; whoever is judging one writes to the old dictionary

    def redact(self, value: Any) -> Any:
        """``value`` without what must not be shown."""
        try:
            return self._redact(value, 0)
        except Exception:
            return self._failed()

    def redact_text(self, text: str) -> str:
        """The same for one string."""
        try:
            return redact_patterns(self._values.replace_in(text, SECRET_MARKER))
        except Exception:
            return self._failed()

    def _failed(self) -> str:
        self.failures += 1
        self._metrics.counter("busway_redaction_failures_total", "Values dropped because redaction failed.").add()
        return ERROR_MARKER

    def _redact(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self.redact_text(value)
        if kind in PLAIN:
            return value
        if depth >= MAX_DEPTH:
            return DEPTH_MARKER
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list or kind is tuple:
            return self._sequence(value, depth)
        return self._other(value, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
        verdicts, copy = self._verdicts, None
        for key, item in value.items():
            verdict = verdicts.get(key, UNSEEN)
            if verdict is UNSEEN:
                verdict = self._judge(key, verdicts)
            if verdict is None:
                new_item = self._redact(item, depth + 1)
                if new_item is item:
                    continue
                new_key = key
            else:
                new_key, new_item = verdict.key, verdict.applied(item, self._redact(item, depth + 1))
            copy = dict(value) if copy is None else copy
            if new_key != key:
                del copy[key]
            copy[new_key] = new_item
        return value if copy is None else copy

    def _judge(self, key: Any, verdicts: dict[Any, _Verdict | None]) -> _Verdict | None:
        """What to do below ``key``, remembered; ``None`` for the ordinary key, which is most of them."""
        if not isinstance(key, str):
            return None
        rule, shown = self._rules.match(key), self.redact_text(key)
        verdict = None if rule is None and shown == key else _Verdict(shown, rule)
        if len(verdicts) >= MAX_VERDICTS:
            verdicts.clear()
        verdicts[key] = verdict
        return verdict

    def _sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        redacted = [self._redact(item, depth + 1) for item in value]
        if all(new is old for new, old in zip(redacted, value, strict=True)):
            return value
        return redacted if type(value) is list else tuple(redacted)

    def _other(self, value: Any, depth: int) -> Any:
        """Everything but the common types, made of common types when it had to be changed."""
        if isinstance(value, Enum):
            return self._unless_same(value, self._redact(value.value, depth + 1), value.value)
        if isinstance(value, str):
            return self._unless_same(value, self.redact_text(str(value)), str(value))
        if isinstance(value, (bytes, bytearray, memoryview)):
            text = bytes(value).decode("utf-8", "replace")
            return self.redact_text(text)
        if isinstance(value, (set, frozenset, list, tuple)):
            return self._sequence(list(value), depth)
        if isinstance(value, Mapping):
            return self._mapping(dict(value), depth)
        return self._object(value, depth)

    def _object(self, value: Any, depth: int) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return self._mapping({field.name: getattr(value, field.name) for field in fields(value)}, depth)
        if isinstance(value, PurePath):
            return self.redact_text(str(value))
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {self.redact_text(str(value))}"
        if isinstance(value, (int, float, date, time)):
            return value
        # The text of an unknown object is whatever its author chose to put there.
        return OBJECT_MARKER

    @staticmethod
    def _unless_same(value: Any, redacted: Any, plain: Any) -> Any:
        return value if redacted == plain else redacted
