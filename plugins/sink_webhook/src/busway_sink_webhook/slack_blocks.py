"""Blocks of a Slack message, within Slack's limits, and text that Slack reads as nothing but text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

__all__ = ["Block", "bold", "clean", "context", "header", "section", "shown", "when"]

Block = dict[str, Any]

MAX_SECTION = 3_000
"""Characters of a section, counted after escaping, as Slack does."""
MAX_CONTEXT = 2_000
MAX_HEADER = 150


def section(lines: list[str]) -> Block:
    """A section of ``lines``, which are escaped already; as many whole lines as a section holds."""
    while len("\n".join(lines)) > MAX_SECTION and len(lines) > 1:
        lines = lines[:-1]
    text = "\n".join(lines)
    # verbatim: nothing in it becomes a link, a channel or a person.
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": _whole(text, MAX_SECTION)}}


def header(text: str) -> Block:
    """A heading. Plain text: Slack reads no markup in it."""
    return {"type": "header", "text": {"type": "plain_text", "emoji": False, "text": _one_line(text)[:MAX_HEADER]}}


def context(parts: list[str]) -> Block:
    """A line in small print; ``parts`` are not escaped yet."""
    text = _whole(clean(" · ".join(parts), MAX_CONTEXT), MAX_CONTEXT)
    return {"type": "context", "elements": [{"type": "mrkdwn", "verbatim": True, "text": text}]}


def clean(text: str, limit: int) -> str:
    """The first ``limit`` characters in one line, without control characters, escaped.

    ``&``, ``<`` and ``>`` are the three that Slack reads as its own: an entity called ``<!channel>`` wakes nobody up.
    """
    line = _one_line(text)
    cut = line if len(line) <= limit else line[: limit - 1] + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bold(text: str) -> str:
    """Escaped ``text`` in bold; an asterisk inside would end it."""
    return f"*{text.replace('*', ' ')}*" if text.strip() else ""


def shown(value: object) -> str:
    """A value of an attribute as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def when(timestamp_ns: int) -> str:
    """``2026-01-01 06:00 UTC``."""
    return f"{datetime.fromtimestamp(timestamp_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M} UTC"


def _one_line(text: str) -> str:
    plain = text.encode("utf-8", "replace").decode()
    return " ".join("".join(char if char.isprintable() else " " for char in plain).split())


def _whole(text: str, limit: int) -> str:
    """Cut without leaving half an ``&amp;`` at the end."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    start = cut.rfind("&", len(cut) - 5)
    return (cut[:start] if start >= 0 and ";" not in cut[start:] else cut) + "…"
