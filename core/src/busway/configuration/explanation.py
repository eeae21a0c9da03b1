"""Explanations: where a value comes from, what it hides, and where else it was looked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from busway.configuration.values import shown_text
from busway.errors import Problem

__all__ = ["Explanation", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """One layer's part in a value."""

    layer: str
    place: str
    version: str = ""
    """The version there, as far as the layer has any."""
    age_seconds: float | None = None
    """Since when it was read; ``None`` for what is not read again."""
    fresh_seconds: float | None = None
    """How long it is used before it is read again."""
    note: str = ""
    """Why the layer could not answer."""

    def text(self) -> str:
        """For one line of a terminal."""
        parts = [self.place, f"version {_shortened(self.version)}" if self.version else ""]
        if self.age_seconds is not None and self.fresh_seconds is not None:
            parts.append(f"read {_duration(self.age_seconds)} ago, fresh for {_duration(self.fresh_seconds)}")
        return "  ".join(part for part in (*parts, self.note) if part)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known about one setting, without the characters of a secret."""

    name: str
    setting_class: str
    """``secret``, ``vaulted`` or ``plain``."""
    owner: str
    type: str
    required: bool
    default: Any
    """As it may be shown; ``None`` when the setting is required."""
    doc: str
    is_set: bool
    """Whether any layer above the default has it."""
    value: Any = None
    """As it may be shown; ``None`` for secrets and where there is no valid value."""
    length: str = ""
    """Of a secret that is set: its length class."""
    winner: Place | None = None
    shadowed: tuple[Place, ...] = ()
    not_set: tuple[Place, ...] = ()
    not_asked: tuple[Place, ...] = ()
    """Vaults below the winner: asked only on request."""
    failed: tuple[Place, ...] = ()
    problem: Problem | None = None

    def render(self) -> str:
        """For a terminal: a headline, and a line for each layer."""
        rows = [("wins", self.winner)] if self.winner else []
        rows += [("failed", place) for place in self.failed]
        rows += [("shadowed", place) for place in self.shadowed]
        rows += [("not set", place) for place in self.not_set]
        rows += [("not asked", place) for place in self.not_asked]
        lines = [f"  {label:<9} {place.layer:<9}  {place.text()}".rstrip() for label, place in rows]
        lines += [f"  {'about':<9} {self.doc}"] if self.doc else []
        lines += [self.problem.render()] if self.problem else []
        return "\n".join([self._headline(), *lines])

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)

    def _headline(self) -> str:
        parts = [self.name, self._state(), f"owner {self.owner}", "required" if self.required else self._default_text()]
        return "   ".join(part for part in parts if part)

    def _state(self) -> str:
        if self.failed and not self.is_set:
            return f"not known ({self.setting_class})"
        if self.setting_class == "secret":
            return f"set (secret, {self.length})" if self.is_set else "not set (secret)"
        if self.value is None:
            return f"{'not valid' if self.is_set else 'not set'} ({self.setting_class}, {self.type})"
        return f"= {shown_text(self.value) or '(empty)'} ({self.setting_class}, {self.type})"

    def _default_text(self) -> str:
        return "" if self.default in (None, "") else f"default {shown_text(self.default)}"


def _shortened(version: str) -> str:
    return f"{version[:4]}…" if len(version) > 8 else version


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"
