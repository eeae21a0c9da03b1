"""One call of the API, checked: who asks, for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from busway_service.web.answers import refusal
from busway_service.web.login import Caller

if TYPE_CHECKING:
    from busway.app import App
    from busway_service.service import Service

__all__ = ["Call", "read_body", "read_query"]

Model = TypeVar("Model", bound=BaseModel)
TOLD = 5
"""Mistakes of one request that are told."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler needs."""

    service: Service
    caller: Caller
    path: Mapping[str, str] = field(default_factory=dict)
    query: Any = None
    body: Any = None

    @property
    def app(self) -> App:
        """The application."""
        return self.service.app


def read_query(model: type[Model], pairs: list[tuple[str, str]]) -> Model:
    """The parameters of a query. Raises ``RequestError`` BW8116."""
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise refusal("BW8116", "the query cannot be understood", why=f"{twice[0]} is there twice")
    return _validated(model, dict(pairs), "query")


def read_body(model: type[Model], content_type: str, body: bytes) -> Model:
    """A body. Raises ``RequestError`` BW8116."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        why = f"Content-Type is {kind or 'missing'}"
        raise refusal("BW8116", "the body is not JSON", why=why, fix="send Content-Type: application/json")
    try:
        found = orjson.loads(body or b"{}")
    except ValueError as error:
        raise refusal("BW8116", "the body is not JSON", why=str(error)) from None
    return _validated(model, found, "body")


def _validated(model: type[Model], value: Any, place: str) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # Only where and what: the input itself may be a secret that somebody sent to the wrong field.
        told = [f"{'.'.join(map(str, one['loc'])) or place}: {one['msg']}" for one in error.errors(include_input=False)]
        why = "; ".join(told[:TOLD])
        raise refusal("BW8116", f"the {place} cannot be understood", why=why, fix="see /api/v1/openapi.json") from None
