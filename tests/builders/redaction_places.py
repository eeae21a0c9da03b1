"""One secret in 38 hostile places, the ways in which a leak of it shows, and texts made to take long.

They are those with which other scrubbers were measured, so that `benchmarks/redaction.py` can put them side by side.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import traceback
import unicodedata
from typing import Any
from urllib.parse import quote, quote_plus

S = 'Zü"rich/p@ss+w0rd\\42=Kx9'
PEM = (
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n"
    "AwEHBG0wawIBAQQgVcB/UNPxalR9zDYA\n-----END PRIVATE KEY-----"
)
DECLARED = {"split over two fields"}


@dataclasses.dataclass
class Conn:
    host: str
    password: str


def traceback_text() -> str:
    try:
        raise RuntimeError(f"login failed for {S}")
    except RuntimeError:
        return traceback.format_exc()


def deep(levels: int, leaf: Any) -> Any:
    for _ in range(levels):
        leaf = {"n": leaf}
    return leaf


PLACES: dict[str, Any] = {
    "key password": {"password": S},
    "nested dict": {"a": {"b": {"password": S}}},
    "list of dicts": {"xs": [{"token": S}]},
    "list of str": {"xs": ["ok", S]},
    "tuple of str": {"xs": ("ok", S)},
    "set": {"xs": {S}},
    "camelCase key": {"clientSecret": S},
    "kebab key": {"x-api-key": S},
    "PascalCase compound key": {"SqlServerAdminPassword": S},
    "key with zero-width char": {"pass\u200bword": S},
    "full-width key": {"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44": S},
    "benign key, inside text": {"note": f"use {S} to log in"},
    "secret is the dict key": {"m": {S: 1}},
    "bytes": {"note": S.encode()},
    "bytearray": {"note": bytearray(S.encode())},
    "repr of bytes in text": {"note": repr(S.encode())},
    "URL userinfo raw": {"note": f"amqps://svc:{S}@h/v"},
    "URL percent-encoded": {"note": "https://h/?x=" + quote(S, safe="")},
    "URL form-encoded": {"note": "x=" + quote_plus(S)},
    "base64": {"note": base64.b64encode(S.encode()).decode()},
    "base64 of user:secret": {"note": base64.b64encode(b"svc:" + S.encode()).decode()},
    "base64url, 1-byte shift": {"note": base64.urlsafe_b64encode(b"x" + S.encode() + b"yy").decode()},
    "hex": {"note": S.encode().hex()},
    "JSON inside a string": {"note": json.dumps({"inner": S})},
    "JSON twice escaped": {"note": json.dumps(json.dumps({"inner": S}))},
    "HTML escaped": {"note": html.escape(S)},
    "unicode NFD": {"note": unicodedata.normalize("NFD", S)},
    "exception message": {"error": str(RuntimeError(f"bad {S}"))},
    "exception object": {"error": RuntimeError(f"bad {S}")},
    "traceback text": {"trace": traceback_text()},
    "dataclass repr": {"conn": Conn("h", S)},
    "ODBC connection string": {"note": "Driver={ODBC};UID=u;PWD={" + S + "};"},
    "60 levels deep": deep(60, {"password": S}),
    "100 KB string": {"note": "x" * 100_000 + S},
    "split over two fields": {"first": S[:12], "second": S[12:]},
    "multi-line PEM, one line": {"note": PEM.splitlines()[2]},
    "newline-escaped PEM": {"note": PEM.replace("\n", "\\n")},
    "upper-cased": {"note": S.upper()},
}


def forms() -> set[str]:
    data = S.encode()
    found = {S, quote(S, safe=""), quote_plus(S), data.hex(), json.dumps(S)[1:-1], html.escape(S), S.upper()}
    found |= {json.dumps(S, ensure_ascii=False)[1:-1], json.dumps(json.dumps(S))[1:-1], repr(data)[2:-1], repr(S)[1:-1]}
    found |= {unicodedata.normalize("NFD", S), S[:12], S[12:], *PEM.splitlines()[1:3]}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        inner = encoded[{0: 0, 1: 2, 2: 3}[shift] : -2]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


FORMS = forms()


def leaks(value: Any) -> bool:
    text = repr(value) + "\n" + json.dumps(value, default=repr, ensure_ascii=False)
    return any(form in text or form in text.replace("\\\\", "\\") for form in FORMS)


HOSTILE = {
    "letters": "a",
    "addresses without an end": "x@a.",
    "at signs": "a@",
    "long local parts": "a" * 900 + "@",
    "addresses": "jane@example.test ",
    "percent": "a%40b.",
    "URLs without a user": "a://",
    "URLs with a user": "://a@",
    "tokens without claims": "eyJa",
    "tokens with one": "eyJaaaaaa.",
    "assignments": "pwd=",
    "open quotes": "pwd='",
    "open braces": "pwd={",
    "escapes": 'password\\"',
    "blanks": "pwd" + " " * 500,
    "schemes": "bearer" + " " * 500,
    "scheme words": "bearer aaaaaaaa ",
    "queries": "?key=aaaaaaaaaaaaaaaaa",
    "keys that begin": "-----BEGIN PRIVATE KEY-----",
    "a key that does not end": "-----BEGIN PRIVATE KEY-----" + "-" * 5000,
    "numbers": "555-",
    "phones": "(555) 010-",
    "plus": "+1 ",
    "cards": "5000 ",
    "social security": "123-45-6789 ",
    "github": "ghp_",
    "api keys": "sk-a",
    "slack": "xoxb-",
    "azure": "abc8Q~",
    "cookies": "cookie:",
    "the secret": S,
    "hex of it": S.encode().hex(),
    "beginnings of it": S[:-1],
    "NUL": "\0",
    "surrogates": "\ud800@",
}
