"""What is done with one plugin in its child process, step by step, the way an application does it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from busway.cli.plugin_setting_text import default_text
from busway.configuration.boot import Boot
from busway.configuration.core_settings import CoreSettings
from busway.configuration.declarations import declarations_of
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.clock import SystemClock
from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings
from busway.errors import BuswayError, ConfigurationError
from busway.hookspecs import KIND_HOOKS
from busway.metrics.registry import Metrics
from busway.plugins.annotations import Mismatch, hook_mismatches, object_mismatches
from busway.plugins.faults import describe
from busway.plugins.guarded_source import GuardedSource
from busway.plugins.health import run_check
from busway.plugins.host import BuiltPlugin, LoadedPlugin, PluginHost
from busway.plugins.index import load_index
from busway.plugins.kinds import BUILT_INS
from busway.plugins.origins import Origin
from busway.plugins.report import PluginSetting, PluginStatus
from busway.plugins.selection import Pick, Selection
from busway.plugins.worker import call_with_timeout
from busway.wiring.deployment_redactor import deployment_redactor

if TYPE_CHECKING:
    from busway.contracts.coordination import Quota
    from busway.contracts.limits import Limiter

__all__ = ["Probe"]

CORE = "busway"
CLOSE_SECONDS = 5.0


class Probe:
    """Checks one plugin in this process.

    :param sources: names of the secret sources that may be used; the settings of the plugin are read from them.
    :param tell: is told each ``step`` before it is taken, and the plugin's ``settings`` as soon as they are known.
    """

    def __init__(
        self,
        stage: Boot,
        kind: str,
        name: str,
        distribution: str,
        sources: Iterable[str],
        tell: Callable[[str, Any], None],
    ) -> None:
        usable = frozenset(sources)
        # Never required: what it lacks shall set it aside and be told, in one process as in the other.
        picks = {"secrets": tuple(pick for pick in stage.selection.secrets if pick.name in usable)}
        picks[kind] = (Pick(name, distribution, required=False),)
        self._stage = stage
        self._kind = kind
        self._name = name
        self._tell = tell
        self._clock = SystemClock()
        self._redactor = deployment_redactor(stage, Metrics())
        self._host = PluginHost(load_index(), Selection(**picks), redact=self._redacted)
        self._config: ConfigManager | None = None
        self._built: BuiltPlugin | None = None
        self._verdict: PluginStatus | None = None
        self._notes: list[str] = []
        self._health: list[tuple[HealthCheck, HealthResult]] = []

    def run(self, *, until: str, online: bool) -> dict[str, Any]:
        """Takes the steps until one fails, and returns what became of the plugin, ready for JSON.

        :param until: ``settings`` to stop after they are known, ``contract`` after what was built is compared with
            it, ``health`` for all.
        """
        steps: list[Callable[[], None]] = [self._load, self._ask_settings]
        if until != "settings":
            steps += [self._compare_hooks, self._configure, self._build, self._compare_object]
        if until == "health":
            steps.append(partial(self._ask_health, online=online))
        for step in steps:
            step()
            if self._status().failed:
                break
        self._close()
        return self._outcome()

    def _redacted(self, text: str) -> str:
        """``text`` without secrets. ``export TOKEN=...`` stays: three dots are where a value goes, not one."""
        return "=...".join(map(self._redactor.redact_text, text.split("=...")))

    def _status(self) -> PluginStatus:
        rows = self._host.statuses() if self._verdict is None else [self._verdict]
        return next(row for row in rows if (row.kind, row.name) == (self._kind, self._name) and row.order)

    def _step(self, doing: str) -> None:
        self._tell("step", f"while {doing}")

    def _load(self) -> None:
        self._step(f"{self._status().entry_point} was imported")
        self._host.load(self._kind)

    def _plugin(self) -> LoadedPlugin:
        return next(plugin for plugin in self._host.loaded(self._kind) if plugin.name == self._name)

    def _models(self, kind: str) -> list[tuple[str, type[Settings]]]:
        return [(distribution, model) for _, distribution, model in self._host.settings_models(kind)]

    def _own_models(self) -> list[tuple[str, type[Settings]]]:
        found = self._host.settings_models(self._kind)
        return [(distribution, model) for name, distribution, model in found if name == self._name]

    def _ask_settings(self) -> None:
        self._step("busway_settings() was called")
        models = self._own_models()
        if self._status().failed:
            return
        try:
            declared = [one for distribution, model in models for one in declarations_of(model, distribution)]
        except ConfigurationError as error:
            self._refuse_settings("BW1309", error)
            return
        except Exception as error:  # a default may be made by code of the plugin
            cause = f"its settings model raised {type(error).__name__}"
            self._fail("BW1309", cause, f"pip install -U {self._status().distribution}")
            return
        settings = [
            PluginSetting(
                name=one.name,
                type=one.type,
                default=default_text(one),
                doc=one.doc,
                setting_class=one.setting_class.value,
                required=one.required,
                model=f"{one.model.__module__}.{one.model.__qualname__}",
            )
            for one in declared
        ]
        self._tell("settings", [asdict(setting) for setting in settings])

    def _refuse_settings(self, code: str, error: BuswayError) -> None:
        cause = "; ".join(problem.what for problem in error.problems)
        self._fail(code, cause, error.problem.fix)
        self._verdict = replace(self._status(), details=error.problems)

    def _compare_hooks(self) -> None:
        self._step("its hooks were compared with the contract")
        self._judge(lambda: hook_mismatches(self._plugin().module))

    def _configure(self) -> None:
        self._step("its settings were read")
        early = ConfigManager.open(self._stage, basic_sources(self._stage), self._models("secrets"), clock=self._clock)
        early.watch_secrets(self._redactor.register)
        if self._kind == "secrets":
            self._config = early
            return
        sources = self._host.build("secrets", partial(self._context, early))
        try:
            named = [(source.name, _guarded(source)) for source in sources]
        except BuswayError as error:
            self._refuse_settings("BW1310", error)
            return
        models = [*self._models("secrets"), *self._own_models()]
        try:
            self._config = ConfigManager.open(self._stage, named, models, clock=self._clock)
        except ConfigurationError as error:  # it declares a name that the core or a secret source has already
            self._refuse_settings("BW1309", error)
        else:
            self._config.watch_secrets(self._redactor.register)

    def _build(self) -> None:
        self._step(f"{KIND_HOOKS[self._kind]}() was called")
        built = self._host.build(self._kind, self._own_context)
        self._built = next((one for one in built if one.name == self._name), None)

    def _compare_object(self) -> None:
        self._step("what it built was compared with the contract")
        if self._built is not None:
            made = self._built.object
            self._judge(lambda: object_mismatches(self._kind, made))

    def _ask_health(self, *, online: bool) -> None:
        self._step("busway_health_checks() was called")
        for plugin, check in self._host.health_checks(self._own_context):
            if (plugin.kind, plugin.name) == (self._kind, self._name) and (online or not check.online):
                self._step(f"the health check {check.name} ran")
                self._health.append((check, run_check(check, redact=self._redacted)))

    def _close(self) -> None:
        if self._built is None or self._kind == "validators":
            return
        self._step("close() was called")
        parts = self._built.object if self._kind == "jobs" else (self._built.object,)
        for part in parts:
            try:
                call_with_timeout(part.close, CLOSE_SECONDS, label=f"busway-close-{self._name}")
            except Exception as error:
                self._notes.append(self._redacted(f"close() raised {describe(error)}"))

    def _own_context(self, plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
        """The context; raises ``ConfigurationError`` with each setting that is missing or wrong, secrets included."""
        assert self._config is not None, "settings are read before anything is built"  # noqa: S101
        problems = self._config.problems_of(model) if model is not None else []
        if problems:
            raise ConfigurationError.of(problems)
        return self._context(self._config, plugin, model)

    def _context(self, config: ConfigManager, plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
        deployment = self._stage.deployment
        if model is None and _is_built_in(plugin):
            model = CoreSettings
        return PluginContext(
            name=plugin.name,
            settings=config.section(model) if model is not None else None,
            app=deployment.app,
            state_dir=self._stage.state_dir,
            root=deployment.root,
            clock=self._clock,
            metrics=Metrics(),
            logger=logging.getLogger(f"busway.{plugin.kind}.{plugin.name}"),
            limiter=self._limiter,
            sql_connection_string=config.build_sql_connection_string,
            doubles={"environ": self._stage.environ},
        )

    def _limiter(self, quota: Quota) -> Limiter:
        """That of the application, whose other parts stay unbuilt: what a check draws counts for all processes."""
        from busway.app import App

        # Not closed: this process ends with its one plugin, and what a dead process held is free.
        return App(self._stage, clock=self._clock).limiter(quota)

    def _judge(self, compare: Callable[[], Sequence[Mismatch]]) -> None:
        """Fails the plugin for what cannot work; what only disagrees is noted."""
        try:
            mismatches = compare()
        except Exception as error:  # looking at an object can run code of its own
            self._notes.append(self._redacted(f"it could not be compared with the contract: {describe(error)}"))
            return
        told = self._redacted
        self._notes += [told(str(mismatch)) for mismatch in mismatches if not mismatch.breaks]
        broken = [mismatch for mismatch in mismatches if mismatch.breaks]
        if broken:
            places = ", ".join(dict.fromkeys(one.place for one in broken if one.place)) or self._status().entry_point
            remedy = f"pip install -U {self._status().distribution}, or mend {places}"
            self._fail("BW1315", "; ".join(told(one.what) for one in broken), remedy)

    def _fail(self, code: str, cause: str, remedy: str) -> None:
        self._verdict = replace(self._status(), state="failed", code=code, cause=cause, remedy=remedy)

    def _outcome(self) -> dict[str, Any]:
        status = self._status()
        if not status.failed and any(result.status != "ok" for _, result in self._health):
            status = self._degraded(status)
        outcome: dict[str, Any] = {
            "load_seconds": status.load_seconds,
            "details": [asdict(detail) for detail in status.details],
            "notes": self._notes,
            "health": [
                {"name": check.name, "online": check.online, **asdict(result)} for check, result in self._health
            ],
        }
        if status.state != "selected":
            outcome |= {"state": status.state, "code": status.code, "cause": status.cause, "remedy": status.remedy}
        return outcome

    def _degraded(self, status: PluginStatus) -> PluginStatus:
        unwell = [(check, result) for check, result in self._health if result.status != "ok"]
        told = [result.detail or f"{check.name} answered {result.status}" for check, result in unwell]
        remedy = next((result.fix for _, result in unwell if result.fix), "")
        return replace(status, state="degraded", code="BW1318", cause="; ".join(told), remedy=remedy)


def _guarded(source: BuiltPlugin) -> SecretSource:
    """With a time-out, so that a source that hangs is told as what the settings lack and not as the plugin's fault."""
    if _is_built_in(source):
        return cast("SecretSource", source.object)
    return GuardedSource(source.object, Origin(source.kind, source.name, source.distribution, source.version))


def _is_built_in(plugin: LoadedPlugin | BuiltPlugin) -> bool:
    return plugin.distribution == CORE and plugin.name in BUILT_INS[plugin.kind]
