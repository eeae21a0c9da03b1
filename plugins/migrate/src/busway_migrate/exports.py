"""Names of a module that stand for something old, so that others can import them from there."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from busway_migrate.bindings import bindings_of
from busway_migrate.modules import Modules
from busway_migrate.parsed_file import ParsedFile, dotted_name, node_of, targets_of
from busway_migrate.resolver import OldName, Resolver
from busway_migrate.rules import RuleKind

__all__ = ["exports_of"]


def exports_of(parsed: ParsedFile, modules: Modules, resolver: Resolver) -> Iterator[tuple[str, str, bool]]:
    """Local name, the old name in full, and whether it is a variable that holds an object."""
    local: dict[str, str] = {}
    for binding in bindings_of(parsed, modules, resolver):
        if binding.scope is not parsed.global_scope:
            continue
        local[binding.local] = binding.path
        meaning = resolver.meaning(binding.path)
        if isinstance(meaning, OldName) and not binding.is_plain:
            yield binding.local, meaning.path, meaning.is_variable
    for assign in parsed.assignments:
        target = targets_of(assign)[0]
        if isinstance(target, cst.Name) and assign.value is not None and _binds_globally(parsed, target):
            old = _object(assign.value, local, resolver)
            if old is not None:
                yield target.value, old.path, True


def _object(value: cst.BaseExpression, local: dict[str, str], resolver: Resolver) -> OldName | None:
    """The old name whose object ``value`` is, as far as it can be told from the text of it."""
    called = isinstance(value, cst.Call)
    path = dotted_name(value.func if isinstance(value, cst.Call) else value)
    found = [name for name in local if path == name or path.startswith(f"{name}.")]
    if not path or not found:
        return None
    longest = max(found, key=len)
    meaning = resolver.meaning(local[longest] + path.removeprefix(longest))
    if not isinstance(meaning, OldName):
        return None
    kind = meaning.rules[0].kind
    is_object = kind is RuleKind.OBJECT or meaning.is_variable
    return meaning if is_object is not called and (is_object or kind is RuleKind.CLASS) else None


def _binds_globally(parsed: ParsedFile, target: cst.Name) -> bool:
    scope = parsed.scope_of(target)
    if scope is None:
        return False
    return any(one.scope is parsed.global_scope and node_of(one) is target for one in scope[target.value])
