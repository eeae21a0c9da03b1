"""What a digest says, and the event it travels as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from busway.contracts.events import Severity
from busway.events.ids import new_event_id
from busway.events.next_steps import next_step
from busway.stores.error_groups import ErrorGroup

__all__ = ["MAX_SHOWN", "digest_record", "digest_summary", "shown_group"]

MAX_SHOWN = 50
"""Groups listed in one digest, the most frequent first; the rest is a number."""


def digest_record(
    kind: str,
    groups: Sequence[ErrorGroup],
    *,
    since_ns: int,
    until_ns: int,
    suppressed: int,
    next_ns: int | None,
    address: Mapping[str, Any],
) -> dict[str, Any]:
    """The journal record of a digest.

    :param kind: ``hourly``, or ``first`` for groups that are told at once.
    :param suppressed: errors that no message was sent about at once.
    :param next_ns: when the next hourly digest is due, for one that is not hourly itself.
    :param address: the attributes that say who it is for.
    """
    attributes = {
        "kind": kind,
        "since_ns": min(since_ns, until_ns),
        "until_ns": until_ns,
        "errors": sum(group.count for group in groups),
        "suppressed": suppressed,
        "groups": [shown_group(group) for group in groups[:MAX_SHOWN]],
        "more_groups": max(0, len(groups) - MAX_SHOWN),
        **({} if next_ns is None else {"next_digest_ns": next_ns}),
        **address,
    }
    return {
        "event_id": new_event_id(),
        "timestamp": until_ns,
        "severity": int(Severity.WARNING),
        "category": "digest",
        "entity_type": None,
        "entity_id": None,
        "session_id": None,
        "attributes": attributes,
        "error": None,
    }


def digest_summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a digest with its event id, for the caller who asked for it."""
    return {"event_id": record["event_id"], **record["attributes"]}


def shown_group(group: ErrorGroup) -> dict[str, Any]:
    """One group as it is told."""
    return {
        "fingerprint": group.fingerprint,
        "kind": group.kind,
        "code": group.code,
        "message": group.message,
        "examples": list(group.examples),
        "entity_type": group.entity_type,
        "job": group.job,
        "count": group.count,
        "first_ns": group.first_ns,
        "last_ns": group.last_ns,
        "next_step": next_step(group.code, group.kind, group.entity_type, group.job),
    }
