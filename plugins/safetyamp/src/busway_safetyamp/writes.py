"""Writes to SafetyAmp: nothing that is known to be refused is sent, and only a proven answer counts."""

from __future__ import annotations

from typing import Any

from busway.contracts.records import Record, without
from busway.errors import RefusedError, RejectedRecordError
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.remote.answers import shapeless
from busway_safetyamp.remote.service import Call
from busway_safetyamp.sites import code_of

__all__ = ["code_stuck", "sendable", "verified"]

_SET_BY_THE_ACCOUNT = ("id", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by")


def sendable(call: Call, record: Record, *required: str) -> Record:
    """What of ``record`` may be sent. Raises ``RejectedRecordError`` (BW5003) where one of ``required`` is missing.

    The account refuses a body without them, on updates too; an earlier integration filled them in with inventions.
    """
    missing = [name for name in required if record.get(name) is None or str(record[name]).strip() == ""]
    if missing:
        raise RejectedRecordError(
            "the record was not sent, because SafetyAmp would refuse it",
            fields={name: ["is required"] for name in missing},
            where=call.where,
            why=f"it lacks {', '.join(missing)}",
            fix="complete it in the source; busway explain BW5003",
        )
    return without(record, *_SET_BY_THE_ACCOUNT)


def verified(call: Call, data: Any, record_id: object = None) -> Record:
    """The record in an answer. Raises ``RefusedError`` (BW5005) when there is none, or another one than ``record_id``.

    That was the record of a create may then exist all the same: the error is ``ambiguous``.
    """
    if not isinstance(data, dict) or data.get("id") in (None, ""):
        raise shapeless(call, "its data is not a record with an id")
    if record_id is not None and str(data["id"]) != str(record_id):
        raise shapeless(call, "its data is another record")
    return data


def code_stuck(call: Call, sent: Record, site: Record, field: str) -> Record:
    """``site``, when it has the code that was sent. Raises ``RefusedError`` (BW5009).

    The account ignores fields it does not know: a site would be made without its code, and made again by the next run.
    """
    wanted = collapse_blanks(sent.get(field))
    if not wanted or code_of(site, field) == wanted:
        return site
    raise RefusedError(
        "BW5009",
        "SafetyAmp did not keep the code of a site",
        where=f"{call.where}, field {field}",
        why=f"the site was written (id {site['id']}), and its code is not {wanted}: the account ignores this field",
        fix="set SAFETYAMP_SITE_CODE_FIELD to the other field: busway explain BW5009",
    )
