"""The target: the users of a SCIM 2.0 service (RFC 7643, RFC 7644)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx

from busway import Complete, Limiter, Record, Secret
from busway.contracts.clock import Clock
from busway.contracts.retry_after import retry_after_seconds
from busway.errors import IncompleteReadError, RefusedError, RejectedRecordError, UnreachableError

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class ScimUsers:
    """Sends one request for each call and believes nothing but an answer. To try again is the engine's business."""

    def __init__(self, url: str, token: Secret, limiter: Limiter, clock: Clock, page_size: int = 100) -> None:
        self._url, self._token, self._limiter, self._clock = url, token, limiter, clock
        self._page_size = page_size
        self._http = httpx.Client(base_url=url, timeout=30, headers={"Accept": "application/scim+json"})

    def all(self) -> Complete[Record]:
        """Every user, each once. The service must say on each page how many there are, and not change its mind."""
        total, users = self._page(1)
        pages = 1
        while len(users) != total:
            again, more = self._page(len(users) + 1)
            if again != total or len(users) > total or not more or more.keys() & users.keys():
                raise self._incomplete(f"page {pages + 1} does not go on where page {pages} ended")
            users |= more
            pages += 1
        return Complete(users.values(), pages=pages)

    def named(self, user_name: str) -> Record | None:
        """The user with this ``userName``, which a service has once."""
        answer = self._call("GET", "/Users", params={"filter": f"userName eq {json.dumps(user_name)}"})
        return next(map(flat, answer.get("Resources", [])), None)

    def create(self, record: Record) -> Record:
        """Creates a user and returns it as the service has it."""
        return flat(self._call("POST", "/Users", json={"schemas": [USER], **nested(record)}))

    def change(self, user_id: str, values: Record) -> Record:
        """Writes ``values`` and reads the user again: many services answer a PATCH without a body."""
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        path = f"/Users/{quote(user_id, safe='')}"
        self._call("PATCH", path, json={"schemas": [PATCH], "Operations": operations})
        return flat(self._call("GET", path))

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def _page(self, start: int) -> tuple[int, dict[str, Record]]:
        answer = self._call("GET", "/Users", params={"startIndex": start, "count": self._page_size})
        total = answer.get("totalResults")
        if not isinstance(total, int):
            raise unclear(f"GET {self._url}/Users", "the answer has no totalResults", ambiguous=False)
        return total, {user["id"]: flat(user) for user in answer.get("Resources", [])}

    def _call(self, method: str, path: str, **request: Any) -> Record:
        self._limiter.wait("reads" if method == "GET" else "writes")
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        where = f"{method} {self._url}{path}"
        try:
            answer = self._http.request(method, path, headers=headers, **request)
        except httpx.TransportError as error:
            failure: Exception = away(where, type(error).__name__, ambiguous=not isinstance(error, NEVER_SENT))
        else:
            if answer.is_success:
                return body_of(answer, where, method)
            failure = self._failure(where, method, answer)
        raise failure  # out here: raised in the except block it would carry the other one, which may quote a header

    def _failure(self, where: str, method: str, answer: httpx.Response) -> Exception:
        """What an answer other than 2xx means. Its text may quote the record, so its status has to do."""
        status, why = answer.status_code, f"HTTP {answer.status_code}"
        if status == 429:
            error = away(where, why, ambiguous=False)
            wait = retry_after_seconds(answer.headers.get("Retry-After"), self._clock.now_ns())
            error.retry_after_seconds = 5.0 if wait is None else wait
            self._limiter.back_off(error.retry_after_seconds)
            return error
        if status >= 500:
            return away(where, why, ambiguous=True)
        if method != "GET" and status in (400, 404, 409, 413):
            fields = {"userName": ["is taken"]} if status == 409 else {}
            why = f"{why}: userName is taken" if fields else why
            return RejectedRecordError("the service refused it", fields=fields, status=status, where=where, why=why)
        fix = "check ACME_SCIM_TOKEN and ACME_SCIM_URL: busway config explain ACME_SCIM_TOKEN"
        return RefusedError("ACME13", "the SCIM service refused", where=where, why=why, fix=fix, status=status)

    def _incomplete(self, why: str) -> IncompleteReadError:
        where, fix = f"GET {self._url}/Users", "run again: somebody changed the users while they were read"
        return IncompleteReadError("ACME14", "the list of users is incomplete", where=where, why=why, fix=fix)


def away(where: str, why: str, *, ambiguous: bool) -> UnreachableError:
    """``ambiguous``: the service may have carried out the request all the same."""
    fix = "check ACME_SCIM_URL: busway config explain ACME_SCIM_URL"
    error = UnreachableError("ACME12", "the SCIM service does not serve", where=where, why=why, fix=fix)
    error.ambiguous = ambiguous
    return error


def unclear(where: str, why: str, *, ambiguous: bool) -> RefusedError:
    """An answer that proves nothing."""
    fix = "check ACME_SCIM_URL: something else than a SCIM service answered"
    error = RefusedError("ACME15", "the SCIM service cannot be understood", where=where, why=why, fix=fix)
    error.ambiguous = ambiguous
    return error


def body_of(answer: httpx.Response, where: str, method: str) -> Record:
    """The JSON object of a good answer, which may be without one."""
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise unclear(where, "the answer is not a JSON object", ambiguous=method == "POST")
    return body


def flat(user: Any) -> Record:
    """A user as the job sees it: its fields are SCIM attribute paths."""
    name = user.get("name") or {}
    record = {path: user.get(path) for path in ("id", "externalId", "userName", "title")}
    names = {f"name.{part}": name.get(part) for part in ("givenName", "familyName")}
    return {**record, **names, "active": user.get("active", True)}


def nested(record: Record) -> Record:
    """The other way round."""
    user: Record = {}
    for path, value in record.items():
        *parents, last = path.split(".")
        place = user
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return user
