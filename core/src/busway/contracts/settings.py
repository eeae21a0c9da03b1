"""Settings: how a part of Busway, or a plugin, says what can be configured.

One pydantic model per owner. Its fields are declared with :func:`setting`, which adds the environment name,
the documentation and the class to the field; everything that reads, explains, checks or documents settings
works from these declarations alone.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

__all__ = ["Secret", "SettingClass", "Settings", "setting"]

MASK = "**********"


class SettingClass(StrEnum):
    """Where a setting may come from and how it is shown."""

    SECRET = "secret"
    """May live in a vault; never shown."""
    VAULTED = "vaulted"
    """May live in a vault; shown (a server name, a mail address)."""
    PLAIN = "plain"
    """Environment, ``.env``, ``busway.toml`` or default; shown."""


class Secret:
    """A handle to a secret: it resolves when asked and follows rotation.

    It has no readable form: ``repr``, ``str``, formatting and JSON give a mask, and pickling is refused,
    because a secret that can be serialised by accident will be.
    """

    __slots__ = ("_resolve",)

    def __init__(self, value: str | Callable[[], str]) -> None:
        self._resolve = value if callable(value) else _constant(value)

    def get_secret_value(self) -> str:
        """The value now. Raises ``ConfigurationError`` (BW12xx) when no source has it."""
        return self._resolve()

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a Secret cannot be pickled or copied out of the process")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda _: MASK, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True, "format": "password"}

    @classmethod
    def _validate(cls, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return cls(value)
        raise ValueError("a secret is text")


def _constant(value: str) -> Callable[[], str]:
    return lambda: value


class Settings(BaseModel):
    """Base of every settings model: frozen, without unknown fields, and silent about its input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def setting(default: Any = ..., *, env: str, doc: str, vaulted: bool = False, **constraints: Any) -> Any:
    """Declares one setting of a :class:`Settings` model.

    :param default: the value when no layer has one; leave it out to make the setting required.
    :param env: its name everywhere outside Python (environment, ``.env``, ``[settings]``), such as ``REDIS_HOST``;
        in a vault, ``_`` is written ``-``.
    :param doc: one or two sentences for the person who has to set it; the unit belongs here.
    :param vaulted: it may live in a vault though it is not a secret. Fields typed :class:`Secret` always may.
    :param constraints: passed to pydantic's ``Field`` (``ge=``, ``pattern=`` and so on).
    """
    return Field(default, description=doc, json_schema_extra={"env": env, "vaulted": vaulted}, **constraints)


def env_name(field: FieldInfo) -> str:
    """The environment name given to :func:`setting`; empty for a field declared without it."""
    extra = field.json_schema_extra
    return str(extra.get("env", "")) if isinstance(extra, dict) else ""


def setting_class(field: FieldInfo) -> SettingClass:
    """The class of a field: secret by its type, vaulted by its declaration, else plain."""
    if _is_secret(field.annotation):
        return SettingClass.SECRET
    extra = field.json_schema_extra
    vaulted = isinstance(extra, dict) and bool(extra.get("vaulted"))
    return SettingClass.VAULTED if vaulted else SettingClass.PLAIN


def _is_secret(annotation: Any) -> bool:
    return annotation is Secret or Secret in getattr(annotation, "__args__", ())
