"""What an alert mail looks like, and what can never get into its headers."""

from __future__ import annotations

import email
import email.policy
import logging
from dataclasses import replace
from email.message import EmailMessage
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.contracts.events import Event, EventError, Severity
from busway.testing.sinks import sample_digest, sample_event, sample_events
from busway_sink_email.message import MAX_SUBJECT, Letterhead, message_id, subject, thread_id
from busway_sink_email.settings import parse_address

SENDER = parse_address("Busway <busway@example.test>")
OPS = (parse_address("ops@example.test"), parse_address("night@example.test"))


def mail(*events: Event, app: str = "acme") -> EmailMessage:
    return Letterhead(app, SENDER, OPS).message(events, 1_767_225_600_000_000_000)


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
    assert subject([sample_digest(1)], "acme") == "[acme] 120 errors, 2026-01-01 00:00 to 01:00 UTC"
    assert subject([sample_digest(1, "first")], "acme") == "[acme] new error: employee validation"
    assert subject([sample_event(category="digest", error=None)], "acme") == "[acme] 0 errors"


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


@settings(max_examples=50)
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
        "zoë zoë@example.test",
        "zoë@exa mple.test",
        '"a\x0b"@example.test',
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="mail address") as caught:
        parse_address(text)
    assert not text or text not in str(caught.value)


def test_an_hourly_digest_says_how_many_what_and_what_to_do_in_text_and_html() -> None:
    message = mail(sample_digest(1))
    for text in (body(message, "plain"), body(message, "html")):
        for told in (
            "120 errors, 2026-01-01 00:00 to 01:00 UTC",
            "57 of them",
            "60 x employee validation (job employees)",
            "sample problem 3 (BW5003)",
            "2026-01-01 00:00 to 00:03 UTC",
            "correct the record in the source",
            "0000000000000003",
        ):
            assert told in text


def test_a_first_occurrence_is_told_as_one() -> None:
    text = body(mail(sample_digest(1, "first")), "plain")
    assert text.splitlines()[0] == "new error: employee validation"
    assert "not told at once" not in text


def test_groups_that_are_not_listed_are_counted() -> None:
    digest = sample_digest(1)
    text = body(mail(sample_event(category="digest", attributes={**digest.attributes, "more_groups": 1_234})), "plain")
    assert "1,234 more groups" in text


def test_all_mails_of_a_job_and_a_day_are_one_thread() -> None:
    first, digest = sample_event(1, attributes={"job": "employees"}), sample_digest(2)
    roots = {mail(first)["References"], mail(first)["In-Reply-To"], mail(digest)["References"]}
    (root,) = roots
    assert root == thread_id([first], "acme", "example.test")
    assert root != mail(first)["Message-ID"]
    next_day = replace(first, timestamp=first.timestamp + 86_400_000_000_000)
    other_job = sample_event(1, attributes={"job": "titles"})
    others = {mail(next_day)["References"], mail(other_job)["References"], mail(first, app="other")["References"]}
    assert len(others | roots) == 4
    assert mail(first, other_job)["References"] == mail(sample_event(1))["References"]  # of the deployment


def test_what_fails_in_a_template_costs_the_html_and_not_the_mail(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("busway_sink_email.bodies.PAGE", "{no_such_value}")
    with caplog.at_level(logging.WARNING):
        message = parsed(mail(sample_event()))
    assert message.get_body(("html",)) is None
    assert "sample problem 1" in body(message, "plain")
    assert "KeyError" in caplog.text


def test_an_event_that_cannot_be_told_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(events: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr("busway_sink_email.message.parts_of", broken)
    assert f"event: {sample_event().event_id}" in body(mail(sample_event()), "plain")
    assert "ZeroDivisionError" in caplog.text


def test_many_attributes_are_counted_beyond_forty() -> None:
    text = body(mail(sample_event(attributes={str(number): number for number in range(10_000)})), "plain")
    assert "9,960 more attributes" in text
    assert len(text) < 3_000


odd = (
    hostile
    | st.integers()
    | st.none()
    | st.floats()
    | st.lists(st.dictionaries(hostile, hostile, max_size=3), max_size=3)
)
FIELDS = ("kind", "message", "entity_type", "job", "count", "first_ns", "last_ns", "code", "next_step", "fingerprint")


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "kind": hostile | st.sampled_from(["hourly", "first"]),
            "errors": odd,
            "since_ns": odd,
            "until_ns": odd,
            "suppressed": odd,
            "more_groups": odd,
            "job": odd,
            "groups": odd | st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, odd)), max_size=4),
        },
    )
)
def test_a_digest_of_any_shape_is_a_mail_and_adds_no_header(told: dict[str, Any]) -> None:
    message = parsed(mail(sample_event(category="digest", attributes=told, session_id=None)))
    assert set(message.keys()) == set(mail(sample_event(session_id=None)).keys())
    assert len(message["Subject"]) <= MAX_SUBJECT
    assert sample_event().event_id in body(message, "plain")
    assert sample_event().event_id in body(message, "html")


def test_an_address_with_letters_beyond_ascii_keeps_them_before_the_at() -> None:
    assert parse_address("zoë@exämple.test").addr_spec == "zoë@xn--exmple-cua.test"
    assert str(parse_address("Zoë <z@example.test>")) == "Zoë <z@example.test>"
