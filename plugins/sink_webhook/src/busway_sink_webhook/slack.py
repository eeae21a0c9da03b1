"""Messages for Slack's incoming webhooks, and for what speaks like them: blocks that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from busway.contracts.events import Event
from busway_sink_webhook.message import MAX_BODY_BYTES, Message
from busway_sink_webhook.payload import as_json
from busway_sink_webhook.slack_blocks import Block, bold, clean, context, header, section, shown, when

__all__ = ["slack_message"]

MAX_BLOCKS = 50
ROOM = MAX_BODY_BYTES - 2_000
"""Bytes for blocks; the rest is for heading, small print and envelope."""
MAX_VALUE = 500
"""Characters of an error's text or an attribute: a channel is no archive."""
MAX_ATTRIBUTES = 8

_SIGNS = {"CRITICAL": ":rotating_light:", "ERROR": ":red_circle:", "WARNING": ":large_yellow_circle:"}


def slack_message(events: Sequence[Event], whole: int = 0, *, app: str) -> Message:
    """The first of ``events`` (at least one) that fit into one message: one digest, or several other events.

    :param whole: so many belong together: they were in one message before, and it may have arrived.
    :param app: name of the deployment, for the heading.
    """
    if events[0].category == "digest":
        heading, blocks = _digest_heading(events[0].attributes, app), _digest(events[0])
        return _message(events[:1], heading, blocks)
    taken: list[Event] = []
    blocks = []
    for event in events[:whole] if whole else events:
        more = _event(event)
        full = len(blocks) + len(more) >= MAX_BLOCKS or len(as_json([*blocks, *more])) > ROOM
        if event.category == "digest" or (taken and full):
            break
        taken.append(event)
        blocks += more
    return _message(taken, _heading(taken, app), blocks)


def _message(events: Sequence[Event], heading: str, blocks: list[Block]) -> Message:
    # ``text`` is what a notification and a screen reader say.
    return Message(tuple(events), as_json({"text": clean(heading, 300), "blocks": [header(heading), *blocks]}))


def _heading(events: Sequence[Event], app: str) -> str:
    worst = max(events, key=lambda event: event.severity).severity.name.lower()
    return f"[{app}] {worst}" if len(events) == 1 else f"[{app}] {len(events)} events, the worst is {worst}"


def _event(event: Event) -> list[Block]:
    subject = " ".join(part for part in (event.category, event.entity_type, event.entity_id) if part)
    lines = [f"{_SIGNS.get(event.severity.name, ':information_source:')} {bold(clean(subject, 200))}"]
    if event.error:
        code = f" ({clean(event.error.code, 20)})" if event.error.code else ""
        lines.append(f"{clean(event.error.kind, 80)}: {clean(event.error.message, MAX_VALUE)}{code}")
    attributes = [*event.attributes.items()]
    lines += [
        f"{clean(str(name), 80)}: {clean(shown(value), MAX_VALUE)}" for name, value in attributes[:MAX_ATTRIBUTES]
    ]
    lines += [f"… and {len(attributes) - MAX_ATTRIBUTES:,} more"] if len(attributes) > MAX_ATTRIBUTES else []
    small = [when(event.timestamp), f"event {event.event_id}"]
    return [section(lines), context([*small, *([f"session {event.session_id}"] if event.session_id else [])])]


def _digest_heading(told: Mapping[str, Any], app: str) -> str:
    if told.get("kind") == "first":
        return f"[{app}] a new kind of error"
    errors = _number(told.get("errors"))
    return f"[{app}] {errors:,} error{'' if errors == 1 else 's'} since {when(_number(told.get('since_ns')))}"


def _digest(event: Event) -> list[Block]:
    told = event.attributes
    listed = told.get("groups")
    groups = [group for group in listed if isinstance(group, Mapping)] if isinstance(listed, list | tuple) else []
    blocks: list[Block] = []
    for group in groups[: MAX_BLOCKS - 2]:
        blocks.append(section(_group(group)))
        if len(as_json(blocks)) > ROOM:
            del blocks[-1]
            break
    hidden = len(groups) - len(blocks) + _number(told.get("more_groups"))
    suppressed = _number(told.get("suppressed"))
    remarks = [f"{suppressed:,} of them were not told at once"] if suppressed else []
    remarks += [f"{hidden:,} more groups: busway events errors"] if hidden > 0 else []
    return [*blocks, context([*remarks, f"event {event.event_id}"])]


def _group(group: Mapping[str, Any]) -> list[str]:
    text = {
        name: str(group[name])
        for name in ("entity_type", "kind", "job", "code", "message", "next_step")
        if group.get(name)
    }
    name = " ".join(text[part] for part in ("entity_type", "kind") if part in text)
    job = f" (job {clean(text['job'], 80)})" if "job" in text else ""
    code = f" ({clean(text['code'], 20)})" if "code" in text else ""
    count = f"{_number(group.get('count')):,}"
    lines = [bold(f"{count} x {clean(name, 200)}") + job]
    lines += [f"{clean(text['message'], MAX_VALUE)}{code}"] if "message" in text else []
    last = _number(group.get("last_ns"))
    lines += [f"first {when(_number(group.get('first_ns')))}, last {when(last)}"] if last else []
    return [*lines, *([f"next: {clean(text['next_step'], MAX_VALUE)}"] if "next_step" in text else [])]


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**63 else 0
