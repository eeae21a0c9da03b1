"""Declarations: what a model says about its settings, and who may declare what."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, open_config
from busway.configuration.declarations import Catalog, declarations_of
from busway.contracts.settings import SettingClass, Settings, setting
from busway.errors import ConfigurationError


def model_with(name: str) -> type[Settings]:
    class Made(Settings):
        """Made for a test."""

        value: str = setting("", env=name, doc="A value.")

    return Made


def test_a_declaration_says_everything() -> None:
    by_name = {one.name: one for one in declarations_of(AcmeSettings, OWNER)}
    port = by_name["ACME_PORT"]
    assert (port.owner, port.field, port.type, port.default, port.required) == (OWNER, "port", "int", 6379, False)
    assert port.doc == "Port of the service."
    assert by_name["ACME_TAGS"].type == "tuple[str, ...]"
    assert by_name["ACME_PASSWORD"].type == "Secret | None"
    classes = {one.name: one.setting_class for one in by_name.values()}
    assert classes["ACME_MAIL_TO"] is SettingClass.VAULTED
    assert classes["ACME_PASSWORD"] is SettingClass.SECRET
    assert classes["ACME_HOST"] is SettingClass.PLAIN
    assert all(one.required for one in declarations_of(TokenSettings, OWNER))


def test_a_field_without_a_name_is_refused() -> None:
    class Unnamed(Settings):
        """A field that nobody could set."""

        value: Any = 1

    with pytest.raises(ConfigurationError, match="BW1105"):
        declarations_of(Unnamed, OWNER)


@pytest.mark.parametrize("name", ["acme_host", "ACME-HOST", "1ACME", "_state", "BUSWAY_HOST"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="BW1105"):
        declarations_of(model_with(name), OWNER)


def test_two_owners_of_a_name_are_both_named_and_nothing_is_added() -> None:
    catalog = Catalog()
    catalog.add([("busway-one", model_with("SHARED"))])
    with pytest.raises(ConfigurationError) as caught:
        catalog.add([("busway-two", model_with("SHARED")), ("busway-two", model_with("OTHER"))])
    assert caught.value.code == "BW1105"
    assert "busway-one" in caught.value.problem.what
    assert "busway-two" in caught.value.problem.what
    assert [one.name for one in catalog] == ["SHARED"]


def test_the_same_model_twice_is_no_conflict() -> None:
    catalog = Catalog()
    catalog.add([(OWNER, AcmeSettings), (OWNER, AcmeSettings)])
    assert len(catalog) == 5


def test_declarations_are_worked_out_once_per_model_and_owner() -> None:
    model = model_with("ONCE")
    first = declarations_of(model, OWNER)
    assert declarations_of(model, OWNER) is first
    assert [one.owner for one in declarations_of(model, "busway-other")] == ["busway-other"]

    class Heir(model):  # type: ignore[valid-type, misc]
        """A model with all of another's fields and one of its own."""

        more: int = setting(1, env="MORE", doc="More.")

    assert [one.name for one in declarations_of(Heir, OWNER)] == ["ONCE", "MORE"]
    assert {one.model for one in declarations_of(Heir, OWNER)} == {Heir}


def test_a_refused_model_is_refused_every_time() -> None:
    model = model_with("acme_host")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="BW1105"):
            declarations_of(model, OWNER)
    core = model_with("BUSWAY_ACME")
    assert declarations_of(core, "busway")
    with pytest.raises(ConfigurationError, match="BW1105"):
        declarations_of(core, OWNER)


def test_a_model_that_is_built_anew_is_declared_anew() -> None:
    class Later(Settings):
        """A type that is known only later."""

        value: Unknown = setting("", env="LATER", doc="Later.")  # type: ignore[name-defined]  # noqa: F821

    before = declarations_of(Later, OWNER)
    Later.model_rebuild(_types_namespace={"Unknown": int})
    (after,) = declarations_of(Later, OWNER)
    assert after.type == "int"
    assert before[0].type != after.type


def test_what_a_factory_makes_is_never_shared() -> None:
    class Factory(Settings):
        """A default made anew each time."""

        tags: list[str] = setting(env="TAGS", doc="Tags.", default_factory=list)

    first, second = (declarations_of(Factory, OWNER)[0].default for _ in range(2))
    assert (first, second) == ([], [])
    assert first is not second


def test_declarations_do_not_keep_their_model_alive() -> None:
    model = model_with("SHORT_LIVED")
    alive = weakref.ref(model)
    Catalog().add([(OWNER, model)])
    del model
    gc.collect()
    assert alive() is None


def test_the_core_is_always_declared_and_cannot_be_overridden(tmp_path: Path) -> None:
    config = open_config(tmp_path, models=())
    assert {"ENV", "LOG_LEVEL", "LOG_FORMAT", "LOG_FILE", "BUSWAY_STATE_DIR"} <= set(config.names())
    assert {"SQL_SERVER", "SQL_DATABASE", "SQL_USERNAME", "VISTA_SQL_PASSWORD"} <= set(config.names())
    with pytest.raises(ConfigurationError, match="BW1105"):
        config.add_models([(OWNER, model_with("LOG_LEVEL"))])
