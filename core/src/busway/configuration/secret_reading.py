"""Reading secrets as text, and knowing them for redaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from busway.configuration.declarations import Declaration
from busway.configuration.layers import Found, found_in
from busway.configuration.state import ConfigState
from busway.contracts.settings import Secret, SettingClass, Settings
from busway.errors import BuswayError, ConfigurationError, Problem

__all__ = ["prefetch", "read_secret", "register_near_secrets", "secret_or_default"]

Reader = Callable[[], str] | None
"""Tells who is named in the audit, if a source has to be asked; ``None`` for the owner of the setting."""


def read_secret(state: ConfigState, name: str, *, refresh: bool = False, reader: Reader = None) -> str:
    """The secret ``name`` as text. Raises ``ConfigurationError`` BW1201 when it is nowhere, optional or not."""
    declaration = _declaration(state, name)
    if declaration.is_secret:
        value = secret_or_default(state, declaration, refresh=refresh, reader=reader)
    else:
        value = str(state.sections.value(declaration))
    if not value:
        raise ConfigurationError.of([state.sections.complaints.missing(declaration)])
    return value


def secret_or_default(
    state: ConfigState, declaration: Declaration, *, refresh: bool = False, reader: Reader = None
) -> str | None:
    """The secret as text, or its default (usually ``None``). Raises BW1201 when it is required and nowhere."""
    found = state.resolver.resolve(declaration, refresh=refresh, reader=reader)
    if found is None and declaration.required:
        raise ConfigurationError.of([state.sections.complaints.missing(declaration)])
    if found is None:
        default = declaration.default
        return default.get_secret_value() if isinstance(default, Secret) else default
    if not isinstance(found.value, str):
        complaint = state.sections.complaints.invalid(declaration, found.layer, found.place, "a secret is text")
        raise ConfigurationError.of([complaint])
    return found.value


def prefetch(state: ConfigState, names: Iterable[str] | None = None, *, reader: Reader = None) -> dict[str, Problem]:
    """Reads many secrets and vaulted settings with one question to each source, and what it could not, by name."""
    if names is None:
        wanted = [declaration for declaration in state.catalog if declaration.may_be_vaulted]
    else:
        wanted = [_declaration(state, name) for name in names]
    problems: dict[str, Problem] = {}
    outcomes = state.resolver.resolve_each(wanted, reader=reader)
    for declaration in wanted:
        outcome = outcomes[declaration.name]
        if isinstance(outcome, BuswayError):
            problems[declaration.name] = outcome.problem
        elif outcome is None and declaration.required:
            problems[declaration.name] = state.sections.complaints.missing(declaration)
    return problems


def register_near_secrets(state: ConfigState) -> frozenset[str]:
    """Every secret known without asking a remote: those read so far, and those in environment and files.

    A value that a higher layer hides is a secret as well.
    """
    for declaration in state.catalog:
        if declaration.is_secret:
            for found in _near(state, declaration.name):
                state.resolver.register(found.value)
    return state.resolver.secret_values()


def _near(state: ConfigState, name: str) -> Iterator[Found]:
    """The values of a secret in environment and files, highest first."""
    for layer, source in state.layers.listable():
        try:
            found = source.fetch(name)
        except BuswayError:
            # A broken source gives nothing to hide; who reads from it is told what is wrong.
            continue
        if found is not None and found.value:
            yield found_in(layer, found)
    in_file = state.layers.in_file(name)
    if in_file is not None and isinstance(in_file.value, str):
        yield in_file


def _declaration(state: ConfigState, name: str) -> Declaration:
    """The declaration of ``name``, also as a vault writes it; a made-up one for a secret that nobody declared."""
    written = name.replace("-", "_")
    return state.catalog.find(name) or state.catalog.find(written) or _undeclared(written)


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
