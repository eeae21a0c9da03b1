"""What the APIs of all stand-ins have in common: a limit, faults, what is counted, and how it is controlled."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from busway.errors import UsageError
from busway_safetyamp.sandbox.fault import Fault
from busway_safetyamp.sandbox.faults import Faults, Place
from busway_safetyamp.sandbox.ledger import WriteLedger
from busway_safetyamp.sandbox.limiter import CallLimiter
from busway_safetyamp.sandbox.wire import Answer, Request, error_answer

__all__ = ["RemoteApi"]

_CONTROL = "/sandbox/"


class RemoteApi(ABC):
    """Turns a request into an answer; one for all connections.

    Below ``/sandbox/`` is what belongs to no remote: ``ledger`` (GET, DELETE) and ``faults`` (GET, POST, DELETE).
    """

    def __init__(self, *, limiter: CallLimiter, faults: Faults, ledger: WriteLedger | None = None) -> None:
        self.limiter = limiter
        self.faults = faults
        self._ledger = ledger
        self._counting = threading.Lock()
        self._answers: Counter[int] = Counter()

    @property
    def answers(self) -> dict[int, int]:
        """Calls by the status they were answered with."""
        with self._counting:
            return dict(self._answers)

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path.startswith(_CONTROL):
            return self._controlled(request)
        place = self.place(request)
        answer = self.faults.instead(place, self.error) or self._limited(request, place)
        with self._counting:
            self._answers[answer.status] += 1
        return answer

    @abstractmethod
    def place(self, request: Request) -> Place:
        """What a request is about."""

    @abstractmethod
    def error(self, status: int, message: str) -> Answer:
        """An error as this remote writes it."""

    @abstractmethod
    def served(self, request: Request, place: Place) -> Answer:
        """The answer of the remote itself."""

    def _limited(self, request: Request, place: Place) -> Answer:
        wait = self.limiter.take()
        if wait:
            answer = self.error(429, "Too Many Attempts.")
        else:
            answer = self.faults.afterwards(place, self.served(request, place), self.error)
        headers = self.limiter.headers(wait)
        return replace(answer, headers=(*answer.headers, *headers)) if headers else answer

    def _controlled(self, request: Request) -> Answer:
        known: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "ledger"): self._show_ledger,
            ("DELETE", "ledger"): self._clear_ledger,
            ("GET", "faults"): self._show_faults,
            ("POST", "faults"): self._arm,
            ("DELETE", "faults"): self._clear_faults,
        }
        name = request.path.removeprefix(_CONTROL)
        if name not in {subject for _, subject in known}:
            return error_answer(404, "Not Found.")
        control = known.get((request.method, name))
        if control is None:
            return error_answer(405, "The ledger can be read and cleared, faults can be read, armed and cleared.")
        try:
            return Answer(200, orjson.dumps(control(request)))
        except UsageError as error:
            problem = error.problem
            return Answer(422, orjson.dumps({"message": problem.what, "why": problem.why, "fix": problem.fix}))

    def _show_ledger(self, request: Request) -> Any:
        writes = [write.as_dict() for write in self._ledger.writes] if self._ledger else []
        return {"data": writes, "calls": {str(status): count for status, count in sorted(self.answers.items())}}

    def _clear_ledger(self, request: Request) -> Any:
        with self._counting:
            self._answers.clear()
        if self._ledger:
            self._ledger.clear()
        return self._show_ledger(request)

    def _show_faults(self, request: Request) -> Any:
        return {"data": [fault.as_dict() for fault in self.faults.armed]}

    def _arm(self, request: Request) -> Any:
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            body = None
        options = dict(body) if isinstance(body, dict) else {}
        self.faults.arm(Fault.from_options(str(options.pop("kind", "")), options))
        return self._show_faults(request)

    def _clear_faults(self, request: Request) -> Any:
        self.faults.clear()
        return self._show_faults(request)
