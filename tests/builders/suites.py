"""Runs the checks of a conformance suite against one specimen, as pytest runs them for a subclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from _pytest.outcomes import Failed, Skipped

__all__ = ["Lazily", "checks_of", "failing", "run", "skipped"]


class Lazily(dict[str, Callable[[], Any]]):
    """Fixtures that are made when a check asks for them: what they do concerns that check alone."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name)()


def checks_of(contract: type) -> list[str]:
    """The names of its checks, sorted."""
    return sorted(name for name in dir(contract) if name.startswith("test_"))


def run(suite: object, check: str, fixtures: Mapping[str, Any]) -> None:
    """One check of ``suite``, with those of ``fixtures`` that it asks for."""
    method = getattr(suite, check)
    wanted = list(inspect.signature(method).parameters)
    with pytest.MonkeyPatch.context() as patch:
        method(**{name: patch if name == "monkeypatch" else fixtures[name] for name in wanted})


def failing(contract: type, fixtures: Callable[[], Mapping[str, Any]]) -> list[str]:
    """The checks of ``contract`` that fail, each run with new ``fixtures``."""
    failed = []
    for check in checks_of(contract):
        try:
            run(contract(), check, fixtures())
        except Skipped:
            continue  # it does not concern this one; a specimen's own check would be missed in what is returned
        except (Exception, Failed):
            failed.append(check)
    return failed


def skipped(contract: type, fixtures: Callable[[], Mapping[str, Any]]) -> list[str]:
    """The reasons of the checks that are skipped, each run with new ``fixtures``; the others have to pass."""
    reasons = []
    for check in checks_of(contract):
        try:
            run(contract(), check, fixtures())
        except Skipped as reason:
            reasons.append(str(reason))
    return reasons
