"""What may be taken from an answer of the vault: codes, ids and addresses, each only in its own shape.

The rest of the remote's text never gets into an error: it breaks lines, and whoever answers decides what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

__all__ = [
    "caller_of",
    "challenge_code",
    "challenges",
    "client_address",
    "code_of",
    "is_revoked",
    "kinds_within",
    "object_id",
    "retry_after",
    "tenants",
]

_GUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_LONGEST_CHAIN = 20


def code_of(error: HttpResponseError) -> str:
    """The most telling code of the answer (``SecretDisabled``); empty when there is none in the shape of a code."""
    told = error.error
    inner = getattr(told, "innererror", None)
    code = inner.get("code") if isinstance(inner, dict) else None
    code = str(code or getattr(told, "code", "") or "")
    return code if re.fullmatch(r"[A-Za-z0-9]{1,64}", code) else ""


def object_id(error: HttpResponseError) -> str:
    """The caller's object id in the directory, which commands take; empty when it is not told."""
    return _guid_after("oid=", error)


def caller_of(error: HttpResponseError) -> str:
    """Who the vault says we are, for people."""
    oid, appid = object_id(error), _guid_after("appid=", error)
    parts = [f"object id {oid}" if oid else "", f"application {appid}" if appid else ""]
    return ", ".join(part for part in parts if part) or "an identity it does not name"


def client_address(error: HttpResponseError) -> str:
    """The address the vault sees us under; empty when it is not told or is none."""
    found = re.search(r"Client address: ([0-9a-fA-F.:]{2,45})", str(error))
    try:
        return str(ip_address(found[1].rstrip("."))) if found else ""
    except ValueError:
        return ""


def challenge_code(error: HttpResponseError) -> str:
    """The vault's own code of a refused token (``AKV10032``)."""
    found = re.search(r"\bAKV\d{5}\b", str(error))
    return found[0] if found else ""


def tenants(error: HttpResponseError) -> tuple[str, str]:
    """The tenant the vault belongs to, and the one the token is of; empty where it is not told."""
    expected = re.search(rf"(?:Expected|one of)[^,;]{{0,80}}?({_GUID})", str(error))
    found = re.search(rf"found[^,;]{{0,80}}?({_GUID})", str(error))
    asked = re.search(rf"authorization(?:_uri)?=\"https://[^\"/]+/({_GUID})", _header(error, "WWW-Authenticate"))
    vault = expected or asked
    return (vault[1] if vault else ""), (found[1] if found else "")


def challenges(error: HttpResponseError) -> bool:
    """Whether the answer says how to sign in, as every 401 of a vault does."""
    return _header(error, "WWW-Authenticate").lower().startswith("bearer ")


def is_revoked(error: HttpResponseError) -> bool:
    """Whether the vault asks for a token with new claims: the one it got was revoked."""
    return "claims=" in _header(error, "WWW-Authenticate")


def retry_after(error: HttpResponseError, now_ns: int) -> float | None:
    """In how many seconds the vault wants to be asked again; ``None`` when it does not say."""
    told = _header(error, "Retry-After").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", told):
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now_ns / 1e9, UTC)).total_seconds())


def kinds_within(error: BaseException) -> frozenset[str]:
    """Names of the types of an error and of all it wraps."""
    return frozenset(type(one).__name__ for one in _links(error))


def _links(error: BaseException) -> Iterator[BaseException]:
    """The error and those inside it, wherever requests, urllib3 and the client library put them."""
    waiting, seen = [error], 0
    while waiting and seen < _LONGEST_CHAIN:
        one = waiting.pop()
        seen += 1
        yield one
        inner = (getattr(one, "inner_exception", None), getattr(one, "reason", None), one.__cause__, *one.args)
        waiting += [each for each in inner if isinstance(each, BaseException)]


def _guid_after(label: str, error: HttpResponseError) -> str:
    found = re.search(rf"\b{label}({_GUID})\b", str(error))
    return found[1].lower() if found else ""


def _header(error: HttpResponseError, name: str) -> str:
    headers = getattr(error.response, "headers", None) or {}
    return str(headers.get(name, "") or "")
