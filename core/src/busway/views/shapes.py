"""The shapes of what ``--json`` and the service tell, by the name and version that stands in each answer.

The OpenAPI document of the service is made of them, and tests hold the answers of both to them: nothing is in an answer
that is not here, and nothing is here that is not in it.
"""

from __future__ import annotations

from typing import Any, NotRequired

from pydantic import ConfigDict

# Not typing's: pydantic needs this one before Python 3.12.
from typing_extensions import TypedDict

__all__ = ["SHAPES", "ProblemData"]

CLOSED = ConfigDict(extra="forbid")


class ProblemData(TypedDict):
    """What is wrong, for people: code, what, where, why, fix."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    code: str
    what: str
    where: str
    why: str
    fix: str


class PauseData(TypedDict):
    """A pause of one job, or of all where ``job`` is empty."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    job: str
    actor: str
    reason: str
    since_ns: int
    until_ns: int


class GoodRunData(TypedDict):
    """The last run of a job that ended well."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    source_count: int
    session_id: str
    at_ns: int


class JobData(TypedDict):
    """One job: where it stands, when it runs next, and since when it is late."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    name: str
    entity: str
    depends_on: list[str]
    distribution: str
    managed: int
    last_good_run: GoodRunData | None
    paused: PauseData | None
    held: str
    quarantined: int
    schedule: str
    next_ns: int | None
    late_since_ns: int | None


class SessionData(TypedDict):
    """One run of one job."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    session_id: str
    name: str
    correlation_id: str | None
    state: str
    started_ns: int
    ended_ns: int | None
    duration_seconds: float | None
    created: int
    updated: int
    deleted: int
    skipped: int
    errors: int
    started_at: str
    ended_at: str | None


class ChangeData(TypedDict):
    """One record created, updated or deleted."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    event_id: str
    at_ns: int
    operation: str
    entity_type: str | None
    entity_id: str | None
    session_id: str | None
    job: str | None
    attributes: dict[str, Any]
    at: str


class ErrorData(TypedDict):
    """One error."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    event_id: str
    at_ns: int
    kind: str
    message: str
    type: str
    code: str
    entity_type: str | None
    entity_id: str | None
    session_id: str | None
    job: str | None
    at: str


class SessionDetail(TypedDict):
    """One session with its latest changes and errors."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    session: SessionData
    changes: list[ChangeData]
    errors: list[ErrorData]


class HeldPlanData(TypedDict):
    """A plan that a brake held, and what became of it."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    id: str
    job: str
    entity: str
    at_ns: int
    session_id: str
    brakes: list[dict[str, Any]]
    counts: dict[str, int]
    changes: list[dict[str, Any]]
    state: str
    actor: str
    note: str
    decided_ns: int
    good_until_ns: int
    run: NotRequired[dict[str, Any]]


RecordData = TypedDict(
    "RecordData",
    {
        "id": str,
        "job": str,
        "label": str,
        "entity": str,
        "action": str,
        "code": str,
        "what": str,
        "mapping_version": str,
        "attempts": int,
        "class": str,
        "fields": list[str],
        "first_ns": int,
        "last_ns": int,
        "next_ns": int,
        "session_id": str,
        "state": str,
        "actor": str,
        "note": str,
        "decided_ns": int,
    },
)
"""One record in quarantine."""
RecordData.__pydantic_config__ = CLOSED  # type: ignore[attr-defined]


class RecordsData(TypedDict):
    """Records in quarantine: how many fit, and the latest of them."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    total: int
    dismissed: int
    records: list[RecordData]


class DecidedRecord(TypedDict):
    """A record somebody decided on."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    id: str
    job: str
    label: str


class DecidedRecords(TypedDict):
    """What became of the records that were meant."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    state: str
    count: int
    records: list[DecidedRecord]


class ResumedData(TypedDict):
    """Which pauses ended, and which hold on."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    resumed: list[str]
    left: list[PauseData]


class LevelData(TypedDict):
    """One cache level. What is not known is null."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    level: str
    state: str
    why: str
    in_process: bool | None
    takes_sensitive: bool | None
    entries: int | None
    bytes: int | None
    distribution: str
    version: str


class CachedNameData(TypedDict):
    """What is cached of one domain or entity, each entry counted once."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    name: str
    sensitive: bool
    entries: int
    fresh: int
    stale: int
    bytes: int
    newest_age_seconds: float
    oldest_age_seconds: float
    levels: dict[str, int]


class CacheStats(TypedDict):
    """Whether each level answers, and what is cached."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    degraded: bool
    levels: list[LevelData]
    names: list[CachedNameData]


class InvalidatedData(TypedDict):
    """How many entries became invalid."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    target: str
    removed: int


class ValidationData(TypedDict):
    """Whether everything is set that has to be."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    is_valid: bool
    exit_code: int
    problems: list[ProblemData]


class ConfigStatusData(TypedDict):
    """Every setting with its value and place; secrets as set or not."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    app: str
    root: str
    file: str | None
    state_dir: str
    safe: bool
    validation: ValidationData
    warnings: list[ProblemData]
    not_known: list[str]
    notices: list[str]
    sources: list[dict[str, Any]]
    secrets: list[dict[str, Any]]
    settings: list[dict[str, Any]]


class BookData(TypedDict):
    """emitted = delivered + dead + dropped + pending."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    emitted: int
    delivered: int
    dead: int
    dropped: dict[str, int]
    pending: int


SHAPES: dict[str, Any] = {
    "busway.books/1": dict[str, BookData],
    "busway.cache-invalidate/1": InvalidatedData,
    "busway.cache-stats/1": CacheStats,
    "busway.config-status/1": ConfigStatusData,
    "busway.held-plan/1": HeldPlanData,
    "busway.held-plans/1": list[HeldPlanData],
    "busway.jobs/1": list[JobData],
    "busway.pauses/1": list[PauseData],
    "busway.record/1": RecordData,
    "busway.records-decided/1": DecidedRecords,
    "busway.records/1": RecordsData,
    "busway.resumed/1": ResumedData,
    "busway.session/1": SessionDetail,
    "busway.sessions/1": list[SessionData],
}
"""Name and version of the data's shape to its type."""
