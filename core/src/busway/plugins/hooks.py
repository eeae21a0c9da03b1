"""The pluggy manager of one kind: it holds plugins to the hookspecs and to the configured order."""

from __future__ import annotations

import inspect
from typing import Any

import pluggy

from busway import hookspecs
from busway.plugins.faults import LoadError
from busway.plugins.index import IndexEntry

__all__ = ["HookManager"]

PREFIX = "busway_"


class _OrderWishError(pluggy.PluginValidationError):
    """A hook asks for a place before, after or around those of other plugins."""


class HookManager(pluggy.PluginManager):
    """A plugin manager whose order comes from configuration and cannot be wished for."""

    def __init__(self) -> None:
        super().__init__(hookspecs.PROJECT)
        self.add_hookspecs(hookspecs)

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        """Read the options of the hook `name`; refuses order wishes and hooks that pluggy would not see."""
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None:
            self._refuse_unmarked(plugin, name)
        elif options.get("tryfirst") or options.get("trylast"):
            wish = "tryfirst" if options.get("tryfirst") else "trylast"
            raise _OrderWishError(plugin, f"{name}() is marked with {wish}; the order belongs to the deployment")
        return options

    def add(self, label: str, plugin: object, entry: IndexEntry) -> None:
        """Register `plugin` as `label`, all or nothing.

        Raises `LoadError`: BW1306 for a hook that does not fit, BW1307 for an order wish, BW1308 when the hook
        that builds the kind's object is not there.
        """
        try:
            self._refuse_odd(plugin)
            self.register(plugin, name=label)
            self.check_pending()
            self._refuse_wrappers(plugin)
        except _OrderWishError as error:
            self._remove(label)
            remedy = f"remove the mark in {entry.value} ({entry.distribution}) and order plugins.{entry.kind} instead"
            raise LoadError("BW1307", _one_line(error), remedy) from error
        except Exception as error:  # pluggy's own refusals, and whatever a plugin object raises while looked at
            self._remove(label)
            raise self._misfit(entry, _one_line(error)) from error
        if not self.has_hook(hookspecs.KIND_HOOKS[entry.kind], plugin):
            self._remove(label)
            raise self._without_hook(entry, plugin)

    def has_hook(self, hook: str, plugin: object) -> bool:
        """True when the registered `plugin` implements `hook`."""
        implementations = getattr(self.hook, hook).get_hookimpls()
        return any(each.plugin is plugin for each in implementations)

    def call_one(self, hook: str, plugin: object, **arguments: Any) -> Any:
        """Call `hook` of this one `plugin`; None when it returned None."""
        others = [other for _, other in self.list_name_plugin() if other is not plugin]
        answers = self.subset_hook_caller(hook, others)(**arguments)
        return answers[0] if answers else None

    def _refuse_odd(self, plugin: object) -> None:
        """What pluggy would take in, and trip over later or tell unclearly."""
        if isinstance(plugin, type):
            raise pluggy.PluginValidationError(plugin, "it is a class; an entry point names a module or an object")
        if (type(plugin).__eq__, type(plugin).__hash__) != (object.__eq__, object.__hash__):
            # pluggy keeps plugins in sets and compares them: one of these would break the calls of the others.
            what = "it defines __eq__ or __hash__; plugins are told apart by identity"
            raise pluggy.PluginValidationError(plugin, what)
        other = next((name for name, each in self.list_name_plugin() if each is plugin), None)
        if other is not None:
            raise pluggy.PluginValidationError(plugin, f"it is selected as {other} already")

    def _refuse_wrappers(self, plugin: object) -> None:
        """A hook is asked of each plugin alone, so a wrapper would silently never run."""
        for caller in self.get_hookcallers(plugin) or ():
            for each in caller.get_hookimpls():
                if each.plugin is plugin and (each.wrapper or each.hookwrapper):
                    mark = "wrapper" if each.wrapper else "hookwrapper"
                    what = f"{caller.name}() is marked with {mark}; each plugin is asked alone, nothing can be wrapped"
                    raise _OrderWishError(plugin, what)

    def _refuse_unmarked(self, plugin: object, name: str) -> None:
        """A `busway_…` function without the mark is invisible to pluggy, so its author would wait for ever."""
        if not name.startswith(PREFIX) or not inspect.isroutine(inspect.getattr_static(plugin, name, None)):
            return
        if name in self._specified():
            raise pluggy.PluginValidationError(plugin, f"{name}() is not marked with @hookimpl")
        raise pluggy.PluginValidationError(plugin, f"unknown hook {name!r}")

    def _remove(self, label: str) -> None:
        if self.has_plugin(label):
            self.unregister(name=label)

    def _misfit(self, entry: IndexEntry, cause: str) -> LoadError:
        near = _nearest_hook(cause, self._specified())
        fix = f"pip install -U {entry.distribution}, or mend {entry.value}"
        return LoadError("BW1306", cause, f"{fix}: {near}" if near else fix)

    def _without_hook(self, entry: IndexEntry, plugin: object) -> LoadError:
        hook = hookspecs.KIND_HOOKS[entry.kind]
        others = [each for each in hookspecs.KIND_HOOKS.values() if each != hook and self._defines(plugin, each)]
        cause = f"{entry.value} has no hook {hook}()"
        if others:
            cause += f", only {', '.join(others)}()"
        mend = f"write @hookimpl def {hook}(context) in {entry.value} or use the group of its own kind"
        fix = f"pip install -U {entry.distribution}, or {mend}"
        return LoadError("BW1308", cause, fix)

    def _defines(self, plugin: object, hook: str) -> bool:
        return super().parse_hookimpl_opts(plugin, hook) is not None

    def _specified(self) -> list[str]:
        return [name for name in vars(hookspecs) if name.startswith(PREFIX)]


def _nearest_hook(cause: str, known: list[str]) -> str:
    """For a message about an unknown hook: the hook that was probably meant."""
    if "unknown hook" not in cause:
        return ""
    # Imported late: a plugin names a hook wrongly once, and every start would pay for it.
    from difflib import get_close_matches

    unknown = cause.partition("unknown hook ")[2].split()[0].strip("'")
    near = next(iter(get_close_matches(unknown, known, 1)), "")
    return f"did you mean {near}()?" if near else f"the hooks are {', '.join(known)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
