"""The shapes that only the service tells: its standing, and the runs that were asked for."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from busway.views.shapes import CLOSED, SHAPES

__all__ = ["API_SHAPES"]


class CheckData(TypedDict):
    """One check."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    check: str
    status: str
    detail: str
    fix: str


class ProbeData(TypedDict):
    """What a probe tells."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    status: str
    checks: list[CheckData]
    checked_ns: int


class RunRequestData(TypedDict):
    """A run that was asked for: by whom, since when, how it ended."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    run_id: str
    jobs: list[str]
    origin: str
    actor: str
    reason: str
    requested_ns: int
    missed: int
    state: str
    attempts: int
    holder: str
    started_ns: int
    ended_ns: int
    exit_code: int | None
    outcome: str
    report: dict[str, Any]


class LeaseData(TypedDict):
    """Who runs now, of all processes that share the coordinator."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    holder: str
    since_ns: int


class StatusData(TypedDict):
    """The service at a glance."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    app: str
    version: str
    status: str
    started_ns: int
    now_ns: int
    actor: str
    role: str
    checks: list[CheckData]
    running: RunRequestData | None
    lease: LeaseData | None
    waiting: int
    paused: list[str]
    late: list[str]
    next_ns: int | None


API_SHAPES: dict[str, Any] = {
    **SHAPES,
    "busway.probe/1": ProbeData,
    "busway.run-request/1": RunRequestData,
    "busway.run-requests/1": list[RunRequestData],
    "busway.service-status/1": StatusData,
}
"""Everything an answer can be."""
