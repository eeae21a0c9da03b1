"""Settings of the email sink: what they accept, and the combinations that are refused before anything is sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from busway.contracts.events import Severity
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret, SettingClass, env_name, setting_class
from busway.errors import ConfigurationError
from busway_sink_email import busway_event_sink, busway_settings
from busway_sink_email.settings import EmailSettings, is_loopback

BASE: dict[str, Any] = {"server": "mail.example.test", "sender": "a@example.test", "recipients": ("b@example.test",)}


def build(**changes: Any) -> EmailSettings:
    return EmailSettings(**{**BASE, **changes})


def test_names_and_classes_are_those_of_the_documentation() -> None:
    fields = busway_settings().model_fields
    assert {env_name(field): setting_class(field) for field in fields.values()} == {
        "SMTP_SERVER": SettingClass.PLAIN,
        "SMTP_PORT": SettingClass.PLAIN,
        "SMTP_TLS": SettingClass.PLAIN,
        "SMTP_USERNAME": SettingClass.VAULTED,
        "SMTP_PASSWORD": SettingClass.SECRET,
        "SMTP_OAUTH_TOKEN": SettingClass.SECRET,
        "SMTP_OAUTH_TOKEN_URL": SettingClass.PLAIN,
        "SMTP_OAUTH_CLIENT_ID": SettingClass.VAULTED,
        "SMTP_OAUTH_CLIENT_SECRET": SettingClass.SECRET,
        "SMTP_OAUTH_SCOPE": SettingClass.PLAIN,
        "SMTP_TIMEOUT_SECONDS": SettingClass.PLAIN,
        "SMTP_CA_FILE": SettingClass.PLAIN,
        "ALERT_EMAIL_FROM": SettingClass.VAULTED,
        "ALERT_EMAIL_TO": SettingClass.VAULTED,
        "EMAIL_MIN_SEVERITY": SettingClass.PLAIN,
    }


def test_defaults() -> None:
    settings = build()
    assert (settings.port, settings.tls, settings.threshold) == (587, "starttls", Severity.ERROR)


def test_recipients_come_as_text_from_the_environment() -> None:
    settings = build(recipients=" a@example.test, b@example.test;a@example.test ,")
    assert settings.recipients == ("a@example.test", "b@example.test")


@pytest.mark.parametrize(
    "changes",
    [
        {"server": ""},
        {"port": 0},
        {"tls": "off"},
        {"recipients": ()},
        {"recipients": " , "},
        {"recipients": "nobody"},
        {"sender": "x\r\nBcc: y@example.test"},
        {"min_severity": "LOUD"},
    ],
)
def test_unusable_values_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        build(**changes)


def test_severity_is_read_in_any_case() -> None:
    assert build(min_severity=" warning ").threshold is Severity.WARNING


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.example.test", False),
        ("10.0.0.1", False),
        ("mail.example.test", False),
    ],
)
def test_loopback_is_judged_by_name(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    "changes",
    [
        {"tls": "none"},
        {"tls": "none", "server": "localhost", "username": "bus", "password": Secret("synthetic-password")},
        {"ca_file": "missing.pem"},
        {"ca_file": "empty.pem"},
    ],
)
def test_combinations_that_cannot_work_fail_when_the_sink_is_built(changes: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ConfigurationError) as caught:
        busway_event_sink(PluginContext("email", build(**changes), root=tmp_path))
    assert caught.value.code == "BW3206"
    assert caught.value.problem.fix
    assert "synthetic-password" not in caught.value.render()


def test_importing_the_plugin_imports_no_mail_library() -> None:
    code = "import sys, busway_sink_email; print([m for m in sys.modules if m in ('smtplib', 'ssl')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
