"""What the webhook sink posts to Slack: within Slack's limits, readable, and never read as anything but text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.events import Event, EventError, Severity
from busway.testing.sinks import sample_digest, sample_event, sample_events
from busway_sink_webhook.message import MAX_BODY_BYTES
from busway_sink_webhook.slack import slack_message
from busway_sink_webhook.slack_blocks import context, section

hostile = st.text(alphabet=st.characters(codec=None), max_size=200) | st.sampled_from(
    [
        "<!channel>",
        "<@U123>",
        "&amp;",
        "*bold*",
        "<https://evil.example.test|click>",
        "`code`",
        "\x00\u2028",
        "&" * 4_000,
    ]
)


def posted(*events: Event, app: str = "acme") -> dict[str, Any]:
    body = slack_message(events, app=app).body
    assert len(body) < MAX_BODY_BYTES
    document: dict[str, Any] = json.loads(body)
    assert_within_limits(document)
    return document


def texts_of(document: dict[str, Any]) -> list[str]:
    found = [block["text"]["text"] for block in document["blocks"] if "text" in block]
    return found + [part["text"] for block in document["blocks"] for part in block.get("elements", [])]


def assert_within_limits(document: dict[str, Any]) -> None:
    assert 1 <= len(document["blocks"]) <= 50
    limits = {"header": 150, "section": 3_000}
    for block in document["blocks"]:
        for part in [block["text"]] if "text" in block else block["elements"]:
            assert 1 <= len(part["text"]) <= limits.get(block["type"], 2_000)
            if part["type"] == "mrkdwn":
                assert part["verbatim"] is True
                # Whatever Slack reads as its own is escaped, and no escape is cut in half.
                assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", part["text"])
            else:
                assert block["type"] == "header"


def test_an_event_is_told_with_its_error_and_attributes() -> None:
    event = sample_event(
        7, attributes={"field": "email", "rows": [1, 2]}, error=EventError("validation", "a & b < c", code="BW5003")
    )
    document = posted(event)
    text = "\n".join(texts_of(document))
    assert document["text"] == "[acme] error"
    assert "*error employee E7*" in text
    assert "validation: a &amp; b &lt; c (BW5003)" in text
    assert "field: email" in text
    assert "rows: [1, 2]" in text
    assert f"event {event.event_id}" in text
    assert "2026-01-01 00:00 UTC" in text


def test_several_events_are_one_message_headed_by_the_worst() -> None:
    document = posted(*sample_events(2), sample_event(3, severity=Severity.CRITICAL))
    assert document["text"] == "[acme] 3 events, the worst is critical"
    assert len([block for block in document["blocks"] if block["type"] == "section"]) == 3


def test_an_hourly_digest_reads_like_one() -> None:
    document = posted(sample_digest(1, "hourly"))
    text = "\n".join(texts_of(document))
    assert document["text"] == "[acme] 120 errors since 2026-01-01 00:00 UTC"
    assert "*60 x employee validation* (job employees)" in text
    assert "sample problem 3 (BW5003)" in text
    assert "next: correct the record in the source" in text
    assert "57 of them were not told at once" in text


def test_a_first_occurrence_reads_like_news() -> None:
    document = posted(sample_digest(1, "first"))
    assert document["text"] == "[acme] a new kind of error"
    assert "sample problem 1" in "\n".join(texts_of(document))
    assert "not told at once" not in json.dumps(document)


def test_groups_that_do_not_fit_are_counted() -> None:
    digest = sample_digest(1)
    group = {**digest.attributes["groups"][0], "message": "x" * 400, "next_step": "y" * 400}
    told = {**digest.attributes, "groups": [group] * 50, "more_groups": 30}
    document = posted(sample_event(1, category="digest", attributes=told))
    shown = len([block for block in document["blocks"] if block["type"] == "section"])
    assert 10 < shown < 50
    assert f"{80 - shown} more groups" in "\n".join(texts_of(document))


def test_digests_are_messages_of_their_own() -> None:
    first, digest, last = sample_event(1), sample_digest(2), sample_event(3)
    left, taken = [first, digest, last], []
    while left:
        message = slack_message(left, app="acme")
        taken.append([event.event_id for event in message.events])
        left = left[len(message.events) :]
    assert taken == [[first.event_id], [digest.event_id], [last.event_id]]


def test_a_message_has_at_most_fifty_blocks() -> None:
    events = [sample_event(number, error=None, attributes={"n": 1}, session_id=None) for number in range(1, 61)]
    document = json.loads(slack_message(events, app="acme").body)
    assert_within_limits(document)
    assert len(document["blocks"]) > 45


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_no_event_is_lost_between_messages(sizes: list[int]) -> None:
    events = [
        sample_event(number, attributes={str(name): "é" * 500 for name in range(size)})
        for number, size in enumerate(sizes, 1)
    ]
    left: list[Event] = events
    taken: list[Event] = []
    while left:
        message = slack_message(left, app="acme")
        assert len(message.body) < MAX_BODY_BYTES
        assert_within_limits(json.loads(message.body))
        taken += message.events
        left = left[len(message.events) :]
    assert taken == events


@given(app=hostile, subject=hostile, kind=hostile, text=hostile, name=hostile)
def test_no_text_of_an_event_is_more_than_text(app: str, subject: str, kind: str, text: str, name: str) -> None:
    error = EventError(kind, text, code=name)
    posted(sample_event(entity_type=subject, entity_id=text, attributes={name: text}, error=error), app=app)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "errors", "groups", "suppressed", "more_groups", "since_ns"]),
        hostile | st.integers() | st.none() | st.floats() | st.lists(st.dictionaries(hostile, hostile, max_size=3)),
    )
)
def test_a_digest_of_any_shape_is_a_message(told: dict[str, Any]) -> None:
    posted(sample_event(category="digest", attributes=told))


groups = st.fixed_dictionaries(
    {},
    optional={
        name: hostile | st.integers()
        for name in ("kind", "message", "entity_type", "job", "count", "first_ns", "last_ns", "code", "next_step")
    },
)


@given(st.lists(groups, max_size=60))
def test_groups_of_any_shape_are_shown(listed: list[dict[str, Any]]) -> None:
    posted(sample_event(category="digest", attributes={"kind": "hourly", "groups": listed}))


@pytest.mark.parametrize("length", range(2_990, 3_010))
def test_no_escape_is_cut_in_half(length: int) -> None:
    for block in (section(["x" * (length - 6) + "&amp;" * 3]), context(["x" * (length - 1_010) + "&" * 3])):
        assert_within_limits({"blocks": [block]})
