"""``.env.example``: what it says, and that a reader of ``.env`` finds in it exactly the defaults."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import create_model

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, open_config
from builders.manual_clock import ManualClock
from busway.configuration.boot import boot
from busway.configuration.declarations import declarations_of
from busway.configuration.env_example import env_example
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.settings import Secret, Settings, setting
from busway_cache_file.settings import FileCacheSettings
from busway_cache_redis.settings import RedisSettings
from busway_safetyamp.settings import SafetyAmpSettings
from busway_sink_email.settings import EmailSettings
from busway_sink_webhook.settings import WebhookSettings

EVERYBODY = (AcmeSettings, FileCacheSettings, RedisSettings, SafetyAmpSettings, EmailSettings, WebhookSettings)


class Odd(Settings):
    """Defaults that a reader of .env could take for something else."""

    blank: str = setting(" a b ", env="O_BLANK", doc="Blanks.")
    hash: str = setting("a #b", env="O_HASH", doc="A hash.")
    quotes: str = setting('it\'s "so"', env="O_QUOTES", doc="Quotes.")
    back: str = setting("c:\\new\\table", env="O_BACK", doc="Backslashes.")
    money: str = setting("pa$$word${HOME}", env="O_MONEY", doc="Dollars.")
    lines: str = setting('one\n"two"\r\n', env="O_LINES", doc="Lines.")
    accents: str = setting("Zürich", env="O_ACCENTS", doc="Letters.")
    names: list[str] = setting(["a", "b c"], env="O_NAMES", doc="A list.")
    commas: list[str] = setting(["a,b", "[c]"], env="O_COMMAS", doc="A list with commas.")
    bracket: tuple[str, ...] = setting(("[a", "b"), env="O_BRACKET", doc="It begins with a bracket.")
    numbers: list[int] = setting([1, 2], env="O_NUMBERS", doc="Numbers.")
    mapping: dict[str, int] = setting({"a": 1}, env="O_MAPPING", doc="A mapping.")
    on: bool = setting(True, env="O_ON", doc="A truth value.")
    maybe: int | None = setting(None, env="O_MAYBE", doc="A number or nothing.")
    mode: Literal["x", "y"] = setting("y", env="O_MODE", doc="One of two.")
    secret: Secret | None = setting(None, env="O_SECRET", doc="A secret.")


def with_all_lines(text: str) -> str:
    """The file after somebody took the ``#`` away from every optional line."""
    return re.sub(r"^# ([A-Z][A-Z0-9_]*=)", r"\1", text, flags=re.MULTILINE)


def opened(root: Path, *models: type[Settings]) -> ConfigManager:
    stage = boot(root, {"ENV": "dev"})
    return ConfigManager.open(stage, basic_sources(stage), [(OWNER, one) for one in models], clock=ManualClock())


@pytest.mark.parametrize("model", [Odd, *EVERYBODY], ids=lambda model: model.__name__)
def test_read_back_it_gives_the_defaults(tmp_path: Path, model: type[Settings]) -> None:
    text = with_all_lines(env_example(declarations_of(model, OWNER)))
    (tmp_path / ".env").write_text(text, "utf-8")
    config = opened(tmp_path, model)
    optional = [one for one in config.declarations() if one.model is model and not (one.required or one.is_secret)]
    assert {one.name: getattr(config, one.name) for one in optional} == {one.name: one.default for one in optional}
    assert [problem.code for problem in config.problems() if problem.code not in ("BW1201", "BW1109")] == []


@pytest.mark.parametrize("model", [Odd, *EVERYBODY], ids=lambda model: model.__name__)
def test_dotenv_itself_reads_the_same_text(tmp_path: Path, model: type[Settings]) -> None:
    text = with_all_lines(env_example(declarations_of(model, OWNER)))
    (tmp_path / ".env").write_text(text, "utf-8")
    read = dotenv_values(stream=io.StringIO(text), interpolate=False)
    assert set(read) == {declaration.name for declaration in declarations_of(model, OWNER)}
    ours = {name: source.fetch(name) for _, source in basic_sources(boot(tmp_path, {}))[1:] for name in read}
    assert {name: found.value if found else "" for name, found in ours.items()} == read


@given(value=st.one_of(st.text(), st.lists(st.text(min_size=1)), st.dictionaries(st.text(), st.integers())))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_default_comes_back(tmp_path: Path, value: Any) -> None:
    if isinstance(value, str) and not value.isprintable():
        value = value.encode("unicode_escape").decode()
    if isinstance(value, list):
        value = [one for one in value if one.strip() == one and one.isprintable()]
    annotation: Any = {str: str, list: list[str], dict: dict[str, int]}[type(value)]
    field: Any = (annotation, setting(value, env="ANY", doc="Any."))
    model = create_model("Any", __base__=Settings, value=field)
    (tmp_path / ".env").write_text(with_all_lines(env_example(declarations_of(model, OWNER))), "utf-8")
    read = opened(tmp_path, model).ANY
    assert read == value


def test_it_is_grouped_by_owner_with_the_core_first(tmp_path: Path) -> None:
    stage = boot(tmp_path, {})
    models: list[tuple[str, type[Settings]]] = [("acme", AcmeSettings), ("other", Odd), ("acme", TokenSettings)]
    text = ConfigManager.open(stage, [], models, clock=ManualClock()).env_example()
    assert re.findall(r"^# --- (\S+) -+$", text, re.MULTILINE) == ["busway", "acme", "other"]
    assert text.index("ACME_PORT") < text.index("ACME_TOKEN") < text.index("O_BLANK")
    assert "BUSWAY_" not in text, "never read from .env"


def test_required_settings_are_to_be_filled_in_and_optional_ones_are_comments(tmp_path: Path) -> None:
    lines = open_config(tmp_path, models=(AcmeSettings, TokenSettings)).env_example().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["ACME_TOKEN=", "ACME_REGION="]
    at = lines.index("# ACME_PORT=6379")
    assert lines[at - 1] == "# Port of the service. (plain, int, optional)"
    assert all(line == "" or line.startswith("#") or line.endswith("=") for line in lines)


def test_a_default_never_shows_a_password(tmp_path: Path) -> None:
    class Address(Settings):
        """A default with a login in it."""

        url: str = setting("https://user:canary@host/", env="A_URL", doc="Where.")
        key: Secret | None = setting(Secret("canary"), env="A_KEY", doc="A secret.")

    text = open_config(tmp_path, models=(Address,)).env_example()
    assert "canary" not in text
    assert "\n# A_KEY=\n" in text
