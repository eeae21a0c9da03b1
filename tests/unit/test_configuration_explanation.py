"""Explanations as a person reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.explanation import seconds_text
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.configuration.values import length_class
from busway.errors import UnreachableError

CANARY = "c4n4ry-5ecret-Value-0x7f"


def test_a_secret_from_a_vault_over_dotenv(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": "x" * 40}), ManualClock()
    vault.versions["ACME_TOKEN"] = "3f2c9a8b7c6d5e4f"
    config = open_config(tmp_path, models=(TokenSettings,), vault=vault, clock=clock, dotenv="\n\nACME_TOKEN=canary\n")
    assert config.ACME_TOKEN == "x" * 40
    clock.sleep(240)
    assert config.explain("ACME_TOKEN").render() == (
        "ACME_TOKEN   set (secret, 40 characters or more)   owner busway-acme   required\n"
        "  wins      keyvault   https://acme.vault.example ACME-TOKEN  version 3f2c…  read 4 min ago, fresh for 6 min\n"
        "  shadowed  dotenv     .env:3\n"
        "  not set   env        environment variable ACME_TOKEN\n"
        "  about     The API token."
    )


def test_a_plain_value_and_its_default(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_PORT": "7000"}, toml="[settings]\nACME_PORT = 7001\n")
    assert config.explain("ACME_PORT").render() == (
        "ACME_PORT   = 7000 (plain, int)   owner busway-acme   default 6379\n"
        "  wins      env        environment variable ACME_PORT\n"
        "  shadowed  toml       busway.toml:2\n"
        "  not set   dotenv     .env\n"
        "  about     Port of the service."
    )
    told = config.explain("ACME_HOST")
    assert told.winner is not None
    assert told.winner.layer == "default"
    assert told.render().startswith("ACME_HOST   = localhost (plain, str)   owner busway-acme   default localhost\n")


def test_vaults_below_the_winner_are_asked_on_request_only(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": "below"})
    config = open_config(tmp_path, {"ACME_TOKEN": "above"}, models=(TokenSettings,), vault=vault)
    told = config.explain("ACME_TOKEN")
    assert [place.layer for place in told.not_asked] == ["keyvault"]
    assert vault.asked == []
    told = config.explain("ACME_TOKEN", ask_vaults=True)
    assert [place.layer for place in told.shadowed] == ["keyvault"]
    assert vault.asked == ["ACME_TOKEN"]


def test_what_is_missing_says_how_to_set_it(tmp_path: Path) -> None:
    told = open_config(tmp_path, models=(TokenSettings,)).explain("ACME_TOKEN")
    assert (told.is_set, told.winner) == (False, None)
    assert told.problem is not None
    assert told.problem.code == "BW1201"
    assert told.render().startswith("ACME_TOKEN   not set (secret)   owner busway-acme   required\n")


def test_an_optional_secret_that_is_not_set_is_no_problem(tmp_path: Path) -> None:
    told = open_config(tmp_path).explain("ACME_PASSWORD")
    assert (told.is_set, told.problem, told.winner) == (False, None, None)


def test_an_invalid_value_is_told_without_it(tmp_path: Path) -> None:
    told = open_config(tmp_path, {"ACME_PORT": "canary"}).explain("ACME_PORT")
    assert told.value is None
    assert told.problem is not None
    assert told.problem.code == "BW1108"
    assert told.render().startswith("ACME_PORT   not valid (plain, int)")
    assert "canary" not in told.render()


def test_a_source_that_is_away_is_part_of_the_answer(tmp_path: Path) -> None:
    vault = Vault(error=UnreachableError("BW9999", "the vault is away"))
    told = open_config(tmp_path, vault=vault, models=(AcmeSettings,), dotenv="ACME_MAIL_TO=a\n").explain("ACME_MAIL_TO")
    assert [place.layer for place in told.failed] == ["keyvault"]
    assert [place.layer for place in told.shadowed] == ["dotenv"]
    assert "not known" in told.render()
    assert "BW9999: the vault is away" in told.render()


def test_a_value_just_read_and_one_that_expires(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": "x" * 20})
    vault.expires_at_ns = 4_102_444_800 * 10**9
    told = open_config(tmp_path, models=(TokenSettings,), vault=vault).explain("ACME_TOKEN")
    assert told.render().splitlines()[:2] == [
        "ACME_TOKEN   set (secret, 16 to 39 characters)   owner busway-acme   required",
        "  wins      keyvault   https://acme.vault.example ACME-TOKEN  read just now, fresh for 10 min  "
        "expires 2100-01-01 00:00 UTC",
    ]


def test_a_reason_stands_with_the_layer_that_failed(tmp_path: Path) -> None:
    error = UnreachableError("BW9999", "the vault is away", why="the connection was refused\nat once")
    told = open_config(tmp_path, vault=Vault(error=error), models=(TokenSettings,)).explain("ACME_TOKEN")
    assert [row for row in told.rows() if row[0] == "failed"] == [
        (
            "failed",
            "keyvault",
            "https://acme.vault.example ACME-TOKEN  BW9999: the vault is away (the connection was refused)",
        )
    ]
    assert told.problem is not None
    assert told.problem.why == "the connection was refused\nat once"


def test_a_stale_value_says_so_and_why(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": CANARY}), ManualClock()
    config = open_config(tmp_path, models=(TokenSettings,), vault=vault, clock=clock)
    assert config.ACME_TOKEN == CANARY
    vault.error = UnreachableError("BW9999", "the vault is away")
    clock.sleep(900)
    told = config.explain("ACME_TOKEN")
    assert (told.is_set, told.problem) == (True, None)
    (wins,) = [text for label, _, text in told.rows() if label == "wins"]
    assert wins.endswith("read 15 min ago, to be read again at its next use  stale: BW9999: the vault is away")


def test_who_explains_is_who_read(tmp_path: Path) -> None:
    config = open_config(tmp_path, models=(TokenSettings,), vault=Vault({"ACME_TOKEN": CANARY}))
    config.explain("ACME_TOKEN")
    assert [access.reader for access in config.secret_accesses()] == [__name__]


def test_columns_fit_the_longest_layer(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_TOKEN": "above"}, models=(TokenSettings,), vault=Vault())
    sources = [*basic_sources(config.boot)[:1], ("a-long-source", Vault())]
    config = ConfigManager.open(config.boot, sources, [(OWNER, TokenSettings)], clock=ManualClock())
    lines = config.explain("ACME_TOKEN").render().splitlines()
    assert lines[1] == "  wins      env            environment variable ACME_TOKEN"
    assert lines[2] == "  not asked a-long-source  https://acme.vault.example ACME-TOKEN"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 days")],
)
def test_times_in_words(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_the_json_form_is_the_documented_one(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": CANARY})
    told = open_config(tmp_path, models=(TokenSettings,), vault=vault).explain("ACME_TOKEN").as_dict()
    place = {"layer", "place", "version", "age_seconds", "fresh_seconds", "note", "expires_at_ns"}
    assert set(told) == {
        *("name", "setting_class", "owner", "type", "required", "default", "doc", "is_set", "value", "length"),
        *("winner", "shadowed", "not_set", "not_asked", "failed", "problem"),
    }
    assert set(told["winner"]) == place
    assert all(set(one) == place for one in told["not_set"])
    assert (told["is_set"], told["value"], told["length"]) == (True, None, "16 to 39")
    assert CANARY not in json.dumps(told)


def test_it_can_be_json(tmp_path: Path) -> None:
    told = open_config(tmp_path, {"ACME_TAGS": "a,b"}).explain("ACME_TAGS")
    again = json.loads(json.dumps(told.as_dict()))
    assert again["value"] == ["a", "b"]
    assert again["winner"]["layer"] == "env"


@pytest.mark.parametrize(
    ("length", "told"),
    [(1, "under 8"), (7, "under 8"), (8, "8 to 15"), (15, "8 to 15"), (16, "16 to 39"), (39, "16 to 39"),
     (40, "40 characters or more"), (4000, "40 characters or more")],
)  # fmt: skip
def test_length_classes(length: int, told: str) -> None:
    assert length_class("x" * length) == told
