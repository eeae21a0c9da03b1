"""Schemas of the tables ``[data]`` and ``[sync]``, made of the classes that read them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from busway.contracts.fields import FieldPolicy
from busway.data.policy import Policy
from busway.sync.engine_settings import PERSONAL, EngineSettings
from busway.sync.tuning import AT_LEAST_ONE, Limits, Pace

__all__ = ["table_schemas"]

_DURATION = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*(ms|[smhdSMHD])?\s*)+$"},
    ]
}


def table_schemas() -> dict[str, dict[str, Any]]:
    """``data``: the policy of each domain or entity; ``sync``: limits and field policies of each job."""
    return {
        "data": {
            "description": 'Cache policy of a domain ([data.vista]) or entity ([data."vista.employees"]).',
            "type": "object",
            "additionalProperties": _policy(),
        },
        "sync": {
            "description": "The engine as a whole; brakes, pace and field policies of a job ([sync.employees]).",
            "type": "object",
            "properties": _engine(),
            "additionalProperties": _job(),
        },
    }


def _policy() -> dict[str, Any]:
    properties = _properties(Policy)
    for name in ("ttl", "stale_on_error"):
        properties[name] = {**_DURATION, "default": properties[name]["default"]}
    properties["jitter"] |= {"minimum": 0, "exclusiveMaximum": 1}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _engine() -> dict[str, Any]:
    properties = _properties(EngineSettings)
    properties["parallel_jobs"]["minimum"] = 1
    properties["personal_fields"] = {"enum": list(PERSONAL), "default": properties["personal_fields"]["default"]}
    return properties


def _job() -> dict[str, Any]:
    properties = {**_properties(Limits), **_properties(Pace)}
    for name, schema in properties.items():
        if schema.get("type") != "boolean":
            schema |= {"minimum": int(name in AT_LEAST_ONE)} | ({"maximum": 100} if name.endswith("_pct") else {})
    del properties["concurrency"]["default"]  # that of the job
    policies = {"description": "Policies of managed fields.", "type": "object"}
    properties["fields"] = {**policies, "additionalProperties": {"enum": [policy.value for policy in FieldPolicy]}}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _properties(kind: type[Policy | Limits | Pace | EngineSettings]) -> dict[str, dict[str, Any]]:
    """The fields with type and default; a limit that may be absent is left out, since TOML has no null."""
    whole = TypeAdapter(kind).json_schema()
    return {one.name: _without_null(whole["properties"][one.name]) for one in fields(kind)}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    for option in schema.get("anyOf", ()):
        plain |= option if option.get("type") != "null" else {}
    return plain if plain.get("default") is not None else {key: v for key, v in plain.items() if key != "default"}
