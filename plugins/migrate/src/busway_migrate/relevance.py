"""Which statements of a module have anything to do with something old.

Scopes cost most of the time of a run, and most functions of most files use nothing old. A statement of the module
counts when it has one of the words that old names go by in the file, or of the words that such a statement binds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import libcst as cst

from busway_migrate.bindings import import_paths, star_imports
from busway_migrate.modules import Modules
from busway_migrate.parsed_file import ParsedFile
from busway_migrate.resolver import Resolver

__all__ = ["narrow"]

_WORD = re.compile(r"[^\W\d]\w*")
_BOUND = re.compile(r"([^\W\d]\w*)\s*(?::[^=\n]*)?:?=(?!=)")
"""What an assignment binds, and a few words more: too many only cost time."""


def narrow(parsed: ParsedFile, modules: Modules, resolver: Resolver) -> None:
    """Lets ``parsed`` work out scopes for what matters; for all of it where a star import may bind anything."""
    if any(path in resolver.book.modules for _, paths in star_imports(parsed, modules) for path in paths):
        parsed.keep(parsed.module.body)
        return
    words = _old_words(parsed, modules, resolver)
    for _, name in resolver.book.targets:
        words |= {name, f"busway_{name}"}
    parsed.keep(_kept(parsed, words))


def _old_words(parsed: ParsedFile, modules: Modules, resolver: Resolver) -> set[str]:
    """What old names are called in the file."""
    found: set[str] = set()
    for statement in parsed.imports:
        for alias in () if isinstance(statement.names, cst.ImportStar) else statement.names:
            if any(resolver.concerns(path) for path in import_paths(parsed, modules, statement, alias)):
                found.add((alias.evaluated_alias or alias.evaluated_name).partition(".")[0])
    return found


def _kept(parsed: ParsedFile, words: set[str]) -> Sequence[cst.BaseStatement]:
    texts = [(statement, frozenset(_WORD.findall(text)), text) for statement, text in parsed.pieces()]
    kept: dict[cst.BaseStatement, None] = {}
    while new := [(statement, text) for statement, has, text in texts if statement not in kept and has & words]:
        for statement, text in new:
            kept[statement] = None
            words |= set(_bound_in(text))
    return [statement for statement in parsed.module.body if statement in kept]


def _bound_in(text: str) -> Iterable[str]:
    return _BOUND.findall(text)
