"""Handlers that change something. Each is audited by who calls them, with the real actor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from busway.cli.deciding import decisions_of
from busway.cli.times import until_ns
from busway.errors import BuswayError
from busway.stores.quarantine import QuarantinedRecord
from busway.sync.decisions import check_decision, find_records
from busway.sync.graph import select
from busway.views.cache_answers import incomplete
from busway.views.cache_changes import invalidate_target
from busway.views.held_plans import held_as_dict
from busway.views.records import decided_data
from busway_service.standing import Phase
from busway_service.web.answers import Answer, refusal
from busway_service.web.call import Call

__all__ = ["allow", "dismiss", "invalidate", "pause", "reject", "resume", "retry", "trigger"]


def trigger(call: Call) -> Answer:
    """Asks for a run: 202 with its id, 409 with who is in the way and since when."""
    service, body = call.service, call.body
    if service.standing.phase is Phase.STOPPING:
        raise refusal("BW8119", "the service is stopping", why="nothing new is begun", fix="ask again when it is up")
    try:
        request = service.queue.ask(
            body.jobs, call.caller.actor, body.reason.strip(), may_wait=body.when_busy == "queue"
        )
    except BuswayError as error:
        service.numbers.asked(error.code)
        raise
    service.numbers.asked("accepted")
    service.wake()
    return Answer(request.as_dict(), status=202, headers={"Location": f"/api/v1/runs/{request.run_id}"})


def pause(call: Call) -> Answer:
    """Keeps jobs from running; a run under way stops after the record in hand."""
    app, body = call.app, call.body
    _refuse_unknown(call, body.jobs)
    end = until_ns(body.until, app.clock.now_ns()) if body.until is not None else 0
    decisions = decisions_of(app)
    names = dict.fromkeys(body.jobs) or ("",)
    paused = [decisions.pause(name, call.caller.actor, body.reason, end) for name in names]
    return Answer([one.as_dict() for one in paused])


def resume(call: Call) -> Answer:
    """Lets jobs run again."""
    app, body = call.app, call.body
    known = {one.job for one in app.state.pauses.all(app.clock.now_ns())}
    _refuse_unknown(call, [name for name in body.jobs if name not in known])
    decisions = decisions_of(app)
    names = dict.fromkeys(body.jobs) or ("",)
    ended = [name for name in names if decisions.resume(name, call.caller.actor, body.reason) and name in known]
    call.service.wake()
    data = {"resumed": [name or "all" for name in ended], "left": [one.as_dict() for one in decisions.pauses()]}
    return Answer(data)


def allow(call: Call) -> Answer:
    """Lets the job's next run within 24 hours pass the brakes that held a plan."""
    held = decisions_of(call.app).allow(call.path["plan_id"], call.caller.actor, call.body.reason)
    return Answer(held_as_dict(held))


def reject(call: Call) -> Answer:
    """Notes that a held plan must not pass."""
    held = decisions_of(call.app).reject(call.path["plan_id"], call.caller.actor, call.body.reason)
    return Answer(held_as_dict(held))


def retry(call: Call) -> Answer:
    """Lets the next run try records again."""
    return _settled(call, decisions_of(call.app).release, "released")


def dismiss(call: Call) -> Answer:
    """Nobody wants to hear of records until something about them changes."""
    return _settled(call, decisions_of(call.app).dismiss, "dismissed")


def invalidate(call: Call) -> Answer:
    """Makes cached data invalid for every process. Not ok when a level was not told; it is told when it is back."""
    data, warnings = invalidate_target(call.app, call.body.target)
    error = incomplete(call.app, "it has what it had until it is back, and is told then")
    told = [*warnings, *([f"{error.problem.what}: {error.problem.why}"] if error else [])]
    return Answer(data, told, ok=error is None)


def _settled(call: Call, settle: Callable[[Sequence[QuarantinedRecord], str, str], Any], state: str) -> Answer:
    body, actor = call.body, call.caller.actor
    check_decision(actor, body.reason)
    chosen = find_records(call.app.state.quarantine.of(body.job), body.records)
    settle(chosen, actor, body.reason)
    return Answer(decided_data(chosen, state))


def _refuse_unknown(call: Call, names: Sequence[str]) -> None:
    """Raises ``UsageError`` BW4003 for a name that no selected job has."""
    if names:
        select(call.app.jobs, names)
