"""Nothing that is said about a configuration has a secret in it."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, UrlConstraints
from pydantic_core import Url

from builders.configuration_parts import TokenSettings, Vault, open_config
from busway.configuration.manager import ConfigManager
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import BuswayError

CANARY = "c4n4ry-5ecret-Value-0x7f"


def blabber(value: Any) -> Any:
    """An owner's check that puts the value into its message."""
    raise ValueError(f"cannot use {value!r} because {str(value)[3:15]} is odd")


class Hostile(Settings):
    """Types whose errors could repeat their input."""

    number: int = setting(1, env="H_NUMBER", doc="A number.")
    url: Annotated[Url, UrlConstraints(allowed_schemes=["https"])] | None = setting(None, env="H_URL", doc="A URL.")
    mapping: dict[str, int] = setting({}, env="H_MAPPING", doc="A mapping.")
    numbers: list[int] = setting([], env="H_NUMBERS", doc="Numbers.")
    checked: Annotated[str, AfterValidator(blabber)] = setting("", env="H_CHECKED", doc="Checked.")
    secret: Secret | None = setting(None, env="H_SECRET", doc="A secret.")
    short: Annotated[str, AfterValidator(blabber)] = setting("", env="H_SHORT", doc="Checked.", max_length=3)


NAMES = ("H_NUMBER", "H_URL", "H_MAPPING", "H_NUMBERS", "H_CHECKED", "H_SECRET", "H_SHORT", "ACME_TOKEN")


def everything_said(config: ConfigManager) -> str:
    """Every text the manager gives about itself, tracebacks of its errors included."""
    said = [repr(config), json.dumps(config.get_configuration_status()), config.env_example()]
    said += [problem.render() + repr(problem) for problem in (*config.problems(), *config.warnings())]
    said += [config.explain(name).render() + repr(config.explain(name)) for name in NAMES]
    for ask in (lambda: config.section(Hostile), *(lambda name=name: getattr(config, name) for name in NAMES)):
        try:
            ask()
        except BuswayError as error:
            said += [error.render(), repr(error), "".join(traceback.format_exception(error))]
            said.append("".join(repr(vars(one)) for one in chain_of(error)))
    return "\n".join(said)


def chain_of(error: BaseException | None) -> list[BaseException]:
    """The error with everything it came from."""
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def leaks(text: str, value: str) -> list[str]:
    """Pieces of ``value`` of eight characters that occur in ``text``."""
    return [value[at : at + 8] for at in range(len(value) - 7) if value[at : at + 8] in text]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["{}", "[{}", '{{"a": "{}"}}', '["{}"]', "ftp://user:{}@host", "{}\n"])
@pytest.mark.parametrize("layer", ["env", "dotenv", "toml", "vault"])
def test_no_canary_is_said(tmp_path: Path, name: str, form: str, layer: str) -> None:
    value = form.format(CANARY)
    quoted = "'" + value + "'"
    config = open_config(
        tmp_path,
        {name: value} if layer == "env" else {},
        models=(Hostile, TokenSettings),
        vault=Vault({name: value} if layer == "vault" else {}),
        toml=f"[settings]\n{name} = {json.dumps(value)}\n" if layer == "toml" else "",
        dotenv=f"{name}={quoted}\n" if layer == "dotenv" else "",
    )
    assert leaks(everything_said(config), CANARY) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=20, max_size=40))
def test_no_text_is_said(tmp_path: Path, text: str) -> None:
    value = f"{CANARY}{text}"
    config = open_config(tmp_path, dict.fromkeys(NAMES, value), models=(Hostile, TokenSettings))
    assert leaks(everything_said(config), CANARY) == []


def test_the_search_would_find_a_leak(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"LOG_FILE": CANARY}, models=(Hostile, TokenSettings))
    assert leaks(everything_said(config), CANARY) != []
