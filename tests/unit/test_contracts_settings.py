"""Settings and secrets: declared once, silent about their values."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import ValidationError

from busway import Secret, Settings, setting
from busway.contracts.settings import SettingClass, env_name, setting_class

CANARY = "canary-value-4711"


class MailSettings(Settings):
    server: str = setting("localhost", env="SMTP_SERVER", doc="Host.", vaulted=True)
    password: Secret | None = setting(None, env="SMTP_PASSWORD", doc="Password.")
    port: int = setting(587, env="SMTP_PORT", doc="Port.", ge=1)


def test_a_declaration_carries_name_doc_and_class() -> None:
    fields = MailSettings.model_fields
    assert [env_name(field) for field in fields.values()] == ["SMTP_SERVER", "SMTP_PASSWORD", "SMTP_PORT"]
    assert fields["server"].description == "Host."
    assert [setting_class(field) for field in fields.values()] == [
        SettingClass.VAULTED,
        SettingClass.SECRET,
        SettingClass.PLAIN,
    ]


def test_a_secret_has_no_readable_form() -> None:
    settings = MailSettings.model_validate({"password": CANARY})
    assert settings.password is not None
    assert settings.password.get_secret_value() == CANARY
    shown = [
        repr(settings),
        str(settings.password),
        f"{settings.password}",
        settings.model_dump_json(),
        str(settings.model_dump()),
    ]
    assert not any(CANARY in text for text in shown)


def test_a_secret_cannot_be_pickled_but_can_be_copied_in_the_process() -> None:
    secret = Secret(CANARY)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    assert copy.deepcopy({"s": secret})["s"] is secret


def test_a_deferred_secret_follows_rotation() -> None:
    values = iter(["old", "new"])
    secret = Secret(lambda: next(values))
    assert [secret.get_secret_value(), secret.get_secret_value()] == ["old", "new"]


def test_errors_show_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        MailSettings.model_validate({"port": CANARY, "password": 17})
    assert CANARY not in str(caught.value)


def test_settings_are_read_only_and_closed() -> None:
    settings = MailSettings()
    with pytest.raises(ValidationError):
        settings.port = 25  # type: ignore[misc]
    with pytest.raises(ValidationError):
        MailSettings.model_validate({"sever": "typo"})
