"""The redactor: what passes through it may be written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from busway.metrics.registry import Metrics
from busway.redaction import markers as marks
from busway.redaction.engine import Engine, gate_of
from busway.redaction.key_verdicts import KeyVerdicts
from busway.redaction.keys import DEFAULT_RULES, KeyRule, KeyRules
from busway.redaction.markers import Markers
from busway.redaction.policy import Policy, read_policy
from busway.redaction.survey import CONTAINERS, MAX_CHARS, PLAIN, is_plain, survey
from busway.redaction.sweep import Sweep
from busway.redaction.text_rules import MAX_TEXT, TextRules
from busway.redaction.values import SecretValues

__all__ = ["Redactor"]

BACKSLASH = ord("\\")


class Redactor:
    """Replaces values by markers that name the rule and never the match: ``[redacted:password]``.

    A value goes when its key is on the rules (``None`` and booleans stay), when it contains a registered secret in
    one of its usual spellings, or when it has the shape of a secret or of personal data. Input is never changed: what
    needs no redaction is returned as it is, anything else as a copy. Nothing is ever raised for what is in a value:
    errors inside give a marker and are counted in :attr:`failures`. Safe to use from many threads.

    :param policy: what a deployment decides, see :meth:`from_table`.
    :param hash_key: up to 64 secret bytes of the installation, for classes of fields that are hashed.
    :param engine: ``auto`` takes RE2 (extra ``busway[fast]``) when it is installed; the answers are the same.
    :raises ConfigurationError: BW1122 when ``engine`` is ``re2`` and it is not installed.
    """

    def __init__(
        self,
        secret_values: Iterable[str] = (),
        rules: Iterable[KeyRule] = DEFAULT_RULES,
        *,
        policy: Policy | None = None,
        hash_key: bytes | None = None,
        metrics: Metrics | None = None,
        engine: Engine = "auto",
    ) -> None:
        chosen = policy or Policy()
        patterns = chosen.patterns()
        self._keys = KeyRules(chosen.rules(rules))
        classes = {**self._keys.field_classes, **{pattern.rule: pattern.field_class for pattern in patterns}}
        self._markers = Markers(classes, chosen.treatments, hash_key)
        values = SecretValues(secret_values)
        self._text = TextRules(values, patterns, gate_of(patterns, values, engine), self._markers)
        self._metrics = metrics or Metrics()
        self._verdicts = self._new_verdicts()
        self._counting = threading.Lock()
        self.failures = 0
        """Values replaced because redacting them raised."""

    @classmethod
    def from_table(
        cls,
        table: Mapping[str, Any],
        where: Callable[..., str] = lambda *path: ".".join(("[redaction]", *path)),
        *,
        hash_key: bytes | None = None,
        metrics: Metrics | None = None,
    ) -> Redactor:
        """The redactor for the table ``[redaction]`` of a deployment.

        :param where: the place of a key in the file, for errors.
        :raises ConfigurationError: BW1102, BW1120 or BW1121 for everything in the table that is not usable, BW1122
            when it asks for an engine that is not installed.
        """
        policy = read_policy(table, where)
        return cls(policy=policy, hash_key=hash_key, metrics=metrics, engine=policy.engine)

    def register(self, value: str, source: str = "") -> None:
        """Makes ``value`` a secret from now on, unless it is too weak to be masked (see `values.weakness`).

        :param source: whose value it is; a value that several have stays a secret until all have retired it.
        """
        if self._text.values.add(value, source):
            self._verdicts = self._new_verdicts()  # a key may contain the value

    def retire(self, value: str, source: str = "") -> None:
        """Forgets a value that was rotated away, so that it may be shown again."""
        if self._text.values.discard(value, source):
            self._verdicts = self._new_verdicts()

    def redact(self, value: Any) -> Any:
        """``value`` without what must not be shown."""
        try:
            return self._redacted(value)
        except Exception:
            return self.dropped()

    def redact_text(self, text: str) -> str:
        """The same for one string."""
        try:
            return self._text.redacted(text)
        except Exception:
            return self.dropped()

    def clean_json(self, record: dict[str, Any], judged: dict[str, Any], harmless: int = 0) -> bytes | None:
        """``record`` as UTF-8 JSON if nothing in it needs to be redacted, which is most often so; ``None`` in doubt.

        JSON without a backslash holds every text as it is, so one look at all of it by the accelerator is enough.
        Without that it is always in doubt. Never fails.

        :param judged: the part of ``record`` whose keys matter; in all others they are the core's own.
        :param harmless: bytes at the beginning that are known to hold nothing.
        """
        try:
            if self._text.gate is None or not is_plain(judged, self._verdicts):
                return None
            body = orjson.dumps(record)
            if len(body) > MAX_TEXT or BACKSLASH in body:
                return None
            return body if self._text.is_clean(body[harmless:]) else None
        except Exception:
            return None  # what is unusual, such as a lone surrogate, is for `redact`

    def _redacted(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text.redacted(value)
        if kind in PLAIN:
            return value
        verdicts = self._verdicts
        text: Callable[[str], str] = _Allowance(self.redact_text)
        found = survey(value, verdicts) if kind in CONTAINERS else None
        if found is not None:
            choice = self._text.choice("\n".join(found.texts))
            if choice is None and not found.has_keys:
                return value
            text = _same if choice is None else partial(self._text.redacted, choice=choice)
        return Sweep(verdicts, self._markers, text, self.dropped).redacted(value)

    def _new_verdicts(self) -> KeyVerdicts:
        return KeyVerdicts(self._keys, self._markers, self._text.redacted)

    def dropped(self) -> str:
        """Counts something that had to be dropped because it could not be redacted; the answer is its marker."""
        with self._counting:
            self.failures += 1
        self._metrics.counter("busway_redaction_failures_total", "Values dropped because redaction failed.").add()
        return marks.ERROR


class _Allowance:
    """Redacts the texts of one value until they are too many characters together."""

    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = text
        self._left = MAX_CHARS

    def __call__(self, text: str) -> str:
        self._left -= min(len(text), MAX_TEXT)
        return self._text(text) if self._left >= 0 else marks.TOO_LONG


def _same(text: str) -> str:
    return text
