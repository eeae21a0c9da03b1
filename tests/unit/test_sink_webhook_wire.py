"""What the webhook sink puts on the wire, and how it reads answers and settings."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from busway.contracts.events import Event, EventError, Severity
from busway.contracts.settings import Secret, SettingClass, env_name, setting_class
from busway.errors import ConfigurationError
from busway.testing.sinks import sample_event, sample_events
from busway_sink_webhook import busway_settings
from busway_sink_webhook.answer import Answer, asked_wait, slack_verdict, standard_verdict
from busway_sink_webhook.guard import AddressGuard
from busway_sink_webhook.message import MAX_BODY_BYTES, message_id, traceparent
from busway_sink_webhook.payload import standard_message
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.signing import Signer
from busway_sink_webhook.target import target_of

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(24))).decode()
NOW_NS = 1_767_225_600_000_000_000


def body_of(events: Sequence[Event]) -> bytes:
    return standard_message(events).body


def signed(secret: str, body: bytes, at: int | None = None) -> dict[str, str]:
    at = int(time.time()) if at is None else at
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": Signer(secret).sign("msg_1", at, body),
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


@pytest.mark.parametrize(
    "secret",
    [
        "",
        " ",
        "plain",
        "whsec_",
        "whsec_%%%",
        "whsec_" + "QUJD",
        "whsec_" + "QUJD" * 30,
        "whsk_" + "QUJD" * 9,
        "whpk_" + "QUJD" * 9,
    ],
)
def test_a_secret_of_another_form_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Signer(secret)
    assert caught.value.code == "BW3205"
    assert len(secret) < 5 or secret not in caught.value.render().replace("whsec_$", "")


def test_padding_of_the_key_may_be_missing() -> None:
    assert signed(KEY.rstrip("="), b"{}", at=1) == signed(KEY, b"{}", at=1)


def test_an_asymmetric_key_signs_v1a_and_its_public_half_verifies() -> None:
    private = Ed25519PrivateKey.generate()
    seed, public = private.private_bytes_raw(), private.public_key().public_bytes_raw()
    for secret in (seed, seed + public):  # some tools write both halves
        header = signed("whsk_" + base64.b64encode(secret).decode(), b"{}", at=7)["webhook-signature"]
        version, _, signature = header.partition(",")
        assert version == "v1a"
        private.public_key().verify(base64.b64decode(signature), b"msg_1.7.{}")  # raises when it does not


def test_a_rotation_may_go_from_one_sort_of_key_to_the_other() -> None:
    header = signed(f"whsk_{base64.b64encode(bytes(32)).decode()} {KEY}", b"{}")["webhook-signature"]
    assert [part.partition(",")[0] for part in header.split()] == ["v1a", "v1"]


def test_an_asymmetric_key_without_its_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with pytest.raises(ConfigurationError) as caught:
        Signer("whsk_" + base64.b64encode(bytes(32)).decode())
    assert caught.value.code == "BW3205"
    assert "busway-sink-webhook[ed25519]" in caught.value.problem.fix


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


SIZES = st.lists(st.integers(0, 9_000), min_size=1, max_size=12)


@given(SIZES)
def test_no_body_is_too_big_and_none_gets_lost_or_out_of_order(sizes: list[int]) -> None:
    events = [sample_event(number, attributes={"text": "ż" * size}) for number, size in enumerate(sizes, 1)]
    left, posted = events, []
    while left:
        message = standard_message(left)
        assert len(message.body) < MAX_BODY_BYTES
        posted += [event["event_id"] for event in json.loads(message.body)["data"]]
        left = left[len(message.events) :]
    assert posted == [event.event_id for event in events]


@given(
    st.dictionaries(st.text(max_size=400), st.text(max_size=400) | st.lists(st.integers(), max_size=300), max_size=60),
    st.text(max_size=300),
)
def test_an_event_that_is_too_big_is_cut_and_says_so(attributes: dict[str, Any], text: str) -> None:
    attributes.pop("rows", None)
    big = {"rows": ["\0" * 50] * 1_000, **attributes}
    event = sample_event(1, attributes=big, entity_id=text * 50, error=EventError("k" * 9_000, "\x07" * 30_000))
    message = standard_message([event])
    assert len(message.body) < MAX_BODY_BYTES
    (shown,) = json.loads(message.body)["data"]
    assert (shown["event_id"], shown["truncated"]) == (event.event_id, True)
    assert "bytes left out" in shown["attributes"]["rows"]


def test_small_attributes_of_a_big_event_stay() -> None:
    event = sample_event(1, attributes={"small": 7, "big": "x" * 30_000, "last": [1]})
    (shown,) = json.loads(standard_message([event]).body)["data"]
    assert shown["attributes"] == {"small": 7, "big": "… (30,002 bytes left out)", "last": [1]}


def test_too_many_attributes_are_counted() -> None:
    event = sample_event(1, attributes={str(number): "x" * 1_000 for number in range(100)})
    body = standard_message([event]).body
    (shown,) = json.loads(body)["data"]
    assert len(body) < MAX_BODY_BYTES
    kept = len(shown["attributes"]) - 1
    assert shown["attributes"]["…"] == f"{100 - kept} more attributes left out"
    assert shown["attributes"]["0"] == "x" * 1_000


def test_events_that_were_in_one_request_stay_in_one() -> None:
    message = standard_message(sample_events(5), 3)
    assert message.events == tuple(sample_events(3))
    assert message.id == message_id(sample_events(3))


@pytest.mark.parametrize(
    ("sessions", "header"),
    [
        (["0199f3c2-7d00-7000-8000-5e5510000000"] * 2, "00-0199f3c27d00700080005e5510000000-"),
        (["0199f3c2-7d00-7000-8000-5e5510000000", None], ""),
        ([None], ""),
        (["00000000-0000-0000-0000-000000000000"], "00-"),
        (["\r\nevil: 1"], "00-"),
        (["\ud800"], "00-"),
    ],
)
def test_the_session_is_the_trace(sessions: list[str | None], header: str) -> None:
    shown = traceparent(sample_event(number, session_id=one) for number, one in enumerate(sessions))
    assert shown.startswith(header)
    assert bool(shown) == bool(header)
    assert not header or re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01", shown)


def test_what_json_cannot_hold_does_not_stop_a_batch() -> None:
    document = json.loads(body_of([sample_event(1, entity_id="\ud800", attributes={"when": datetime.now(UTC)})]))
    assert document["data"][0]["entity_id"] == "?"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_delivers(status: int) -> None:
    assert standard_verdict(Answer(status)).state == "delivered"


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_is_refused_with_what_to_do(status: int) -> None:
    verdict = standard_verdict(Answer(status))
    assert verdict.state == "refused"
    assert f"{status}, a redirect" in verdict.reason


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 409, 418, 451, 100, 199])
def test_a_final_answer_refuses_with_the_status_as_reason(status: int) -> None:
    verdict = standard_verdict(Answer(status, "30"))
    assert verdict.state == "refused"
    assert str(status) in verdict.reason


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_answer_that_finds_fault_with_the_content_is_told_apart(status: int) -> None:
    verdict = standard_verdict(Answer(status))
    assert (verdict.state, str(status) in verdict.reason) == ("bad content", True)


def test_gone_is_gone() -> None:
    assert standard_verdict(Answer(410)).state == "gone"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599])
def test_a_temporary_answer_keeps_events_pending(status: int) -> None:
    assert standard_verdict(Answer(status)).state == "later"


PAGE = b"<!DOCTYPE html><html><title>Sign in</title>"


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        (Answer(200, body=b"ok"), "delivered", ""),
        (Answer(200, body=b" ok\n"), "delivered", ""),
        (Answer(200, body=b"invalid_payload"), "bad content", "invalid_payload"),
        (Answer(200, body=PAGE), "later", "not Slack"),
        (Answer(200, body=b""), "later", "not Slack"),
        (Answer(200, body=b"okay then: T0SECRET"), "later", "not Slack"),
        (Answer(400, body=b"invalid_payload"), "bad content", "invalid_payload"),
        (Answer(400, body=b"T0SECRET"), "bad content", "400"),
        (Answer(403, body=b"action_prohibited"), "refused", "action_prohibited"),
        (Answer(404, body=b"channel_not_found"), "refused", "channel_not_found"),
        (Answer(410, body=b"channel_is_archived"), "gone", "410"),
        (Answer(429, "30", b"rate_limited"), "later", "429"),
        (Answer(500, body=b"rollup_error"), "later", "500"),
    ],
)
def test_with_slack_the_body_counts(answer: Answer, state: str, told: str) -> None:
    verdict = slack_verdict(answer)
    assert (verdict.state, told in verdict.reason) == (state, True)
    assert "T0SECRET" not in verdict.reason


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0.5", 0.5),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("86401", 86_400.0),
        ("Thu, 01 Jan 2037 00:00:00 GMT", 86_400.0),
        ("soon", None),
        ("", None),
    ],
)
def test_the_wait_a_receiver_asks_for_is_a_day_at_most(header: str, seconds: float | None) -> None:
    assert asked_wait(Answer(429, header), NOW_NS) == seconds


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
        "WEBHOOK_FORMAT": SettingClass.PLAIN,
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
        {"format": "teams"},
    ],
)
def test_unusable_values_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebhookSettings(url=Secret("https://x.example.test"), **changes)


def test_importing_the_plugin_imports_no_http_library() -> None:
    code = "import sys, busway_sink_webhook; print([m for m in sys.modules if m in ('httpx', 'httpcore', 'ssl')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
