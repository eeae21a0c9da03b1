"""The forms in which a secret turns up inside other text."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

__all__ = ["MIN_LENGTH", "MIN_LINE", "spellings"]

MIN_LENGTH = 8
"""Shorter forms are not looked for: masking every ``true`` or ``admin`` makes logs useless and guards nothing."""
MIN_LINE = 12
"""Lines of a multi-line value are looked for on their own from this length: shorter ones occur elsewhere."""

_ESCAPE = re.compile(r"%[0-9A-F]{2}")


def spellings(value: str) -> frozenset[str]:
    """``value`` as it is and as URLs, forms, JSON, HTML, Python, hex and base64 write it, each in composed and
    decomposed Unicode; of a value with several lines also each line, and all of them joined."""
    forms: set[str] = set()
    for whole in {value, value.strip(), *_joined(value)}:
        for base in {whole, *(unicodedata.normalize(form, whole) for form in ("NFC", "NFD"))}:
            forms.update(_text_forms(base))
            forms.update(_data_forms(base))
    for line in _lines(value):
        forms.update(_text_forms(line))
    return frozenset(form for form in forms if len(form) >= MIN_LENGTH)


def _joined(value: str) -> Iterator[str]:
    """A value of several lines, written as one."""
    lines = value.strip().splitlines()
    if len(lines) > 1:
        yield from (mark.join(lines) for mark in ("", " ", "\n", "\r\n", "\\n"))


def _lines(value: str) -> Iterator[str]:
    lines = [line.strip() for line in value.splitlines()]
    # The first and last line of every PEM block are the same: they are no secret.
    return (line for line in lines if len(lines) > 1 and len(line) >= MIN_LINE and not line.startswith("-----"))


def _text_forms(text: str) -> Iterator[str]:
    yield from (text, text.upper(), text.lower())
    yield from _url_forms(text)
    yield from _json_forms(text)
    yield from _html_forms(text)
    yield from (repr(text)[1:-1], ascii(text)[1:-1])


def _url_forms(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "surrogatepass")
    for form in (quote(data, safe=""), quote(data), quote(data, safe="!'()*"), quote_plus(data)):
        yield from (form, _ESCAPE.sub(lambda found: found[0].lower(), form), quote(form, safe=""))


def _json_forms(text: str) -> Iterator[str]:
    for to_ascii in (True, False):
        once = json.dumps(text, ensure_ascii=to_ascii)[1:-1]
        yield from (once, once.replace("/", "\\/"), json.dumps(once, ensure_ascii=to_ascii)[1:-1])


def _html_forms(text: str) -> Iterator[str]:
    # Imported late: it brings a table of all names of characters, and commands that redact nothing would wait for it.
    import html

    form = html.escape(text)
    yield from (form, html.escape(text, quote=False), form.replace("&quot;", "&#34;").replace("&#x27;", "&#39;"))


def _data_forms(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "surrogatepass")
    yield from (repr(data)[2:-1], data.hex(), data.hex().upper())
    yield repr(text.encode("latin-1", "replace"))[2:-1]
    yield from _base64(data)


def _base64(data: bytes) -> Iterator[str]:
    """Base64 of text that contains the value depends on where it begins: three shifts, uncertain edges cut."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode()
        inner = encoded[(0, 2, 3)[shift] : 8 * (shift + len(data)) // 6]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
