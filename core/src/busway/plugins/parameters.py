"""Whether a method can be called as the core calls it: with every parameter of the contract, by position."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import Parameter, Signature

__all__ = ["missing_calls"]

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def missing_calls(found: Signature, wanted: Signature) -> list[tuple[str, bool]]:
    """In which ways the method `found` cannot be called as `wanted`; true where that breaks every call.

    A parameter of another name is passed all the same as long as its place is the same, so it does not break.
    """
    own = [each for each in found.parameters.values() if each.kind in POSITIONAL]
    asked = list(wanted.parameters.values())
    broken = [*_too_few(found, own, asked), *_too_many(found, own, asked)]
    if broken:
        return [(what, True) for what in broken]
    if _reordered(own, asked):
        names = ", ".join(each.name for each in asked)
        return [(f"has its parameters in another order; they are passed as ({names})", True)]
    renamed = [(one, other) for one, other in zip(own, asked, strict=False) if one.name != other.name]
    return [(f"calls {other.name} {one.name}, so it cannot be passed by name", False) for one, other in renamed]


def _too_few(found: Signature, own: list[Parameter], asked: list[Parameter]) -> Iterator[str]:
    if len(own) >= len(asked) or any(each.kind is Parameter.VAR_POSITIONAL for each in found.parameters.values()):
        return
    by_keyword = [each.name for each in asked if _is_keyword_only(found.parameters.get(each.name))]
    if by_keyword:
        yield f"takes {', '.join(by_keyword)} by keyword only, and is passed it by position"
        return
    names = {each.name for each in own}
    lacking = [each.name for each in asked if each.name not in names] or [each.name for each in asked[len(own) :]]
    yield f"lacks the parameter {', '.join(lacking[: len(asked) - len(own)])}"


def _too_many(found: Signature, own: list[Parameter], asked: list[Parameter]) -> Iterator[str]:
    known = {each.name for each in asked}
    demanded = [each for each in own if each.default is Parameter.empty]
    surplus = len(demanded) - sum(each.default is Parameter.empty for each in asked)
    if surplus > 0:
        extra = [each.name for each in demanded if each.name not in known]
        named = extra[:surplus] or [each.name for each in demanded[-surplus:]]
        yield f"demands {', '.join(named)}, which the core does not pass"
    for each in found.parameters.values():
        if _is_keyword_only(each) and each.default is Parameter.empty and each.name not in known:
            yield f"demands {each.name}, which the core does not pass"


def _is_keyword_only(parameter: Parameter | None) -> bool:
    return parameter is not None and parameter.kind is Parameter.KEYWORD_ONLY


def _reordered(own: list[Parameter], asked: list[Parameter]) -> bool:
    """The same names in other places: each value would arrive under the name of another."""
    names, places = [each.name for each in own[: len(asked)]], [each.name for each in asked]
    return names != places and sorted(names) == sorted(places)
