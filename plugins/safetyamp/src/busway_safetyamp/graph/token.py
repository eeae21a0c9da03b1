"""Access tokens: client credentials through Microsoft's own library, over our connections."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busway.contracts.settings import Secret
from busway.errors import ConfigurationError
from busway_safetyamp.graph.service import sign_in_service
from busway_safetyamp.remote.answers import judged, parsed, shapeless
from busway_safetyamp.remote.errors import Answer, RemoteRefusedError
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.service import Call
from busway_safetyamp.remote.wire import Wire
from busway_safetyamp.settings.graph import MICROSOFT_LOGIN, GraphSettings

if TYPE_CHECKING:
    import msal

__all__ = ["GraphToken"]

_AADSTS = re.compile(r"AADSTS\d+")
_MEANINGS = {
    "AADSTS7000215": "the client secret is wrong: it may be the secret's id instead of its value",
    "AADSTS7000222": "the client secret has expired",
    "AADSTS700016": "there is no such application in the tenant",
    "AADSTS90002": "there is no such tenant",
    "invalid_tenant": "there is no such tenant",
    "AADSTS53003": "a conditional access policy forbids it",
}
_EXPECTED = {"token_endpoint", "access_token"}
_AGAIN = (429, 500, 502, 503, 504)


class GraphToken:
    """Keeps one token for the application; a new one is fetched shortly before it ends. Safe to use from many threads.

    The client secret is read at each sign-in, so a rotated one is used without a restart.
    """

    def __init__(self, settings: GraphSettings, wire: Wire, retries: Retries) -> None:
        self._settings = settings
        self._wire = wire
        self._http = _MsalHttp(settings, wire, retries)
        self._lock = threading.Lock()
        self._application: msal.ConfidentialClientApplication | None = None
        self._secret = ""

    def authorization(self) -> str:
        """The header. Raises ``RefusedError`` BW5012, ``UnreachableError`` BW51xx, ``ConfigurationError`` BW5014."""
        with self._lock:
            scope = f"{self._settings.graph_domain}/.default"
            answer: Any = self._signed_in().acquire_token_for_client(scopes=[scope]) or {}
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise self._refused(str(answer.get("error", "")), str(answer.get("error_description", "")))
        return f"Bearer {token}"

    def renew(self) -> None:
        """Forgets the token: the remote does not take it any more."""
        with self._lock:
            if self._application is not None:
                self._application.remove_tokens_for_client()

    def close(self) -> None:
        """Gives the connections back."""
        self._wire.close()

    def _signed_in(self) -> msal.ConfidentialClientApplication:
        secret = self._secret_now()
        if self._application is None or secret != self._secret:
            self._application, self._secret = self._open(secret), secret
        return self._application

    def _open(self, secret: str) -> msal.ConfidentialClientApplication:
        import msal

        settings = self._settings
        try:
            return msal.ConfidentialClientApplication(
                settings.graph_client_id,
                client_credential=secret,
                authority=f"{settings.graph_authority}/{settings.graph_tenant_id}",
                # Asking Microsoft whether another host may sign in makes no sense for a host that is not Microsoft's.
                instance_discovery=None if settings.graph_authority == MICROSOFT_LOGIN else False,
                http_client=self._http,
            )
        except ValueError as error:
            # How the library says that the tenant has no sign-in; its text repeats the whole answer.
            failure = self._refused("invalid_tenant", str(error))
        raise failure

    def _secret_now(self) -> str:
        secret: Secret | None = self._settings.graph_client_secret
        given = (self._settings.graph_tenant_id, self._settings.graph_client_id, secret)
        names = ("MS_GRAPH_TENANT_ID", "MS_GRAPH_CLIENT_ID", "MS_GRAPH_CLIENT_SECRET")
        missing = [name for name, value in zip(names, given, strict=True) if not value]
        if secret is None or missing:
            raise ConfigurationError(
                "BW5014",
                "the directory cannot be read without its settings",
                where=", ".join(missing),
                why="they are not set",
                fix="set them, or SAFETYAMP_ENRICHMENT=off to do without the directory",
            )
        return secret.get_secret_value().strip()

    def _refused(self, error: str, description: str) -> RemoteRefusedError:
        found = _AADSTS.search(description)
        code = found[0] if found else error if re.fullmatch(r"[a-z_]{1,40}", error) else "no reason given"
        service = sign_in_service(self._settings)
        return RemoteRefusedError(
            service.key_code,
            service.key_refused,
            where=f"{service.address}/{self._settings.graph_tenant_id}",
            why=f"{_MEANINGS.get(code, 'it was answered')} ({code})",
            fix=service.key_fix,
        )


class _MsalAnswer:
    """What Microsoft's library expects of an HTTP response."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.text = answer.body.decode("utf-8", "replace")
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        """Never called for an answer that passed: what may pass was tried again, the rest is read."""


class _MsalHttp:
    """What Microsoft's library sends its requests through: our time-outs, retries, trust and proxies, not another's.

    It would bring its own otherwise, which heeds ``REQUESTS_CA_BUNDLE`` before what it is told.
    """

    def __init__(self, settings: GraphSettings, wire: Wire, retries: Retries) -> None:
        self._service = sign_in_service(settings)
        self._wire = wire
        self._retries = retries

    def get(self, url: str, params: Mapping[str, str] | None = None, **more: Any) -> _MsalAnswer:
        """One GET."""
        return self._send("GET", url, params=params, headers=more.get("headers"))

    def post(
        self, url: str, params: Mapping[str, str] | None = None, data: Mapping[str, str] | None = None, **more: Any
    ) -> _MsalAnswer:
        """One POST of a form. It fetches a token and creates nothing, so it may be repeated."""
        return self._send("POST", url, params=params, data=data, headers=more.get("headers"))

    def close(self) -> None:
        """Nothing: the connections are closed with the token."""

    def _send(self, method: str, url: str, **request: Any) -> _MsalAnswer:
        call = Call(method, self._service, urlsplit(url).path, repeatable=True)

        def attempt() -> Answer:
            answer = self._wire.exchange(call, url=url, **request)
            if answer.status in _AGAIN:
                judged(call, answer)
            return answer

        answer = self._retries.run(attempt)
        # Looked at here: the library writes an answer that it cannot read into the log, whole.
        envelope = parsed(call, answer)
        if answer.good and not (isinstance(envelope, dict) and _EXPECTED & set(envelope)):
            raise shapeless(call, "it is neither the description of a sign-in nor a token")
        return _MsalAnswer(answer)
