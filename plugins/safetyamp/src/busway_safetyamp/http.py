"""Calls to SafetyAmp: its headers, its quota, and the envelope its answers come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiters
from busway.contracts.records import Record
from busway_safetyamp.remote.answers import shapeless
from busway_safetyamp.remote.caller import Caller
from busway_safetyamp.remote.keys import bearer, fingerprint
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.service import Call, Service
from busway_safetyamp.remote.turns import SHARES, Share, Turns
from busway_safetyamp.remote.wire import Wire
from busway_safetyamp.settings.api import ApiSettings

__all__ = ["SafetyAmpHttp", "safetyamp_headers", "safetyamp_service", "safetyamp_turns"]


class SafetyAmpHttp:
    """Sends one request and returns ``data`` of its answer. Safe to use from many threads.

    Every method raises ``RefusedError`` (BW50xx) and ``UnreachableError`` (BW51xx).
    """

    def __init__(
        self,
        settings: ApiSettings,
        wire: Wire,
        *,
        turns: Turns,
        retries: Retries,
        write_retries: Retries | None = None,
    ) -> None:
        self.service = safetyamp_service(settings)
        self._caller = Caller(
            wire,
            authorization=lambda: bearer(settings.token, "SAFETYAMP_TOKEN"),
            turns=turns,
            retries=retries,
            write_retries=write_retries,
        )

    def get(self, path: str, params: Mapping[str, int] | None = None, *, share: Share = "run") -> Any:
        """``data`` of a read."""
        call = Call("GET", self.service, path)
        return _data_of(call, self._caller.call(call, share, params=params))

    def post(self, path: str, record: Record) -> Any:
        """``data`` of a create. Raises ``RejectedRecordError`` (BW5003) too.

        An error with ``ambiguous = True`` says that the record may exist now.
        """
        return self._write("POST", path, record)

    def patch(self, path: str, record: Record) -> Any:
        """``data`` of an update. Raises ``RejectedRecordError`` (BW5003) too."""
        return self._write("PATCH", path, record)

    def put(self, path: str, record: Record) -> Any:
        """``data`` of an update where the remote wants PUT. Raises ``RejectedRecordError`` (BW5003) too."""
        return self._write("PUT", path, record)

    def close(self) -> None:
        """Gives the connections back."""
        self._caller.close()

    def _write(self, method: str, path: str, record: Record) -> Any:
        call = Call(method, self.service, path)
        return _data_of(call, self._caller.call(call, "run", content=orjson.dumps(record)))


def safetyamp_service(settings: ApiSettings) -> Service:
    """SafetyAmp as errors speak of it."""
    return Service(
        name="SafetyAmp",
        address=settings.domain,
        address_setting="SAFETYAMP_DOMAIN",
        key_code="BW5001",
        key_refused="SafetyAmp refused the API key",
        key_fix="check SAFETYAMP_TOKEN and SAFETYAMP_FQDN: `busway config explain SAFETYAMP_TOKEN`",
        quota_fix="run again later; if another program uses the same key, lower SAFETYAMP_RATE_LIMIT_CALLS",
    )


def safetyamp_headers(settings: ApiSettings) -> dict[str, str]:
    """What the vendor requires of every request, beside the key and ``Accept``."""
    return {"Fqdn": settings.fqdn, "User-Agent": settings.user_agent}


def safetyamp_turns(settings: ApiSettings, limiters: Limiters) -> Turns:
    """Turns out of the account's quota: one for each host, account and key, shared by every process."""
    account = f"safetyamp {urlsplit(settings.domain).netloc} {settings.fqdn}"

    def quota() -> Quota:
        name = f"{account} {fingerprint(settings.token)}"
        # No margin: the period is a second longer than the vendor's already.
        return Quota(name, settings.rate_limit_calls, settings.rate_limit_period, SHARES, margin_seconds=0.0)

    return Turns(limiters, quota if settings.rate_limit_calls else None)


def _data_of(call: Call, envelope: Any) -> Any:
    if isinstance(envelope, dict) and "data" in envelope:
        return envelope["data"]
    raise shapeless(call, "it has no data")
