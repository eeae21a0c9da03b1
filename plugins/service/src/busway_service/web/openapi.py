"""The OpenAPI document, made of the table of endpoints and the shapes of their answers."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from busway.operation.service_policy import ServicePolicy
from busway.views.shapes import ProblemData
from busway_service import __version__
from busway_service.web.application import PREFIX
from busway_service.web.endpoints import ENDPOINTS, Endpoint
from busway_service.web.shapes import API_SHAPES

__all__ = ["openapi"]

REFS = "#/components/schemas/{model}"
ALWAYS = (400, 401, 403, 429, 500, 503)
"""Statuses every endpoint may answer with."""
REASONS = {
    200: "Done.",
    202: "Accepted; the run begins as soon as it may.",
    400: "The request cannot be carried out.",
    401: "A valid login is needed.",
    403: "The caller may not do this.",
    404: "There is none.",
    409: "Held: by a pause, another run, or a decision that was taken already.",
    413: "The body is too large.",
    429: "Too many requests; Retry-After says when again.",
    500: "An error of Busway or a plugin.",
    503: "Something it needs is away, or the service is stopping.",
}


def openapi(policy: ServicePolicy) -> dict[str, Any]:
    """The document of a service with this policy (OpenAPI 3.1)."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    _add(schemas, "problem", TypeAdapter(ProblemData))
    schemas["error"] = _error()
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Busway", "version": __version__, "description": "The service of a Busway deployment."},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items())), **_security(policy)},
    }
    return document | ({"security": [{"token": []}]} if policy.auth == "token" else {})


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "x-busway-role": endpoint.role.name.lower(),
        "responses": {str(endpoint.status): _response(endpoint.status, _envelope(endpoint.schema, schemas))},
    }
    more = (*ALWAYS, *endpoint.refuses, *([413] if endpoint.body else []))
    error = {"$ref": REFS.format(model="error")}
    operation["responses"] |= {str(status): _response(status, error) for status in sorted(more)}
    parameters = [*map(_in_path, endpoint.parameters), *_in_query(endpoint.query)]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {"application/json": {"schema": _model(endpoint.body, schemas)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _response(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": REASONS[status], "content": {"application/json": {"schema": schema}}}


def _envelope(name: str, schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "ok", "data", "warnings"],
        "properties": {
            "schema": {"const": name},
            "ok": {"type": "boolean"},
            "data": _add(schemas, re.sub(r"\W", "-", name.removeprefix("busway.")), TypeAdapter(API_SHAPES[name])),
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
    }


def _add(schemas: dict[str, Any], name: str, adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """Puts a shape and all it is made of among the schemas; a reference to it."""
    made = adapter.json_schema(ref_template=REFS, mode="serialization")
    schemas |= made.pop("$defs", {})
    schemas[name] = made
    return {"$ref": REFS.format(model=name)}


def _model(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    _, made = models_json_schema([(model, "validation")], ref_template=REFS)
    schemas |= made.get("$defs", {})
    return {"$ref": REFS.format(model=model.__name__)}


def _in_path(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": "Or the beginning of it."}


def _in_query(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    properties = model.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]


def _error() -> dict[str, Any]:
    problem = {"$ref": REFS.format(model="problem")}
    busy = {"who": {"type": "string"}, "since_ns": {"type": "integer"}, "run_id": {"type": "string"}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "ok", "error", "errors", "warnings"],
        "properties": {
            "schema": {"const": "busway.error/1"},
            "ok": {"const": False},
            "error": problem,
            "errors": {"type": "array", "items": problem},
            "warnings": {"type": "array", "items": {"type": "string"}},
            "busy": {"type": "object", "additionalProperties": False, "properties": busy, "required": list(busy)},
        },
    }


def _security(policy: ServicePolicy) -> dict[str, Any]:
    token = {"type": "http", "scheme": "bearer", "description": "Made by busway serve --new-token."}
    return {"securitySchemes": {"token": token}} if policy.auth == "token" else {}
