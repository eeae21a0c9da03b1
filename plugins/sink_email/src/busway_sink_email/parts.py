"""What a mail says about events, before it is text or HTML: headings with rows of names and values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from busway.contracts.events import Event

__all__ = ["Part", "digest_title", "parts_of", "plain", "when"]

MAX_VALUE = 2_000
"""Characters of one value; a mail is read by people, and the journal and the ledger hold the whole."""
MAX_ROWS = 40
"""Of one event."""


@dataclass(frozen=True, slots=True)
class Part:
    """One event, or one group of errors of a digest. Texts are as the event has them: not cleaned, not escaped."""

    heading: str
    rows: tuple[tuple[str, str], ...]


def parts_of(events: Iterable[Event]) -> list[Part]:
    """The parts of the mail for ``events``, in their order."""
    return [part for event in events for part in (_digest(event) if event.category == "digest" else [_event(event)])]


def digest_title(event: Event) -> str:
    """``120 errors, 2026-01-01 00:00 to 01:00 UTC`` or ``new error: employee validation``."""
    told = event.attributes
    groups = _groups(told)
    if told.get("kind") == "first":
        return f"new error: {_name(groups[0])}" if len(groups) == 1 else "new errors"
    errors = _number(told.get("errors"))
    title = f"{errors:,} error{'' if errors == 1 else 's'}"
    since, until = _number(told.get("since_ns")), _number(told.get("until_ns"))
    return f"{title}, {_period(since, until)}" if since and until else title


def plain(text: str) -> str:
    """Without control characters (line breaks stay, indented) and lone surrogates, which no mail can carry."""
    text = text.encode("utf-8", "replace").decode()
    text = "\n    ".join(text.splitlines())
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def when(timestamp_ns: int) -> datetime:
    """In UTC, to the second."""
    return datetime.fromtimestamp(timestamp_ns // 1_000_000_000, UTC)


def _event(event: Event) -> Part:
    subject = " ".join(part for part in (event.entity_type, event.entity_id) if part)
    heading = f"{when(event.timestamp):%Y-%m-%d %H:%M:%S} UTC  {event.severity.name}  {event.category}  {subject}"
    rows: list[tuple[str, str]] = []
    if event.error:
        origin = ", ".join(part for part in (event.error.code, event.error.type) if part)
        rows.append((event.error.kind, event.error.message + (f" ({origin})" if origin else "")))
    shown = [(str(name), value) for name, value in event.attributes.items()]
    rows += [(name, _shown(value)) for name, value in shown[:MAX_ROWS]]
    rows += [("…", f"{len(shown) - MAX_ROWS:,} more attributes")] if len(shown) > MAX_ROWS else []
    return Part(heading.rstrip(), (*_cut(rows), *_ids(event)))


def _digest(event: Event) -> list[Part]:
    told = event.attributes
    groups = _groups(told)
    rows: list[tuple[str, str]] = []
    suppressed, more = _number(told.get("suppressed")), _number(told.get("more_groups"))
    rows += [("not told at once", f"{suppressed:,} of them")] if suppressed else []
    rows += [("not listed here", f"{more:,} more groups; see: busway events errors")] if more else []
    return [Part(digest_title(event), (*rows, *_ids(event))), *(_group(group) for group in groups)]


def _group(group: Mapping[str, Any]) -> Part:
    job = f" (job {group['job']})" if group.get("job") else ""
    code = f" ({group['code']})" if group.get("code") else ""
    first, last = _number(group.get("first_ns")), _number(group.get("last_ns"))
    rows = [
        ("example", f"{group['message']}{code}" if group.get("message") else code.strip()),
        ("first, last", f"{_period(first, last)}" if first and last else ""),
        ("next step", str(group.get("next_step") or "")),
        ("group", str(group.get("fingerprint") or "")),
    ]
    return Part(f"{_number(group.get('count')):,} x {_name(group)}{job}", tuple(_cut(row for row in rows if row[1])))


def _groups(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = told.get("groups")
    return [group for group in listed if isinstance(group, Mapping)] if isinstance(listed, list | tuple) else []


def _name(group: Mapping[str, Any]) -> str:
    return " ".join(str(group[part]) for part in ("entity_type", "kind") if group.get(part)) or "error"


def _ids(event: Event) -> Sequence[tuple[str, str]]:
    session = [("session", event.session_id)] if event.session_id else []
    return [("event", event.event_id), *session]


def _cut(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name[:200], value if len(value) <= MAX_VALUE else _shorter(value)) for name, value in rows]


def _shorter(value: str) -> str:
    return f"{value[:MAX_VALUE]}… ({len(value) - MAX_VALUE:,} characters more)"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _period(first_ns: int, last_ns: int) -> str:
    first, last = when(first_ns), when(last_ns)
    same_day = first.date() == last.date()
    return f"{first:%Y-%m-%d %H:%M} to {last:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}} UTC"


def _number(value: object) -> int:
    """A count or a time; 0 for what is neither."""
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**63 else 0
