"""Doubles of the managers that write down what is asked of them, in the place of Busway's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

METHODS = {
    "config": ("get_secret", "validate_required_secrets"),
    "data_manager": (
        "get_cached_data(name, key=None)",
        "save_cache(name, data, ttl_seconds=None, key=None, metadata=None)",
        "invalidate(key_or_pattern)",
        "get_cached_data_with_fallback(name, key, loader, ttl_seconds=None, lock=True, metadata=None)",
        "validate_employee_data(payload, employee_id, display_name)",
        "get_employees()",
        "get_jobs()",
    ),
    "event_manager": (
        "start_sync(name, correlation_id=None)",
        "log_creation(entity, entity_id, details=None, session_id=None)",
        "log_update(entity, entity_id, changes=None, session_id=None)",
        "log_deletion(entity, entity_id, reason=None, session_id=None)",
        "log_skip(entity, entity_id, reason, session_id=None)",
        "log_error(kind, entity, entity_id, message, exc=None, session_id=None)",
        "end_sync(session_id=None)",
        "send_hourly_notification()",
    ),
}
"""The methods that matter here; a test compares them with the real ones."""


class Recorder:
    """Calls, in order, each as the manager understands it: by parameter, with its defaults."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.on_note: Callable[[str, dict[str, Any]], object] = lambda method, arguments: None
        """Is told every call, for who keeps calls together with other things."""

    def note(self, method: str, arguments: dict[str, Any]) -> str:
        """Writes a call down; the answer tells calls apart."""
        self.calls.append((method, arguments))
        self.on_note(method, arguments)
        return f"{method}#{len(self.calls)}"


def manager(name: str, recorder: Recorder) -> Any:
    """A double with the signatures of the real manager."""
    made = type(name, (), {"REDIS_HOST": "the host", "SAFETYAMP_TOKEN": "the token"})()
    for method in METHODS[name]:
        called, _, parameters = method.partition("(")
        signature = parameters.rstrip(")") if parameters else "*args, **options"
        scope: dict[str, Any] = {"note": recorder.note}
        source = f"def {called}({signature}):\n    return note({f'{name}.{called}'!r}, dict(locals()))\n"
        exec(source, scope)
        setattr(made, called, scope[called])
    return made


@contextmanager
def recording_busway(recorder: Recorder) -> Iterator[None]:
    """Within it, ``import busway`` gives a module whose managers are doubles."""
    import busway

    double = ModuleType("busway")
    double.__path__ = busway.__path__
    for name in METHODS:
        setattr(double, name, manager(name, recorder))
    before = sys.modules["busway"]
    sys.modules["busway"] = double
    try:
        yield
    finally:
        sys.modules["busway"] = before
