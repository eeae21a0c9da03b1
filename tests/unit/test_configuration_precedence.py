"""Precedence, against a model of one line: the first layer of the order that has a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.configuration_parts import Vault
from builders.manual_clock import ManualClock
from busway.configuration.boot import Boot, boot
from busway.configuration.deployment import Deployment
from busway.configuration.manager import ConfigManager
from busway.contracts.secrets import SecretValue
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import ConfigurationError

CLASSES = {"PLAIN_ONE": False, "VAULTED_ONE": True, "SECRET_ONE": True, "NEEDED_SECRET": True}


class EveryClass(Settings):
    """One setting of each class."""

    plain: str = setting("default", env="PLAIN_ONE", doc="Plain.")
    vaulted: str = setting("default", env="VAULTED_ONE", doc="Vaulted.", vaulted=True)
    secret: Secret | None = setting(None, env="SECRET_ONE", doc="Secret.")
    needed: Secret = setting(env="NEEDED_SECRET", doc="Needed.")


class Source(Vault):
    """A vault, or a source of everything."""

    def __init__(self, values: Mapping[str, str], *, serves_settings: bool) -> None:
        super().__init__(values)
        self.serves_settings = serves_settings

    def names(self) -> Iterable[str]:
        return list(self.values)

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        wanted = list(names)
        assert self.serves_settings or "PLAIN_ONE" not in wanted
        return super().fetch_many(wanted)


VALUES = st.dictionaries(st.sampled_from(sorted(CLASSES)), st.sampled_from(["", "a", "b", "long value"]), max_size=4)
LAYERS = st.lists(st.tuples(VALUES, st.booleans()), max_size=4)


def opened(layers: list[tuple[dict[str, str], bool]], file: dict[str, str]) -> ConfigManager:
    plain = boot(None, {})
    booted = Boot(Deployment(plain.deployment.root, None, {"settings": file}), {}, plain.state_dir, plain.selection)
    sources = [(f"s{at}", Source(values, serves_settings=serves)) for at, (values, serves) in enumerate(layers)]
    return ConfigManager.open(booted, sources, [("test", EveryClass)], clock=ManualClock())


def expected(name: str, layers: list[tuple[dict[str, str], bool]], file: dict[str, str]) -> tuple[str, str] | None:
    """Layer and value that shall win."""
    usable = [(f"s{at}", values) for at, (values, serves) in enumerate(layers) if serves or CLASSES[name]]
    return next(((layer, values[name]) for layer, values in [*usable, ("toml", file)] if values.get(name)), None)


@settings(max_examples=200, deadline=None)
@given(LAYERS, VALUES, st.permutations(["attribute", "section", "status", "explain"]))
def test_the_first_layer_that_has_a_value_wins(
    layers: list[tuple[dict[str, str], bool]], file: dict[str, str], order: list[str]
) -> None:
    config = opened(layers, file)
    for way in order:
        for name in CLASSES:
            check(way, config, name, expected(name, layers, file))


def check(way: str, config: ConfigManager, name: str, wanted: tuple[str, str] | None) -> None:
    """Every way of asking must say the same."""
    if way == "attribute":
        check_attribute(config, name, wanted)
    elif way == "section":
        section = config.section(EveryClass)
        found = {"PLAIN_ONE": section.plain, "VAULTED_ONE": section.vaulted, "SECRET_ONE": section.secret}
        handle = found.get(name)
        if name in found:
            value = handle.get_secret_value() if isinstance(handle, Secret) else handle
            assert value == (wanted[1] if wanted else None if name == "SECRET_ONE" else "default")
    elif way == "status":
        status = config.get_configuration_status()
        rows = {row["name"]: row for row in status["settings"]}
        default = "default" if name in ("PLAIN_ONE", "VAULTED_ONE") else None
        assert rows[name]["source"] == (wanted[0] if wanted else default)
        assert rows[name]["set"] == (wanted is not None)
    else:
        winner = config.explain(name).winner
        default = "default" if name in ("PLAIN_ONE", "VAULTED_ONE") else None
        assert (winner.layer if winner else None) == (wanted[0] if wanted else default)


def check_attribute(config: ConfigManager, name: str, wanted: tuple[str, str] | None) -> None:
    if wanted is None and name == "NEEDED_SECRET":
        with pytest.raises(ConfigurationError, match="BW1201"):
            config.get_secret(name)
        return
    default = None if name == "SECRET_ONE" else "default"
    assert getattr(config, name) == (wanted[1] if wanted else default)


@settings(max_examples=60, deadline=None)
@given(LAYERS, VALUES)
def test_explain_puts_every_layer_in_its_place(layers: list[tuple[dict[str, str], bool]], file: dict[str, str]) -> None:
    config = opened(layers, file)
    for name in CLASSES:
        told = config.explain(name, ask_vaults=True)
        usable = [(f"s{at}", values) for at, (values, serves) in enumerate(layers) if serves or CLASSES[name]]
        having = [layer for layer, values in [*usable, ("toml", file)] if values.get(name)]
        assert [place.layer for place in told.shadowed] == having[1:]
        assert [place.layer for place in told.not_set] == [layer for layer, values in usable if not values.get(name)]


def test_a_source_below_the_winner_is_not_asked() -> None:
    config = opened([({"SECRET_ONE": "a"}, True)], {})
    vault = Vault({"SECRET_ONE": "b"})
    config = ConfigManager.open(
        config.boot,
        [("first", Source(dict.fromkeys(CLASSES, "a"), serves_settings=True)), ("vault", vault)],
        [("test", EveryClass)],
        clock=ManualClock(),
    )
    assert config.get_secret("SECRET_ONE") == "a"
    assert config.section(EveryClass).vaulted == "a"
    assert config.explain("SECRET_ONE").not_asked[0].layer == "vault"
    assert vault.asked == []
