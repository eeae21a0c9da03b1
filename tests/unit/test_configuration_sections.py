"""Sections: what one load asks, and that its work grows with the settings and no faster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pydantic import create_model

from builders.configuration_parts import AcmeSettings, TokenSettings, Vault, open_config
from busway.configuration.boot import boot
from busway.configuration.dotenv_source import DotenvSource
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.clock import SystemClock
from busway.contracts.secrets import SecretValue
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import ConfigurationError


def many(count: int) -> type[Settings]:
    """A model of `count` settings of all sorts."""
    kinds: tuple[type, ...] = (str, int, bool, float, Secret)
    fields: dict[str, Any] = {
        f"field_{at}": (kinds[at % 5], setting(env=f"MANY_{at}", doc="One of many.")) for at in range(count)
    }
    return create_model("Many", __base__=Settings, **fields)


def values(count: int) -> dict[str, str]:
    texts = ("text", "7", "true", "1.5", "a-secret-of-some-length")
    return {f"MANY_{at}": texts[at % 5] for at in range(count)}


def calls_of(work: Callable[[], object]) -> int:
    """Python and C calls made by `work`: a measure of work that no other process disturbs."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("mixed", [False, True])
def test_a_load_grows_with_the_settings_and_no_faster(tmp_path: Path, mixed: bool) -> None:
    def load_of(count: int) -> Callable[[], Settings]:
        model, texts = many(count), list(values(count).items())
        split = count // 2 if mixed else 0
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in texts[split:]))

        def load() -> Settings:
            booted = boot(folder, dict(texts[:split]))
            config = ConfigManager.open(booted, basic_sources(booted), [("acme", model)], clock=SystemClock())
            return config.section(model)

        assert getattr(load(), "field_1") == 7  # noqa: B009 - a made model has no types
        return load

    small, double, large = (calls_of(load_of(count)) for count in (120, 240, 480))
    assert large - double < 2.1 * (double - small)
    assert (double - small) / 120 < 60


class Asked(DotenvSource):
    """Notes how often it is asked."""

    questions = 0

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        self.questions += 1
        return super().fetch_many(names)

    def fetch(self, name: str) -> SecretValue | None:
        self.questions += 1
        return super().fetch(name)


def test_a_section_asks_each_source_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={text}\n" for name, text in values(60).items()))
    source, model = Asked(tmp_path / ".env"), many(60)
    config = ConfigManager.open(boot(tmp_path, {}), [("dotenv", source)], [("acme", model)], clock=SystemClock())
    section = config.section(model)
    assert source.questions == 1
    assert config.section(model) is section
    assert source.questions == 1


def test_required_secrets_are_asked_for_when_they_are_read(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": "a-synthetic-token"})
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=vault)
    section = config.section(TokenSettings)
    assert vault.asked == []
    assert section.token.get_secret_value() == "a-synthetic-token"
    assert vault.asked == ["ACME_TOKEN"]


@pytest.mark.parametrize(
    ("toml", "names"),
    [
        ('ACME_PORT = "canary"', ["ACME_PORT"]),
        ("ACME_PORT = 70000", ["ACME_PORT"]),
        ("ACME_PORT = 1.5", ["ACME_PORT"]),
        ("ACME_PORT = [1]", ["ACME_PORT"]),
        ("ACME_HOST = 5", ["ACME_HOST"]),
        ("ACME_HOST = true", ["ACME_HOST"]),
        ("ACME_HOST = 1979-05-27", ["ACME_HOST"]),
        ("ACME_PASSWORD = 12345678", ["ACME_PASSWORD"]),
        ('ACME_PASSWORD = ["canary"]', ["ACME_PASSWORD"]),
        ("ACME_TAGS = 3", ["ACME_TAGS"]),
        ('ACME_HOST = 5\nACME_PORT = "canary"', ["ACME_HOST", "ACME_PORT"]),
    ],
)
def test_a_toml_value_of_the_wrong_type_is_told_with_its_line(tmp_path: Path, toml: str, names: list[str]) -> None:
    config = open_config(tmp_path, toml=f"[settings]\n{toml}\n")
    with pytest.raises(ConfigurationError) as caught:
        config.section(AcmeSettings)
    found = [(problem.code, problem.what) for problem in caught.value.problems]
    assert found == [("BW1108", f"the value of {name} is not valid") for name in names]
    assert [problem.where.split(",")[0] for problem in caught.value.problems] == [
        f"busway.toml:{line}" for line in range(2, 2 + len(names))
    ]
    assert "canary" not in caught.value.render()
    assert "12345678" not in caught.value.render()


@pytest.mark.parametrize(("toml", "expected"), [("ACME_PORT = 6380", 6380), ('ACME_PORT = " 6380 "', 6380)])
def test_a_toml_value_may_have_its_type_or_be_text(tmp_path: Path, toml: str, expected: int) -> None:
    assert open_config(tmp_path, toml=f"[settings]\n{toml}\n").section(AcmeSettings).port == expected


def test_one_wrong_value_leaves_the_others_readable(tmp_path: Path) -> None:
    config = open_config(tmp_path, toml='[settings]\nACME_PORT = "canary"\nACME_HOST = "there"\n')
    assert config.ACME_HOST == "there"
    assert config.ACME_TAGS == ()
    with pytest.raises(ConfigurationError, match="BW1108"):
        _ = config.ACME_PORT


def test_text_of_every_layer_is_made_ready_for_its_type(tmp_path: Path) -> None:
    dotenv = "ACME_TAGS='a, b ,'\nACME_HOST=' padded '\n"
    section = open_config(tmp_path, {"ACME_PORT": " 6380 "}, dotenv=dotenv).section(AcmeSettings)
    assert (section.tags, section.host, section.port) == (("a", "b"), " padded ", 6380)
