"""The configuration manager: settings and secrets by name, by model, and explained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from threading import RLock
from typing import Any, NoReturn, TypeVar, cast

from busway.configuration.boot import Boot
from busway.configuration.core_settings import SqlSettings
from busway.configuration.declarations import Declaration
from busway.configuration.env_example import env_example
from busway.configuration.explaining import explain
from busway.configuration.explanation import Explanation
from busway.configuration.secret_reading import read_secret, register_near_secrets, secret_or_default
from busway.configuration.sql import build_sql_connection_string
from busway.configuration.state import ConfigState
from busway.configuration.status import configuration_status, warnings
from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings
from busway.errors import ConfigurationError, Problem, UsageError

__all__ = ["ConfigManager"]

M = TypeVar("M", bound=Settings)


class ConfigManager:
    """Typed, read-only configuration with provenance.

    Settings are attributes under their environment names: ``config.REDIS_HOST`` is the typed value, and
    ``config.SAFETYAMP_TOKEN`` the text of the secret as it is now. Values that are no secrets are kept in the
    instance after they are read first, so that reading them again costs what any attribute costs. A name nobody
    declared raises ``AttributeError`` with the nearest one; a missing or invalid value raises ``ConfigurationError``.

    A manager may be made unbound: ``ConfigManager(binder)`` calls ``binder`` at first use and takes over the state of
    the manager it returns. That is how the singleton ``busway.config`` finds its application.
    """

    _state: ConfigState
    _binder: Callable[[], ConfigManager] | None
    _binding: RLock

    def __init__(self, binder: Callable[[], ConfigManager] | None = None) -> None:
        self.__dict__.update(_binder=binder, _binding=RLock())

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
        manager = cls()
        manager.__dict__["_state"] = ConfigState.open(
            boot, sources, models, clock, complete=complete, optional=optional
        )
        return manager

    def adopt(self, other: ConfigManager) -> None:
        """Takes over the state of ``other``; both answer the same from now on."""
        state = other._state
        self._forget_values()
        self.__dict__["_state"] = state

    def release(self) -> None:
        """Becomes unbound again: the next use calls the binder."""
        self.__dict__.pop("_state", None)
        self._forget_values()

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
        """Whether every setting and secret of every owner is there and valid; :meth:`problems` says what is not."""
        return not self.problems()

    def problems(self) -> list[Problem]:
        """Everything that is wrong, in one pass over all sources; no text has a value in it."""
        return self._state.problems(self._state.sections.verdicts())

    def problems_of(self, model: type[Settings]) -> list[Problem]:
        """What is wrong with the settings of one model, its secrets included."""
        return list(self._state.sections.verdict(model).problems)

    def warnings(self) -> list[Problem]:
        """What works and should not stay: ``.env`` in production (BW1107), secrets in ``busway.toml`` (BW1203)."""
        return list(warnings(self._state))

    def get_configuration_status(self) -> dict[str, Any]:
        """Sources, settings with their origin, and validation, ready for JSON; secrets are set or unset only."""
        return configuration_status(self._state)

    def get_secret(self, name: str, refresh: bool = False) -> str:
        """The secret ``name`` now; names that nobody declared are looked for as well.

        :param name: the environment name; ``-`` counts as ``_``, so that the name in a vault does too.
        :param refresh: ask the sources again even if the remembered value is still fresh (600 s).

        Raises ``ConfigurationError`` BW1201 naming every place it was looked for in, or what a source raised.
        """
        return read_secret(self._state, name, refresh=refresh)

    def secret_values(self) -> frozenset[str]:
        """The secrets known without asking a vault: those read so far, and all in environment and files."""
        return register_near_secrets(self._state)

    def watch_secrets(self, receive: Callable[[str], None]) -> None:
        """Calls ``receive`` with each of :meth:`secret_values`, later with each new one before anybody has it."""
        self._state.resolver.watch(receive)
        register_near_secrets(self._state)

    def build_sql_connection_string(self) -> str:
        """The ODBC connection string of the ``SQL_*`` settings; it may hold the password.

        Raises ``ConfigurationError`` BW1202 naming each setting it lacks.
        """
        return build_sql_connection_string(self.section(SqlSettings))

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
        return explain(declaration, self._state.resolver, self._state.sections, ask_vaults=ask_vaults)

    def declarations(self) -> list[Declaration]:
        """All that can be set, in the order it was declared."""
        return list(self._state.catalog)

    def names(self) -> list[str]:
        """The names of all settings, sorted."""
        return sorted(declaration.name for declaration in self._state.catalog)

    def env_example(self) -> str:
        """The text of a ``.env.example`` with every setting and its documentation."""
        return env_example(self._state.catalog)

    def _bind(self) -> ConfigState:
        with self._binding:
            if "_state" not in self.__dict__:
                if self._binder is None:
                    raise ConfigurationError(
                        "BW1110",
                        "this configuration is not open",
                        why="the manager was made without a binder",
                        fix="use ConfigManager.open(...), App.from_config() or `from busway import config`",
                    )
                self.adopt(self._binder())
            return self._state

    def _forget_values(self) -> None:
        for name in [name for name in self.__dict__ if not name.startswith("_")]:
            self.__dict__.pop(name, None)

    def _refuse_name(self, name: str) -> NoReturn:
        near = self._state.catalog.nearest(name)
        raise UsageError(
            "BW1106",
            f"there is no setting {name!r}",
            why="no selected plugin declares it",
            fix=f"did you mean {near}?" if near else "list them: busway config status",
        )

    def __getattr__(self, name: str) -> Any:
        if name == "_state":
            return self._bind()
        if name.startswith("_"):
            # Probing by tools (copy, inspect, mocks) must not open an application.
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        state = self._state
        declaration = state.catalog.find(name)
        if declaration is None:
            near = state.catalog.nearest(name)
            hint = f"; did you mean {near}?" if near else ""
            raise AttributeError(f"the configuration has no setting {name!r}{hint}")
        if declaration.is_secret:
            return secret_or_default(state, declaration)
        value = state.sections.value(declaration)
        if self._state is state:
            self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"the configuration is read-only: {name!r} cannot be set; tests use busway.testing.use_app"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"the configuration is read-only: {name!r} cannot be deleted")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a configuration cannot be pickled or copied: it reads secrets")

    def __dir__(self) -> list[str]:
        declared = self.names() if "_state" in self.__dict__ else []
        return sorted({*super().__dir__(), *declared})

    def __repr__(self) -> str:
        if "_state" not in self.__dict__:
            return f"<{type(self).__name__} unbound>"
        return f"<{type(self).__name__} of {self.boot.deployment.app!r}: {len(self._state.catalog)} settings>"
