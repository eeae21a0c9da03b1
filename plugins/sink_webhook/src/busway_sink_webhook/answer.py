"""What the receiver answered, and what that means for a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from busway.contracts.retry_after import retry_after_seconds

__all__ = ["GONE", "Answer", "Verdict", "asked_wait", "is_a_page", "slack_verdict", "standard_verdict"]

GONE = 410
TRY_LATER = frozenset({408, 425, 429})
"""Client errors that say "not now"; all server errors do."""
BAD_CONTENT = frozenset({400, 413, 415, 422})
"""Those that find fault with what was posted, and not with where or by whom."""
MAX_WAIT_SECONDS = 86_400.0

_WORD = re.compile(r"[a-z][a-z_]{2,40}")
_PAGE = re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, ``Retry-After`` and the beginning of the body."""

    status: int
    retry_after: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the events of a message."""

    state: Literal["delivered", "later", "bad content", "refused", "gone"]
    """``bad content``: the receiver finds fault with something in it; alone, the other events may pass."""
    reason: str = ""
    """For a person; holds nothing the receiver sent but a status and known words."""


def standard_verdict(answer: Answer) -> Verdict:
    """2xx delivered; 408, 425, 429 and 5xx come again; everything else (redirects included) is refused."""
    status = answer.status
    if 200 <= status < 300:
        return Verdict("delivered")
    if status in TRY_LATER or status >= 500:
        return Verdict("later", f"it answered {status}")
    if status == GONE:
        told = "the webhook answered 410: the receiver is gone and wants no more; set another WEBHOOK_URL"
        return Verdict("gone", told)
    if 300 <= status < 400:
        return Verdict("refused", f"the webhook answered {status}, a redirect; set WEBHOOK_URL to where it leads")
    if status in BAD_CONTENT:
        return Verdict("bad content", f"the webhook answered {status}: it does not take this event")
    return Verdict("refused", f"the webhook answered {status}; check WEBHOOK_URL and WEBHOOK_SECRET")


def slack_verdict(answer: Answer) -> Verdict:
    """As :func:`standard_verdict`, and the body counts: ``ok``, or a word such as ``invalid_payload``."""
    verdict = standard_verdict(answer)
    text = answer.body[:100].decode("utf-8", "replace").strip()
    word = text if _WORD.fullmatch(text) else ""
    if verdict.state == "delivered":
        if text == "ok":
            return verdict
        if word:
            return Verdict("bad content", f"Slack answered {answer.status} {word}")
        return Verdict("later", "what answered is not Slack, or a page in front of it")
    if verdict.state in ("bad content", "refused") and word:
        return Verdict(verdict.state, f"Slack answered {answer.status} {word}; check WEBHOOK_URL")
    return verdict


def is_a_page(answer: Answer) -> bool:
    """A page for people: what a login or a maintenance notice in front of the receiver looks like."""
    return _PAGE.match(answer.body) is not None


def asked_wait(answer: Answer, now_ns: int) -> float | None:
    """The seconds for which the receiver asks to be left alone, at most a day; ``None`` when it does not ask."""
    seconds = retry_after_seconds(answer.retry_after, now_ns)
    return None if seconds is None else min(seconds, MAX_WAIT_SECONDS)
