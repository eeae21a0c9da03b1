"""The guard as a configuration of ruff: every old module is a banned import."""

from __future__ import annotations

import json
from collections.abc import Iterator

from busway_migrate.modules import legacy_files
from busway_migrate.rule_book import RuleBook

__all__ = ["ruff_configuration"]

_HEAD = """\
# Old imports, for ruff: ruff check --config FILE --select TID251 .
# Made by busway migrate --emit ruff. It sees imports; busway migrate --check sees strings and other files as well.

# Files that git tracks although they are ignored are linted, too.
respect-gitignore = false

[lint]
extend-select = ["TID251"]

[lint.flake8-tidy-imports.banned-api]
"""


def ruff_configuration(book: RuleBook) -> str:
    """The text of a ``ruff.toml``."""
    banned = [f"{json.dumps(module)}.msg = {json.dumps(_message(book, module))}" for module in sorted(book.modules)]
    return "\n".join([_HEAD + "\n".join(banned), "", "[lint.per-file-ignores]", *_ignored(book)]) + "\n"


def _message(book: RuleBook, module: str) -> str:
    rules = book.names_of(module)
    new = sorted({f"{rule.target('').module}.{rule.target('').name}" for rule in rules if rule.becomes})
    removed = sorted({rule.removed_in for rule in rules if rule.removed_in})
    return f"use {' or '.join(new)}" + (f"; gone in {removed[0]}" if removed else "") + ": busway migrate"


def _ignored(book: RuleBook) -> Iterator[str]:
    """The old modules themselves may import each other as long as they are there."""
    for module in sorted(book.modules):
        yield from (f'{json.dumps(name)} = ["TID251"]' for name in legacy_files(module) if "/" in name)
