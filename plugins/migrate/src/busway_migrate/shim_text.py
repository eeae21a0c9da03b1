"""The text of a shim: plain Python that a person can read, made from the same rules that change code."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from busway_migrate.call_shape import NewArgument, Parameter
from busway_migrate.rule_book import RuleBook
from busway_migrate.rules import Rule, RuleKind

__all__ = ["MARK", "shim_text"]

MARK = "made by `busway migrate shims`"
"""What every shim says in its first lines."""
WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_]\w*")


def shim_text(book: RuleBook, module: str, legacy: str, public: Sequence[str]) -> str:
    """The module that takes the place of ``module``, whose old code is now ``legacy``.

    :param public: what ``from module import *`` gave.
    """
    rules = [rule for rule in book.names_of(module) if rule.becomes]
    doors = [_Door(book, rule) for rule in rules if rule.kind in (RuleKind.OBJECT, RuleKind.CLASS)]
    values = [rule for rule in rules if rule.kind is RuleKind.VALUE]
    flag, since, gone = (
        book.flag_of(module) or "config",
        _one(rule.since for rule in rules),
        _one(rule.removed_in for rule in rules),
    )
    shim = f'_shim = Shim("{module}", "{legacy}", flag="{flag}", since="{since}", removed_in="{gone}")\n'
    types = "".join(door.declaration() for door in doors)
    parts = [
        _head(module, legacy, flag, gone),
        *(door.adapter() for door in doors),
        shim + "".join(door.registration() for door in doors) + "".join(_value(rule, public) for rule in values),
        _public(public),
        f"if TYPE_CHECKING:\n{types}" if types else "",
        "def __getattr__(name: str) -> Any:\n    return _shim.get(name)",
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _head(module: str, legacy: str, flag: str, gone: str) -> str:
    return f'''"""The old name of what is in Busway now; {MARK}, and gone in busway {gone}.

ENABLE_UNIFIED_{flag.upper()} chooses: on (the default) is Busway, off is the old code in {legacy}.
Move the code that imports this: busway migrate PATH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import deprecated

import busway
from busway.shims import Shim, given, no_counterpart

# pyright: reportUnsupportedDunderAll=false
# ruff: noqa'''


@dataclass(frozen=True)
class _Door:
    """A class or object of the old module."""

    book: RuleBook
    rule: Rule

    @property
    def adapter_name(self) -> str:
        words = self.rule.name.split("_") if self.rule.name.islower() else [self.rule.name]
        return f"_{''.join(word[:1].upper() + word[1:] for word in words)}OnBusway"

    @property
    def target(self) -> str:
        return str(self.rule.target(self.rule.name))

    def adapter(self) -> str:
        """A class with the old methods, each of which makes the new call."""
        rules = self.book.attributes_of(self.rule)
        lines = [f"\nclass {self.adapter_name}:", f'    """What {self.rule.name} did, done by {self.target}."""', ""]
        if self.rule.kind is RuleKind.CLASS and self.rule.shape.parameters:
            lines += [*_broken("    def __init__(", ["self", *_signature(self.rule)], ") -> None:"), "        pass", ""]
        for name, rule in _methods(rules):
            lines += [*self._method(name, rule), ""]
        same = [rule for rule in rules if rule.kind is RuleKind.ATTRIBUTE or (rule.call and rule.shape.is_any)]
        lines += self._same(same)
        return "\n".join(lines).rstrip()

    def _method(self, name: str, rule: Rule) -> Iterator[str]:
        told = f"{rule.module}.{rule.name}.{name}"
        new = f"use {self.target}.{rule.new_attribute(name)}" if rule.becomes else "it has no counterpart"
        yield f'    @deprecated("since {rule.since}, gone in {rule.removed_in}: {new}", category=None)'
        yield from _broken(f"    def {name}(", ["self", *_signature(rule)], ") -> Any:")
        if rule.becomes:
            yield from _broken(f"        return {self.target}.{rule.new_attribute(name)}(", _arguments(rule), ")")
        else:
            given = [json.dumps(told), json.dumps(rule.doc), json.dumps(self.rule.flag or "config")]
            yield from _broken("        raise no_counterpart(", given, ")")

    def _same(self, rules: Sequence[Rule]) -> list[str]:
        """Attributes that are called the same in Busway."""
        head = "    def __getattr__(self, name: str) -> Any:"
        if self.rule.flag == "config":
            # Settings that only the old code has are no state that could fall apart: they come from there.
            return [
                head,
                "        try:",
                f"            return getattr({self.target}, name)",
                "        except AttributeError:",
                f'            return getattr(_shim.old("{self.rule.name}"), name)',
            ]
        names = sorted({word for rule in rules for word in _words(rule.attribute)})
        known = _broken("        if name in {", [json.dumps(name) for name in names], "}:")
        return [
            head,
            '        if name.startswith("_"):',
            "            raise AttributeError(name)",
            *([*known, f"            return getattr({self.target}, name)"] if names else []),
            f'        raise no_counterpart(f"{self.rule.module}.{self.rule.name}.{{name}}", "no rule is about it", '
            f'"{self.rule.flag}")',
        ]

    def registration(self) -> str:
        made = f"lambda: {self.adapter_name}" if self.rule.kind is RuleKind.CLASS else f"{self.adapter_name}"
        return f'_shim.door("{self.rule.name}", {made}, "{self.target}")\n'

    def declaration(self) -> str:
        """What a type checker sees."""
        if self.rule.kind is not RuleKind.CLASS:
            return f"\n    {self.rule.name}: {self.adapter_name}\n"
        told = f"since {self.rule.since}, gone in {self.rule.removed_in}: use {self.target}"
        return f'    @deprecated("{told}")\n    class {self.rule.name}({self.adapter_name}):\n        pass\n'


def _methods(rules: Sequence[Rule]) -> Iterator[tuple[str, Rule]]:
    """Each method once: of several shapes the one with the most parameters, which takes the calls of the others."""
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.kind is not RuleKind.METHOD or rule.shape.is_any:
            continue
        for name in _words(rule.attribute):
            other = found.get(name)
            if other is None or len(rule.shape.parameters) > len(other.shape.parameters):
                found[name] = rule
    yield from found.items()


def _words(pattern: str) -> list[str]:
    """The names that a pattern of the form ``a|b|c`` stands for; none of any other form."""
    parts = pattern.replace("(?:", "").replace(")", "").split("|")
    return [part for part in parts if _PLAIN.fullmatch(part) and not keyword.iskeyword(part)]


def _signature(rule: Rule) -> list[str]:
    parts: list[str] = []
    for parameter in rule.shape.parameters:
        if parameter.keyword_only and "*" not in parts:
            parts.append("*")
        default = f" = {parameter.default}" if parameter.default else ""
        parts.append(f"{parameter.name}: Any{default}")
    return parts


def _arguments(rule: Rule) -> list[str]:
    parameters = {parameter.name: parameter for parameter in rule.shape.parameters}
    plain, optional = [], []
    for new in (one for one in rule.replacement.arguments if not one.is_gap):
        parameter = parameters.get(new.parameter)
        if parameter is not None and parameter.default == "...":
            optional.append(f"{new.keyword}={_guarded(new, parameter)}")
        else:
            plain.append(f"{new.keyword}={new.expression}")
    return [*plain, f"**given({', '.join(optional)})"] if optional else plain


def _broken(head: str, parts: Sequence[str], tail: str) -> list[str]:
    """``head``, ``parts`` and ``tail`` on one line, or with a line for each part where that would be too long."""
    whole = f"{head}{', '.join(parts)}{tail}"
    if len(whole) <= WIDTH:
        return [whole]
    blanks = " " * (len(head) - len(head.lstrip()))
    return [head, *(f"{blanks}    {part}," for part in parts), f"{blanks}{tail}"]


def _guarded(new: NewArgument, parameter: Parameter) -> str:
    if new.expression == new.parameter:
        return new.parameter
    return f"{parameter.name} if {parameter.name} is ... else {new.expression}"


def _value(rule: Rule, public: Sequence[str]) -> str:
    """One line for each constant that the old module has."""
    found = [name for name in public if re.fullmatch(rule.name, name)]
    return "".join(f'_shim.value("{name}", lambda: {rule.target(name)}, "{rule.target(name)}")\n' for name in found)


def _public(names: Sequence[str]) -> str:
    return "\n".join(_broken("__all__ = [", [json.dumps(name) for name in sorted(names)], "]"))


def _one(texts: Iterator[str]) -> str:
    return next((text for text in texts if text), "")
