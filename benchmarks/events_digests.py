"""10,000 errors of one kind within an hour, and a kill in the middle: the messages people get by mail and by webhook,
beside those of others. Run by ``events.py``; arguments: rounds. The clock is injected; the rest is real.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from events_parts import House, Row, child, folder, said, say, start, wait_until
from events_peers import PEERS
from events_servers import serving

from busway.contracts.clock import SystemClock
from busway.contracts.settings import Secret
from busway.events.policy import EventPolicy, Route
from busway_sink_email.settings import EmailSettings
from busway_sink_email.sink import EmailSink
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

ERRORS, KILLED_AFTER = 10_000, 5_000
HOUR_NS = 3_600 * 1_000_000_000
BEGIN_NS = 1_800_000_000 * 1_000_000_000
POLICY = EventPolicy(routes={name: Route(categories=frozenset({"digest"})) for name in ("email", "webhook")})


class HourClock(SystemClock):
    """Wall time that is set."""

    ns = BEGIN_NS

    def now_ns(self) -> int:
        return self.ns


def main(rounds: int) -> None:
    title = f"{ERRORS:,} errors of one kind in an hour, the process killed after {KILLED_AFTER:,}"
    say(title, [*(row for _ in range(rounds) for row in our_rows()), *peer_rows()])


def our_rows() -> Iterator[Row]:
    with folder() as home, serving(home) as servers:
        places = (home / "state", servers.smtp_port, servers.https, servers.ca_file)
        child(__file__, "errors", 0, KILLED_AFTER, *places, seconds=300)
        told = said(child(__file__, "errors", KILLED_AFTER, ERRORS, *places, seconds=300))
        seen = servers.seen()
    posts = [data for body in seen["bodies"] if body.startswith("{") for data in json.loads(body)["data"]]
    mails = [body for body in seen["bodies"] if not body.startswith("{")]
    goal = "<= 1 at once, 1 digest; exact"
    for name, count, messages in (
        ("mail", seen["mails"], [subject_of(mail) for mail in mails]),
        ("webhook", seen["posts"], [described(post["attributes"]) for post in posts]),
    ):
        yield f"busway, route to {name}", goal, f"{count} messages: {', then '.join(messages)}"
    yield "busway, left to do", "0", f"{sum(told['pending'].values())} pending"


def subject_of(mail: str) -> str:
    return next(line.removeprefix("Subject: ") for line in mail.splitlines() if line.startswith("Subject: "))


def described(digest: Mapping[str, Any]) -> str:
    return f"{digest['kind']} of {digest['errors']:,} errors, {digest['suppressed']:,} not told before"


def errors(begin: str, end: str, state_dir: str, smtp_port: str, url: str, ca_file: str) -> None:
    """Emits errors ``begin`` to ``end``; then dies, or waits for the hour to be over."""
    clock = HourClock()
    with House(Path(state_dir), sinks(int(smtp_port), url, ca_file), policy=POLICY, clock=clock) as events:
        for number in range(int(begin), int(end)):
            clock.ns = BEGIN_NS + number * HOUR_NS // ERRORS
            events.log_error("validation", "employee", str(number), f"employee {number} has no site")
            if number == 0:
                # As it would be after a third of a second of a real hour: the first message is on its way.
                events.flush(60)
        if int(end) < ERRORS:
            os.kill(os.getpid(), signal.SIGKILL)
        # The hour ends only when all are counted: else those that are not belong to the next one.
        assert wait_until(lambda: events.notifications().errors == ERRORS, 60)
        clock.ns = BEGIN_NS + HOUR_NS + 1
        events.flush(60)
        print(json.dumps({"pending": events.pending()}), flush=True)


def sinks(smtp_port: int, url: str, ca_file: str) -> dict[str, Any]:
    mail = EmailSettings(
        server="localhost",
        port=smtp_port,
        ca_file=ca_file,
        sender="busway@example.test",
        recipients=("ops@example.test",),
    )
    hook = WebhookSettings(url=Secret(url), allow_networks=("127.0.0.1/32",), ca_file=ca_file)
    return {"email": EmailSink(mail), "webhook": WebhookSink(hook)}


def peer_rows() -> Iterator[Row]:
    for name in ("Sentry message", "apprise"):
        told = said(child(__file__, "peer", name, seconds=300))
        yield name, "-", f"{told['messages']:,} messages"


def peer(name: str) -> None:
    """What reaches the transport or the service is what would be sent."""
    messages = [0]

    def receive(events: Sequence[Mapping[str, Any]]) -> None:
        messages[0] += 1

    pipeline = PEERS[name](Path(), [receive])
    for number in range(ERRORS):
        pipeline.emit(number)
    pipeline.settle(60)
    time.sleep(0.1)
    print(json.dumps({"messages": messages[0]}), flush=True)


if __name__ == "__main__":
    start(main, 1, {"errors": errors, "peer": peer})
