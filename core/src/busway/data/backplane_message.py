"""What processes tell each other: entries written, keys removed, generations raised.

A message is a small JSON object. Whoever can reach the server can send one, so that it is believed nothing but that
something may have changed: the worst a forged one does is a needless read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["LONGEST_MESSAGE", "BadMessage", "Change", "Message", "messages", "parse"]

VERSION = 1
LONGEST_MESSAGE = 65_536
MOST_CHANGES = 200
LONGEST_NAME = 512
_TAGS = {"w": "written", "d": "removed", "g": "raised", "r": "replayed"}
_SENDER = re.compile(r"[0-9a-f]{32}\Z")

Change = tuple[str, int]
"""A key or name, and a stamp in nanoseconds since the epoch."""


class BadMessage(ValueError):  # noqa: N818 - counted and ignored, no error of anybody
    """The bytes are no message of this version and application."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    sender: str
    """Random, one per process: nobody listens to himself."""
    written: Sequence[Change] = ()
    """Full keys, and when the new entry was made."""
    removed: Sequence[Change] = ()
    """Full keys, and when they were removed."""
    raised: Sequence[Change] = ()
    """Names, and their new generation."""
    replayed: Sequence[Change] = ()
    """Like ``written``, by a process that was cut off until now: others may have changed their mind since."""


def messages(app: str, message: Message) -> Iterator[bytes]:
    """``message`` as bytes, split into as many as it takes."""
    tagged = [(tag, one) for tag, field in _TAGS.items() for one in getattr(message, field)]
    for start in range(0, len(tagged), MOST_CHANGES):
        body: dict[str, Any] = {"v": VERSION, "app": app, "from": message.sender}
        for tag, change in tagged[start : start + MOST_CHANGES]:
            body.setdefault(tag, []).append(change)
        yield orjson.dumps(body)


def parse(raw: bytes, app: str) -> Message:
    """The message in ``raw``. Raises :class:`BadMessage`, and nothing else, whatever the bytes are."""
    if not isinstance(raw, bytes) or len(raw) > LONGEST_MESSAGE:
        raise BadMessage("no bytes, or too many")
    try:
        body = orjson.loads(raw)
    except ValueError as error:
        raise BadMessage("not JSON") from error
    if not isinstance(body, dict) or body.get("v") != VERSION or body.get("app") != app:
        raise BadMessage("another version or application")
    sender = body.get("from")
    if not isinstance(sender, str) or not _SENDER.match(sender):
        raise BadMessage("from nobody")
    return Message(sender, **{field: _changes(body.get(tag, [])) for tag, field in _TAGS.items()})


def _changes(found: Any) -> list[Change]:
    if not isinstance(found, list) or len(found) > MOST_CHANGES:
        raise BadMessage("no list of changes, or too long a one")
    return [_change(one) for one in found]


def _change(one: Any) -> Change:
    if not isinstance(one, list) or len(one) != 2:
        raise BadMessage("no pair")
    name, stamp = one
    if not isinstance(name, str) or len(name) > LONGEST_NAME or type(stamp) is not int or stamp < 0:
        raise BadMessage("no name and stamp")
    return name, stamp
