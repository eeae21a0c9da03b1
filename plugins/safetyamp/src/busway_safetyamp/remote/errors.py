"""The errors of the clients: those of Busway, with what the remote answered.

The tree::

    RefusedError            RemoteRefusedError          it answered, and refused the call
                            └── UnverifiedWriteError    ... or a create without the record in its answer
    RejectedRecordError     RecordRefusedError          it refused one record, and named the fields
    UnreachableError        NotServedError              it did not answer, or cannot serve now
                            └── AmbiguousWriteError     ... and a create may have happened
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.errors import RefusedError, RejectedRecordError, UnreachableError
from busway_safetyamp.remote.redacted import redacted_body

__all__ = [
    "AmbiguousWriteError",
    "Answer",
    "Answered",
    "NotServedError",
    "RecordRefusedError",
    "RemoteRefusedError",
    "UnverifiedWriteError",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over the wire."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds the remote asked to be left alone."""
    request_id: str = ""
    """Its own name for this call, which its support asks for."""

    @property
    def good(self) -> bool:
        """The status says that it was done."""
        return 200 <= self.status < 300


class Answered:
    """Mixed into errors that an answer is the reason of. Holds nobody's data: see :func:`redacted_body`."""

    status: int | None = None
    """HTTP status; ``None`` when there was no answer."""
    body: str = ""
    """The body, redacted; empty when there was none."""
    request_id: str = ""

    retry_after_seconds: float | None = None
    """What the remote asked to wait before the next call, where it said so."""

    def note_answer(self, answer: Answer) -> None:
        """Keeps what may be kept of ``answer``."""
        self.retry_after_seconds = answer.retry_after
        self.status = answer.status
        self.body = redacted_body(answer.body)
        self.request_id = answer.request_id


class RemoteRefusedError(Answered, RefusedError):
    """A call that was answered and refused, or answered with what makes no sense."""


class UnverifiedWriteError(RemoteRefusedError):
    """A create that was answered, but not with the record: it may have happened. Read back before repeating it."""

    ambiguous = True


class RecordRefusedError(Answered, RejectedRecordError):
    """A record that was refused; ``fields`` says which of its fields and why."""


class NotServedError(Answered, UnreachableError):
    """A call that was not answered, or answered that it cannot be served now."""

    ambiguous = False
    """Whether a create may have happened all the same. False spares the engine a read of all users to look for it."""


class AmbiguousWriteError(NotServedError):
    """A create whose answer was lost: it may have happened. Read back before repeating it."""

    ambiguous = True
