"""What the webhook sink puts on the wire, and how it reads answers and settings."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from busway.contracts.events import Severity
from busway.contracts.settings import Secret, SettingClass, env_name, setting_class
from busway.contracts.sinks import Delivery
from busway.errors import ConfigurationError
from busway.testing.sinks import sample_event, sample_events
from busway_sink_webhook import busway_settings
from busway_sink_webhook.answer import outcome, retry_after_seconds
from busway_sink_webhook.guard import AddressGuard
from busway_sink_webhook.payload import body_of, message_id
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.signing import keys_of, sign
from busway_sink_webhook.target import target_of

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(24))).decode()
NOW_NS = 1_767_225_600_000_000_000


def signed(secret: str, body: bytes, at: int | None = None) -> dict[str, str]:
    at = int(time.time()) if at is None else at
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": sign(keys_of(secret), "msg_1", at, body),
    }


@given(st.lists(st.text(max_size=30), min_size=1, max_size=3))
def test_the_reference_verifier_accepts_our_signature(texts: list[str]) -> None:
    body = body_of([sample_event(number, entity_id=text) for number, text in enumerate(texts, 1)])
    assert Webhook(KEY).verify(body, signed(KEY, body)) == json.loads(body)


def test_during_a_rotation_both_keys_verify() -> None:
    body = body_of(sample_events(1))
    headers = signed(f"{KEY} {OLD}", body)
    assert Webhook(KEY).verify(body, headers)
    assert Webhook(OLD).verify(body, headers)


def test_a_changed_body_or_another_key_does_not_verify() -> None:
    body = body_of(sample_events(1))
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(body + b" ", signed(KEY, body))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, signed(KEY, body))


@pytest.mark.parametrize("secret", ["", " ", "plain", "whsec_", "whsec_%%%", "whsec_" + "QUJD", "whsec_" + "QUJD" * 30])
def test_a_secret_of_another_form_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        keys_of(secret)
    assert caught.value.code == "BW3205"
    assert len(secret) < 5 or secret not in caught.value.render().replace("whsec_$", "")


def test_padding_of_the_key_may_be_missing() -> None:
    assert keys_of(KEY.rstrip("=")) == keys_of(KEY)


def test_the_body_is_the_documented_json() -> None:
    event = sample_event(1, severity=Severity.WARNING, attributes={"names": ["Zoë"], "rate": 0.5})
    document = json.loads(body_of([event]))
    assert document == {
        "type": "busway.events",
        "timestamp": "2026-01-01T00:00:00.001000000Z",
        "data": [
            {
                "event_id": event.event_id,
                "timestamp": "2026-01-01T00:00:00.001000000Z",
                "severity": "WARNING",
                "category": "error",
                "entity_type": "employee",
                "entity_id": "E1",
                "session_id": event.session_id,
                "attributes": {"names": ["Zoë"], "rate": 0.5},
                "error": {"kind": "validation", "message": "sample problem 1", "type": "ValueError", "code": ""},
            }
        ],
    }


def test_the_same_events_give_the_same_id_and_bytes() -> None:
    assert message_id(sample_events(3)) == message_id(sample_events(3)) != message_id(sample_events(2))
    assert "." not in message_id(sample_events(3))
    assert body_of(sample_events(3)) == body_of(sample_events(3))


def test_what_json_cannot_hold_does_not_stop_a_batch() -> None:
    document = json.loads(body_of([sample_event(1, entity_id="\ud800", attributes={"when": datetime.now(UTC)})]))
    assert document["data"][0]["entity_id"] == "?"


EVENTS = sample_events(2)
IDS = {event.event_id for event in EVENTS}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_delivers(status: int) -> None:
    assert outcome(status, "", EVENTS, NOW_NS) == Delivery.done(EVENTS)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 400, 401, 403, 404, 410, 413, 422, 451])
def test_a_final_answer_rejects_with_the_status_as_reason(status: int) -> None:
    delivery = outcome(status, "30", EVENTS, NOW_NS)
    assert delivery.rejected.keys() == IDS
    assert all(str(status) in reason for reason in delivery.rejected.values())
    assert delivery.retry_after_seconds is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_temporary_answer_keeps_events_pending(status: int) -> None:
    assert outcome(status, "30", EVENTS, NOW_NS) == Delivery.retry_after(30.0)
    assert outcome(status, "", EVENTS, NOW_NS) == Delivery()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e12", 86_400.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 00:01:00", 60.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("Thu, 99 Jan 2026 00:01:00 GMT", None),
    ],
)
def test_retry_after_in_all_its_forms(header: str, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW_NS) == seconds


@given(st.integers(0, 86_400))
def test_a_date_means_the_seconds_until_then(seconds: int) -> None:
    date = datetime.fromtimestamp(NOW_NS / 1e9, UTC) + timedelta(seconds=seconds)
    assert retry_after_seconds(format_datetime(date, usegmt=True), NOW_NS) == seconds


@given(st.text(max_size=40))
def test_no_header_breaks_the_reading(header: str) -> None:
    seconds = retry_after_seconds(header, NOW_NS)
    assert seconds is None or 0.0 <= seconds <= 86_400.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hooks.example.test/T0SECRET",
        "ftp://hooks.example.test/T0SECRET",
        "http://hooks.example.test/T0SECRET",
        "https:///T0SECRET",
        "https://user:T0SECRET@hooks.example.test/",
        "https://[::T0SECRET/",
        "file:///etc/T0SECRET",
    ],
)
def test_a_url_that_cannot_be_posted_to_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        target_of(text, AddressGuard())
    assert caught.value.code == "BW3205"
    assert "T0SECRET" not in caught.value.render()


def test_clear_text_goes_only_where_configuration_names_the_host() -> None:
    guard = AddressGuard(["10.1.0.0/16", "receiver.internal"])
    assert target_of("http://10.1.2.3:8080/x", guard) == httpx.URL("http://10.1.2.3:8080/x")
    assert target_of(" http://receiver.internal/x#part ", guard) == httpx.URL("http://receiver.internal/x")
    with pytest.raises(ConfigurationError):
        target_of("http://10.2.2.3/x", guard)


def test_names_and_classes_are_those_of_the_documentation() -> None:
    fields = busway_settings().model_fields
    assert {env_name(field): setting_class(field) for field in fields.values()} == {
        "WEBHOOK_URL": SettingClass.SECRET,
        "WEBHOOK_SECRET": SettingClass.SECRET,
        "WEBHOOK_TIMEOUT_SECONDS": SettingClass.PLAIN,
        "WEBHOOK_ALLOW_NETWORKS": SettingClass.PLAIN,
        "WEBHOOK_CA_FILE": SettingClass.PLAIN,
        "WEBHOOK_MIN_SEVERITY": SettingClass.PLAIN,
    }


def test_networks_come_as_text_from_the_environment() -> None:
    settings = WebhookSettings(url=Secret("https://x.example.test"), allow_networks="10.1.0.0/16, box ::1/128")  # type: ignore[arg-type]
    assert settings.allow_networks == ("10.1.0.0/16", "box", "::1/128")
    assert (settings.timeout_seconds, settings.threshold) == (15.0, Severity.INFO)


@pytest.mark.parametrize(
    "changes",
    [
        {"allow_networks": "10.0.0.0/33"},
        {"allow_networks": "10.0.0.5/8"},
        {"allow_networks": "300.1.1.1"},
        {"allow_networks": "*.example.test"},
        {"allow_networks": "https://box"},
        {"timeout_seconds": 0},
        {"timeout_seconds": 60},
        {"min_severity": "LOUD"},
    ],
)
def test_unusable_values_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebhookSettings(url=Secret("https://x.example.test"), **changes)


def test_importing_the_plugin_imports_no_http_library() -> None:
    code = "import sys, busway_sink_webhook; print([m for m in sys.modules if m in ('httpx', 'httpcore', 'ssl')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
