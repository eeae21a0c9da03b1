"""Registered secret values, and the spellings in which they turn up inside other text."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

__all__ = ["MIN_LENGTH", "SecretValues", "spellings"]

MIN_LENGTH = 8
"""Shorter values are not registered: masking every ``true`` or ``admin`` makes logs useless and guards nothing."""


def spellings(value: str) -> frozenset[str]:
    """``value`` as it is and as URLs, forms, JSON, HTML, hex and base64 write it, each of at least 8 characters."""
    data = value.encode("utf-8", "surrogatepass")
    forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], html.escape(value)}
    forms.update((json.dumps(json.dumps(value)[1:-1])[1:-1], data.hex(), data.hex().upper()))
    forms.update(_base64(data))
    return frozenset(form for form in forms if len(form) >= MIN_LENGTH)


def _base64(data: bytes) -> Iterable[str]:
    """Base64 of text that contains the value depends on where it begins: three shifts, uncertain edges cut."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[shift] : -1]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


class SecretValues:
    """An immutable set of values; :meth:`with_value` returns a larger one, so readers need no lock."""

    __slots__ = ("_forms", "_values", "shortest")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(value for value in values if len(value) >= MIN_LENGTH)
        forms = frozenset[str]().union(*map(spellings, self._values))
        # Longest first: a secret that contains another is replaced whole.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self.shortest = len(self._forms[-1]) if self._forms else 0

    def with_value(self, value: str) -> SecretValues:
        """These and ``value``; itself when the value is too short or known."""
        if len(value) < MIN_LENGTH or value in self._values:
            return self
        return SecretValues((*self._values, value))

    def replace_in(self, text: str, marker: str) -> str:
        """``text`` with every spelling of every value replaced."""
        if not self.shortest or len(text) < self.shortest:
            return text
        for form in self._forms:
            if form in text:
                text = text.replace(form, marker)
        return text
