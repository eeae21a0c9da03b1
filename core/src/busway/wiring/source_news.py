"""What secret sources did: an event for each transition, and a warning while one is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from busway.configuration.transitions import SourceTransition
from busway.contracts.events import Severity

__all__ = ["SourceNews"]


class SourceNews:
    """Keeps transitions until somebody takes events: sources are asked before there is an event manager, and a command
    that only reads never opens one."""

    def __init__(self) -> None:
        self._waiting: list[SourceTransition] = []
        self._away: dict[str, SourceTransition] = {}
        self._emit: Callable[..., Any] | None = None

    def receive(self, transition: SourceTransition) -> None:
        """Notes one transition."""
        if transition.state == "degraded":
            self._away[transition.source] = transition
        else:
            self._away.pop(transition.source, None)
        self._waiting.append(transition)
        self._tell()

    def emit_with(self, emit: Callable[..., Any]) -> None:
        """Emits what was noted so far, and from now on at once."""
        self._emit = emit
        self._tell()

    def warnings(self) -> list[str]:
        """A sentence for each source that is away now."""
        return [_sentence(one) for one in self._away.values()]

    def _tell(self) -> None:
        while self._emit is not None and self._waiting:
            transition = self._waiting.pop(0)
            severity = Severity.WARNING if transition.state == "degraded" else Severity.INFO
            self._emit("system", severity=severity, attributes=_attributes(transition))


def _attributes(transition: SourceTransition) -> dict[str, str]:
    what = "secret source away" if transition.state == "degraded" else "secret source back"
    about = {"what": what, "source": transition.source}
    if transition.problem is not None:
        about |= {"code": transition.problem.code, "why": f"{transition.problem.what}: {transition.problem.why}"}
    return about


def _sentence(transition: SourceTransition) -> str:
    problem = transition.problem
    why = f": {problem.what} ({problem.code})" if problem is not None else ""
    return f"secret source {transition.source} is away{why}; values read before serve while they may"
