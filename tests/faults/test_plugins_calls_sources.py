"""Secret sources that hang, break or answer nonsense when they are called."""

from __future__ import annotations

import pytest

from builders.distributions import Site
from builders.plugin_world import (
    CANARY,
    SHORT,
    VAULT,
    Open,
    World,
    named,
)
from busway.errors import BuswayError


def test_a_vault_that_hangs_is_named_and_asked_once(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.app.call_seconds", lambda config: SHORT)
    vault = site.install("vault", VAULT.replace("{body}", "world.hang(name)"), kind="secrets")
    app = open_app(secrets=["env", "vault"])
    for _ in range(3):
        with pytest.raises(BuswayError) as caught:
            app.config.get_secret("ACME_TOKEN")
        assert (caught.value.code, caught.value.exit_code) == ("BW1320", 5)
        assert named(vault, caught.value.render())
        assert f"vault = {vault.module}" in caught.value.render()
    assert world.calls == ["ACME_TOKEN"]
    assert "secrets.vault (acme-busway-vault 1.2) was abandoned: no answer within 0.05 s" in app.warnings()


def test_a_vault_that_breaks_is_named_without_its_words(open_app: Open, site: Site) -> None:
    vault = site.install("vault", VAULT.replace("{body}", f"raise KeyError({CANARY!r})"), kind="secrets")
    gone = site.install("gone", VAULT.replace("{body}", "sys.exit(3)"), kind="secrets")
    odd = site.install("odd", VAULT.replace("{body}", "return 3"), kind="secrets")
    for name, installed, code, cause in (
        ("vault", vault, "BW1321", "KeyError"), ("gone", gone, "BW1321", "SystemExit"), ("odd", odd, "BW1322", "int")
    ):  # fmt: skip
        app = open_app(secrets=["env", name])
        with pytest.raises(BuswayError) as caught:
            app.config.get_secret("ACME_TOKEN")
        text = caught.value.render()
        assert caught.value.code == code
        assert named(installed, text)
        assert cause in text
        assert CANARY not in text


def test_a_value_that_is_remembered_outlives_its_source(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.app.call_seconds", lambda config: SHORT)
    body = "from busway import SecretValue; return SecretValue('x' * 20) if name == 'GOOD' else world.hang(name)"
    site.install("vault", VAULT.replace("{body}", body), kind="secrets")
    app = open_app(secrets=["env", "vault"])
    assert app.config.get_secret("GOOD") == "x" * 20
    with pytest.raises(BuswayError, match="BW1320"):
        app.config.get_secret("BAD")
    assert app.config.get_secret("GOOD") == "x" * 20
