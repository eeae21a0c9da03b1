"""Handlers that look: each calls the view that the command with the same data calls."""

from __future__ import annotations

from busway.contracts.coordination import Lease
from busway.errors import UnreachableError
from busway.sync.decisions import find_held_plan, find_records
from busway.views.cache_rows import cache_stats
from busway.views.configuration import config_status
from busway.views.held_plans import held_as_dict, held_plans
from busway.views.history import current_ledger, find_session, session_data
from busway.views.jobs import job_rows
from busway.views.record_filter import RecordFilter
from busway.views.records import choose_records
from busway_service import __version__
from busway_service.run_queue import find_request
from busway_service.web.answers import Answer
from busway_service.web.call import Call

__all__ = [
    "books",
    "cache",
    "config",
    "jobs",
    "pauses",
    "plan",
    "plans",
    "record",
    "records",
    "run",
    "runs",
    "session",
    "sessions",
    "status",
]


def status(call: Call) -> Answer:
    """The service at a glance."""
    service, app = call.service, call.app
    opened = app.state.run_requests.open()
    running = next((one for one in opened if one.state == "running"), None)
    lease, warnings = _lease(call)
    rows, standing = job_rows(app), service.standing.as_dict()
    now_ns = app.clock.now_ns()
    data = {
        "app": app.boot.deployment.app,
        "version": __version__,
        "status": standing["status"],
        "started_ns": service.standing.started_ns,
        "now_ns": now_ns,
        "actor": call.caller.actor,
        "role": call.caller.role.name.lower(),
        "checks": standing["checks"],
        "running": running.as_dict() if running else None,
        "lease": {"holder": lease.holder, "since_ns": lease.since_ns} if lease else None,
        "waiting": sum(one.state == "waiting" for one in opened),
        "paused": [one.job or "all" for one in app.state.pauses.all(now_ns)],
        "late": [row["name"] for row in rows if row["late_since_ns"] is not None],
        "next_ns": min((row["next_ns"] for row in rows if row["next_ns"] is not None), default=None),
    }
    return Answer(data, [*warnings, *app.warnings()])


def _lease(call: Call) -> tuple[Lease | None, list[str]]:
    """Who runs; a coordinator that is away is a warning here: the rest of the status is wanted then most of all."""
    try:
        return call.app.sync.running(), []
    except UnreachableError as error:
        return None, [f"nobody can say who runs: {error.problem.what}"]


def jobs(call: Call) -> Answer:
    """The jobs in the order of a run, with their schedule."""
    return Answer(job_rows(call.app))


def runs(call: Call) -> Answer:
    """Runs that were asked for, by the schedule or by somebody, the newest first."""
    found = call.app.state.run_requests.recent(call.query.limit, call.query.job)
    return Answer([one.as_dict() for one in found])


def run(call: Call) -> Answer:
    """One run that was asked for."""
    return Answer(find_request(call.app, call.path["run_id"]).as_dict())


def sessions(call: Call) -> Answer:
    """Runs of jobs, from the ledger."""
    notices: list[str] = []
    with current_ledger(call.app.boot, notices) as ledger:
        rows = ledger.sessions(call.query.limit, job=call.query.job, hours=call.query.hours)
    return Answer([row.as_dict() for row in rows], notices)


def session(call: Call) -> Answer:
    """One session with its latest changes and errors."""
    notices: list[str] = []
    with current_ledger(call.app.boot, notices) as ledger:
        found = find_session(ledger, call.path["session_id"], limit=call.query.limit)
    return Answer(session_data(found), notices)


def plans(call: Call) -> Answer:
    """Held plans that wait for a decision."""
    found = held_plans(call.app.state, job=call.query.job, everything=call.query.all)
    return Answer([held_as_dict(one) for one in found])


def plan(call: Call) -> Answer:
    """One held plan."""
    return Answer(held_as_dict(find_held_plan(call.app.state.held_plans, call.path["plan_id"])))


def records(call: Call) -> Answer:
    """Records in quarantine."""
    query = call.query
    filters = RecordFilter(job=query.job, state=query.state, code=query.code)
    return Answer(choose_records(call.app.state, filters, call.app.clock.now_ns()).as_dict(query.limit))


def record(call: Call) -> Answer:
    """One record in quarantine."""
    (found,) = find_records(call.app.state.quarantine.of(), [call.path["record_id"]])
    return Answer(found.as_dict())


def pauses(call: Call) -> Answer:
    """What is paused."""
    return Answer([one.as_dict() for one in call.app.state.pauses.all(call.app.clock.now_ns())])


def cache(call: Call) -> Answer:
    """The cache levels, and what is cached."""
    return Answer(cache_stats(call.app))


def config(call: Call) -> Answer:
    """Settings, their places, and what has to be mended."""
    warnings: list[str] = []
    found = config_status(call.app, warnings)
    return Answer(found.data, warnings, ok=not found.exit_code)


def books(call: Call) -> Answer:
    """What became of events at each sink."""
    return Answer(call.app.events.books(), call.app.warnings())
