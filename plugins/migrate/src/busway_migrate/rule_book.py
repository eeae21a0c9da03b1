"""All rules of a run, and the questions that are asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from busway.errors import ConfigurationError, Problem
from busway_migrate.rule_file import RuleFile
from busway_migrate.rules import Rule, RuleKind

__all__ = ["RuleBook"]


class RuleBook:
    """Rules of one or several packs that do not contradict each other."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._names: dict[str, list[Rule]] = {}
        self._attributes: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules:
            if rule.attribute:
                self._attributes.setdefault((rule.module, rule.name), []).append(rule)
            else:
                self._names.setdefault(rule.module, []).append(rule)

    @classmethod
    def of(cls, files: Sequence[RuleFile]) -> RuleBook:
        """The rules of ``files``; what says ``overrides = true`` takes the place of the same rule elsewhere.

        Raises ``ConfigurationError`` BW7602 naming every two rules that say different things about the same code.
        """
        found: dict[tuple[str, str, str, str], Rule] = {}
        problems = []
        for file in files:
            for rule in file.rules:
                other = found.get(rule.key)
                if other is None or rule.key in file.overriding:
                    found[rule.key] = rule
                elif (other.becomes, other.level) != (rule.becomes, rule.level):
                    problems.append(_conflict(other, rule))
        if problems:
            raise ConfigurationError.of(problems)
        return cls(found.values())

    @cached_property
    def modules(self) -> frozenset[str]:
        """The old modules."""
        return frozenset(rule.module for rule in self.rules)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The packages that old modules lie in."""
        parts = [module.split(".") for module in self.modules]
        return frozenset(".".join(names[:end]) for names in parts for end in range(1, len(names)))

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of which a file that uses an old name has at least one: the last part of each module."""
        return frozenset(module.rpartition(".")[2] for module in self.modules)

    @cached_property
    def targets(self) -> frozenset[tuple[str, str]]:
        """Module and name of everything that old names become."""
        found = (rule.target("_") for rule in self.rules if not rule.attribute and rule.becomes)
        return frozenset((target.module, target.name) for target in found)

    def name_rules(self, path: str) -> Sequence[Rule]:
        """The rules about the name that the dotted ``path`` stands for; exact ones hide patterns."""
        module, _, name = path.rpartition(".")
        rules = self._names.get(module, ())
        exact = [rule for rule in rules if rule.name == name]
        return exact or [rule for rule in rules if re.fullmatch(rule.name, name)]

    def attribute_rules(self, owner: Rule, attribute: str) -> Sequence[Rule]:
        """The rules about ``attribute`` of what ``owner`` is about; exact ones hide patterns."""
        rules = self._attributes.get((owner.module, owner.name), ())
        exact = [rule for rule in rules if rule.attribute == attribute]
        return exact or [rule for rule in rules if re.fullmatch(rule.attribute, attribute)]

    def attributes_of(self, owner: Rule) -> Sequence[Rule]:
        """Every rule about attributes of what ``owner`` is about."""
        return self._attributes.get((owner.module, owner.name), ())

    def names_of(self, module: str) -> Sequence[Rule]:
        """Every rule about names of ``module``."""
        return self._names.get(module, ())

    def flag_of(self, module: str) -> str:
        """The manager whose flag chooses for ``module``; empty when no rule says."""
        return next((rule.flag for rule in self._names.get(module, ()) if rule.flag), "")

    def is_value(self, path: str) -> bool:
        """Whether ``path`` is a constant that becomes an attribute."""
        return any(rule.kind is RuleKind.VALUE for rule in self.name_rules(path))


def _conflict(one: Rule, other: Rule) -> Problem:
    return Problem(
        "BW7602",
        f"two rules say different things about {one.old}{one.call}",
        f"{one.pack} and {other.pack}" if one.pack != other.pack else one.pack,
        f"{one.becomes or one.level!s} ({one.level}) and {other.becomes or other.level!s} ({other.level})",
        "remove one of them, or write overrides = true in the rule that shall hold",
    )
