"""The API of the directory: sign-in with client credentials, and the list of users."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

import orjson

from busway.contracts.records import Record
from busway_safetyamp.sandbox.faults import Faults, Place
from busway_safetyamp.sandbox.limiter import CallLimiter
from busway_safetyamp.sandbox.remote_api import RemoteApi
from busway_safetyamp.sandbox.wire import Answer, Request, count_in

__all__ = ["Application", "GraphApi"]

_DEFAULT_PAGE, _LARGEST_PAGE = 100, 999
_DEFAULT_FIELDS = (
    "id",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "userPrincipalName",
    "mobilePhone",
    "businessPhones",
)
_ENABLED = "accountEnabled eq true"


class Application:
    """The application that may sign in, and the tokens it was given.

    :param may_read: an administrator has granted it User.Read.All.
    :param calls_per_token: calls that a token is good for; None is for ever. Stands for the hour that real ones last.
    """

    def __init__(
        self, tenant: str, client_id: str, secret: str, *, may_read: bool = True, calls_per_token: int | None = None
    ) -> None:
        self.tenant = tenant
        self.client_id = client_id
        self.secret = secret
        self.may_read = may_read
        self.calls_per_token = calls_per_token
        self.sign_ins = 0
        self._left: dict[str, int | None] = {}
        self._lock = threading.Lock()

    def sign_in(self, form: dict[str, str]) -> tuple[str, str]:
        """A new token, and an empty reason; or no token, and Microsoft's code for why not."""
        if form.get("client_id") != self.client_id:
            return "", "AADSTS700016"
        if form.get("client_secret") != self.secret:
            return "", "AADSTS7000215"
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.sign_ins += 1
            self._left[token] = self.calls_per_token
        return token, ""

    def accepts(self, authorization: str) -> bool:
        """Whether the token of a call is good; counts the call."""
        token = authorization.removeprefix("Bearer ")
        with self._lock:
            left = self._left.get(token, 0)
            if left is not None and left <= 0:
                return False
            self._left[token] = None if left is None else left - 1
        return True


class GraphApi(RemoteApi):
    """Answers as Microsoft's sign-in and Microsoft Graph do, both at one address."""

    def __init__(
        self, users: Sequence[Record], application: Application, *, limiter: CallLimiter, faults: Faults
    ) -> None:
        super().__init__(limiter=limiter, faults=faults)
        self.address = ""
        """Where it listens; links to the next page begin with it."""
        self._users = users
        self._application = application

    def place(self, request: Request) -> Place:
        """``users`` with the page, ``token`` or ``discovery``."""
        if request.path.endswith("/token"):
            return Place("token")
        if request.path.endswith("/openid-configuration"):
            return Place("discovery")
        size = count_in(request.query.get("$top"), _DEFAULT_PAGE, least=1) or _DEFAULT_PAGE
        return Place("users", (count_in(request.query.get("$skiptoken"), 0) or 0) // size)

    def error(self, status: int, message: str) -> Answer:
        """``{"error": {"code": …, "message": …, "innerError": …}}``"""
        codes = {401: "InvalidAuthenticationToken", 403: "Authorization_RequestDenied", 429: "TooManyRequests"}
        inner = {"request-id": f"sandbox-{status}"}
        error = {"code": codes.get(status, "BadRequest" if status < 500 else "ServiceError"), "message": message}
        return Answer(status, orjson.dumps({"error": {**error, "innerError": inner}}))

    def served(self, request: Request, place: Place) -> Answer:
        """Sign-in and discovery by their paths, the rest is the API."""
        tenant = f"/{self._application.tenant}"
        if place.resource == "discovery":
            return self._discovered() if request.path.startswith(f"{tenant}/") else self._no_tenant()
        if place.resource == "token":
            return self._signed_in(request)
        if request.path != "/v1.0/users" or request.method != "GET":
            return self.error(404, "Resource not found.")
        if not self._application.accepts(request.headers.get("authorization", "")):
            return self.error(401, "Access token has expired or is not yet valid.")
        if not self._application.may_read:
            return self.error(403, "Insufficient privileges to complete the operation.")
        return self._listed(request, place)

    def _discovered(self) -> Answer:
        base = f"{self.address}/{self._application.tenant}"
        found = {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }
        return Answer(200, orjson.dumps(found))

    def _no_tenant(self) -> Answer:
        told = {"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."}
        return Answer(400, orjson.dumps(told))

    def _signed_in(self, request: Request) -> Answer:
        token, reason = self._application.sign_in(dict(parse_qsl(request.body.decode("utf-8", "replace"))))
        if reason:
            told = {"error": "invalid_client", "error_description": f"{reason}: refused. Trace ID: 0000"}
            return Answer(401, orjson.dumps(told))
        return Answer(200, orjson.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": token}))

    def _listed(self, request: Request, place: Place) -> Answer:
        query = request.query
        size = count_in(query.get("$top"), _DEFAULT_PAGE, least=1)
        first = count_in(query.get("$skiptoken"), 0)
        if "$skip" in query or size is None or size > _LARGEST_PAGE or first is None:
            return self.error(400, f"Invalid page size or unsupported query: $top is 1 to {_LARGEST_PAGE}.")
        if query.get("$filter", _ENABLED) != _ENABLED:
            return self.error(400, "The sandbox knows one filter: " + _ENABLED)
        enabled_only = "$filter" in query
        users = [user for user in self._users if user["accountEnabled"] or not enabled_only]
        fields = query["$select"].split(",") if "$select" in query else _DEFAULT_FIELDS

        def read(at: int, limit: int) -> list[bytes]:
            return [orjson.dumps({name: user.get(name) for name in fields}) for user in users[at : at + limit]]

        rows = self.faults.rows(place, size, len(users), read)
        link = b""
        if first + size < len(users):
            following = urlencode({**query, "$skiptoken": str(first + size)})
            link = b',"@odata.nextLink":' + orjson.dumps(f"{self.address}/v1.0/users?{following}")
        return Answer(200, b'{"value":[' + b",".join(rows) + b"]" + link + b"}")
