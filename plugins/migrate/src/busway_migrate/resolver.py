"""What a dotted path means: an old name, an old module, a name under which the tree hands an old one on, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from busway_migrate.rule_book import RuleBook
from busway_migrate.rules import Rule

__all__ = ["Alias", "Meaning", "OldName", "Resolver"]


class Meaning(Enum):
    """What a path that is no old name may be."""

    MODULE = auto()
    """An old module as a whole."""
    PREFIX = auto()
    """A package or module that something old lies in, and other things too."""
    UNRULED = auto()
    """Something in an old module that no rule is about."""
    FOREIGN = auto()
    """Nothing of ours."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a module of the tree that stands for an old name, or holds what one made."""

    origin: str
    """The old name in full."""
    group: int
    is_variable: bool
    """It holds an object, and keeps its own name; only the calls of it change."""


@dataclass(frozen=True, slots=True)
class OldName:
    """What a path turned out to be."""

    path: str
    """The old name in full."""
    rules: Sequence[Rule]
    alias: Alias | None = None
    """By which other name it was reached."""

    @property
    def is_variable(self) -> bool:
        """Whether the path leads to an object that a variable of the tree holds."""
        return self.alias is not None and self.alias.is_variable


class Resolver:
    """Answers for the rules of a book and the aliases of a tree."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.aliases: dict[str, Alias] = {}
        self._prefixes: set[str] = set()

    def add_alias(self, path: str, alias: Alias) -> bool:
        """From now on ``path`` stands for what ``alias`` says; False when it did already."""
        if path in self.aliases or self.book.name_rules(path):
            return False
        self.aliases[path] = alias
        parts = path.split(".")
        self._prefixes.update(".".join(parts[:end]) for end in range(1, len(parts)))
        return True

    def meaning(self, path: str) -> OldName | Meaning:
        """What ``path`` is."""
        alias = self.aliases.get(path)
        if alias is not None:
            return OldName(alias.origin, self.book.name_rules(alias.origin), alias)
        rules = self.book.name_rules(path)
        if rules and path not in self.book.packages:
            return OldName(path, rules)
        if path in self.book.modules:
            return Meaning.MODULE
        if path in self.book.packages or path in self._prefixes:
            return Meaning.PREFIX
        if path.rpartition(".")[0] in self.book.modules:
            return Meaning.UNRULED
        return Meaning.FOREIGN

    def concerns(self, path: str) -> bool:
        """Whether anything old can be reached from ``path``."""
        return self.meaning(path) is not Meaning.FOREIGN
