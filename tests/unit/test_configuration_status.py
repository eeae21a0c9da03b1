"""The status of a configuration: one round of questions, a verdict with an exit code, warnings, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.secrets import SecretValue
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import BuswayError, RefusedError, UnreachableError

CANARY = "c4n4ry-5ecret-Value-0x7f"
AWAY = UnreachableError("BW9999", "the vault is away")
REFUSED = RefusedError("BW9998", "the vault refuses")


class Rounds(Vault):
    """A vault that notes each question, and refuses some names."""

    def __init__(self, values: Mapping[str, str], refused: Mapping[str, BuswayError]) -> None:
        super().__init__(values)
        self.refused = dict(refused)
        self.rounds: list[list[str]] = []

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:  # type: ignore[override]
        wanted = list(names)
        self.rounds.append(wanted)
        return {**super().fetch_many(wanted), **{name: self.refused[name] for name in wanted if name in self.refused}}


def codes(status: Mapping[str, Any], part: str = "warnings") -> list[str]:
    rows = status["warnings"] if part == "warnings" else status["validation"]["problems"]
    return [row["code"] for row in rows]


def test_each_source_is_asked_once(tmp_path: Path) -> None:
    class Ticking(ManualClock):
        """Nothing that is remembered for a moment is remembered when it is looked for."""

        def monotonic(self) -> float:
            self.sleep(1.5)
            return super().monotonic()

    vault = Rounds({"ACME_TOKEN": CANARY}, {"ACME_PASSWORD": REFUSED})
    config = open_config(tmp_path, models=(AcmeSettings, TokenSettings), vault=vault, clock=Ticking())
    status = config.get_configuration_status()
    assert len(vault.rounds) == 1
    assert {"ACME_TOKEN", "ACME_PASSWORD", "ACME_MAIL_TO"} <= set(vault.rounds[0])
    assert set(codes(status, "problems")) == {"BW1109", "BW9998"}


@pytest.mark.parametrize(
    ("environ", "refused", "code"),
    [
        ({"ACME_REGION": "eu"}, {}, 0),
        ({}, {}, 3),
        ({"ACME_REGION": "eu", "ACME_PORT": "x"}, {}, 3),
        ({"ACME_REGION": "eu"}, {"ACME_PASSWORD": REFUSED}, 4),
        ({}, {"ACME_PASSWORD": REFUSED}, 4),
        ({"ACME_REGION": "eu"}, {"ACME_PASSWORD": AWAY}, 5),
        ({}, {"ACME_PASSWORD": REFUSED, "SQL_SERVER": AWAY}, 5),
        ({"ACME_REGION": "eu"}, {"ACME_PASSWORD": BuswayError("BW9997", "a plugin without a class for it")}, 3),
    ],
)
def test_the_exit_code_is_the_highest_of_the_problems(
    tmp_path: Path, environ: dict[str, str], refused: dict[str, BuswayError], code: int
) -> None:
    vault = Rounds({"ACME_TOKEN": CANARY}, refused)
    config = open_config(tmp_path, environ, models=(AcmeSettings, TokenSettings), vault=vault)
    status = config.get_configuration_status()
    assert (status["validation"]["exit_code"], status["validation"]["is_valid"]) == (code, code == 0)
    secrets = {row["name"]: row["exit_code"] for row in status["secrets"]}
    assert secrets["ACME_TOKEN"] == 0
    assert secrets["ACME_PASSWORD"] == (max(3, refused["ACME_PASSWORD"].exit_code) if refused else 0)


def test_who_asks_for_the_status_is_who_read(tmp_path: Path) -> None:
    config = open_config(tmp_path, models=(TokenSettings,), vault=Rounds({"ACME_TOKEN": CANARY}, {}))
    config.get_configuration_status()
    readers = {access.name: access.reader for access in config.secret_accesses()}
    assert readers["ACME_TOKEN"] == __name__


def test_secrets_whose_time_is_over_are_warnings(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_PASSWORD": CANARY}), ManualClock()
    vault.expires_at_ns = clock.now_ns() + 3 * 86_400 * 10**9
    config = open_config(tmp_path, {"ENV": "dev"}, vault=vault, clock=clock)
    status = config.get_configuration_status()
    assert [row["what"] for row in status["warnings"]] == ["secret ACME_PASSWORD expires in 4 days"]
    (row,) = [row for row in status["secrets"] if row["name"] == "ACME_PASSWORD"]
    assert (row["verdict"], [one["code"] for one in row["warnings"]]) == ("warning", ["BW1216"])
    assert row["expires_at_ns"] == vault.expires_at_ns


def test_what_could_not_be_asked_is_not_known_rather_than_missing(tmp_path: Path) -> None:
    vault = Rounds({}, {"ACME_TOKEN": AWAY})
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=vault)
    status = config.get_configuration_status()
    assert status["not_known"] == ["ACME_TOKEN"]
    assert codes(status, "problems") == ["BW9999"]


def test_a_secret_has_a_length_class_and_no_value(tmp_path: Path) -> None:
    status = open_config(tmp_path, {"ACME_TOKEN": CANARY}, models=(TokenSettings,)).get_configuration_status()
    (row,) = [row for row in status["settings"] if row["name"] == "ACME_TOKEN"]
    assert (row["length"], "value" in row) == ("16 to 39", False)
    assert CANARY not in json.dumps(status)


def test_what_an_optional_plugin_lacks_is_a_warning(tmp_path: Path) -> None:
    stage = open_config(tmp_path, {"ENV": "dev"}, models=()).boot
    config = ConfigManager.open(
        stage, basic_sources(stage), [(OWNER, TokenSettings)], clock=ManualClock(), optional=[TokenSettings]
    )
    status = config.get_configuration_status()
    assert status["validation"] == {"is_valid": True, "exit_code": 0, "problems": []}
    assert codes(status) == ["BW1201", "BW1109"]
    assert all("busway-acme is optional here" in row["why"] for row in status["warnings"])


def test_a_name_twice_in_dotenv(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ENV": "dev"}, dotenv="ACME_HOST=a\nACME_PORT=1\nACME_HOST=b\n\nACME_HOST=c\n")
    (problem,) = config.warnings()
    assert problem.render("warning") == (
        "warning[BW1112]: .env sets ACME_HOST more than once\n"
        "  where .env:5\n"
        "  why   the last line counts; the value of lines 1, 3 has no effect\n"
        "  fix   remove lines 1, 3"
    )
    assert config.ACME_HOST == "c"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1234567", ["BW1215"]),
        ("12345678", []),
        ("long enough\n", ["BW1217"]),
        (" long enough", ["BW1217"]),
        ("a b", ["BW1215"]),
        ("two lines\nof a secret", []),
        ("geheimnis-ü", []),
    ],
)
def test_secrets_that_will_surprise_somebody(tmp_path: Path, value: str, found: list[str]) -> None:
    config = open_config(tmp_path, {"ENV": "dev", "ACME_PASSWORD": value})
    assert config.warnings() == [], "nothing was read yet"
    status = config.get_configuration_status()
    assert codes(status) == found
    assert status["validation"]["is_valid"]
    assert value.strip() not in json.dumps(status["warnings"], ensure_ascii=False)


def test_warnings_of_secrets_say_where_they_are(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ENV": "dev"}, vault=Vault({"ACME_PASSWORD": "short"}))
    assert config.get_configuration_status()["warnings"] == [
        {
            "code": "BW1215",
            "what": "secret ACME_PASSWORD is too short to be masked",
            "where": "keyvault: https://acme.vault.example ACME-PASSWORD",
            "why": "it has fewer than 8 characters; where it stands in a log or an error it stays readable",
            "fix": "have its issuer make a longer one",
        }
    ]


def test_a_broken_dotenv_is_a_problem_and_no_warning(tmp_path: Path) -> None:
    status = open_config(tmp_path, {"ENV": "dev"}, dotenv="ACME_HOST='canary\n").get_configuration_status()
    assert codes(status, "problems") == ["BW1104"]
    assert codes(status) == []
    assert status["validation"]["exit_code"] == 3


def test_a_model_that_breaks_is_told(tmp_path: Path) -> None:
    class Broken(Settings):
        """A model whose own check breaks."""

        key: Secret | None = setting(None, env="B_KEY", doc="A secret.")

        def model_post_init(self, context: Any, /) -> None:
            raise RuntimeError(CANARY)

    status = open_config(tmp_path, {"B_KEY": CANARY}, models=(Broken,)).get_configuration_status()
    assert codes(status, "problems") == ["BW1108"]
    assert CANARY not in json.dumps(status)
