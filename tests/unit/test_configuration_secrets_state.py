"""What is told about each secret: its standing, its source and its times, never its value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.manager import ConfigManager
from busway.configuration.secret_state import SecretState
from busway.contracts.secrets import SecretValue
from busway.errors import RefusedError, UnreachableError

VALUE = "synthetic-token-1"


class Dated(Vault):
    """A vault that tells when its secrets begin."""

    not_before_ns: int | None = None

    def fetch(self, name: str) -> SecretValue | None:
        found = super().fetch(name)
        if found is None:
            return None
        return SecretValue(found.value, found.where, found.version, found.expires_at_ns, self.not_before_ns)


def opened(tmp_path: Path, vault: Vault | None, clock: ManualClock | None = None, **more: Any) -> ConfigManager:
    environ = {"ACME_REGION": "eu", **more.pop("environ", {})}
    return open_config(tmp_path, environ, models=(AcmeSettings, TokenSettings), vault=vault, clock=clock, **more)


def state_of(config: ConfigManager, name: str = "ACME_TOKEN", *, ask: bool = False) -> SecretState:
    (found,) = [one for one in config.secret_states(ask=ask) if one.name == name]
    return found


def test_without_asking_no_vault_is_asked(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": VALUE})
    config = opened(tmp_path, vault)
    state = state_of(config)
    assert (state.state, state.is_set, state.reason) == ("unread", False, "keyvault was not asked")
    assert (state.owner, state.age_seconds, state.fresh_for_seconds) == (OWNER, None, None)
    assert {one.name for one in config.secret_states()} == {"ACME_TOKEN", "ACME_PASSWORD", "VISTA_SQL_PASSWORD"}
    assert vault.asked == []
    assert config.secret_accesses() == []


@pytest.mark.parametrize("layer", ["env", "dotenv", "toml"])
def test_what_is_near_is_known_without_reading_it(tmp_path: Path, layer: str) -> None:
    more: dict[str, dict[str, Any]] = {
        "env": {"environ": {"ACME_TOKEN": VALUE}},
        "dotenv": {"dotenv": f"ACME_TOKEN={VALUE}\n"},
        "toml": {"toml": f'[settings]\nACME_TOKEN = "{VALUE}"\n'},
    }
    state = state_of(opened(tmp_path, None, **more[layer]))
    assert (state.state, state.is_set, state.source, state.maskable) == ("unread", True, layer, True)
    assert state.place


def test_what_a_vault_may_overrule_is_not_known(tmp_path: Path) -> None:
    state = state_of(opened(tmp_path, Vault(), dotenv=f"ACME_TOKEN={VALUE}\n"))
    assert (state.state, state.is_set, state.source) == ("unread", False, "")


def test_without_a_vault_a_missing_secret_is_known_to_be_unset(tmp_path: Path) -> None:
    assert state_of(opened(tmp_path, None)).state == "unset"


def test_a_broken_file_is_a_reason(tmp_path: Path) -> None:
    state = state_of(opened(tmp_path, None, dotenv="ACME_TOKEN='canary\n"))
    assert state.state == "unread"
    assert state.reason.startswith("BW1104: ")


def test_asking_is_one_round_for_all_secrets(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": VALUE, "ACME_MAIL_TO": "ops@example.test"})
    vault.versions["ACME_TOKEN"] = "v7"
    config = opened(tmp_path, vault, ManualClock())
    states = {one.name: one for one in config.secret_states(ask=True)}
    assert sorted(vault.asked) == ["ACME_PASSWORD", "ACME_TOKEN", "VISTA_SQL_PASSWORD"]
    token = states["ACME_TOKEN"]
    assert (token.state, token.is_set, token.source, token.version) == ("fresh", True, "keyvault", "v7")
    assert token.place == "https://acme.vault.example ACME-TOKEN"
    assert (token.age_seconds, token.fresh_for_seconds, token.reason) == (0, 600, "")
    assert states["ACME_PASSWORD"].state == "unset"
    assert VALUE not in repr(states)


def test_a_missing_required_secret_is_unset(tmp_path: Path) -> None:
    state = state_of(opened(tmp_path, Vault()), ask=True)
    assert (state.state, state.is_set, state.reason) == ("unset", False, "")


@pytest.mark.parametrize("error", [RefusedError("BW9998", "it is disabled"), UnreachableError("BW9999", "it is away")])
def test_what_could_not_be_asked_has_the_reason(tmp_path: Path, error: Any) -> None:
    state = state_of(opened(tmp_path, Vault(error=error)), ask=True)
    assert (state.state, state.is_set) == ("unread", False)
    assert state.reason == f"{error.code}: {error.problem.what}"


def test_the_life_of_a_secret(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": VALUE}), ManualClock()
    config = opened(tmp_path, vault, clock)
    config.get_secret("ACME_TOKEN")
    clock.advance(240)
    state = state_of(config)
    assert (state.state, state.age_seconds, state.fresh_for_seconds) == ("fresh", 240, 360)
    clock.advance(360)
    state = state_of(config)
    assert (state.state, state.fresh_for_seconds) == ("expired", 0)
    assert "next use" in state.reason
    vault.error = UnreachableError("BW9999", "it is away")
    config.get_secret("ACME_TOKEN")
    state = state_of(config)
    assert (state.state, state.is_set, state.age_seconds) == ("stale", True, 600)
    assert state.reason == "BW9999: it is away"
    vault.error = None
    clock.advance(30)
    config.get_secret("ACME_TOKEN")
    assert (state_of(config).state, state_of(config).reason) == ("fresh", "")


def test_dates_of_the_source_are_told_and_warned_of(tmp_path: Path) -> None:
    vault, clock = Dated({"ACME_TOKEN": VALUE}), ManualClock()
    vault.expires_at_ns = clock.now_ns() - 1
    config = opened(tmp_path, vault, clock)
    assert [problem.code for problem in config.warnings()] == []
    config.get_secret("ACME_TOKEN")
    state = state_of(config)
    assert (state.state, state.expires_at_ns) == ("expired", vault.expires_at_ns)
    assert [problem.code for problem in config.warnings()] == ["BW1216"]
    vault.expires_at_ns, vault.not_before_ns = None, clock.now_ns() + 10**9
    config.get_secret("ACME_TOKEN", refresh=True)
    assert state_of(config).not_before_ns == vault.not_before_ns
    (problem,) = config.warnings()
    assert (problem.code, "not valid yet" in problem.what) == ("BW1216", True)
    clock.advance(1)
    assert config.warnings() == []


@pytest.mark.parametrize(("value", "maskable"), [("7 chars", False), ("8 charsx", True)])
@pytest.mark.parametrize("near", [True, False])
def test_a_short_secret_is_told_as_not_maskable(tmp_path: Path, value: str, maskable: bool, near: bool) -> None:
    config = opened(
        tmp_path, Vault({} if near else {"ACME_TOKEN": value}), environ={"ACME_TOKEN": value} if near else {}
    )
    assert state_of(config, ask=not near).maskable is maskable


def test_secrets_that_were_only_asked_for_by_name_are_listed(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"OTHER_THING": VALUE}))
    config.get_secret("OTHER_THING")
    state = state_of(config, "OTHER_THING")
    assert (state.owner, state.state, state.source) == ("", "fresh", "keyvault")


# -- odd values

ODD = {
    "25 KB": "synthetic-" * 2_560,
    "non-ASCII": "pässwörd-密码-🔑-ß",
    "multi-line": "-----BEGIN-----\nline one\n\nline two\r\n-----END-----\n",
    "blanks around": "  synthetic token ",
    "control": "synthetic\x00\x1b[31m-token",
    "quotes": '"it\'s" ${NOT_EXPANDED} #no comment',
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("layer", ["env", "keyvault"])
def test_an_odd_secret_survives_unchanged_on_every_way(tmp_path: Path, kind: str, layer: str) -> None:
    value = ODD[kind]
    held = {"ACME_TOKEN": value, "ACME_PASSWORD": value}
    config = opened(tmp_path, Vault(held if layer == "keyvault" else {}), environ=held if layer == "env" else {})
    assert config.prefetch() == {}
    assert config.get_secret("ACME_TOKEN") == value
    assert value == config.ACME_TOKEN
    section, optional = config.section(TokenSettings), config.section(AcmeSettings).password
    assert section.token.get_secret_value() == value
    assert optional is not None
    assert optional.get_secret_value() == value
    assert value in config.secret_values()


def test_blanks_alone_are_not_used_silently(tmp_path: Path) -> None:
    config = opened(tmp_path, Vault({"ACME_TOKEN": " \t "}))
    assert config.get_secret("ACME_TOKEN") == " \t "
    assert "BW1217" in [problem.code for problem in config.warnings()]


@pytest.mark.parametrize("layer", ["env", "keyvault"])
def test_an_empty_secret_counts_as_not_set(tmp_path: Path, layer: str) -> None:
    empty = {"ACME_TOKEN": ""}
    config = opened(
        tmp_path,
        Vault(empty if layer == "keyvault" else {}),
        environ=empty if layer == "env" else {},
        dotenv=f"ACME_TOKEN={VALUE}\n",
    )
    assert config.get_secret("ACME_TOKEN") == VALUE
