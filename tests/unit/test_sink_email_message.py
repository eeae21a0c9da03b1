"""What an alert mail looks like, and what can never get into its headers."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.events import Event, EventError, Severity
from busway.testing.sinks import sample_event, sample_events
from busway_sink_email.message import MAX_SUBJECT, build_message, message_id, subject
from busway_sink_email.settings import parse_address

SENDER = parse_address("Busway <busway@example.test>")
OPS = (parse_address("ops@example.test"), parse_address("night@example.test"))


def mail(*events: Event, app: str = "acme") -> EmailMessage:
    return build_message(events, app=app, sender=SENDER, recipients=OPS, now_ns=1_767_225_600_000_000_000)


def parsed(message: EmailMessage) -> EmailMessage:
    return email.message_from_bytes(message.as_bytes(), policy=email.policy.default)


def body(message: EmailMessage, kind: str) -> str:
    part = parsed(message).get_body((kind,))
    assert part is not None
    return cast(str, part.get_content())


def test_the_subject_counts_and_names_kinds_without_ids() -> None:
    events = [*sample_events(2), sample_event(3, severity=Severity.CRITICAL, entity_type="title", error=None)]
    assert subject(events, "acme") == "[acme] 1 critical event, 2 errors: employee validation, title error"


def test_the_subject_of_a_digest_is_a_digest() -> None:
    assert subject([sample_event(category="digest", error=None)], "acme") == "[acme] 1 digest"


def test_the_subject_stays_short() -> None:
    events = [sample_event(number, entity_type="kind" * 20 + str(number)) for number in range(1, 9)]
    assert len(subject(events, "acme")) == MAX_SUBJECT
    assert subject(events, "acme").endswith("…")


def test_no_entity_id_and_no_error_text_reach_the_subject() -> None:
    event = sample_event(entity_id="Jane Sample", error=EventError("validation", "jane@example.test is taken"))
    assert subject([event], "acme") == "[acme] 1 error: employee validation"


def test_headers_mark_an_automatic_mail_of_a_list() -> None:
    message = parsed(mail(sample_event(), app="Acme Fleet"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<acme-fleet.busway.example.test>"
    assert message["To"] == "ops@example.test, night@example.test"
    assert message["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert message["X-Busway-Session"] == sample_event().session_id


def test_the_message_id_follows_the_events_and_nothing_else() -> None:
    first = mail(*sample_events(2))["Message-ID"]
    assert first == mail(*sample_events(2), app="other")["Message-ID"] == message_id(sample_events(2), "example.test")
    assert first != mail(*sample_events(3))["Message-ID"]


def test_text_and_html_say_the_same_and_html_is_escaped() -> None:
    event = sample_event(
        entity_id="<img src=x>", attributes={"<b>": "</td><script>alert(1)</script>"}, error=EventError("k", "a & b")
    )
    message = mail(event)
    html = body(message, "html")
    assert "</td><script>alert(1)</script>" in body(message, "plain")
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "a &amp; b" in html


def test_long_values_are_cut_and_the_cut_is_told() -> None:
    text = body(mail(sample_event(attributes={"rows": "x" * 5_000})), "plain")
    assert "x" * 2_000 + "… (3,000 characters more)" in text


def test_every_line_is_short_seven_bit_ascii() -> None:
    raw = mail(sample_event(attributes={"text": "ż" * 3_000, "dots": "\n.\n"})).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


hostile = st.text(alphabet=st.characters(codec=None), max_size=40) | st.sampled_from(
    ["\r\nBcc: evil@example.test", "a\nSubject: b", "\x0bX-Evil: 1", "\u2028To: x", "\ud800", "=?utf-8?q?x?=", "\0"]
)


@given(app=hostile, entity_type=hostile, entity_id=hostile, kind=hostile, session=hostile)
def test_no_text_of_an_event_becomes_a_header(
    app: str, entity_type: str, entity_id: str, kind: str, session: str
) -> None:
    event = sample_event(
        entity_type=entity_type, entity_id=entity_id, session_id=session, error=EventError(kind, entity_id)
    )
    message = parsed(mail(event, app=app))
    expected = set(mail(sample_event()).keys()) | {"X-Busway-Session"}
    assert set(message.keys()) <= expected
    assert message["To"] == "ops@example.test, night@example.test"
    assert len(message.get_all("Subject")) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "ops@example.test\r\nBcc: evil@example.test",
        "ops@example.test\n",
        "no address",
        "@example.test",
        "ops@",
        "",
        "a@example.test, b@example.test",
        "zoë@example.test",
        '"a\x0b"@example.test',
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="mail address") as caught:
        parse_address(text)
    assert not text or text not in str(caught.value)
