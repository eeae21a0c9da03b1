"""What requests may say: parameters of the query, and bodies. An unknown field is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "HeldQuery",
    "Invalidate",
    "PauseJobs",
    "Reason",
    "RecordsDecision",
    "RecordsQuery",
    "ResumeJobs",
    "RunsQuery",
    "SessionQuery",
    "SessionsQuery",
    "Trigger",
]

Name = Annotated[str, Field(min_length=1, max_length=128, description="Name of a job.")]
Why = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S", description="Why; it is kept.")]
Limit = Annotated[int, Field(ge=1, le=1_000, description="So many, latest first.")]
State = Literal["waiting", "released", "dismissed", "all"]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Asked(_Said):
    """Parameters of a query: text that is read as what it should be."""


class SessionsQuery(_Asked):
    """Which sessions."""

    limit: Limit = 20
    job: Name | None = None
    hours: Annotated[float, Field(gt=0, le=87_600)] | None = None


class SessionQuery(_Asked):
    """How much of a session."""

    limit: Limit = 20


class HeldQuery(_Asked):
    """Which held plans."""

    job: Name | None = None
    all: bool = False
    """Also those that were decided, used or replaced."""


class RecordsQuery(_Asked):
    """Which records in quarantine."""

    limit: Limit = 50
    job: Name | None = None
    state: State | None = None
    code: Annotated[str, Field(max_length=16)] | None = None


class RunsQuery(_Asked):
    """Which runs."""

    limit: Limit = 20
    job: Name | None = None


class _Body(_Said):
    model_config = ConfigDict(extra="forbid", strict=True)


class Reason(_Body):
    """Why something is decided."""

    reason: Why


class Trigger(_Body):
    """A run to begin."""

    jobs: Annotated[list[Name], Field(max_length=100, description="In any order; none = all.")] = []
    reason: Annotated[str, Field(max_length=500)] = ""
    when_busy: Literal["refuse", "queue"] = "refuse"
    """What to do while another run is going on: refuse (409), or begin after it."""


class PauseJobs(_Body):
    """Jobs to keep from running."""

    jobs: Annotated[list[Name], Field(max_length=100, description="None = all.")] = []
    reason: Why
    until: Annotated[str, Field(min_length=1, max_length=40, description="2h, 30m, 2026-12-01T06:00.")] | None = None


class ResumeJobs(_Body):
    """Jobs to let run again."""

    jobs: Annotated[list[Name], Field(max_length=100, description="None = the pause of all.")] = []
    reason: Why = "resumed"


class RecordsDecision(_Body):
    """Records in quarantine to decide on."""

    records: Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Field(min_length=1, max_length=1_000)]
    """Ids or labels."""
    job: Name | None = None
    reason: Why


class Invalidate(_Body):
    """Cached data to make invalid."""

    target: Annotated[str, Field(min_length=1, max_length=256)]
    """A domain, ``domain.entity``, ``domain.entity/key`` or a shell pattern over ``domain:entity:key``."""
