"""The composition root: builds everything from configuration, and closes it in order.

An :class:`App` can be held many times in one process. Its parts are built when they are first asked for, each
after those it stands on; closing goes the other way round.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busway.configuration.boot import Boot, boot
from busway.configuration.core_settings import CoreSettings
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Severity
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Record
from busway.contracts.settings import Settings
from busway.contracts.validators import Validator
from busway.data.manager import DataManager
from busway.errors import ConfigurationError, PluginError, Problem
from busway.events.manager import EventManager
from busway.events.policy import EventPolicy
from busway.metrics.registry import Metrics
from busway.plugins.closing import close_object
from busway.plugins.guarded_source import FETCH_SECONDS
from busway.plugins.host import BuiltPlugin, LoadedPlugin, PluginHost
from busway.plugins.index import load_index
from busway.plugins.kinds import BUILT_INS, KINDS
from busway.plugins.origins import Origin, note_origin, origin_of, package_origins
from busway.plugins.recorded import record_load
from busway.plugins.watchdog import PatientClock, Stall, Watchdog
from busway.plugins.worker import abandoned_calls, abandoned_count
from busway.redaction.log_formatter import guard_logging
from busway.redaction.redactor import Redactor
from busway.stores.installation_key import installation_key, keyed_digest
from busway.stores.state import StateStore
from busway.stores.state_dir import LOCKS
from busway.wiring.cache_news import CacheNews
from busway.wiring.close_order import CloseOrder
from busway.wiring.coordination import choose_coordinator
from busway.wiring.deployment_redactor import deployment_redactor
from busway.wiring.limiters import SharedLimiters, no_limiter
from busway.wiring.secret_audit import keep_secret_accesses
from busway.wiring.secret_sources import call_seconds, guarded
from busway.wiring.source_loader import SourceLoader
from busway.wiring.source_news import SourceNews
from busway.wiring.sync_tables import sync_problems, where_in_sync
from busway.wiring.warnings import given_up, source_troubles, unused

if TYPE_CHECKING:
    from busway.contracts.coordination import Coordinator
    from busway.contracts.jobs import Job
    from busway.sync.runner import SyncEngine

__all__ = ["App"]

CORE = "busway"
LOAD_LOCKS = "loads"
"""Folder below the locks of the state folder: who loads what, where no cache level has locks."""


class App:
    """One application: a deployment with its plugins, managers and engine.

    :param stage: what stage 0 found: the deployment, its selection, the state folder.
    :param clock: stands in for the real clock in tests.
    :param doubles: stand-ins for plugins' credentials and transports in tests; they reach plugins in their context.
    """

    def __init__(self, stage: Boot, *, clock: Clock | None = None, doubles: Mapping[str, object] | None = None) -> None:
        self.boot = stage
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.plugins = PluginHost(load_index(), stage.selection, redact=self._redact)
        self._doubles = {"environ": stage.environ, **(doubles or {})}
        self._built: dict[str, list[BuiltPlugin]] = {}
        self._abandoned_before = abandoned_count()
        self._stalls: list[str] = []
        self._call_seconds = FETCH_SECONDS
        self._news = SourceNews()
        self._cache_news = CacheNews(self._emit)
        self.watchdog = Watchdog(clock=self.clock, on_stall=self._stalled)
        self._patient_clock = PatientClock(self.clock, self.watchdog)
        self.limiter = SharedLimiters(lambda: self.coordinator, self._patient_clock, self.metrics)
        """Makes the limiter of a quota, shared with every plugin and process of the deployment."""
        self._closing = CloseOrder()
        self._log_guards = ExitStack()
        """Undone last: what is logged while closing is redacted, too."""

    @classmethod
    def from_config(
        cls,
        start: Path | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        safe: bool = False,
        require: bool = True,
        clock: Clock | None = None,
        doubles: Mapping[str, object] | None = None,
    ) -> App:
        """The application of the deployment found from ``start`` (default: the working folder) upwards.

        :param safe: select built-in plugins only.
        :param require: raise when a required plugin or setting is missing or wrong, with all problems in one report;
            otherwise they show when the part that needs them is used.

        Raises ``ConfigurationError`` (BW11xx, BW12xx) and ``PluginError`` (BW13xx).
        """
        app = cls(boot(start, environ, safe=safe), clock=clock, doubles=doubles)
        if require:
            app.require()
        return app

    def __enter__(self) -> App:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Delivers what is pending for at most 5 s, then closes everything in the reverse order of its building."""
        if self._built:
            record_load(self.boot.state_dir, self.plugins.statuses(), self.clock.now_ns())
        try:
            self._closing.close()
        finally:
            if "config" in vars(self):
                keep_secret_accesses(self.config, self.boot)
            self._log_guards.close()

    def guard_logging(self) -> None:
        """Redacts whatever the process logs, tracebacks included, until this application is closed."""
        self._log_guards.callback(guard_logging(self.redactor))

    @cached_property
    def config(self) -> ConfigManager:
        """Configuration and secrets: the core's settings and those of every selected plugin."""
        self.plugins.load("secrets")
        models = _owned(self.plugins, "secrets")
        early = ConfigManager.open(self.boot, basic_sources(self.boot), models, clock=self.clock)
        self._call_seconds = call_seconds(early)
        built = self._build("secrets", early)
        # Those of the core read memory and files, and are asked for every setting: they need no guard.
        sources = [one if _is_built_in(one) else guarded(one, self._call_seconds) for one in built]
        self._built["secrets"] = sources
        for source in sources:
            self._closing.add("sources", source.object.close)
        for kind in KINDS[1:]:
            models = models + [one for one in _owned(self.plugins, kind) if one not in models]
        named = [(source.name, source.object) for source in sources]
        whole = not any(status.failed for status in self.plugins.statuses())
        optional = self._optional_models()
        config = ConfigManager.open(self.boot, named, models, clock=self.clock, complete=whole, optional=optional)
        config.watch_transitions(self._news.receive)
        return config

    @cached_property
    def state(self) -> StateStore:
        """``state.db`` of the state folder."""
        store = StateStore(self.boot.state_dir)
        self._closing.add("state", store.close)
        return store

    @cached_property
    def redactor(self) -> Redactor:
        """What events pass through before they are written; every secret is known to it before anybody has it."""
        redactor = deployment_redactor(self.boot, self.metrics)
        self.config.watch_secrets(redactor.register, redactor.retire)
        return redactor

    @cached_property
    def event_policy(self) -> EventPolicy:
        """The ``[events]`` table. Raises ``ConfigurationError`` BW3030."""
        return EventPolicy.from_table(
            self.boot.deployment.table("events"), partial(self.boot.deployment.where, "events")
        )

    @cached_property
    def events(self) -> EventManager:
        """The event manager with the selected sinks."""
        sinks = [(one.name, one.object) for one in self.objects("sinks")]
        manager = EventManager.open(
            self.boot.state_dir,
            sinks=sinks,
            redactor=self.redactor,
            clock=self.clock,
            metrics=self.metrics,
            state=self.state,
            policy=self.event_policy,
        )
        self._closing.add("events", manager.close)
        self._news.emit_with(manager.emit)
        return manager

    @cached_property
    def data(self) -> DataManager:
        """The data manager with the selected levels."""
        levels = [(one.name, one.object) for one in self.objects("caches")]
        manager = DataManager.open(
            levels,
            app=self.boot.deployment.app,
            tables=self.boot.deployment.table("data"),
            where=partial(self.boot.deployment.where, "data"),
            clock=self.clock,
            metrics=self.metrics,
            validators=self.validators,
            loaders=self.loaders,
            emit=self._cache_news.receive,
            lock_dir=self.boot.state_dir / LOCKS / LOAD_LOCKS,
        )
        self._closing.add("data", manager.close)
        return manager

    @cached_property
    def coordinator(self) -> Coordinator:
        """Leases and quotas: over the first cache level that has them, else those of this host.

        Connects to nothing before it is used. Raises ``ConfigurationError`` BW3103 when the state folder cannot be
        used for the local one.
        """
        coordinator = choose_coordinator(self.objects("caches"), self.boot.state_dir, self.clock)
        self._closing.add("coordination", coordinator.close)
        return coordinator

    @cached_property
    def loaders(self) -> Mapping[str, Callable[[], list[Record]]]:
        """Entity to what reads all its source records, as the selected jobs have them."""
        return {job.entity: SourceLoader(job.name, lambda name: self.sync.source_records(name)) for job in self.jobs}

    @cached_property
    def validators(self) -> dict[str, list[Validator]]:
        """The validators of each entity, in configured order."""
        chains: dict[str, list[Validator]] = {}
        for plugin in self.objects("validators"):
            for validator in plugin.object:
                chains.setdefault(validator.entity, []).append(validator)
        return chains

    @cached_property
    def jobs(self) -> list[Job]:
        """The jobs of the selected plugins."""
        found: list[Job] = [job for plugin in self.objects("jobs") for job in plugin.object]
        for job in found:
            self._closing.add("jobs", partial(close_object, job))
        return found

    @cached_property
    def sync(self) -> SyncEngine:
        """The sync engine over the jobs."""
        from busway.sync.engine_settings import EngineSettings
        from busway.sync.lease import RunLease
        from busway.sync.state import StoredSyncState
        from busway.sync.watched_engine import WatchedEngine

        deployment = self.boot.deployment
        origins = [_origin(plugin) for kind in KINDS for plugin in self.plugins.loaded(kind)]
        self.watchdog.packages = package_origins(origins)
        state, where = StoredSyncState(self.state), partial(where_in_sync, deployment)
        return WatchedEngine(
            self.jobs,
            validators=self.validators,
            events=self.events,
            data=self.data,
            state=state,
            settings_for=partial(deployment.table, "sync"),
            where=where,
            digest=partial(keyed_digest, installation_key(self.boot.state_dir)),
            clock=self.clock,
            lease=RunLease(lambda: self.coordinator, deployment.app, self.clock, state),
            engine_settings=EngineSettings.from_table(deployment.table("sync"), where),
            distributions={job.name: origin.owner for job in self.jobs if (origin := origin_of(job))},
            watchdog=self.watchdog,
        )

    def objects(self, kind: str) -> list[BuiltPlugin]:
        """The built plugins of one kind, in configured order; those that failed are missing."""
        config = self.config  # builds the secret sources, with their guards
        if kind not in self._built:
            self._built[kind] = self._build(kind, config)
            if kind == "caches":
                self._closing.add("data", self._close_unused_levels)
        return self._built[kind]

    def require(self) -> None:
        """Builds every plugin and raises one error with everything that is missing or wrong and required."""
        self.config  # noqa: B018 - loads the secret sources and every model first
        for kind in KINDS[1:]:
            self.objects(kind)
        self.require_plugins(self.config_problems())

    def require_plugins(self, more: Sequence[Problem] = ()) -> None:
        """Builds every plugin and raises ``PluginError`` when a required one cannot be used."""
        for kind in KINDS[1:]:
            self.config  # noqa: B018 - loads the secret sources and every model first
            self.objects(kind)
        unusable = [status for status in self.plugins.statuses() if status.failed and status.required]
        # A plugin that only lacks settings is told through those settings, each once however many plugins need it.
        broken = [status.problem() for status in unusable if not status.details]
        lacking = [problem for status in unusable for problem in status.details]
        found = list(dict.fromkeys([*broken, *lacking, *more]))
        if found:
            raise (PluginError if broken else ConfigurationError).of(found)

    def look_only(self) -> None:
        """For commands that only look: what cache levels do from now on is a warning of :meth:`warnings`, no event."""
        self._cache_news.quiet = True

    def levels_away(self) -> dict[str, str]:
        """Cache levels that are away, as far as they were asked, with the reason."""
        return self._cache_news.away()

    def config_problems(self) -> list[Problem]:
        """What is wrong with the settings of the core and of required plugins, and with the tables of the jobs."""
        found = self.config.problems()
        if not found and not self.plugins.problems():
            # Only whole jobs can say which tables they read.
            found += sync_problems(self.boot.deployment, lambda: self.sync)
        return found

    def warnings(self) -> list[str]:
        """What a person should know at the end of a command: plugins that failed, hang or lag; odd variables."""
        troubles = source_troubles(self._built.get("secrets", ()))
        if "events" in vars(self):
            troubles |= self.events.troubles()
        return [
            *unused(self.plugins.optional_failures()),
            *self._news.warnings(),
            *self._cache_news.warnings(),
            *given_up(troubles, abandoned_calls(self._abandoned_before)),
            *self._stalls,
            *self.boot.notices,
        ]

    def _stalled(self, stall: Stall) -> None:
        self._stalls.append(str(stall))
        self._emit("system", severity=Severity.WARNING, attributes=stall.attributes())

    def _context(self, config: ConfigManager, plugin: LoadedPlugin, model: type[Settings] | None) -> PluginContext[Any]:
        deployment = self.boot.deployment
        if model is None and _is_built_in(plugin) and plugin.kind != "secrets":
            # Not for env and dotenv: what is wrong with a setting must not take away the sources it is mended in.
            model = CoreSettings
        return PluginContext(
            name=plugin.name,
            settings=self._settings(config, plugin, model) if model is not None else None,
            app=deployment.app,
            state_dir=self.boot.state_dir,
            root=deployment.root,
            clock=self._patient_clock,
            metrics=self.metrics,
            logger=logging.getLogger(f"busway.{plugin.kind}.{plugin.name}"),
            limiter=no_limiter(plugin.name) if plugin.kind == "secrets" else self.limiter,
            call_seconds=self._call_seconds,
            sql_connection_string=config.build_sql_connection_string,
            doubles=self._doubles,
        )

    def _settings(self, config: ConfigManager, plugin: LoadedPlugin, model: type[Settings]) -> Settings:
        settings = config.section(model)
        if plugin.kind != "secrets" and model in self._optional_models():
            # Nobody else asks whether its secrets are there: what it lacks must set it aside, not fail it later.
            problems = config.problems_of(model)
            if problems:
                raise ConfigurationError.of(problems)
        return settings

    def _build(self, kind: str, config: ConfigManager) -> list[BuiltPlugin]:
        """The built plugins of one kind, with the origin of their objects noted for errors."""
        built = self.plugins.build(kind, partial(self._context, config))
        origins = {plugin.name: _origin(plugin) for plugin in self.plugins.loaded(kind)}
        for plugin in built:
            for made in plugin.object if isinstance(plugin.object, tuple) else (plugin.object,):
                note_origin(made, origins[plugin.name])
        return built

    def _optional_models(self) -> set[type[Settings]]:
        """Models that only optional plugins declare."""
        required = {(status.kind, status.name): status.required for status in self.plugins.statuses() if status.order}
        by_need: dict[bool, set[type[Settings]]] = {True: set(), False: set()}
        for kind in KINDS:
            for name, _, model in self.plugins.settings_models(kind):
                by_need[required[kind, name]].add(model)
        return by_need[False] - by_need[True]

    def _close_unused_levels(self) -> None:
        """The data manager closes its levels; without one they are still to be closed."""
        if "data" not in vars(self):
            for level in self._built["caches"]:
                close_object(level.object)

    def _emit(self, category: str, **details: Any) -> Any:
        return self.events.emit(category, **details)

    def _redact(self, text: str) -> str:
        # Before configuration stands there is no secret to know; afterwards every resolved one is masked.
        redactor = vars(self).get("redactor")
        return redactor.redact_text(text) if redactor is not None else text


def _owned(host: PluginHost, kind: str) -> list[tuple[str, type[Settings]]]:
    return [(distribution, model) for _, distribution, model in host.settings_models(kind)]


def _origin(plugin: LoadedPlugin) -> Origin:
    return Origin(plugin.kind, plugin.name, plugin.distribution, plugin.version, plugin.entry_point)


def _is_built_in(plugin: LoadedPlugin | BuiltPlugin) -> bool:
    return plugin.distribution == CORE and plugin.name in BUILT_INS[plugin.kind]
