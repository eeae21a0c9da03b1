"""Old names in strings: what is imported, patched or looked up while the program runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from busway_migrate.findings import Finding, FindingKind
from busway_migrate.outline import Outline, TextConstant
from busway_migrate.resolver import Alias, Meaning, OldName, Resolver

__all__ = ["bare_names", "dynamic_findings"]

IMPORTERS = frozenset(
    {
        "import_module",
        "__import__",
        "resolve_name",
        "find_spec",
        "patch",
        "setattr",
        "delattr",
        "dict",
        "modules[]",
        "run_module",
    }
)
"""What takes the name of a module, or of something in one, as text."""
LOOKUPS = frozenset(
    {
        "getattr",
        "hasattr",
        "setattr",
        "delattr",
        "object",
        "setitem",
        "delitem",
        "globals[]",
        "vars[]",
        "__dict__[]",
        "get",
        "pop",
    }
)
"""What takes the bare name of something in a module as text."""
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)*")


def dynamic_findings(path: Path, outline: Outline, resolver: Resolver) -> Iterator[tuple[Finding, Alias | None]]:
    """Each string that names something old, and the alias of the tree it names, if it does."""
    for text in outline.texts:
        found = _prefix(text, resolver) if text.is_prefix else _whole(text, resolver)
        if found is not None:
            old, alias = found
            shown = repr(text.text if len(text.text) < 60 else f"{text.text[:59]}…")
            how = f"given to {text.call}" if text.call and not text.call.endswith("[]") else "in a string"
            fix = f"write it anew by hand; {_advice(old, alias, resolver)}"
            why = f"it names {old} while the program runs"
            yield Finding(path, text.line, FindingKind.DYNAMIC, f"{shown} {how}", why, fix, old), alias


def _advice(old: str, alias: Alias | None, resolver: Resolver) -> str:
    rules = resolver.book.name_rules(alias.origin if alias is not None else old)
    if not rules or not rules[0].becomes:
        return "the old module is still found as long as it is there"
    return f"it becomes {rules[0].target(old.rpartition('.')[2])}"


def _whole(text: TextConstant, resolver: Resolver) -> tuple[str, Alias | None] | None:
    if not _DOTTED.fullmatch(text.text):
        return _embedded(text, resolver)
    parts = text.text.replace(":", ".").split(".")
    for end in range(len(parts), 0, -1):
        path = ".".join(parts[:end])
        meaning = resolver.meaning(path)
        if _is_old(path, meaning, text):
            return path, meaning.alias if isinstance(meaning, OldName) else None
    return None


def _is_old(path: str, meaning: OldName | Meaning, text: TextConstant) -> bool:
    """Whether ``path`` is old beyond doubt; a word such as config, or config.yaml, is so only where it is imported."""
    is_unruled = meaning is Meaning.UNRULED
    is_clear = "." in (path.rpartition(".")[0] if is_unruled else path)
    is_old = isinstance(meaning, OldName) or meaning is Meaning.MODULE or is_unruled
    return is_old and (is_clear or text.call in IMPORTERS)


def _prefix(text: TextConstant, resolver: Resolver) -> tuple[str, Alias | None] | None:
    if text.call not in IMPORTERS or not text.text:
        return None
    old = next((module for module in sorted(resolver.book.modules) if module.startswith(text.text)), None)
    return (old, None) if old is not None else None


def _embedded(text: TextConstant, resolver: Resolver) -> tuple[str, Alias | None] | None:
    """A program within the program, such as what is given to ``python -c``."""
    if "import" not in text.text:
        return None
    for module in sorted(resolver.book.modules):
        if re.search(rf"\b(?:from|import)\s+{re.escape(module)}\b", text.text):
            return module, None
    return None


def bare_names(path: Path, outline: Outline) -> Iterator[tuple[str, Finding]]:
    """Each string that is looked up as the name of something in a module or object."""
    for text in outline.texts:
        if text.call in LOOKUPS and text.text.isidentifier():
            why = "something of this name is looked up while the program runs"
            fix = "write it anew by hand, then run busway migrate again"
            yield (
                text.text,
                Finding(path, text.line, FindingKind.DYNAMIC, f"{text.text!r} given to {text.call}", why, fix),
            )
