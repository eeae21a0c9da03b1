"""Signed webhook POSTs and mails to servers on loopback, beside the clients they stand on and what others offer.

Run by ``events.py``; arguments: rounds. One connection each, kept; turns of a few hundred.
"""

from __future__ import annotations

import base64
import json
import logging
import logging.handlers
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from events_parts import House, Row, attributes, folder, median, ratio, say, start
from events_servers import HOST, Servers, serving
from standardwebhooks import Webhook

from busway.contracts.events import Event, EventError, Severity
from busway.contracts.settings import Secret
from busway.events.ids import new_event_id
from busway_sink_email.settings import EmailSettings
from busway_sink_email.sink import EmailSink
from busway_sink_webhook.payload import standard_message
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

POSTS, MAILS, SLOW_MAILS = 200, 50, 10
THROUGH = 2_000
"""Events through a whole manager."""
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SENDER, RECIPIENT = "busway@example.test", "ops@example.test"
OURS, RAW = "busway", "httpx.Client.post of a ready body"
OURS_MAIL, RAW_MAIL = "busway", "smtplib, a mail made each time"

Calls = Mapping[str, tuple[Callable[[int], object], int]]
"""What is timed, and how often in a turn."""


def main(rounds: int) -> None:
    with folder() as home, serving(home) as servers:
        for scheme, url in (("https", servers.https), ("http", servers.http)):
            say(f"Webhook over {scheme}, one event a POST, POST/s", list(webhook_rows(servers, url, rounds)))
        say("Webhook through a whole manager, 20 events a POST", [through(servers, home)])
        say("Mail over STARTTLS, mails/s", list(mail_rows(servers, home, rounds)))


def happened(number: int, severity: Severity) -> Event:
    error = EventError("validation", f"record {number} has no site") if severity >= Severity.ERROR else None
    session, entity = "01890a5d-ac96-774b-bcce-b302099a0001", f"A-{number:06d}"
    category = "error" if error else "sync.update"
    facts = attributes(number)
    return Event(new_event_id(), time.time_ns(), severity, category, "asset", entity, session, facts, error)


class Turn(NamedTuple):
    rate: float
    """In a second."""
    processor: float
    """Microseconds of this thread, each."""


def turns(calls: Calls, rounds: int) -> dict[str, list[Turn]]:
    """One turn before does not count."""
    found: dict[str, list[Turn]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, (call, count) in calls.items():
            began, spent = time.perf_counter(), time.thread_time()
            for number in range(turn * count, (turn + 1) * count):
                call(number)
            seconds, spent = time.perf_counter() - began, time.thread_time() - spent
            if turn:
                found[name].append(Turn(count / seconds, spent / count * 1e6))
    return found


def shown(found: Mapping[str, Sequence[Turn]], ours: str, goal: str) -> Iterator[Row]:
    rates = {name: [one.rate for one in of] for name, of in found.items()}
    for name, of in found.items():
        told = f"{median(rates[name]):,.0f}, fastest {max(rates[name]):,.0f}"
        spent = f"{median([one.processor for one in of]):,.0f} us of processor time each"
        beside = "" if name == ours else f"; busway {ratio(rates[ours], rates[name]):.2f} x as many"
        yield name, goal if name == ours else "-", f"{told}; {spent}{beside}"


# ---- Webhook


def webhook_rows(servers: Servers, url: str, rounds: int) -> Iterator[Row]:
    with ExitStack() as stack:
        sink = WebhookSink(webhook_settings(servers, url))
        stack.callback(sink.close)
        context = ssl.create_default_context(cafile=servers.ca_file)
        client = stack.enter_context(httpx.Client(verify=context, trust_env=False))
        ready = standard_message([happened(0, Severity.INFO)]).body
        bare = stack.enter_context(bare_connection(servers, url, context))
        calls: Calls = {
            OURS: (lambda number: sink.deliver([happened(number, Severity.INFO)]), POSTS),
            "httpx and standardwebhooks": (lambda number: signed_post(client, url, number), POSTS),
            RAW: (lambda number: client.post(url, content=ready), POSTS),
            "the same over a bare socket": (lambda number: bare_post(bare, ready), POSTS),
        }
        found = turns(calls, rounds)
        sink.deliver([happened(1, Severity.INFO)])
        seen = servers.seen()
        assert seen["posts"] == len(calls) * (rounds + 1) * POSTS + 1
        Webhook(KEY).verify(seen["bodies"][-1], headers_of(seen["head"]))  # raises when the signature is wrong
        yield from shown(found, OURS, ">= 2,000 /s")


def webhook_settings(servers: Servers, url: str) -> WebhookSettings:
    networks = (f"{HOST}/32",)
    return WebhookSettings(url=Secret(url), secret=Secret(KEY), allow_networks=networks, ca_file=servers.ca_file)


def headers_of(head: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.splitlines()[1:])
    return {name.lower(): value for name, _, value in lines}


def signed_post(client: httpx.Client, url: str, number: int) -> None:
    """What one writes by hand."""
    made = happened(number, Severity.INFO)
    told = {"id": made.event_id, "timestamp": made.timestamp, "category": made.category, "entity_id": made.entity_id}
    body = json.dumps({"type": "busway.events", "data": [{**told, "attributes": dict(made.attributes)}]})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": made.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(KEY).sign(made.event_id, now, body),
        "content-type": "application/json",
    }
    client.post(url, content=body, headers=headers).raise_for_status()


def bare_connection(servers: Servers, url: str, context: ssl.SSLContext) -> socket.socket:
    """How fast the server can be at all."""
    if url == servers.http:
        return socket.create_connection((HOST, servers.http_port))
    return context.wrap_socket(socket.create_connection((HOST, servers.https_port)), server_hostname=HOST)


def bare_post(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    while not connection.recv(4096).endswith(b"\r\n\r\n"):
        pass


def through(servers: Servers, home: Path) -> Row:
    sink = WebhookSink(webhook_settings(servers, servers.https))
    servers.seen()
    with House(home / "state", {"webhook": sink}) as events:
        began = time.perf_counter()
        for number in range(THROUGH):
            events.emit("sync.update", entity_type="asset", entity_id=f"{number}", attributes=attributes(number))
        assert events.flush(120)
        seconds = time.perf_counter() - began
    return (
        f"{THROUGH:,} events emitted and delivered",
        "-",
        f"{THROUGH / seconds:,.0f} events/s, {servers.seen()['posts']} POSTs",
    )


# ---- Mail


def mail_rows(servers: Servers, home: Path, rounds: int) -> Iterator[Row]:
    context = ssl.create_default_context(cafile=servers.ca_file)
    with ExitStack() as stack:
        sink = EmailSink(mail_settings(servers))
        stack.callback(sink.close)
        smtp = stack.enter_context(smtplib.SMTP("localhost", servers.smtp_port, timeout=10))
        smtp.starttls(context=context)
        ready = mail(0)
        handler = logging.handlers.SMTPHandler(
            ("localhost", servers.smtp_port),
            SENDER,
            [RECIPIENT],
            "error",
            credentials=("busway", "synthetic"),
            secure=(),
        )
        calls: Calls = {
            OURS_MAIL: (lambda number: sink.deliver([happened(number, Severity.ERROR)]), MAILS),
            RAW_MAIL: (lambda number: smtp.send_message(mail(number)), MAILS),
            "smtplib, always the same mail": (lambda number: smtp.send_message(ready), MAILS),
            "logging SMTPHandler, a connection each": (lambda number: handler.emit(record(number)), SLOW_MAILS),
        }
        found = turns(calls, rounds)
        expected = (rounds + 1) * sum(count for _, count in calls.values())
        seen = servers.seen()["mails"]
        assert seen == expected, f"{seen} mails of {expected}"
        yield from shown(found, OURS_MAIL, ">= 500 /s")


def mail_settings(servers: Servers) -> EmailSettings:
    return EmailSettings(
        server="localhost",
        port=servers.smtp_port,
        ca_file=servers.ca_file,
        sender=SENDER,
        recipients=(RECIPIENT,),
    )


def mail(number: int) -> EmailMessage:
    """A mail as one writes it by hand: text, HTML and the headers of an automatic mail."""
    made = EmailMessage(policy=SMTP_POLICY)
    made["From"], made["To"], made["Subject"] = SENDER, RECIPIENT, f"[job] 1 error: asset validation {number}"
    made["Message-ID"] = f"<{number}.{time.time_ns()}@example.test>"
    made["In-Reply-To"] = made["References"] = "<job.root@example.test>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(f"record {number} has no site")
    made.add_alternative(f"<p>record {number} has no site</p>", subtype="html")
    return made


def record(number: int) -> logging.LogRecord:
    made: dict[str, Any] = {"msg": f"record {number} has no site", "levelno": logging.ERROR}
    return logging.makeLogRecord(made)


if __name__ == "__main__":
    start(main, 21, {})
