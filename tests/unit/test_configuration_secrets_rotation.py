"""Rotation: the new value is followed and masked from its first moment, the old one for a time of grace."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.configuration_parts import AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.known_secrets import KnownSecrets
from busway.configuration.manager import ConfigManager

OLD, NEW = "synthetic-token-1", "synthetic-token-2"


class Masks:
    """What a redactor hears."""

    def __init__(self, config: ConfigManager) -> None:
        self.masked: set[str] = set()
        self.retired: list[str] = []
        config.watch_secrets(self.masked.add, self.retire)

    def retire(self, value: str) -> None:
        self.masked.discard(value)
        self.retired.append(value)


def opened(tmp_path: Path, vault: Vault, clock: ManualClock, **environ: str) -> ConfigManager:
    models = (AcmeSettings, TokenSettings)
    return open_config(tmp_path, {"ACME_REGION": "eu", **environ}, models=models, vault=vault, clock=clock)


def test_rotation_is_followed_without_a_restart_on_every_way(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock)
    handle = config.section(TokenSettings).token
    assert (config.get_secret("ACME_TOKEN"), config.ACME_TOKEN, handle.get_secret_value()) == (OLD, OLD, OLD)
    vault.values["ACME_TOKEN"] = NEW
    clock.advance(600)
    assert (handle.get_secret_value(), config.ACME_TOKEN, config.get_secret("ACME_TOKEN")) == (NEW, NEW, NEW)
    assert len(vault.asked) == 2


def test_the_old_value_is_masked_for_the_time_of_grace_and_then_forgotten(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock, SECRET_GRACE_SECONDS="100")
    masks = Masks(config)
    config.get_secret("ACME_TOKEN")
    vault.values["ACME_TOKEN"] = NEW
    assert config.get_secret("ACME_TOKEN", refresh=True) == NEW
    clock.advance(99)
    assert config.secret_values() >= {OLD, NEW}
    assert masks.masked >= {OLD, NEW}
    clock.advance(1)
    # The clock of a secret nobody reads is checked with the next question for any.
    config.get_secret("ACME_TOKEN", refresh=True)
    assert masks.retired == [OLD]
    assert config.secret_values() & {OLD, NEW} == {NEW}


def test_a_new_value_is_masked_before_anybody_has_it(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock)
    handed_out: list[str] = []
    early: list[bool] = []
    config.watch_secrets(lambda value: early.append(value not in handed_out))
    handed_out.append(config.get_secret("ACME_TOKEN"))
    vault.values["ACME_TOKEN"] = NEW
    handed_out.append(config.get_secret("ACME_TOKEN", refresh=True))
    assert early == [True, True]


def test_who_watches_late_hears_of_everything_known_once(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock, ACME_PASSWORD="synthetic-password")
    config.get_secret("ACME_TOKEN")
    vault.values["ACME_TOKEN"] = NEW
    config.get_secret("ACME_TOKEN", refresh=True)
    heard: list[str] = []
    config.watch_secrets(heard.append)
    assert sorted(heard) == sorted([OLD, NEW, "synthetic-password"])


def test_who_cannot_be_masked_is_not_handed_out(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": OLD}), ManualClock())

    def refuse(value: str) -> None:
        raise ZeroDivisionError

    config.watch_secrets(refuse)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            config.get_secret("ACME_TOKEN")


def test_a_value_that_is_taken_away_is_masked_for_the_time_of_grace(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_PASSWORD": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock)
    config.get_secret("ACME_PASSWORD")
    del vault.values["ACME_PASSWORD"]
    clock.advance(600)
    assert config.ACME_PASSWORD is None
    clock.advance(3599)
    assert OLD in config.secret_values()
    clock.advance(1)
    assert OLD not in config.secret_values()


def test_a_value_that_comes_back_stays(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock)
    for value in (OLD, NEW, OLD):
        vault.values["ACME_TOKEN"] = value
        config.get_secret("ACME_TOKEN", refresh=True)
    clock.advance(3600)
    assert config.secret_values() & {OLD, NEW} == {OLD}


def test_a_value_that_another_secret_or_the_environment_has_stays(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD, "OTHER_THING": OLD, "THIRD_THING": NEW}), ManualClock()
    config = opened(tmp_path, vault, clock, ACME_PASSWORD=NEW)
    config.secret_values()
    for name in ("ACME_TOKEN", "OTHER_THING", "THIRD_THING"):
        config.get_secret(name)
    vault.values["ACME_TOKEN"] = vault.values["THIRD_THING"] = "synthetic-token-3"
    config.get_secret("ACME_TOKEN", refresh=True)
    config.get_secret("THIRD_THING", refresh=True)
    clock.advance(10_000)
    assert config.secret_values() >= {OLD, NEW, "synthetic-token-3"}


def test_a_watcher_without_interest_in_retiring_keeps_what_it_has(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": OLD}), ManualClock()
    config = opened(tmp_path, vault, clock)
    heard: list[str] = []
    config.watch_secrets(heard.append)
    config.get_secret("ACME_TOKEN")
    vault.values["ACME_TOKEN"] = NEW
    config.get_secret("ACME_TOKEN", refresh=True)
    clock.advance(3600)
    assert config.secret_values() & {OLD, NEW} == {NEW}
    assert heard == [OLD, NEW]


NAMES, VALUES = st.sampled_from("ab"), st.sampled_from(["one", "two", "three", None])
STEPS = st.lists(st.tuples(NAMES, VALUES, st.sampled_from([0, 1, 5, 10, 11])), max_size=30)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sets(st.sampled_from(["one", "two"])))
def test_known_is_what_is_in_use_or_was_within_the_grace(
    steps: list[tuple[str, str | None, int]], pinned: set[str]
) -> None:
    clock = ManualClock()
    known = KnownSecrets(clock, lambda: 10.0)
    heard: list[str] = []
    retired: list[str] = []
    known.watch(heard.append, retired.append)
    for fixed in pinned:
        known.pin(fixed)
    current: dict[str, str | None] = {}
    last_used: dict[str, float] = {}
    for name, value, wait in steps:
        clock.advance(wait)
        before = current.get(name)
        known.assign(name, value)
        current[name] = value
        if before is not None and before != value:
            last_used[before] = clock.monotonic()
        in_use = {one for one in current.values() if one is not None} | pinned
        graced = {one for one, at in last_used.items() if clock.monotonic() < at + 10}
        assert known.values() == in_use | graced
        assert set(heard) - set(retired) <= known.values()
        assert len(heard) - len(retired) == len(known.values())
