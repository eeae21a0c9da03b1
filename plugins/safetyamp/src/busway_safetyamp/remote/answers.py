"""What SafetyAmp answered, and what that means for the caller.

No error made here holds a body: a refused record is in it, with the person's data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from busway.errors import BuswayError, RefusedError, RejectedRecordError, UnreachableError
from busway_safetyamp.retries import Transient

__all__ = ["AmbiguousWriteError", "Call", "NotServedError", "UnverifiedWriteError", "data_of", "lost", "shapeless"]

_FIELD = re.compile(r"[A-Za-z0-9_.]{1,64}")
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|`[^`]*`|(?<!\w)\'[^\']*\'(?!\w)')
_TELLING = re.compile(r"\S*@\S*|\S*\d{4,}\S*")
_LONGEST_TEXT = 200


class NotServedError(UnreachableError):
    """A call that was not answered, or answered that it cannot be served now."""

    ambiguous = False
    """Whether a create may have happened all the same. False spares the engine a read of all users to look for it."""


class AmbiguousWriteError(NotServedError):
    """A create whose answer was lost: it may have happened. Read back before repeating it."""

    ambiguous = True


class UnverifiedWriteError(RefusedError):
    """A create that was answered, but not with the record: it may have happened. Read back before repeating it."""

    ambiguous = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as errors speak of it."""

    method: str
    domain: str
    path: str

    @property
    def where(self) -> str:
        """``POST https://api.safetyamp.com/api/users``"""
        return f"{self.method} {self.domain}{self.path}"

    @property
    def creates(self) -> bool:
        """A second one would make a second record."""
        return self.method == "POST"


def data_of(call: Call, status: int, body: bytes, retry_after: float | None) -> Any:
    """``data`` of a good answer; raises what a bad one means.

    Raises ``RefusedError`` (BW5001, BW5002, BW5004, BW5005), ``RejectedRecordError`` (BW5003), ``UnreachableError``
    (BW5101), and :class:`Transient` where another attempt may help.
    """
    if status in (401, 403):
        raise _unauthorised(call, status)
    if status == 429:
        raise Transient(_throttled(call, retry_after), retry_after)
    if status >= 500:
        raise _unavailable(call, status, retry_after)
    envelope = _parsed(call, status, body)
    if 200 <= status < 300:
        if isinstance(envelope, dict) and "data" in envelope:
            return envelope["data"]
        raise shapeless(call, "it has no data")
    if status == 422 and call.method != "GET":
        raise _rejected(call, envelope)
    raise _refused(call, status)


def lost(call: Call, *, cause: str, sent: bool) -> NotServedError:
    """The error for a request without an answer; ``sent`` says whether the server may have seen it."""
    kind = AmbiguousWriteError if call.creates and sent else NotServedError
    return kind(
        "BW5102",
        "SafetyAmp did not answer",
        where=call.where,
        why=cause,
        fix="check the network and `busway config explain SAFETYAMP_DOMAIN`, then run again",
    )


def shapeless(call: Call, why: str) -> RefusedError:
    """The error for a good answer whose ``data`` is missing or not what was asked for."""
    return _unverified(call)(
        "BW5005",
        "SafetyAmp's answer does not have the expected shape",
        where=call.where,
        why=why,
        fix="nothing was decided on it; compare the API's version and tell the plugin's author: busway explain BW5005",
    )


def _unverified(call: Call) -> type[RefusedError]:
    return UnverifiedWriteError if call.creates else RefusedError


def _unauthorised(call: Call, status: int) -> RefusedError:
    return RefusedError(
        "BW5001",
        "SafetyAmp refused the API key",
        where=call.where,
        why=f"HTTP {status}",
        fix="check SAFETYAMP_TOKEN and SAFETYAMP_FQDN: `busway config explain SAFETYAMP_TOKEN`",
        status=status,
    )


def _throttled(call: Call, retry_after: float | None) -> NotServedError:
    asked = "" if retry_after is None else f"; it asked to wait {retry_after:g} s"
    return NotServedError(
        "BW5103",
        "SafetyAmp refuses more calls for now",
        where=call.where,
        why=f"HTTP 429{asked}",
        fix="run again later; if another program uses the same key, lower SAFETYAMP_RATE_LIMIT_CALLS",
    )


def _unavailable(call: Call, status: int, retry_after: float | None) -> Exception:
    # A 503 says that nothing was done. After any other 5xx a create may have happened all the same.
    ambiguous = call.creates and status != 503
    kind = AmbiguousWriteError if ambiguous else NotServedError
    error: BuswayError = kind(
        "BW5101",
        "SafetyAmp cannot serve now",
        where=call.where,
        why=f"HTTP {status}",
        fix="run again later; if it lasts, ask the vendor: busway explain BW5101",
    )
    again = status == 503 if call.creates else status in (502, 503, 504)
    return Transient(error, retry_after) if again else error


def _parsed(call: Call, status: int, body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        kind = _unverified(call) if 200 <= status < 300 else RefusedError
        raise kind(
            "BW5002",
            "the answer is not JSON",
            where=call.where,
            why=f"HTTP {status} with {_looks_like(body)}: something else than the SafetyAmp API answered",
            fix="check the address: `busway config explain SAFETYAMP_DOMAIN`; a proxy or a sign-in page may be between",
            status=status,
        ) from None


def _looks_like(body: bytes) -> str:
    if not body.strip():
        return "an empty body"
    return "an HTML page" if body.lstrip()[:1] == b"<" else "text that is not JSON"


def _refused(call: Call, status: int) -> RefusedError:
    return RefusedError(
        "BW5004",
        "SafetyAmp refused the request",
        where=call.where,
        why=f"HTTP {status}",
        fix="busway explain BW5004",
        status=status,
    )


def _rejected(call: Call, envelope: Any) -> RejectedRecordError:
    fields = _complaints(envelope)
    return RejectedRecordError(
        "SafetyAmp refused the record",
        fields=fields,
        status=422,
        code="BW5003",
        where=call.where,
        why="; ".join(f"{name}: {', '.join(texts)}" for name, texts in fields.items()) or "HTTP 422, no field named",
        fix="correct the fields in the source; busway explain BW5003",
    )


def _complaints(envelope: Any) -> dict[str, list[str]]:
    errors = envelope.get("errors") if isinstance(envelope, dict) else None
    if not isinstance(errors, Mapping):
        return {}
    return {name: _texts(texts) for name, texts in errors.items() if _FIELD.fullmatch(name)}


def _texts(texts: Any) -> list[str]:
    listed = texts if isinstance(texts, list) else [texts]
    return [_without_values(text) for text in listed if isinstance(text, str)]


def _without_values(text: str) -> str:
    """The sentence without what may be the record's own data: quoted parts, addresses, long numbers."""
    return _TELLING.sub("…", _QUOTED.sub("…", text))[:_LONGEST_TEXT]
