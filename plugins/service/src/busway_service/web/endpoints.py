"""The endpoints of the API: one table, of which the routes and the OpenAPI document are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from busway.operation.service_policy import Role
from busway_service.web import changing, looking, requests
from busway_service.web.answers import Answer
from busway_service.web.call import Call

__all__ = ["ENDPOINTS", "Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    handler: Callable[[Call], Answer]
    schema: str
    """Name and version of the data it answers with."""
    role: Role = Role.VIEWER
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    refuses: Sequence[int] = ()
    """Further statuses it may answer with, besides those of every endpoint."""

    @property
    def name(self) -> str:
        """For the OpenAPI document, and the audit."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does, from the handler's first line."""
        return str(self.handler.__doc__).partition("\n")[0]

    @property
    def parameters(self) -> list[str]:
        """Names in its path."""
        return re.findall(r"{(\w+)}", self.path)


def _get(path: str, handler: Callable[[Call], Answer], schema: str, query: type[BaseModel] | None = None) -> Endpoint:
    return Endpoint("GET", path, handler, schema, query=query, refuses=(404,) if "{" in path else ())


def _post(
    path: str, handler: Callable[[Call], Answer], schema: str, body: type[BaseModel], role: Role = Role.OPERATOR
) -> Endpoint:
    return Endpoint("POST", path, handler, schema, role, body=body, refuses=(404, 409))


ENDPOINTS: Sequence[Endpoint] = (
    _get("/status", looking.status, "busway.service-status/1"),
    _get("/jobs", looking.jobs, "busway.jobs/1"),
    _get("/runs", looking.runs, "busway.run-requests/1", requests.RunsQuery),
    _get("/runs/{run_id}", looking.run, "busway.run-request/1"),
    Endpoint(
        "POST",
        "/runs",
        changing.trigger,
        "busway.run-request/1",
        Role.OPERATOR,
        body=requests.Trigger,
        status=202,
        refuses=(404, 409),
    ),
    _get("/sessions", looking.sessions, "busway.sessions/1", requests.SessionsQuery),
    _get("/sessions/{session_id}", looking.session, "busway.session/1", requests.SessionQuery),
    _get("/plans", looking.plans, "busway.held-plans/1", requests.HeldQuery),
    _get("/plans/{plan_id}", looking.plan, "busway.held-plan/1"),
    _post("/plans/{plan_id}/allow", changing.allow, "busway.held-plan/1", requests.Reason, Role.ADMIN),
    _post("/plans/{plan_id}/reject", changing.reject, "busway.held-plan/1", requests.Reason, Role.ADMIN),
    _get("/records", looking.records, "busway.records/1", requests.RecordsQuery),
    _get("/records/{record_id}", looking.record, "busway.record/1"),
    _post("/records/retry", changing.retry, "busway.records-decided/1", requests.RecordsDecision),
    _post("/records/dismiss", changing.dismiss, "busway.records-decided/1", requests.RecordsDecision, Role.ADMIN),
    _get("/pauses", looking.pauses, "busway.pauses/1"),
    _post("/pause", changing.pause, "busway.pauses/1", requests.PauseJobs),
    _post("/resume", changing.resume, "busway.resumed/1", requests.ResumeJobs),
    _get("/cache", looking.cache, "busway.cache-stats/1"),
    _post("/cache/invalidate", changing.invalidate, "busway.cache-invalidate/1", requests.Invalidate),
    _get("/config", looking.config, "busway.config-status/1"),
    _get("/events/books", looking.books, "busway.books/1"),
)
"""All of them, below ``/api/v1``."""
