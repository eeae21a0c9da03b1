"""The mail for one batch: subject, text and HTML, and the headers that make it a well-behaved automatic mail."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from busway.contracts.events import Event

__all__ = ["build_message", "message_id", "subject"]

MAX_SUBJECT = 150
MAX_TOPICS = 4
MAX_VALUE = 2_000
"""Characters of one attribute; a mail is read by people, and the journal and the ledger hold the whole value."""

_NOUNS = {
    "CRITICAL": ("critical event", "critical events"),
    "ERROR": ("error", "errors"),
    "WARNING": ("warning", "warnings"),
    "INFO": ("message", "messages"),
    "DEBUG": ("debug message", "debug messages"),
    "digest": ("digest", "digests"),
}
_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head><body>\n{blocks}\n</body></html>\n'
)


def build_message(
    events: Sequence[Event], *, app: str, sender: Address, recipients: Sequence[Address], now_ns: int
) -> EmailMessage:
    """One mail for ``events`` (at least one). The same events give the same ``Message-ID``."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = tuple(recipients)
    message["Subject"] = subject(events, app)
    message["Date"] = _when(now_ns)
    message["Message-ID"] = message_id(events, sender.domain)
    message["List-Id"] = f"<{_label(app)}.busway.{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    sessions = {event.session_id for event in events if event.session_id}
    if len(sessions) == 1:
        message["X-Busway-Session"] = _one_line(sessions.pop())
    # Quoted-printable keeps every line 7-bit and short, whatever the server announces and the events hold.
    message.set_content(_text(events), cte="quoted-printable")
    message.add_alternative(_html(events, app), subtype="html", cte="quoted-printable")
    return message


def subject(events: Sequence[Event], app: str) -> str:
    """``[app] 3 errors: employee validation, title sync_failure``: counts and kinds, no ids and no messages."""
    counts = Counter("digest" if event.category == "digest" else event.severity.name for event in events)
    topics = list(dict.fromkeys(_topic(event) for event in events if event.category != "digest"))
    shown = ", ".join(topics[:MAX_TOPICS]) + (" …" if len(topics) > MAX_TOPICS else "")
    line = _one_line(f"[{app}] {_counted(counts)}" + (f": {shown}" if shown else ""))
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"


def message_id(events: Iterable[Event], domain: str) -> str:
    """The same for every attempt to send the same events, so that mailboxes can drop a repeat."""
    digest = hashlib.sha256("\n".join(event.event_id for event in events).encode()).hexdigest()
    return f"<{digest[:40]}@{domain}>"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[kind]} {nouns[counts[kind] > 1]}" for kind, nouns in _NOUNS.items() if counts[kind])


def _topic(event: Event) -> str:
    return " ".join(part for part in (event.entity_type, event.error.kind if event.error else event.category) if part)


def _text(events: Sequence[Event]) -> str:
    return "\n".join(_text_of(event) for event in events)


def _text_of(event: Event) -> str:
    lines = [_clean(_headline(event)), *(f"  {_clean(name)}: {_clean(value)}" for name, value in _details(event))]
    return "\n".join(lines) + "\n"


def _html(events: Sequence[Event], app: str) -> str:
    blocks = "\n".join(_html_of(event) for event in events)
    title = _safe(subject(events, app))
    return _PAGE.format(title=title, blocks=blocks)


def _html_of(event: Event) -> str:
    rows = "".join(
        f"<tr><th align='left'>{_safe(name)}</th><td>{_safe(value)}</td></tr>" for name, value in _details(event)
    )
    return f"<h3>{_safe(_headline(event))}</h3><table>{rows}</table>"


def _headline(event: Event) -> str:
    subject_of = " ".join(part for part in (event.entity_type, event.entity_id) if part)
    when = _when(event.timestamp).strftime("%Y-%m-%d %H:%M:%S UTC")
    return _one_line(f"{when}  {event.severity.name}  {event.category}  {subject_of}".rstrip())


def _details(event: Event) -> list[tuple[str, str]]:
    details: list[tuple[str, str]] = []
    if event.error:
        origin = ", ".join(part for part in (event.error.code, event.error.type) if part)
        details.append((event.error.kind, event.error.message + (f" ({origin})" if origin else "")))
    details += [(str(name), _shown(value)) for name, value in event.attributes.items()]
    details.append(("event", event.event_id))
    if event.session_id:
        details.append(("session", event.session_id))
    return details


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}… ({len(text) - MAX_VALUE:,} characters more)"


def _when(timestamp_ns: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ns // 1_000_000_000, UTC)


def _clean(text: str) -> str:
    """Without control characters (line breaks stay, indented) and lone surrogates, which no mail can carry."""
    text = text.encode("utf-8", "replace").decode()
    text = "\n    ".join(text.splitlines())
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _safe(text: str) -> str:
    return escape(_clean(text))


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _label(app: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", app.lower()).strip("-") or "app"
