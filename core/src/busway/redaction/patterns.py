"""Shapes that give a secret away inside text, whatever its value.

Every pattern has a literal that must occur before the expression is tried, and bounded quantifiers: text from
remotes is hostile, and this runs in the caller of every event.
"""

from __future__ import annotations

import re

__all__ = ["MAX_TEXT", "redact_patterns"]

MAX_TEXT = 100_000
"""Characters of one text that are looked at; what is longer is cut, because the rest was not checked."""

_SECRET_WORDS = r"(?:password|passwd|pwd|passphrase|secret|token|api[-_ ]?key|access[-_]?key|account[-_]?key|sig)"

ASSIGNMENT = re.compile(
    rf"(?i)({_SECRET_WORDS}[\"']?\s{{0,3}}[=:]\s{{0,3}})(?!\.\.\.)"
    r"(\{(?:[^}]|\}\}){0,500}\}|\"[^\"]{1,500}\"|'[^']{1,500}'|[^\s;,&\"'<>)]{1,500})"
)
AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]{8,4000}")
URL_USER = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{0,200}:[^\s/@]{1,500}@")
JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{5,2000}\.[A-Za-z0-9_-]{5,4000}(?:\.[A-Za-z0-9_-]{0,2000})?")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,8000}?(?:-----END [A-Z ]{0,30}KEY-----|\Z)", re.S)
EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def redact_patterns(text: str) -> str:
    """``text`` with what looks like a secret or an e-mail address replaced."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "[redacted:too-long]"
    if "-----BEGIN" in text:
        text = PRIVATE_KEY.sub("[redacted:pattern.private-key]", text)
    if "eyJ" in text:
        text = JWT.sub("[redacted:pattern.jwt]", text)
    if "earer" in text or "asic" in text or "EARER" in text or "ASIC" in text:
        text = AUTHORIZATION.sub(r"\1 [redacted:pattern.authorization]", text)
    if "@" in text:
        text = URL_USER.sub(r"\1[redacted:pattern.url-user]@", text)
        text = EMAIL.sub("[redacted:pattern.email]", text)
    if "=" in text or ":" in text:
        text = ASSIGNMENT.sub(r"\1[redacted:pattern.assignment]", text)
    return text
