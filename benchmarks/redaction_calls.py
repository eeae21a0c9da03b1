"""Redaction and its peers in one process. Run by `redaction.py`; prints JSON.

Times are those of the processor, so that other work on the machine counts as little as possible.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import statistics
import string
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson

from busway.redaction.engine import Engine
from busway.redaction.patterns import default_patterns
from busway.redaction.redactor import Redactor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from builders.redaction_places import HOSTILE, PEM, PLACES, S, leaks

Row = tuple[str, str, str]
Event = dict[str, Any]
BATCH = 500
SLOW = 25
"""Events of each batch that the peers get."""
SECRETS = 50
SIZE = 2048
BASE = "json"


def main() -> None:
    """Entry point."""
    count = int(sys.argv[1])
    random = Random(31_059)
    known = ["".join(random.choices(string.ascii_letters + string.digits, k=24)) for _ in range(SECRETS)]
    work = scrubbers(known)
    tables = {
        f"{count:,} distinct clean events of 2 KB, {SECRETS} secrets (median of batches)": timed(
            work, random, count, clean
        ),
        "the same with a name, an address and a token under their keys": timed(work, random, count // 20, keyed),
        "the same with secrets and addresses inside text": timed(work, random, count // 20, dirty, known),
        "a hostile field of 1 MB (slowest of 33, fastest of 3 each)": hostile(),
        "leaks of 38 hostile places": leaking(),
    }
    json.dump(tables, sys.stdout)


def scrubbers(known: list[str]) -> dict[str, Callable[[Event], object]]:
    """Each scrubber as its users call it, copies made for those that change their input; without serialising."""
    from logfire._internal.scrubbing import Scrubber
    from logredactor import RedactingFilter
    from sentry_sdk.scrubber import EventScrubber

    sentry, logfire = EventScrubber(recursive=True), Scrubber(None)
    logredactor = RedactingFilter([pattern.regex for pattern in default_patterns()])
    return {
        BASE: orjson.dumps,
        "busway with re2": Redactor(known, engine="re2").redact,
        "busway without": Redactor(known, engine="re").redact,
        "Sentry, recursive (keys only)": lambda event: sentry.scrub_event({"extra": copy.deepcopy(event)}),
        "logfire (keys and words)": lambda event: logfire.scrub_value(("attributes",), event),
        "logredactor, the same shapes": lambda event: logredactor.redact(copy.deepcopy(event)),
    }


GOALS = {"busway with re2": "<= 25 us", "busway without": "<= 200 us"}


def timed(
    work: dict[str, Callable[[Event], object]],
    random: Random,
    count: int,
    make: Callable[..., Event],
    *args: Any,
) -> list[Row]:
    """Microseconds per event, all scrubbers in turns on the same events."""
    per_event: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(max(count // BATCH, 3)):
        events = [make(random, *args) for _ in range(BATCH)]
        for name, call in work.items():
            some = events if name == BASE or name.startswith("busway") else events[:SLOW]
            started = time.thread_time()
            for event in some:
                call(event)
            per_event[name].append((time.thread_time() - started) / len(some) * 1e6)
    ours = statistics.median(per_event["busway with re2"])
    rows = []
    for name, values in per_event.items():
        middle = statistics.median(values)
        told = f"{middle:.1f} us, fastest {min(values):.1f}, {middle / ours:.1f} x busway with re2"
        rows.append((name, GOALS.get(name, "-") if make is clean else "-", told))
    return rows


def word(random: Random, size: int) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=size))


def clean(random: Random) -> Event:
    """An event as an integration logs it, with nothing in it that must be hidden."""
    event: Event = {
        "event": "sync.record.upserted",
        "job": "fleet-to-crm",
        "run_id": str(UUID(int=random.getrandbits(128), version=4)),
        "attempt": 2,
        "source": {
            "plugin": "rest",
            "url": f"https://api.fleet.example/v1/vehicles?page={random.randrange(90)}&size=200",
            "status": 200,
            "elapsed_ms": random.random() * 200,
        },
        "target": {"plugin": "crm", "table": "contacts", "batch": [random.randrange(10**6) for _ in range(20)]},
        "headers": {"content-type": "application/json", "x-request-id": word(random, 24), "user-agent": "busway/1.0"},
        "record": {
            "id": random.randrange(10**7),
            "label": "Vehicle 42",
            "vin": "1FTFW1ET5DFC10312",
            "since": "2026-01-31T12:30:00Z",
            "tags": [word(random, 7) for _ in range(8)],
        },
        "diff": [{"field": f"{word(random, 6)}", "old": word(random, 9), "new": word(random, 9)} for _ in range(6)],
    }
    notes = list(words(random, SIZE - len(orjson.dumps(event)) - 20))
    event["record"]["notes"] = " ".join(notes)
    return event


def words(random: Random, size: int) -> Iterator[str]:
    while size > 0:
        found = word(random, random.randrange(3, 9))
        yield found
        size -= len(found) + 1


def keyed(random: Random) -> Event:
    """What the keys alone give away."""
    event = clean(random)
    event["record"].update({"firstName": "Jane", "email": "jane@customer.example"})
    event["headers"]["Authorization"] = "Bearer abc"
    return event


def dirty(random: Random, known: list[str]) -> Event:
    """Secrets and addresses where no key gives them away."""
    event = keyed(random)
    event["source"]["url"] = f"https://svc:{known[3]}@api.fleet.example/v1"
    event["error"] = f"login failed for Server=tcp:db.example,1433;Uid=app;Pwd={known[5]};Encrypt=yes"
    event["record"]["notes"] += " ask jane.doe@customer.example or +1 (555) 010-9999"
    return event


def hostile() -> list[Row]:
    """The text that takes longest, for each engine."""
    rows = []
    engines: tuple[Engine, ...] = ("re2", "re")
    for engine in engines:
        redactor = Redactor([S, PEM], engine=engine)
        taken = {name: fastest(redactor, piece) for name, piece in HOSTILE.items()}
        worst = max(taken, key=lambda name: taken[name])
        rows.append((f"busway, {engine}", "<= 50 ms", f"{taken[worst] * 1e3:.1f} ms ({worst})"))
    return rows


def fastest(redactor: Redactor, piece: str) -> float:
    """Seconds for a megabyte of ``piece``."""
    event = {"field": (piece * (1_000_000 // len(piece) + 1))[:1_000_000]}
    seconds = []
    for _ in range(3):
        started = time.thread_time()
        redactor.redact(event)
        seconds.append(time.thread_time() - started)
    return min(seconds)


def leaking() -> list[Row]:
    """How many places leak; each scrubber is told the secret if it can be told."""
    from logfire._internal.scrubbing import Scrubber
    from logredactor import RedactingFilter
    from sentry_sdk.scrubber import EventScrubber

    sentry, logfire = EventScrubber(recursive=True), Scrubber([re.escape(S)])
    logredactor = RedactingFilter([re.compile(re.escape(S)), re.compile(r"-----BEGIN[^-]+-----.*", re.DOTALL)])

    def by_sentry(event: Event) -> object:
        wrapped = {"extra": event}
        sentry.scrub_event(wrapped)
        hidden = "AnnotatedValue"
        text = json.dumps(wrapped["extra"], default=lambda one: "[f]" if type(one).__name__ == hidden else repr(one))
        return json.loads(text)

    def by_logredactor(event: Event) -> object:
        record = logging.makeLogRecord({"msg": "m", "payload": event})
        logredactor.filter(record)
        return vars(record)["payload"]

    calls: dict[str, Callable[[Event], object]] = {
        "busway, re2": Redactor([S, PEM], engine="re2").redact,
        "busway, re": Redactor([S, PEM], engine="re").redact,
        "Sentry, recursive": by_sentry,
        "logfire": lambda event: logfire.scrub_value(("attributes",), event)[0],
        "logredactor": by_logredactor,
    }
    return [(name, "<= 1" if "busway" in name else "-", str(count_leaks(call))) for name, call in calls.items()]


def count_leaks(call: Callable[[Event], object]) -> int:
    """Places of which the secret comes out; an error counts too."""
    count = 0
    for place in PLACES.values():
        try:
            count += leaks(call(copy.deepcopy(place)))
        except Exception:
            count += 1
    return count


if __name__ == "__main__":
    main()
