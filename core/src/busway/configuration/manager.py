"""The configuration manager: settings and secrets by name, by model, and explained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from busway.configuration.attributes import forget_attribute
from busway.configuration.audit import SecretAccess
from busway.configuration.boot import Boot
from busway.configuration.core_settings import SqlSettings
from busway.configuration.declarations import Declaration
from busway.configuration.reader import calling_module
from busway.configuration.secret_reading import prefetch, read_secret, register_near_secrets, secret_or_default
from busway.configuration.state import ConfigState
from busway.configuration.transitions import SourceTransition
from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings
from busway.errors import ConfigurationError, Problem, UsageError

if TYPE_CHECKING:
    from busway.configuration.explanation import Explanation
    from busway.configuration.secret_state import SecretState

__all__ = ["ConfigManager"]

M = TypeVar("M", bound=Settings)
_Hot = tuple[Mapping[str, tuple[str, float]], Callable[[], float]]
"""Remembered secrets with the end of their freshness, and the clock it is reckoned by."""
_NOTHING: _Hot = ({}, time.monotonic)
_UNREAD = ("", -math.inf)


class ConfigManager:
    """Typed, read-only configuration with provenance.

    Settings are attributes under their environment names: ``config.REDIS_HOST`` is the typed value, and
    ``config.SAFETYAMP_TOKEN`` the text of the secret as it is now. Values that are no secrets are kept in the
    instance after they are read first, so that reading them again costs what any attribute costs. A name nobody
    declared raises ``AttributeError``, to which Python adds the nearest declared one when it prints it; a missing or
    invalid value raises ``ConfigurationError``.

    A manager may be made unbound: ``ConfigManager(binder)`` calls ``binder`` at first use and takes over the state of
    the manager it returns. That is how the singleton ``busway.config`` finds its application.
    """

    # Apart from the dictionary, which tools print. It holds values alone: while it is small and nobody asks for it as a
    # whole, the interpreter finds values and methods in the shortest way.
    __slots__ = ("__dict__", "__weakref__", "_binder", "_binding", "_hot", "_state")

    _state: ConfigState
    _binder: Callable[[], ConfigManager] | None
    _binding: RLock
    _hot: _Hot

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, binder: Callable[[], ConfigManager] | None = None) -> None:
        object.__setattr__(self, "_binder", binder)
        object.__setattr__(self, "_binding", RLock())
        object.__setattr__(self, "_hot", _NOTHING)
        if type(self) is ConfigManager:
            self._become(_Unbound)

    @classmethod
    def open(
        cls,
        boot: Boot,
        sources: Sequence[tuple[str, SecretSource]],
        models: Sequence[tuple[str, type[Settings]]] = (),
        *,
        clock: Clock,
        complete: bool = True,
        optional: Collection[type[Settings]] = (),
    ) -> ConfigManager:
        """A manager over ``sources`` (name and source, highest first), ``busway.toml`` and defaults.

        The core's own models are always included. Nothing is read yet.

        :param models: owner (distribution) and model of everybody else who declares settings.
        :param complete: False when a plugin could not be loaded: names under ``[settings]`` that nobody declared may
            be its own then, and are not reported.
        :param optional: those of the models whose owner the deployment can do without; nothing wrong with them makes
            the configuration invalid.

        Raises ``ConfigurationError`` BW1105 when two owners declare the same name.
        """
        state = ConfigState.open(boot, sources, models, clock, complete=complete, optional=optional)
        manager = state.attributes.class_of(ConfigManager)()
        manager._hold(state)
        return manager

    def adopt(self, other: ConfigManager) -> None:
        """Takes over the state of ``other``; both answer the same from now on."""
        state = other._state
        with self._binding:
            # As an unbound one it lets nobody read until all of it is exchanged.
            self._become(_Unbound)
            self.__dict__.clear()
            self._hold(state)
            self._become(state.attributes.class_of(ConfigManager))

    def release(self) -> None:
        """Becomes unbound again: the next use calls the binder."""
        with self._binding:
            if not isinstance(self, _Unbound):
                self._become(_Unbound)
                self.__dict__.clear()
                object.__setattr__(self, "_hot", _NOTHING)
                object.__delattr__(self, "_state")

    def add_models(self, models: Sequence[tuple[str, type[Settings]]], *, complete: bool = True) -> None:
        """Adds the models of owners that were loaded later; ``complete`` as in :meth:`open`.

        Raises ``ConfigurationError`` BW1105 with every conflict, and then adds none of them.
        """
        self._state.add(models, complete=complete)
        if self._state.resolver.is_watched:
            register_near_secrets(self._state)

    @property
    def boot(self) -> Boot:
        """What stage 0 found out: the deployment, the state folder, the selection."""
        return self._state.boot

    def validate_required_secrets(self) -> bool:
        """Whether every setting and secret of every owner is there and valid; :meth:`problems` says what is not.

        Every source is asked once, for all names together.
        """
        return not self.problems()

    def problems(self) -> list[Problem]:
        """Everything that is wrong, in one pass over all sources; no text has a value in it."""
        return self._state.problems(self._state.sections.verdicts())

    def problems_of(self, model: type[Settings]) -> list[Problem]:
        """What is wrong with the settings of one model, its secrets included."""
        return list(self._state.sections.verdict(model).problems)

    def warnings(self) -> list[Problem]:
        """What works and should not stay.

        ``.env`` in production (BW1107) or with a name twice (BW1112), names nobody reads (BW1111), secrets in
        ``busway.toml`` (BW1203); of the secrets read so far those too short to be masked (BW1215), expired or not yet
        valid (BW1216), or with blanks around them (BW1217). No remote is asked for it.
        """
        from busway.configuration.status import warnings

        return list(warnings(self._state))

    def get_configuration_status(self) -> dict[str, Any]:
        """Sources, settings with their origin, and validation, ready for JSON; secrets are set or unset only."""
        from busway.configuration.status import configuration_status

        return configuration_status(self._state)

    def get_secret(self, name: str, refresh: bool = False) -> str:
        """The secret ``name`` now; names that nobody declared are looked for as well.

        While its source is unreachable, the value read before serves for a time (``SECRET_STALE_SECONDS``).

        :param name: the environment name; ``-`` counts as ``_``, so that the name in a vault does too.
        :param refresh: ask the sources again even if the remembered value is still fresh (``SECRET_TTL_SECONDS``).

        Raises ``ConfigurationError`` BW1201 naming every place it was looked for in, or what a source raised.
        """
        # The short way: no call but the clock's, no lock. What it cannot find, or not in time, takes the long way.
        if not refresh:
            secrets, now = self._hot
            try:
                value, fresh_until = secrets[name]
            except KeyError:
                value, fresh_until = _UNREAD
            if now() < fresh_until:
                return value
        return read_secret(self._state, name, refresh=refresh, reader=calling_module)

    def prefetch(self, names: Iterable[str] | None = None) -> dict[str, Problem]:
        """Reads secrets and vaulted settings ahead, with one question to each source, and remembers them.

        A vault is not asked for what a higher layer has, nor for what is remembered and fresh.

        :param names: which; default is every secret and vaulted setting that is declared.

        Returns what is wrong, by name: required and nowhere, or its source could not answer. Raises nothing for it.
        """
        return prefetch(self._state, names, reader=calling_module)

    def secret_values(self) -> frozenset[str]:
        """The secrets known without asking a vault: those read so far, and all in environment and files."""
        return register_near_secrets(self._state)

    def watch_secrets(self, receive: Callable[[str], None], retire: Callable[[str], None] | None = None) -> None:
        """Calls ``receive`` with each of :meth:`secret_values`, later with each new one before anybody has it.

        :param retire: is called with a value that rotation replaced, ``SECRET_GRACE_SECONDS`` after that was noticed.
        """
        self._state.resolver.watch(receive, retire)
        register_near_secrets(self._state)

    def watch_transitions(self, receive: Callable[[SourceTransition], None]) -> None:
        """Calls ``receive`` once with each transition of a secret source: ``degraded``, and ``recovered``.

        A source that is degraded already is told at once. Receivers run in the thread that asked; what one raises is
        logged and stops nobody.
        """
        self._state.transitions.watch(receive)

    def secret_states(self, *, ask: bool = False) -> list[SecretState]:
        """What is known of each secret, in the order they were declared; never a value.

        :param ask: read all of them first, in one round; without it no remote is asked.
        """
        from busway.configuration.secret_state import secret_states

        problems = prefetch(self._state, self._secret_names(), reader=calling_module) if ask else None
        return secret_states(self._state, problems)

    def secret_accesses(self) -> list[SecretAccess]:
        """Who asked the sources for which secret in this process, oldest first: the latest 10,000, without values."""
        return self._state.resolver.audit.entries()

    def take_secret_accesses(self) -> list[SecretAccess]:
        """Those of them that no earlier call returned, for whoever keeps them for good."""
        return self._state.resolver.audit.take()

    def build_sql_connection_string(self) -> str:
        """The ODBC connection string of the ``SQL_*`` settings; it may hold the password, and is masked like one.

        Raises ``ConfigurationError`` BW1202 naming each setting it lacks, BW1208 naming each with a control character.
        """
        from busway.configuration.sql import build_sql_connection_string

        text = build_sql_connection_string(self.section(SqlSettings))
        self._state.resolver.register(text, slot="SQL connection string")
        return text

    def section(self, model: type[M]) -> M:
        """The settings of one model, validated, and the same object every time.

        Secrets in it are handles that follow rotation. Raises ``ConfigurationError`` with all problems of the model,
        or what a source raised that could not answer.
        """
        return cast(M, self._state.sections.get(model))

    def explain(self, name: str, *, ask_vaults: bool = False) -> Explanation:
        """Where the value of ``name`` comes from and what it hides.

        :param ask_vaults: ask vaults below the winner too.

        Raises ``UsageError`` BW1106 for a name nobody declared.
        """
        declaration = self._state.catalog.find(name)
        if declaration is None:
            self._refuse_name(name)
        from busway.configuration.explaining import explain

        explanation = explain(declaration, self._state.resolver, self._state.sections, ask_vaults=ask_vaults)
        self._state.transitions.deliver()
        return explanation

    def declarations(self) -> list[Declaration]:
        """All that can be set, in the order it was declared."""
        return list(self._state.catalog)

    def names(self) -> list[str]:
        """The names of all settings, sorted."""
        return sorted(declaration.name for declaration in self._state.catalog)

    def env_example(self) -> str:
        """The text of a ``.env.example`` with every setting and its documentation."""
        from busway.configuration.env_example import env_example

        return env_example(self._state.catalog)

    def _bind(self) -> ConfigState:
        with self._binding:
            if isinstance(self, _Unbound):
                if self._binder is None:
                    raise ConfigurationError(
                        "BW1110",
                        "this configuration is not open",
                        why="the manager was made without a binder",
                        fix="use ConfigManager.open(...), App.from_config() or `from busway import config`",
                    )
                self.adopt(self._binder())
            return self._state

    def _hold(self, state: ConfigState) -> None:
        object.__setattr__(self, "_state", state)
        object.__setattr__(self, "_hot", (state.resolver.hot, state.resolver.now))

    def _become(self, made: type[ConfigManager]) -> None:
        object.__setattr__(self, "__class__", made)

    def _read_setting(self, declaration: Declaration) -> Any:
        state = self._state
        if declaration.is_secret:
            return secret_or_default(state, declaration, reader=calling_module)
        value = state.sections.value(declaration)
        if self._state is state:
            object.__setattr__(self, declaration.name, value)
            forget_attribute(type(self), declaration.name)
        return value

    def _secret_names(self) -> list[str]:
        return [declaration.name for declaration in self._state.catalog if declaration.is_secret]

    def _refuse_name(self, name: str) -> NoReturn:
        near = self._state.catalog.nearest(name)
        raise UsageError(
            "BW1106",
            f"there is no setting {name!r}",
            why="no selected plugin declares it",
            fix=f"did you mean {near}?" if near else "list them: busway config status",
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"the configuration is read-only: {name!r} cannot be set; tests use busway.testing.use_app"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"the configuration is read-only: {name!r} cannot be deleted")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a configuration cannot be pickled or copied: it reads secrets")

    def __dir__(self) -> list[str]:
        declared = [] if isinstance(self, _Unbound) else self.names()
        return sorted({*super().__dir__(), *declared})

    def __repr__(self) -> str:
        if isinstance(self, _Unbound):
            return "<ConfigManager unbound>"
        return f"<ConfigManager of {self.boot.deployment.app!r}: {len(self._state.catalog)} settings>"


class _Unbound(ConfigManager):
    """A manager before it is bound: whatever is asked of it binds it first.

    A class of its own, so that bound managers have no ``__getattr__`` (:mod:`busway.configuration.attributes`).
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "_state":
                return self._bind()
            if name.startswith("_"):
                # Probing by tools (copy, inspect, mocks) must not open an application.
                raise AttributeError(f"'ConfigManager' object has no attribute {name!r}")
            self._bind()
            return getattr(self, name)
