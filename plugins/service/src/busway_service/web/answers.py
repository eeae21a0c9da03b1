"""Answers: the envelope of ``--json``, and errors with the status that fits their code."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from starlette.responses import Response

from busway.errors import BuswayError, Problem, UnreachableError
from busway_service.run_queue import BusyError

__all__ = [
    "Answer",
    "RequestError",
    "problem_response",
    "refusal",
    "respond",
    "status_of",
    "told_as_our_own",
]

T = TypeVar("T")
_log = logging.getLogger("busway.service")

BY_EXIT = {2: 400, 3: 503, 4: 502, 5: 503, 7: 409}
BY_CODE = {
    "BW1013": 404,
    "BW3002": 404,
    "BW4003": 404,
    "BW7010": 404,
    "BW7011": 409,
    "BW7013": 404,
    "BW8110": 401,
    "BW8111": 403,
    "BW8113": 403,
    "BW8114": 413,
    "BW8115": 429,
    "BW8117": 404,
    "BW8118": 403,
    "BW8119": 503,
    "BW8121": 404,
    "BW8124": 404,
}
"""What is not what its exit code says."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers with."""

    data: Any
    warnings: Sequence[str] = ()
    status: int = 200
    ok: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestError(BuswayError):
    """A request the service itself refuses."""

    exit_code = 2

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.code, problem.what, where=problem.where, why=problem.why, fix=problem.fix)
        self.headers = dict(headers or {})


def refusal(
    code: str, what: str, *, why: str = "", fix: str = "", headers: Mapping[str, str] | None = None
) -> RequestError:
    """The error for a request that is refused."""
    return RequestError(Problem(code, what, "", why, fix or f"busway explain {code}"), headers)


def told_as_our_own(name: str, work: Callable[[], T]) -> T:
    """What ``work`` gives; what it raises that nobody meant for people becomes BW9001, or BW3103 of a store.

    The text of such an exception may hold data: the log has it, redacted.
    """
    try:
        return work()
    except BuswayError:
        raise
    except sqlite3.Error as error:
        why = type(error).__name__
        raise UnreachableError("BW3103", "state.db cannot be used", why=why, fix="busway doctor") from error
    except Exception as error:
        _log.exception("%s failed", name)
        why = type(error).__name__
        raise BuswayError("BW9001", "Busway met an error it does not know", why=why, fix="see the log") from error


def respond(schema: str, answer: Answer) -> Response:
    """The answer as a response."""
    told = {"schema": schema, "ok": answer.ok, "data": answer.data, "warnings": list(answer.warnings)}
    return Response(_json(told), answer.status, dict(answer.headers), "application/json")


def problem_response(error: BuswayError) -> Response:
    """The error as a response: what ``--json`` prints, and who is in the way where somebody is."""
    problems = [problem.as_dict() for problem in error.problems]
    told: dict[str, Any] = {
        "schema": "busway.error/1", "ok": False, "error": problems[0], "errors": problems, "warnings": [],
    }  # fmt: skip
    if isinstance(error, BusyError):
        told["busy"] = {"who": error.busy.who, "since_ns": error.busy.since_ns, "run_id": error.busy.run_id}
    headers = error.headers if isinstance(error, RequestError) else {}
    return Response(_json(told), status_of(error), headers, "application/json")


def status_of(error: BuswayError) -> int:
    """The HTTP status for an error: by its code, else by its exit code."""
    return BY_CODE.get(error.code) or BY_EXIT.get(error.exit_code, 500)


def _json(told: Mapping[str, Any]) -> bytes:
    # Strings may hold what UTF-8 has no form for: ids come from outside.
    try:
        return orjson.dumps(told, default=str)
    except TypeError:
        import json

        return json.dumps(told, default=str).encode()
