"""The outline of a Python file: imports, strings, attributes. Quick, and enough to know whether to look closer."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["ImportedName", "Outline", "TextConstant", "outline_of"]


@dataclass(frozen=True, slots=True)
class ImportedName:
    """One name of one import statement."""

    module: str
    level: int
    """Leading dots."""
    name: str
    """Empty for ``import module``; ``*`` for everything."""
    line: int


@dataclass(frozen=True, slots=True)
class TextConstant:
    """A string in the code that is no docstring."""

    text: str
    line: int
    call: str
    """The last name of what is called with it, such as ``import_module``; empty when it is no argument."""
    is_prefix: bool = False
    """Only its beginning is known: an f-string, or a sum."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What there is to know without a close look."""

    imports: tuple[ImportedName, ...]
    texts: tuple[TextConstant, ...]
    attributes: frozenset[str]
    bases: tuple[tuple[str, str], ...] = field(default=())
    """Class and the last name of a base, one pair per base."""


def outline_of(text: str) -> Outline:
    """The outline. Raises ``SyntaxError`` (``ValueError``, ``RecursionError``) when ``text`` does not parse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an escape that will be an error one day is not ours to tell
        tree = ast.parse(text)
    imports: list[ImportedName] = []
    attributes: set[str] = set()
    bases: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports += _imported(node)
        elif isinstance(node, ast.Attribute):
            attributes.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            bases += [(node.name, last_name(base)) for base in node.bases]
    return Outline(tuple(imports), tuple(_texts(tree)), frozenset(attributes), tuple(bases))


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[ImportedName]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield ImportedName(alias.name, 0, "", node.lineno)
        else:
            yield ImportedName(node.module or "", node.level, alias.name, node.lineno)


def _texts(tree: ast.Module) -> Iterator[TextConstant]:
    calls: dict[int, str] = {}
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            calls.update((id(value), name) for value in [*node.args, *(word.value for word in node.keywords)])
        elif isinstance(node, ast.Subscript):
            calls[id(node.slice)] = f"{last_name(node.value)}[]"
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if isinstance(node, (ast.JoinedStr, ast.BinOp)):
            first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else getattr(node, "left", None)
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                skipped.add(id(first))
                yield TextConstant(first.value, node.lineno, calls.get(id(node), ""), is_prefix=True)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield TextConstant(node.value, node.lineno, calls.get(id(node), ""))


def last_name(node: ast.expr) -> str:
    """``c`` of ``a.b.c``, of ``c()`` and of ``c[0]``; empty for what has none."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
