"""Explanations: where a value comes from, what it hides, and where else it was looked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from busway.configuration.values import shown_text
from busway.errors import Problem

__all__ = ["Explanation", "Place", "length_text", "seconds_text"]


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
    """Why the layer could not answer, or what is odd about its answer."""
    expires_at_ns: int | None = None
    """When the value stops being valid, nanoseconds since the epoch; ``None`` = never or unknown."""

    def text(self) -> str:
        """For one line of a terminal."""
        parts = [self.place, f"version {_shortened(self.version)}" if self.version else ""]
        if self.age_seconds is not None and self.fresh_seconds is not None:
            read = "just now" if self.age_seconds < 1 else f"{seconds_text(self.age_seconds)} ago"
            parts.append(f"read {read}, {_freshness(self.fresh_seconds)}")
        if self.expires_at_ns is not None:
            parts.append(f"expires {datetime.fromtimestamp(self.expires_at_ns / 1e9, tz=UTC):%Y-%m-%d %H:%M} UTC")
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

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """What each layer has to do with it: ``wins``, ``failed``, ``shadowed``, ``not set`` or ``not asked``, the
        layer and the text; the layer that supplies the value comes first."""
        parts = (
            ("wins", (self.winner,) if self.winner is not None else ()),
            ("failed", self.failed),
            ("shadowed", self.shadowed),
            ("not set", self.not_set),
            ("not asked", self.not_asked),
        )
        yield from ((label, place.layer, place.text()) for label, places in parts for place in places)

    def headline(self) -> tuple[str, ...]:
        """Name, state with type or length class, owner, and whether it is required or what its default is."""
        parts = [self.name, self._state(), f"owner {self.owner}", "required" if self.required else self._default_text()]
        return tuple(part for part in parts if part)

    def render(self) -> str:
        """For people: a headline, and a line for each layer."""
        rows = list(self.rows())
        width = max((9, *(len(layer) for _, layer, _ in rows)))
        lines = [f"  {label:<9} {layer:<{width}}  {text}".rstrip() for label, layer, text in rows]
        lines += [f"  {'about':<9} {self.doc}"] if self.doc else []
        lines += [self.problem.render()] if self.problem else []
        return "\n".join(["   ".join(self.headline()), *lines])

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)

    def _state(self) -> str:
        if self.failed and not self.is_set:
            return f"not known ({self.setting_class})"
        if self.setting_class == "secret":
            return f"set (secret, {length_text(self.length)})" if self.is_set else "not set (secret)"
        if self.value is None:
            return f"{'not valid' if self.is_set else 'not set'} ({self.setting_class}, {self.type})"
        return f"= {shown_text(self.value) or '(empty)'} ({self.setting_class}, {self.type})"

    def _default_text(self) -> str:
        return "" if self.default in (None, "") else f"default {shown_text(self.default)}"


def length_text(length_class: str) -> str:
    """``16 to 39 characters``."""
    return length_class if "characters" in length_class else f"{length_class} characters"


def _shortened(version: str) -> str:
    return f"{version[:4]}…" if len(version) > 8 else version


def _freshness(seconds: float) -> str:
    return f"fresh for {seconds_text(seconds)}" if seconds > 0 else "to be read again at its next use"


def seconds_text(seconds: float) -> str:
    """``40 s``, ``4 min``, ``3 h``, ``12 days``."""
    whole = max(0, round(seconds))
    for limit, length, unit in ((60, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if whole < limit:
            return f"{whole // length} {unit}"
    return f"{whole // 86_400} days"
