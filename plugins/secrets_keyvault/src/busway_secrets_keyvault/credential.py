"""Who we are: Azure's chain of credentials, asked by one thread at a time. Imported at the first fetch."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import azure.identity
from azure.core.credentials import AccessTokenInfo

if TYPE_CHECKING:
    from azure.core.credentials import TokenRequestOptions

__all__ = ["SoleCredential", "TokenError", "default_credential"]

PROCESS_SECONDS = 10
"""How long the Azure CLI and its kin may take. Longer than a call: what comes too late for one serves the next."""
_TENANT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,126}")


class TokenError(Exception):
    """No token. It has the parts of what was raised that may be told, and not the original, whose text may name people.

    Not an error of the client library, so that none of the library's own policies handles it.
    """

    def __init__(self, error: Exception | None, tenant: str = "") -> None:
        text = str(error or "")
        super().__init__("no token")
        self.kind = type(error).__name__ if error is not None else ""
        """The type that was raised; empty when another thread still waits for its token."""
        self.tenant = tenant
        """The tenant that the vault sent us to, where it is known."""
        self.tried = _known_credentials(text)
        self.directory_code = _first(r"\bAADSTS\d{4,9}\b", text)
        self.other_tenant = "not configured to acquire tokens for tenant" in text


class SoleCredential:
    """Asks the credential one question at a time; who waited meanwhile takes the same answer.

    The client library asks once per thread when a token is missing, expired or revoked.

    :param wait_seconds: how long a thread waits for another one's answer.
    """

    def __init__(self, inner: Any, wait_seconds: float) -> None:
        self._inner = inner
        self._wait = wait_seconds
        self._lock = threading.Lock()
        self._answers = 0
        self._last: tuple[object, AccessTokenInfo] | None = None
        self.asked = False
        """True while the credential has been asked and has not answered."""
        self.tenant = ""
        """The tenant that the vault last sent us to."""

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """See ``azure.core.credentials.SupportsTokenInfo``. Raises ``TokenError``."""
        seen = self._answers
        question = (scopes, sorted((options or {}).items(), key=str))
        self._note_tenant(options)
        if not self._lock.acquire(timeout=self._wait):
            raise TokenError(None, self.tenant)
        try:
            if self._answers != seen and self._last is not None and self._last[0] == question:
                return self._last[1]
            answer = self._ask(scopes, options)
            self._answers, self._last = self._answers + 1, (question, answer)
            return answer
        finally:
            self._lock.release()

    def close(self) -> None:
        """Closes the credential, where it is of a kind that can be closed."""
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()

    @property
    def name(self) -> str:
        """Which credential gave the token, for people: ``AzureCliCredential``."""
        # The chain keeps the member that worked to itself; without it the chain is named.
        inner = getattr(self._inner, "_successful_credential", None) or self._inner
        return type(inner).__name__ if type(inner).__name__ in azure.identity.__all__ else ""

    def _ask(self, scopes: tuple[str, ...], options: TokenRequestOptions | None) -> AccessTokenInfo:
        self.asked = True
        try:
            if hasattr(self._inner, "get_token_info"):
                answer: AccessTokenInfo = self._inner.get_token_info(*scopes, options=options)
                return answer
            token = self._inner.get_token(*scopes, **(options or {}))
            return AccessTokenInfo(token.token, token.expires_on)
        except Exception as error:
            told = TokenError(error, self.tenant)
        finally:
            self.asked = False
        raise told

    def _note_tenant(self, options: TokenRequestOptions | None) -> None:
        tenant = (options or {}).get("tenant_id") or ""
        self.tenant = tenant if _TENANT.fullmatch(tenant) else ""


def default_credential(timeout_seconds: float) -> azure.identity.DefaultAzureCredential:
    """Azure's default chain. Without limits of our own a silent metadata address holds it for minutes."""
    return azure.identity.DefaultAzureCredential(
        process_timeout=PROCESS_SECONDS,
        retry_total=0,
        connection_timeout=timeout_seconds,
        read_timeout=timeout_seconds,
        logging_enable=False,
    )


def _known_credentials(text: str) -> tuple[str, ...]:
    """The kinds of credentials that were tried; all else of the text may hold account names."""
    found = dict.fromkeys(re.findall(r"\b[A-Za-z]+Credential\b", text))
    found.pop("DefaultAzureCredential", None)
    return tuple(name for name in found if name in azure.identity.__all__)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""
