"""Hosts the plugins of one kind: imports, registers, asks for settings, builds, and keeps each failure apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Settings
from busway.errors import Problem
from busway.hookspecs import KIND_HOOKS
from busway.plugins.claims import Claims
from busway.plugins.faults import LoadError, call_fault, settings_fault
from busway.plugins.hooks import HookManager
from busway.plugins.index import CONTRACT, IndexEntry
from busway.plugins.loading import GuardedEntryPoint, Imports, Picker
from busway.plugins.report import PluginStatus
from busway.plugins.resolution import Resolution
from busway.plugins.shapes import ShapeError, fitted, usable_model
from busway.plugins.worker import EscapeError, OverdueError, call_with_timeout

__all__ = ["BuiltPlugin", "KindHost", "LoadedPlugin", "MakeContext"]


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin that is imported and registered; its object is not built yet."""

    kind: str
    name: str
    distribution: str
    version: str
    entry_point: str
    module: object
    """The module or object behind the entry point; its hooks are called, never its attributes."""


@dataclass(frozen=True, slots=True)
class BuiltPlugin:
    """The object a plugin built, with where it comes from."""

    kind: str
    name: str
    distribution: str
    version: str
    object: Any
    """What the hook of the kind returned; for validators and jobs a tuple of them."""


MakeContext = Callable[[LoadedPlugin, type[Settings] | None], PluginContext[Any]]
"""Makes the context for one plugin from its settings model; raises `ConfigurationError` when its settings are wrong."""


class _Slot:
    """One selected plugin on its way: its status, and what has been reached."""

    def __init__(self, resolution: Resolution) -> None:
        self.status: PluginStatus = resolution.status
        self.entry: IndexEntry | None = resolution.entry
        self.loaded: LoadedPlugin | None = None
        self.model: type[Settings] | None = None
        self.asked_settings = False
        self.built: BuiltPlugin | None = None


class KindHost:
    """The plugins of one kind, in configured order."""

    def __init__(
        self,
        kind: str,
        resolved: Sequence[Resolution],
        imports: Imports,
        claims: Claims,
        *,
        timeout_seconds: float,
        redact: Callable[[str], str],
    ) -> None:
        self.kind = kind
        self._slots = [_Slot(each) for each in resolved]
        self._imports = imports
        self._claims = claims
        self._timeout_seconds = timeout_seconds
        self.redact = redact
        self._manager: HookManager | None = None

    @property
    def statuses(self) -> list[PluginStatus]:
        """The selected plugins as they are now."""
        return [slot.status for slot in self._slots]

    @property
    def manager(self) -> HookManager:
        """The pluggy manager of the kind; loads the plugins first."""
        if self._manager is None:
            self._manager = HookManager()
            self._import_all()
            # pluggy calls the plugin registered last first.
            for slot in reversed(self._slots):
                self._register(slot, self._manager)
        return self._manager

    @property
    def is_loaded(self) -> bool:
        """The plugins have been imported and registered."""
        return self._manager is not None

    def loaded(self) -> list[LoadedPlugin]:
        """The plugins that can be called, in order."""
        _ = self.manager
        return [slot.loaded for slot in self._slots if slot.loaded is not None and not slot.status.failed]

    def models(self) -> list[tuple[LoadedPlugin, type[Settings]]]:
        """The settings model of each plugin that declares one. Asked once; a bad answer fails the plugin.

        A plugin that failed later, perhaps for want of a setting, still declares its settings.
        """
        for slot, plugin in self._usable():
            if not slot.asked_settings:
                slot.asked_settings = True
                with self._keeping_failure(slot):
                    slot.model = self._ask_settings(slot, plugin)
        return [(slot.loaded, slot.model) for slot in self._slots if slot.loaded is not None and slot.model is not None]

    def model_of(self, plugin: LoadedPlugin) -> type[Settings] | None:
        """The settings model of `plugin`, None when it declares none."""
        return next((model for each, model in self.models() if each is plugin), None)

    def build(self, make_context: MakeContext) -> list[BuiltPlugin]:
        """Build the object of each usable plugin, once, in order."""
        self.models()
        for slot, plugin in self._usable():
            if slot.built is None:
                with self._keeping_failure(slot):
                    slot.built = self._build_one(slot, plugin, make_context)
                    slot.status = replace(slot.status, state="ready")
        return [slot.built for slot in self._slots if slot.built is not None]

    def call(self, hook: str, plugin: LoadedPlugin, **arguments: Any) -> Any:
        """Call a hook of one plugin in a worker. Raises what the plugin raises, `OverdueError` and `EscapeError`."""
        work = partial(self.manager.call_one, hook, plugin.module, **arguments)
        return call_with_timeout(work, self._timeout_seconds, label=f"{hook}-{plugin.name}")

    def _import_all(self) -> None:
        by_name = {slot.entry.name: slot for slot in self._slots if slot.entry is not None}
        points = [GuardedEntryPoint(slot.entry, self._imports) for slot in by_name.values() if slot.entry is not None]
        failures: dict[str, LoadError] = {}
        picker = Picker(f"busway.v{CONTRACT}.{self.kind}", points, failures.__setitem__)
        for point in points:
            slot = by_name[point.name]
            slot.status = replace(slot.status, load_seconds=point.seconds)
            if point.name in failures:
                self._fail(slot, failures[point.name])
            else:
                slot.loaded = _loaded(point.entry, picker[point.name].plugin)

    def _register(self, slot: _Slot, manager: HookManager) -> None:
        """In a worker as well: looking at a plugin runs code of its own, such as the `__dir__` of its module."""
        if slot.loaded is not None and slot.entry is not None:
            label, entry = f"{self.kind}.{slot.entry.name}", slot.entry
            work = partial(manager.add, label, slot.loaded.module, entry)
            with self._keeping_failure(slot):
                try:
                    call_with_timeout(work, self._timeout_seconds, label=f"busway-register-{label}")
                except (EscapeError, OverdueError) as error:
                    raise call_fault(entry, "BW1306", "dir", error) from error

    def _usable(self) -> Iterator[tuple[_Slot, LoadedPlugin]]:
        _ = self.manager
        for slot in self._slots:
            if slot.loaded is not None and not slot.status.failed:
                yield slot, slot.loaded

    def _ask_settings(self, slot: _Slot, plugin: LoadedPlugin) -> type[Settings] | None:
        if not self.manager.has_hook("busway_settings", plugin.module):
            return None
        entry, hook = _entry(slot), "busway_settings"
        try:
            model = call_with_timeout(
                lambda: usable_model(self.manager.call_one(hook, plugin.module)),
                self._timeout_seconds,
                label=f"{hook}-{plugin.name}",
            )
            self._claims.add(model, entry)
            return model
        except ShapeError as error:
            mend = f"mend {hook}() in {entry.value}: see busway.contracts.settings"
            raise LoadError("BW1309", f"{hook}() {error}", f"pip install -U {entry.distribution}, or {mend}") from error
        except Exception as error:
            raise call_fault(entry, "BW1309", hook, error) from error

    def _build_one(self, slot: _Slot, plugin: LoadedPlugin, make_context: MakeContext) -> BuiltPlugin:
        entry, hook = _entry(slot), KIND_HOOKS[self.kind]
        context = self._context(slot, plugin, make_context)
        try:
            made = call_with_timeout(
                lambda: fitted(self.kind, self.manager.call_one(hook, plugin.module, context=context)),
                self._timeout_seconds,
                label=f"busway-build-{self.kind}-{plugin.name}",
            )
        except ShapeError as error:
            mend = f"mend {hook}() in {entry.value}: see busway.contracts.{self.kind}"
            raise LoadError(
                "BW1312", f"{hook}(): {error}", f"pip install -U {entry.distribution}, or {mend}"
            ) from error
        except Exception as error:
            raise call_fault(entry, "BW1311", hook, error) from error
        return BuiltPlugin(self.kind, plugin.name, plugin.distribution, plugin.version, made)

    def _context(self, slot: _Slot, plugin: LoadedPlugin, make_context: MakeContext) -> PluginContext[Any]:
        try:
            return make_context(plugin, slot.model)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # pydantic lets out whatever the code in a plugin's model raises
            raise settings_fault(_entry(slot), error) from error

    @contextmanager
    def _keeping_failure(self, slot: _Slot) -> Iterator[None]:
        try:
            yield
        except LoadError as fault:
            self._fail(slot, fault)

    def _fail(self, slot: _Slot, fault: LoadError) -> None:
        slot.status = replace(
            slot.status,
            state="failed",
            code=fault.code,
            cause=self.redact(fault.cause),
            remedy=self.redact(fault.remedy),
            details=tuple(self._redacted(detail) for detail in fault.details),
        )

    def _redacted(self, problem: Problem) -> Problem:
        """A copy of `problem` without secrets: a plugin may have written it."""
        parts = (problem.what, problem.where, problem.why, problem.fix)
        return Problem(problem.code, *map(self.redact, parts))


def _loaded(entry: IndexEntry, module: object) -> LoadedPlugin:
    return LoadedPlugin(entry.kind, entry.name, entry.distribution, entry.version, entry.value, module)


def _entry(slot: _Slot) -> IndexEntry:
    assert slot.entry is not None, "a plugin is loaded from an entry point"  # noqa: S101 - for the type checker
    return slot.entry
