"""The JSON Schema of ``busway.toml`` and of all settings: complete, true to the models, of the dialect it names."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, open_config
from builders.json_schema import Refusal, refusals
from busway.cli.config_tables import table_schemas
from busway.configuration.core_settings import CoreSettings, SqlSettings
from busway.configuration.declarations import CORE, Declaration, declarations_of
from busway.configuration.schema import DIALECT, settings_schema, toml_schema
from busway.configuration.values import shown
from busway.contracts.settings import Secret, Settings, setting
from busway_cache_file.settings import FileCacheSettings
from busway_cache_redis.settings import RedisSettings
from busway_safetyamp.settings import SafetyAmpSettings
from busway_secrets_keyvault.settings import KeyVaultSettings
from busway_sink_email.settings import EmailSettings
from busway_sink_webhook.settings import WebhookSettings

MODELS = (
    *(CoreSettings, SqlSettings, AcmeSettings, TokenSettings, FileCacheSettings, RedisSettings, SafetyAmpSettings),
    *(KeyVaultSettings, EmailSettings, WebhookSettings),
)
ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {
    *("$schema", "$ref", "$defs", "title", "description", "default", "type", "enum", "const", "format", "writeOnly"),
    *("pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("properties", "additionalProperties", "propertyNames", "items", "prefixItems", "minItems", "maxItems"),
    *("uniqueItems", "anyOf", "contentMediaType", "contentSchema", "x-busway"),
}
TYPES = {"string", "integer", "number", "boolean", "array", "object", "null"}


def everything() -> list[Declaration]:
    core = (CoreSettings, SqlSettings)
    return [one for model in MODELS for one in declarations_of(model, CORE if model in core else OWNER)]


def whole() -> dict[str, Any]:
    return toml_schema(everything(), plugins={"caches": ["redis", "file"]}, tables=table_schemas())


def schemas_in(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    yield node
    for name in ("properties", "$defs"):
        for inner in node.get(name, {}).values():
            yield from schemas_in(inner)
    for name in ("items", "additionalProperties", "propertyNames", "contentSchema"):
        if isinstance(node.get(name), dict):
            yield from schemas_in(node[name])
    for inner in (*node.get("anyOf", ()), *node.get("prefixItems", ())):
        yield from schemas_in(inner)


def judged(text: str) -> list[Refusal]:
    return refusals(whole(), tomllib.loads(text))


def test_it_is_of_draft_2020_12_and_uses_no_other_words() -> None:
    schema = json.loads(json.dumps(whole()))
    assert schema["$schema"] == DIALECT == "https://json-schema.org/draft/2020-12/schema"
    for one in schemas_in(schema):
        assert set(one) <= KEYWORDS, one
        assert one.get("type", "string") in TYPES
        assert all(isinstance(option, dict) for option in one.get("anyOf", ()))
        if "$ref" in one:
            assert one["$ref"] == "#/$defs/settings"


def test_every_setting_is_in_it_with_doc_class_owner_and_default() -> None:
    properties = settings_schema(everything())["properties"]
    assert list(properties) == sorted(one.name for one in everything())
    for declaration in everything():
        schema = properties[declaration.name]
        assert schema["description"] == declaration.doc
        assert schema["x-busway"] == {
            "class": declaration.setting_class.value,
            "owner": declaration.owner,
            "required": declaration.required,
        }
        assert schema.get("writeOnly", False) is declaration.is_secret
        assert schema.get("default") == (None if declaration.is_secret else shown(declaration.default))


@pytest.mark.parametrize("declaration", everything(), ids=lambda one: one.name)
def test_every_default_fits_its_own_schema(declaration: Declaration) -> None:
    schema = settings_schema([declaration])["properties"][declaration.name]
    if "default" in schema:
        assert refusals(schema, schema["default"]) == []


@pytest.mark.parametrize("declaration", everything(), ids=lambda one: one.name)
def test_limits_are_those_that_pydantic_gives(declaration: Declaration) -> None:
    ours = settings_schema([declaration])["properties"][declaration.name]
    theirs = declaration.model.model_json_schema(by_alias=False)["properties"][declaration.field]
    flat = [ours, *ours.get("anyOf", ())]
    for given in (theirs, *theirs.get("anyOf", ())):
        for word in ("minimum", "maximum", "exclusiveMinimum", "pattern", "minLength", "enum", "minItems", "items"):
            if word in given:
                assert any(one.get(word) == given[word] for one in flat), word


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("ap = 1", "ap"),
        ('app = "-no"', "app"),
        ("app = 1", "app"),
        ("[plugins]\nsecret = []", "plugins.secret"),
        ('[plugins]\ncaches = "redis"', "plugins.caches"),
        ('[plugins]\ncaches = ["no name"]', "plugins.caches.0"),
        ('[plugins]\ncaches = ["redis", "redis"]', "plugins.caches"),
        ('[plugins.policy]\n"sinks.log" = "maybe"', "plugins.policy.sinks.log"),
        ('[plugins.policy]\n"pipes.log" = "optional"', "plugins.policy.pipes.log"),
        ("[settings]\nACME_PORT = 70000", "settings.ACME_PORT"),
        ("[settings]\nACME_PORT = true", "settings.ACME_PORT"),
        ('[settings]\nACME_HOTS = "x"', "settings.ACME_HOTS"),
        ('[settings]\nLOG_FORMAT = "xml"', "settings.LOG_FORMAT"),
        ("[settings]\nACME_PASSWORD = 7", "settings.ACME_PASSWORD"),
        ('[data.vista]\nttl = "soon"', "data.vista.ttl"),
        ("[data.vista]\njitter = 1", "data.vista.jitter"),
        ("[data.vista]\ntll = 1", "data.vista.tll"),
        ("[sync.employees]\nmax_deactivations_pct = 500", "sync.employees.max_deactivations_pct"),
        ("[sync.employees]\nmax_creates = -1", "sync.employees.max_creates"),
        ('[sync.employees.fields]\nname = "often"', "sync.employees.fields.name"),
        ("[sync.employees]\nmax_attempts = 0", "sync.employees.max_attempts"),
        ("[sync.employees]\nconcurency = 2", "sync.employees.concurency"),
        ("[sync]\nparallel_jobs = 0", "sync.parallel_jobs"),
        ('[sync]\npersonal_fields = "all"', "sync.personal_fields"),
        ("[sync]\nparalel_jobs = 2", "sync.paralel_jobs"),
    ],
)
def test_an_editor_marks_what_is_wrong(text: str, path: str) -> None:
    assert path in {refusal.path for refusal in judged(text)}


def test_what_the_documents_show_is_accepted() -> None:
    text = """
        app = "people"
        [plugins]
        secrets = ["env", "keyvault", "dotenv"]
        caches = ["memory", "redis", "acme@acme-busway-cache"]
        [plugins.policy]
        "sinks.log" = "required"
        sinks.email = "optional"
        [settings]
        ACME_PORT = 6380
        ACME_TAGS = ["a", "b"]
        ACME_PASSWORD = "x"
        WEBHOOK_ALLOW_NETWORKS = "10.0.0.0/8, 192.168.0.0/16"
        VISTA_COMPANIES = [1, 2]
        [data."vista.employees"]
        ttl = "1h30m"
        stale_on_error = 60
        sensitive = true
        [sync]
        parallel_jobs = 2
        personal_fields = "shown"
        [sync.employees]
        max_deactivations_pct = 5
        max_creates = 10
        concurrency = 4
        max_attempts = 1
        retry_budget_seconds = 0.5
        max_unserved = 5
        [sync.employees.fields]
        name = "create_only"
        """
    assert judged(text) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/**/busway.toml")), ids=lambda path: path.parent.name)
def test_the_examples_of_the_project_are_accepted_but_for_plugins_not_at_hand(path: Path) -> None:
    found = refusals(whole(), tomllib.loads(path.read_text("utf-8")))
    assert [one for one in found if not one.path.startswith("settings.")] == []


def test_types_that_json_knows_differently() -> None:
    class Point(BaseModel):
        """A value of a plugin's own type."""

        x: int
        y: int = 0

    class Own:
        """A class pydantic has no schema for."""

    class Rich(Settings):
        """One of each."""

        mapping: dict[str, int] = setting({"a": 1}, env="R_MAPPING", doc="A mapping.")
        points: list[Point] = setting([Point(x=1)], env="R_POINTS", doc="Points.")
        own: Own | None = setting(None, env="R_OWN", doc="Own.")
        maybe: int | None = setting(3, env="R_MAYBE", doc="Perhaps.", ge=1)
        mode: Literal["a", "b"] | None = setting(None, env="R_MODE", doc="Mode.")
        when: Path = setting(Path("x"), env="R_PATH", doc="Path.")
        login: str = setting("https://u:canary@h/", env="R_LOGIN", doc="Login.")
        key: Secret | None = setting(Secret("canary"), env="R_KEY", doc="Key.")

    schema = settings_schema(declarations_of(Rich, OWNER))
    properties = schema["properties"]
    assert "canary" not in json.dumps(schema)
    assert properties["R_MAPPING"]["type"] == "string", "JSON as text: [settings] has no tables"
    assert properties["R_MAPPING"]["contentSchema"]["additionalProperties"] == {"type": "integer"}
    assert "$ref" not in json.dumps(properties), "what a type refers to is written out"
    assert refusals(properties["R_MODE"], "c") != []
    assert refusals(properties["R_MAYBE"], 0) != []
    assert refusals(properties["R_MAYBE"], 1) == []
    assert properties["R_PATH"] | {"x-busway": None} == {
        "description": "Path.",
        "type": "string",
        "format": "path",
        "default": "x",
        "x-busway": None,
    }


def test_the_file_that_passes_the_schema_is_a_valid_configuration(tmp_path: Path) -> None:
    toml = '[settings]\nENV = "dev"\nACME_PORT = 7000\nACME_TAGS = "a, b"\nACME_TOKEN = "t"\nACME_REGION = "eu"\n'
    assert judged(toml) == []
    config = open_config(tmp_path, models=(AcmeSettings, TokenSettings), toml=toml)
    assert config.problems() == []
    assert config.ACME_TAGS == ("a", "b")
