"""Reading secrets as text, and knowing them for redaction."""

from __future__ import annotations

from busway.configuration.declarations import Declaration
from busway.configuration.state import ConfigState
from busway.contracts.settings import Secret, SettingClass, Settings
from busway.errors import BuswayError, ConfigurationError

__all__ = ["read_secret", "register_near_secrets", "secret_or_default"]


def read_secret(state: ConfigState, name: str, *, refresh: bool = False) -> str:
    """The secret ``name`` as text. Raises ``ConfigurationError`` BW1201 when it is nowhere, optional or not."""
    declaration = state.catalog.find(name) or state.catalog.find(_as_env_name(name)) or _undeclared(_as_env_name(name))
    if declaration.is_secret:
        value = secret_or_default(state, declaration, refresh=refresh)
    else:
        value = str(state.sections.value(declaration))
    if not value:
        raise ConfigurationError.of([state.sections.complaints.missing(declaration)])
    return value


def secret_or_default(state: ConfigState, declaration: Declaration, *, refresh: bool = False) -> str | None:
    """The secret as text, or its default (usually ``None``). Raises BW1201 when it is required and nowhere."""
    found = state.resolver.resolve(declaration, refresh=refresh)
    if found is None and declaration.required:
        raise ConfigurationError.of([state.sections.complaints.missing(declaration)])
    if found is None:
        default = declaration.default
        return default.get_secret_value() if isinstance(default, Secret) else default
    if not isinstance(found.value, str):
        complaint = state.sections.complaints.invalid(declaration, found.layer, found.place, "a secret is text")
        raise ConfigurationError.of([complaint])
    return found.value


def register_near_secrets(state: ConfigState) -> frozenset[str]:
    """Every secret known without asking a remote: those read so far, and those in environment and files.

    A value that a higher layer hides is a secret as well.
    """
    for declaration in state.catalog:
        if declaration.is_secret:
            for value in _near_values(state, declaration.name):
                state.resolver.register(value)
    return state.resolver.secret_values()


def _near_values(state: ConfigState, name: str) -> list[str]:
    values: list[str] = []
    for _, source in state.layers.listable():
        try:
            found = source.fetch(name)
        except BuswayError:
            # A broken source gives nothing to hide; who reads from it is told what is wrong.
            continue
        values += [found.value] if found is not None and found.value else []
    in_file = state.layers.in_file(name)
    return [*values, in_file.value] if in_file is not None and isinstance(in_file.value, str) else values


def _as_env_name(name: str) -> str:
    return name.replace("-", "_")


def _undeclared(name: str) -> Declaration:
    """A secret that only its reader knows of."""
    return Declaration(
        name=name,
        owner="nobody (it is not declared)",
        model=Settings,
        field="",
        type="Secret",
        default=None,
        required=True,
        doc="",
        setting_class=SettingClass.SECRET,
    )
