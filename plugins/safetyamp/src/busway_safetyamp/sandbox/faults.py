"""What can be made to go wrong, from a test."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import StrEnum

from busway_safetyamp.sandbox.wire import Answer, Ending, Request, error_answer

__all__ = ["Faults"]

_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


class _Kind(StrEnum):
    FAIL = "fail"
    HTML = "html"
    TRUNCATE = "truncate"
    RESET = "reset"


@dataclass(slots=True)
class _Fault:
    kind: _Kind
    left: int | None
    """How often it strikes; None is until cleared."""
    resource: str = ""
    page: int = 0
    status: int = 500


class Faults:
    """Switches; each method arms one and returns at once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Fault] = []
        self._calls_left: int | None = None

    def fail_page(self, resource: str, page: int, *, status: int = 500, times: int | None = None) -> None:
        """Page ``page`` (from 0) of ``resource`` is answered with ``status``."""
        self._arm(_Fault(_Kind.FAIL, times, resource, page, status))

    def truncate_page(self, resource: str, page: int, *, times: int | None = None) -> None:
        """Page ``page`` of ``resource`` breaks off in the middle and the connection ends."""
        self._arm(_Fault(_Kind.TRUNCATE, times, resource, page))

    def answer_html(self, *, times: int | None = None) -> None:
        """Every call is answered 200 with a page of HTML, as a sign-in portal in the way does."""
        self._arm(_Fault(_Kind.HTML, times))

    def refuse_after(self, calls: int) -> None:
        """``calls`` more calls are served, then every one is answered 401."""
        with self._lock:
            self._calls_left = calls

    def reset_after_commit(self, *, times: int = 1) -> None:
        """The next write is committed, and the connection is reset instead of an answer."""
        self._arm(_Fault(_Kind.RESET, times))

    def clear(self) -> None:
        """All is well again."""
        with self._lock:
            self._armed = []
            self._calls_left = None

    def instead(self, request: Request) -> Answer | None:
        """The answer a fault gives in place of the account's, or None."""
        if self._used_up():
            return error_answer(401, "Unauthenticated.")
        if self._strikes(_Kind.HTML, request):
            return Answer(200, _HTML, content_type="text/html; charset=utf-8")
        fault = self._strikes(_Kind.FAIL, request)
        return error_answer(fault.status, "Server Error") if fault else None

    def afterwards(self, request: Request, answer: Answer) -> Answer:
        """The account's answer as the fault leaves it."""
        if answer.status >= 300:
            return answer
        if request.method != "GET" and self._strikes(_Kind.RESET, request):
            return replace(answer, ending=Ending.RESET)
        if request.method == "GET" and self._strikes(_Kind.TRUNCATE, request):
            return replace(answer, ending=Ending.CUT)
        return answer

    def _arm(self, fault: _Fault) -> None:
        with self._lock:
            self._armed.append(fault)

    def _used_up(self) -> bool:
        if self._calls_left is None:
            return False
        with self._lock:
            self._calls_left -= 1
            return self._calls_left < 0

    def _strikes(self, kind: _Kind, request: Request) -> _Fault | None:
        if not self._armed:
            return None
        with self._lock:
            for fault in self._armed:
                if fault.kind is kind and fault.left != 0 and _meant(fault, request):
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None


def _meant(fault: _Fault, request: Request) -> bool:
    if not fault.resource:
        return True
    here = request.method == "GET" and request.path == f"/api/{fault.resource}"
    return here and request.query.get("page", "0") == str(fault.page)
