"""Schemas of the tables ``[data]``, ``[sync]``, ``[schedule]`` and ``[service]``, of the classes that read them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from busway.contracts.fields import FieldPolicy
from busway.data.policy import Policy
from busway.operation.schedule_policy import JobSchedule
from busway.operation.service_policy import AUTH_MODES, Role, ServicePolicy
from busway.sync.engine_settings import PERSONAL, EngineSettings
from busway.sync.tuning import AT_LEAST_ONE, Limits, Pace

__all__ = ["table_schemas"]

_ROLE = {"enum": [role.name.lower() for role in Role]}
_DURATION = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*(ms|[smhdSMHD])?\s*)+$"},
    ]
}


def table_schemas() -> dict[str, dict[str, Any]]:
    """``data``: the policy of each domain or entity; ``sync``: limits and field policies of each job;
    ``schedule``: when jobs run by themselves; ``service``: where the service listens, and who may do what."""
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
        "schedule": {
            "description": "When jobs run by themselves: all of them, and each ([schedule.employees]).",
            "type": "object",
            "properties": _schedule(),
            "additionalProperties": {"type": "object", "additionalProperties": False, "properties": _schedule()},
        },
        "service": {
            "description": "Where busway serve listens, who may do what, and how it stops.",
            "type": "object",
            "additionalProperties": False,
            "properties": _service(),
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


def _schedule() -> dict[str, Any]:
    usual = JobSchedule()
    return {
        "interval": {**_DURATION, "description": "So long after it was last begun."},
        "cron": {"type": "string", "description": "Five fields: minute hour day month weekday."},
        "timezone": {"type": "string", "default": usual.timezone},
        "jitter": {**_DURATION, "default": usual.jitter_seconds},
        "late_after": {**_DURATION, "default": usual.late_seconds},
        "stop_after": {**_DURATION, "description": "A run that takes longer is stopped."},
        "manual": {"type": "boolean", "default": usual.manual},
    }


def _service() -> dict[str, Any]:
    usual, number = ServicePolicy(), {"type": "integer", "minimum": 0}
    return {
        "listen": {"type": "string", "pattern": r":[0-9]{1,5}$", "default": usual.address},
        "auth": {"enum": list(AUTH_MODES), "default": usual.auth},
        "allowed_hosts": {"type": "array", "items": {"type": "string"}},
        "grace": {**_DURATION, "default": usual.grace_seconds},
        "reads_per_minute": {**number, "default": usual.reads_per_minute},
        "changes_per_minute": {**number, "default": usual.changes_per_minute},
        "max_body_kb": {**number, "minimum": 1, "default": usual.max_body_bytes // 1024},
        "waiting_runs": {**number, "default": usual.waiting_runs},
        "open_metrics": {"type": "boolean", "default": usual.open_metrics},
        "least_free_mb": {**number, "default": usual.least_free_bytes // 1024**2},
        "most_pending": {**number, "default": usual.most_pending},
        "tokens": {"type": "object", "additionalProperties": _token()},
        "proxy": {"type": "object", "additionalProperties": False, "properties": _proxy()},
    }


def _token() -> dict[str, Any]:
    properties = {"role": _ROLE, "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _proxy() -> dict[str, Any]:
    return {
        "peers": {"type": "array", "items": {"type": "string"}},
        "user_header": {"type": "string", "default": ServicePolicy().proxy.user_header},
        "roles": {"type": "object", "additionalProperties": _ROLE},
    }


def _properties(kind: type[Policy | Limits | Pace | EngineSettings]) -> dict[str, dict[str, Any]]:
    """The fields with type and default; a limit that may be absent is left out, since TOML has no null."""
    whole = TypeAdapter(kind).json_schema()
    return {one.name: _without_null(whole["properties"][one.name]) for one in fields(kind)}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    for option in schema.get("anyOf", ()):
        plain |= option if option.get("type") != "null" else {}
    return plain if plain.get("default") is not None else {key: v for key, v in plain.items() if key != "default"}
