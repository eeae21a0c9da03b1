"""The mail for some events: the headers that make it a well-behaved automatic mail, and its bodies."""

from __future__ import annotations

import hashlib
import logging
import quopri
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage, Message, MIMEPart
from email.policy import SMTP
from typing import Any, TypeVar

from busway.contracts.events import Event
from busway_sink_email.bodies import as_html, as_text
from busway_sink_email.parts import Part, digest_title, parts_of, plain, when

__all__ = ["Letterhead", "message_id", "subject", "thread_id"]

T = TypeVar("T")

MAX_SUBJECT = 150
MAX_TOPICS = 4

_NOUNS = {
    "CRITICAL": ("critical event", "critical events"),
    "ERROR": ("error", "errors"),
    "WARNING": ("warning", "warnings"),
    "INFO": ("message", "messages"),
    "DEBUG": ("debug message", "debug messages"),
    "digest": ("digest", "digests"),
}


_MIME = {
    "MIME-Version": SMTP.header_factory("MIME-Version", "1.0"),
    "Content-Transfer-Encoding": SMTP.header_factory("Content-Transfer-Encoding", "quoted-printable"),
    "text/plain": SMTP.header_factory("Content-Type", 'text/plain; charset="utf-8"'),
    "text/html": SMTP.header_factory("Content-Type", 'text/html; charset="utf-8"'),
}
"""Headers that are the same in every mail, parsed once: that costs more than anything else about a mail."""


class Letterhead:
    """What all mails of a deployment have in common."""

    def __init__(
        self, app: str, sender: Address, recipients: Sequence[Address], log: logging.Logger | None = None
    ) -> None:
        self._app = app
        self._domain = sender.domain
        self._log = log or logging.getLogger(__name__)
        constant: dict[str, Any] = {
            "From": sender,
            "To": tuple(recipients),
            "List-Id": f"<{_label(app)}.busway.{sender.domain}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        }
        self._constant = {name: SMTP.header_factory(name, value) for name, value in constant.items()}

    def message(self, events: Sequence[Event], now_ns: int) -> EmailMessage:
        """One mail for ``events`` (at least one). The same events give the same ``Message-ID``."""
        message = EmailMessage(policy=SMTP)
        for name, header in self._constant.items():
            message[name] = header
        title = subject(events, self._app)
        message["Subject"] = title
        message["Date"] = when(now_ns)
        message["Message-ID"] = message_id(events, self._domain)
        # Nobody ever sent the root: it is what all mails of a job and a day answer to, so that they show as a thread.
        message["In-Reply-To"] = message["References"] = thread_id(events, self._app, self._domain)
        sessions = {event.session_id for event in events if event.session_id}
        if len(sessions) == 1:
            message["X-Busway-Session"] = _one_line(sessions.pop())
        self._fill(message, events, title)
        return message

    def _fill(self, message: EmailMessage, events: Sequence[Event], title: str) -> None:
        """The bodies. When one cannot be made, the mail goes out with what can: it is about errors."""
        parts = self._attempt(lambda: parts_of(events), [Part(title, tuple(("event", e.event_id) for e in events))])
        html = self._attempt(lambda: as_html(parts, title), "")
        bodies: list[Message[str, str] | str] = [
            _part("plain", as_text(parts)),
            *([_part("html", html)] if html else []),
        ]
        # No quoted-printable body can hold "=_", whatever is in it.
        boundary = f"=_{_hashed(event.event_id for event in events)}"
        message["MIME-Version"] = _MIME["MIME-Version"]
        message["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
        message.set_payload(bodies)

    def _attempt(self, render: Callable[[], T], otherwise: T) -> T:
        try:
            return render()
        except Exception as error:
            self._log.warning(
                "a template of the email sink failed (%s); the mail goes out without", type(error).__name__
            )
            return otherwise


def _part(subtype: str, text: str) -> MIMEPart:
    """One body. Quoted-printable keeps every line 7-bit and short, whatever the server announces and ``text`` holds.

    ``set_content`` would do the same, at four times the price: it parses and rewrites the headers of each part.
    """
    part = MIMEPart(policy=SMTP)
    part["Content-Type"] = _MIME[f"text/{subtype}"]
    part["Content-Transfer-Encoding"] = _MIME["Content-Transfer-Encoding"]
    part.set_payload(quopri.encodestring(text.encode()).decode("ascii"))
    return part


def subject(events: Sequence[Event], app: str) -> str:
    """``[app] 3 errors: employee validation, title sync_failure``: counts and kinds, no ids and no messages."""
    line = _one_line(f"[{app}] {_title(events)}")
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"


def message_id(events: Iterable[Event], domain: str) -> str:
    """The same for every attempt to send the same events, so that mailboxes can drop a repeat."""
    return f"<{_hashed(event.event_id for event in events)}@{domain}>"


def thread_id(events: Sequence[Event], app: str, domain: str) -> str:
    """The virtual root of all mails of a job (of the deployment, where they are of several) and a day (UTC)."""
    jobs = {job for event in events for job in _jobs(event)}
    job = jobs.pop() if len(jobs) == 1 else ""
    return f"<thread.{_hashed([app, job, f'{when(events[0].timestamp):%Y-%m-%d}'])}@{domain}>"


def _jobs(event: Event) -> set[str]:
    told = event.attributes
    groups = told.get("groups") if event.category == "digest" else None
    named = [told.get("job"), told.get("name") if event.category == "session" else None]
    if isinstance(groups, list | tuple):
        named += [group.get("job") or "" for group in groups if isinstance(group, Mapping)]
    return {str(name) for name in named if name is not None}


def _title(events: Sequence[Event]) -> str:
    if len(events) == 1 and events[0].category == "digest":
        return digest_title(events[0])
    counts = Counter("digest" if event.category == "digest" else event.severity.name for event in events)
    topics = list(dict.fromkeys(_topic(event) for event in events if event.category != "digest"))
    shown = ", ".join(topics[:MAX_TOPICS]) + (" …" if len(topics) > MAX_TOPICS else "")
    return _counted(counts) + (f": {shown}" if shown else "")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[kind]} {nouns[counts[kind] > 1]}" for kind, nouns in _NOUNS.items() if counts[kind])


def _topic(event: Event) -> str:
    return " ".join(part for part in (event.entity_type, event.error.kind if event.error else event.category) if part)


def _hashed(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())


def _label(app: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", app.lower()).strip("-") or "app"
