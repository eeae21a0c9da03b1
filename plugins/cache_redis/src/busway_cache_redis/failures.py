"""Failures: what redis-py and the network raise, as coded errors that name the server and no secret."""

from __future__ import annotations

import builtins
import re
import ssl

from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from busway.errors import UnreachableError
from busway_cache_redis.address import Address

__all__ = ["failure"]

_REFUSED_WRITE = re.compile(r"(?:^|-)(OOM|READONLY|MISCONF|NOREPLICAS)\b")
"""At the beginning of an answer; inside of it where a script was refused."""
_WRITES = {
    "OOM": ("its memory is full (maxmemory)", "raise maxmemory, or set maxmemory-policy volatile-lru"),
    "READONLY": ("it is a read-only replica", "let REDIS_HOST, or REDIS_URL, name the primary"),
    "MISCONF": ("it cannot save to its disk", "see its log and its disk: redis-cli INFO persistence"),
    "NOREPLICAS": ("too few replicas are connected", "see redis-cli INFO replication"),
}
_KIND = re.compile(r"[A-Z]{3,19}\b")


def failure(error: Exception, address: Address) -> UnreachableError:
    """The error to raise in place of ``error``: BW2006, BW2025 to BW2028 or BW2031."""
    for judge in (_refused_write, _not_ready, _not_let_in, _not_trusted, _away):
        found = judge(error, str(address))
        if found is not None:
            return found
    return UnreachableError(
        "BW2028",
        f"what answers at {address} does not speak as Redis does",
        where=str(address),
        why=f"its answer makes no sense ({type(error).__name__})",
        fix="see that REDIS_HOST and REDIS_PORT, or REDIS_URL, name a Redis server and no proxy in between alters it",
    )


def _refused_write(error: Exception, where: str) -> UnreachableError | None:
    kind = "OOM" if isinstance(error, OutOfMemoryError) else "READONLY" if isinstance(error, ReadOnlyError) else ""
    if not kind and isinstance(error, ResponseError):
        found = _REFUSED_WRITE.search(str(error))
        kind = found[1] if found else ""
    if not kind:
        return None
    why, fix = _WRITES[kind]
    refused = UnreachableError("BW2025", f"Redis at {where} refuses to store anything", where=where, why=why, fix=fix)
    refused.ambiguous = False
    return refused


def _not_ready(error: Exception, where: str) -> UnreachableError | None:
    text = str(error)
    if isinstance(error, BusyLoadingError):
        why = "it is loading its data"
    elif isinstance(error, ResponseError) and text.startswith("BUSY "):
        why = "it is busy with a script"
    elif isinstance(error, ClusterDownError | TryAgainError):
        why = "it has lost its primary, or is moving data"
    elif isinstance(error, ConnectionError) and text.startswith("max number of clients"):
        why = "it has as many clients as it takes (maxclients)"
    else:
        return None
    fix = "wait; it is tried again. If it stays: redis-cli INFO, and SCRIPT KILL for a script without an end"
    return UnreachableError("BW2026", f"Redis at {where} is not ready", where=where, why=why, fix=fix)


def _not_let_in(error: Exception, where: str) -> UnreachableError | None:
    if isinstance(error, NoPermissionError):
        why = "the user may not do this"
        fix = "give the user the commands and keys of busway explain BW2027: redis-cli ACL LOG names what it lacked"
    elif isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError):
        why, fix = "it refused the credentials", "set REDIS_PASSWORD and REDIS_USERNAME, or those in REDIS_URL"
    else:
        return None
    return UnreachableError("BW2027", f"Redis at {where} does not let us in", where=where, why=why, fix=fix)


def _not_trusted(error: Exception, where: str) -> UnreachableError | None:
    below = _first_of(error, ssl.SSLError)
    if below is None:
        return None
    why = "no TLS could be agreed: it speaks none, or none that is safe"
    if isinstance(below, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted ({below.verify_message})"
    fix = "set REDIS_CA_FILE to the authority that signed it, and REDIS_HOST to the name it is issued for"
    return UnreachableError("BW2031", f"Redis at {where} does not prove who it is", where=where, why=why, fix=fix)


def _away(error: Exception, where: str) -> UnreachableError | None:
    fix = "see that the server runs and that REDIS_HOST and REDIS_PORT, or REDIS_URL, name it"
    if isinstance(error, TimeoutError | builtins.TimeoutError):
        why, fix = "no answer in time", "see how busy the server is, or raise REDIS_TIMEOUT_MS"
    elif isinstance(error, ResponseError):
        why, fix = f"it refused the command ({_kind(error)})", "busway explain BW2006"
    elif isinstance(error, ConnectionError | OSError):
        below = _first_of(error, OSError)
        why = f"no connection ({(below is not None and below.strerror) or 'it was closed'})"
    else:
        return None
    return UnreachableError("BW2006", f"Redis at {where} does not serve", where=where, why=why, fix=fix)


def _kind(error: RedisError) -> str:
    """The kind of a refusal, such as WRONGTYPE; the rest of its text may quote what was sent."""
    found = _KIND.match(str(error))
    return found[0] if found else type(error).__name__


def _first_of(error: BaseException | None, kind: type[OSError]) -> OSError | None:
    """What is of ``kind`` and has a text, below what redis-py wraps around it."""
    while error is not None:
        if isinstance(error, kind) and error.strerror:
            return error
        error = error.__cause__ or error.__context__
    return None
