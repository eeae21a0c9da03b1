"""Compares what a plugin wrote with the contract: its hooks with the hookspecs, its objects with their protocols.

pluggy looks at the names of a hook's parameters only, and a protocol at the names of methods. What is compared here
shows otherwise at the first call, on the day it is made: a parameter too many, `async def`, a generator, a type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from busway import hookspecs
from busway.contracts import caches
from busway.contracts.jobs import Job
from busway.contracts.secrets import SecretSource
from busway.contracts.sinks import EventSink
from busway.contracts.validators import Validator
from busway.plugins.assignability import fits
from busway.plugins.parameters import missing_calls
from busway.plugins.signatures import place_of, signature_of
from busway.plugins.type_text import type_text

__all__ = ["Mismatch", "hook_mismatches", "object_mismatches"]

ABILITIES = (
    caches.SupportsLocks,
    caches.SupportsGenerations,
    caches.SupportsPublish,
    caches.SupportsCoordination,
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing in which a plugin differs from the contract."""

    what: str
    """One sentence that names the function and says what differs."""
    place: str
    """File and line; empty where there is none."""
    breaks: bool
    """It cannot work. Otherwise an annotation or a name disagrees, and it may work all the same."""

    def __str__(self) -> str:
        return f"{self.what} ({self.place})" if self.place else self.what


def hook_mismatches(plugin: object) -> list[Mismatch]:
    """The hooks of `plugin` against the hookspecs. Names of parameters are left to pluggy, which passes by name."""
    found: list[Mismatch] = []
    for name, function in _hooks(plugin):
        specified = getattr(hookspecs, name, None)
        if specified is not None:
            found += _compared(f"{name}()", function, specified, by_name=True)
    return found


def object_mismatches(kind: str, made: object) -> list[Mismatch]:
    """What a hook of `kind` built, against the protocol of the kind; a sequence (validators, jobs) part by part."""
    if kind in ("validators", "jobs"):
        parts = made if isinstance(made, Sequence) else ()
        base = Validator if kind == "validators" else Job
        return [mismatch for part in parts for mismatch in _against(part, base)]
    if kind == "caches":
        first = caches.InProcessCache if hasattr(made, "holds_entries") else caches.CacheBackend
        offered = [ability for ability in ABILITIES if isinstance(made, ability)]
        return [mismatch for protocol in (first, *offered) for mismatch in _against(made, protocol)]
    return _against(made, SecretSource if kind == "secrets" else EventSink)


def _hooks(plugin: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Name of the hookspec and function, for every hook that `plugin` implements; wrappers are left out."""
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        options = getattr(function, f"{hookspecs.PROJECT}_impl", None)
        wraps = isinstance(options, dict) and (options.get("wrapper") or options.get("hookwrapper"))
        if callable(function) and isinstance(options, dict) and not wraps:
            yield options.get("specname") or name, function


def _against(made: object, protocol: type) -> list[Mismatch]:
    owner = type(made).__qualname__
    found: list[Mismatch] = []
    for name, specified in vars(protocol).items():
        written = getattr(made, name, None)
        public_method = not name.startswith("_") and inspect.isfunction(specified)
        inherited = getattr(written, "__func__", None) is specified
        if public_method and callable(written) and not inherited:
            found += _compared(f"{owner}.{name}()", written, specified, by_name=False)
    return [*found, *_attributes(made, protocol)]


def _compared(label: str, written: Callable[..., Any], specified: Any, *, by_name: bool) -> list[Mismatch]:
    place = place_of(written)
    wanted, found = signature_of(specified), signature_of(written)
    if wanted is None or found is None:
        return []
    if not by_name:
        wanted = wanted.replace(parameters=list(wanted.parameters.values())[1:])  # without self
    unlike = _other_sort_of_function(written, wanted.return_annotation)
    calls = [] if by_name else missing_calls(found, wanted)
    mismatches = [Mismatch(f"{label} {what}", place, breaks) for what, breaks in calls]
    if unlike:
        return [Mismatch(f"{label} {unlike}", place, True), *mismatches]
    types = [*_parameter_types(found, wanted, by_name), *_return_type(found, wanted)]
    return [*mismatches, *(Mismatch(f"{label} {what}", place, False) for what in types)]


def _other_sort_of_function(function: Callable[..., Any], returns: Any) -> str:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is async, and the core does not await it: it would never run"
    if inspect.isgeneratorfunction(function) and not fits(Iterator[Any], returns):
        return f"has a yield, so a call runs nothing and gives a generator instead of {type_text(returns)}"
    return ""


def _parameter_types(found: inspect.Signature, wanted: inspect.Signature, by_name: bool) -> Iterator[str]:
    """What the contract passes must be accepted, so a wider type is as good as the same."""
    own = list(found.parameters.values())
    for at, specified in enumerate(wanted.parameters.values()):
        written = found.parameters.get(specified.name) if by_name else own[at] if at < len(own) else None
        if written is None or written.kind not in (written.POSITIONAL_ONLY, written.POSITIONAL_OR_KEYWORD):
            continue
        if not fits(specified.annotation, written.annotation):
            passed = type_text(specified.annotation)
            yield f"takes {written.name}: {type_text(written.annotation)}, and is passed {passed}"


def _return_type(found: inspect.Signature, wanted: inspect.Signature) -> Iterator[str]:
    """A narrower type is as good as the same; where the contract says None, nobody looks at what is returned."""
    if wanted.return_annotation is not None and not fits(found.return_annotation, wanted.return_annotation):
        needed = type_text(wanted.return_annotation)
        yield f"returns {type_text(found.return_annotation)}, and {needed} is needed"


def _attributes(made: object, protocol: type) -> Iterator[Mismatch]:
    """The values of declared attributes, such as `entity` or `depends_on`."""
    for name, declared in get_type_hints(protocol).items():
        annotation = get_args(declared)[0] if get_origin(declared) is ClassVar else declared
        value = getattr(made, name, None)
        if name.startswith("_") or value is None or fits(type(value), annotation):
            continue
        wanted, kept = type_text(annotation), type(value).__name__
        several = isinstance(value, Sequence | set | frozenset)
        letters = isinstance(value, str) and wanted.startswith("tuple")
        if letters or not (several and wanted.startswith("tuple")):
            hint = ", so each letter would count as one: write a tuple" if letters else ""
            yield Mismatch(f"{type(made).__qualname__}.{name} is a {kept}, not {wanted}{hint}", "", letters)
