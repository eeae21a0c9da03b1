"""What an answer means for the caller: parsed, or the error that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from busway_safetyamp.remote.errors import (
    AmbiguousWriteError,
    Answer,
    Answered,
    NotServedError,
    RecordRefusedError,
    RemoteRefusedError,
    UnverifiedWriteError,
)
from busway_safetyamp.remote.redacted import without_values
from busway_safetyamp.remote.retries import Transient
from busway_safetyamp.remote.service import Call

__all__ = ["judged", "key_refused", "lost", "parsed", "shapeless"]

E = TypeVar("E", bound=Answered)

_FIELD = re.compile(r"[A-Za-z0-9_.]{1,64}")
_PASSING = (502, 503, 504)


def judged(call: Call, answer: Answer) -> Any:
    """The JSON of a good answer; raises what a bad one means.

    Raises ``RefusedError`` (BW5002, BW5004 and the code of a refused key), ``RejectedRecordError`` (BW5003),
    ``UnreachableError`` (BW5101), and :class:`Transient` where another attempt may help (BW5101, BW5103).
    """
    if answer.status in (401, 403):
        raise key_refused(call, answer)
    if answer.status == 429:
        raise Transient(_throttled(call, answer), answer.retry_after, throttled=True)
    if answer.status >= 500:
        raise _unavailable(call, answer)
    envelope = parsed(call, answer)
    if answer.good:
        return envelope
    if answer.status == 422 and call.method != "GET":
        raise _rejected(call, answer, envelope)
    raise _refused(call, answer)


def lost(call: Call, *, cause: str, sent: bool) -> NotServedError:
    """The error for a request without an answer; ``sent`` says whether the server may have seen it."""
    kind = AmbiguousWriteError if call.creates and sent else NotServedError
    return kind(
        "BW5102",
        f"{call.service.name} did not answer",
        where=call.where,
        why=cause,
        fix=f"check the network and `busway config explain {call.service.address_setting}`, then run again",
    )


def shapeless(call: Call, why: str) -> RemoteRefusedError:
    """The error for a good answer that is not what was asked for."""
    return _unverified(call)(
        "BW5005",
        f"{call.service.name}'s answer does not have the expected shape",
        where=call.where,
        why=why,
        fix="nothing was decided on it; compare the API's version and tell the plugin's author: busway explain BW5005",
    )


def key_refused(call: Call, answer: Answer) -> RemoteRefusedError:
    """The error for 401 and 403."""
    service = call.service
    return _noted(
        RemoteRefusedError(
            service.key_code,
            service.key_refused,
            where=call.where,
            why=f"HTTP {answer.status}",
            fix=service.key_fix,
        ),
        answer,
    )


def _unverified(call: Call) -> type[RemoteRefusedError]:
    return UnverifiedWriteError if call.creates else RemoteRefusedError


def _throttled(call: Call, answer: Answer) -> NotServedError:
    asked = "" if answer.retry_after is None else f"; it asked to wait {answer.retry_after:g} s"
    return _noted(
        NotServedError(
            "BW5103",
            f"{call.service.name} refuses more calls for now",
            where=call.where,
            why=f"HTTP 429{asked}",
            fix=call.service.quota_fix,
        ),
        answer,
    )


def _unavailable(call: Call, answer: Answer) -> Exception:
    # A 503 says that nothing was done. After any other 5xx a create may have happened all the same.
    kind = AmbiguousWriteError if call.creates and answer.status != 503 else NotServedError
    error = kind(
        "BW5101",
        f"{call.service.name} cannot serve now",
        where=call.where,
        why=f"HTTP {answer.status}",
        fix="run again later; if it lasts, ask the vendor: busway explain BW5101",
    )
    again = answer.status == 503 if call.creates else answer.status in _PASSING
    return Transient(_noted(error, answer), answer.retry_after) if again else _noted(error, answer)


def parsed(call: Call, answer: Answer) -> Any:
    """The JSON of an answer, good or bad. Raises ``RefusedError`` (BW5002) for what is none."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        kind = _unverified(call) if answer.good else RemoteRefusedError
    error = kind(
        "BW5002",
        "the answer is not JSON",
        where=call.where,
        why=f"HTTP {answer.status} with {_looks_like(answer.body)}: something else than {call.service.name} answered",
        fix=f"check the address: `busway config explain {call.service.address_setting}`; "
        "a proxy or a sign-in page may be between",
    )
    raise _noted(error, answer)


def _looks_like(body: bytes) -> str:
    if not body.strip():
        return "an empty body"
    return "an HTML page" if body.lstrip()[:1] == b"<" else "text that is not JSON"


def _refused(call: Call, answer: Answer) -> RemoteRefusedError:
    what, why = f"{call.service.name} refused the request", f"HTTP {answer.status}"
    return _noted(RemoteRefusedError("BW5004", what, where=call.where, why=why, fix="busway explain BW5004"), answer)


def _rejected(call: Call, answer: Answer, envelope: Any) -> RecordRefusedError:
    fields = _complaints(envelope)
    error = RecordRefusedError(
        f"{call.service.name} refused the record",
        fields=fields,
        code="BW5003",
        where=call.where,
        why="; ".join(f"{name}: {', '.join(texts)}" for name, texts in fields.items()) or "HTTP 422, no field named",
        fix="correct the fields in the source; busway explain BW5003",
    )
    return _noted(error, answer)


def _complaints(envelope: Any) -> dict[str, list[str]]:
    errors = envelope.get("errors") if isinstance(envelope, dict) else None
    if not isinstance(errors, Mapping):
        return {}
    return {name: _texts(texts) for name, texts in errors.items() if _FIELD.fullmatch(name)}


def _texts(texts: Any) -> list[str]:
    listed = texts if isinstance(texts, list) else [texts]
    return [without_values(text) for text in listed if isinstance(text, str)]


def _noted(error: E, answer: Answer) -> E:
    error.note_answer(answer)
    return error
