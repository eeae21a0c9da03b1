"""Old modules: which names one defines, as far as its text says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

__all__ = ["names_of", "public_names"]


@cache
def names_of(text: str) -> frozenset[str] | None:
    """The names a module binds at its top level; ``None`` when that cannot be told."""
    try:
        found = list(_bound(ast.parse(text).body))
    except (SyntaxError, ValueError):
        return None
    return None if "*" in found else frozenset(found)


def public_names(text: str) -> list[str]:
    """What ``from module import *`` brings: its ``__all__``, else every name without a leading underscore."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(_is_all(target) for target in node.targets):
            try:
                return sorted(ast.literal_eval(node.value))
            except (ValueError, TypeError):
                break
    return sorted(name for name in set(_bound(tree.body)) if not name.startswith("_") and name != "*")


def _is_all(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "__all__"


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        else:
            yield from (
                one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
            )
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.stmt):
                    yield from _bound([part])
                elif isinstance(part, ast.ExceptHandler):
                    yield from _bound(part.body)
