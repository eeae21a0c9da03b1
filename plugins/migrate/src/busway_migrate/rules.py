"""A rule: one old name, or one attribute of what it stands for, and what takes its place. Rules are data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from busway_migrate.call_shape import CallShape, Replacement

__all__ = ["Level", "Rule", "RuleKind", "Target"]


class Level(StrEnum):
    """What may be done about a place that a rule fits."""

    SAFE = "safe"
    """The new code does what the old one did: changed."""
    UNSAFE = "unsafe"
    """It does nearly the same: changed when asked for, with ``--unsafe``."""
    REPORT = "report"
    """A person has to decide; ``doc`` says what about."""


class RuleKind(StrEnum):
    """What the old name is, as the form of the rule says."""

    OBJECT = "object"
    """An instance that others import; its attributes have rules of their own."""
    CLASS = "class"
    """A class; what calling it gives is the object that ``becomes`` names."""
    FUNCTION = "function"
    """A function; a call becomes another call."""
    VALUE = "value"
    """A constant; reading it becomes reading an attribute."""
    METHOD = "method"
    """An attribute that is called."""
    ATTRIBUTE = "attribute"
    """An attribute that is read."""


@dataclass(frozen=True, slots=True)
class Target:
    """What takes the place of an old name: ``name`` of ``module``, and perhaps an attribute of that."""

    module: str
    name: str
    attribute: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.module, self.name, self.attribute) if part)


@dataclass(frozen=True)
class Rule:
    """One row of a rule pack."""

    pack: str
    """The distribution or file it comes from."""
    module: str
    """The old module, such as ``utils.cache_manager``."""
    name: str
    """The old name in it; may be a regular expression such as ``SQL_[A-Z]+``."""
    attribute: str
    """Attribute of the object that ``name`` is or makes, or a pattern; empty for a rule about the name itself."""
    call: str
    """The old parameters, as in a ``def``; empty when it is not called; ``(...)`` for any call, left as it is."""
    becomes: str
    """``module:name`` (with an attribute or a call behind it) for a name; an attribute or call for an attribute."""
    level: Level
    since: str
    """The version of Busway from which the new name is there."""
    removed_in: str
    """The version in which the old one is gone."""
    doc: str
    """What a person should know, in a sentence."""
    flag: str
    """The manager whose flag chooses between old and new while shims are in place: config, data or events."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Two rules with the same key are about the same code."""
        return self.module, self.name, self.attribute, self.call

    @property
    def old(self) -> str:
        """The old name in full."""
        return ".".join(part for part in (self.module, self.name, self.attribute) if part)

    @cached_property
    def kind(self) -> RuleKind:
        """Follows from which fields are filled."""
        if self.attribute:
            return RuleKind.METHOD if self.call else RuleKind.ATTRIBUTE
        if self.call:
            return RuleKind.FUNCTION if "(" in self.becomes else RuleKind.CLASS
        return RuleKind.VALUE if self._object_path.count(".") else RuleKind.OBJECT

    @cached_property
    def shape(self) -> CallShape:
        """The old parameters. Raises ``ValueError`` when ``call`` is none."""
        return CallShape.parse(self.call)

    @cached_property
    def replacement(self) -> Replacement:
        """The new call. Raises ``ValueError`` when ``becomes`` is none."""
        text = self.becomes if self.attribute else self._object_path.partition(".")[2]
        return Replacement.parse(text, self.shape)

    def target(self, name: str) -> Target:
        """What takes the place of ``name``; meaningful for rules about names."""
        module, _, path = self.becomes.partition("(")[0].partition(":")
        first, _, attribute = path.replace("{name}", name).partition(".")
        return Target(module, first, attribute)

    def new_attribute(self, attribute: str) -> str:
        """The new name of ``attribute``; meaningful for rules about attributes."""
        return self.becomes.partition("(")[0].replace("{name}", attribute)

    @property
    def _object_path(self) -> str:
        return self.becomes.partition(":")[2]
