"""What went wrong at the vault, how long that counts, and whether it may pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from busway.errors import BuswayError, PluginError, RefusedError, UnreachableError
from busway_secrets_keyvault.address import vault_label
from busway_secrets_keyvault.answers import challenges, code_of, kinds_within, retry_after
from busway_secrets_keyvault.refusals import forbidden, no_token, refused_token, unknown_name

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

__all__ = ["HOLD_SECONDS", "Failure", "Judge", "token_overdue", "unreachable"]

HOLD_SECONDS = 30.0
"""How long a failure of the whole vault or credential is remembered instead of tried again."""
_TRANSIENT = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True)
class Failure:
    """An error to raise, and what follows from it."""

    error: BuswayError
    hold_seconds: float = 0.0
    """For how long it counts for every name; 0 = for this one only."""
    may_pass: bool = False
    """Whether another attempt may bring an answer."""
    wait_seconds: float = 0.0
    """How long the vault wants to be left alone before that."""


@dataclass(frozen=True)
class Judge:
    """Judges what one attempt raised.

    :param credential: the kind of credential that gave the token, where it is known.
    """

    vault: str
    name: str
    now_ns: int
    credential: str = ""

    def failure(self, error: Exception) -> Failure | None:
        """``None`` when it only says that there is no such secret.

        Texts of the remote stay out, except codes, ids and addresses that are checked by their shape.
        """
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, IncompleteReadError

        from busway_secrets_keyvault.credential import TokenError

        if isinstance(error, TokenError):
            return Failure(no_token(error, self.vault) if error.kind else token_overdue(self.vault), HOLD_SECONDS)
        if isinstance(error, IncompleteReadError):
            return self._unreachable("the connection broke in the middle of the answer", may_pass=True)
        if isinstance(error, ClientAuthenticationError) and not challenges(error):
            return Failure(self._nonsense("it answered 401 without saying how to sign in", 401), HOLD_SECONDS)
        if isinstance(error, ClientAuthenticationError):
            return Failure(refused_token(error, self.vault, self.credential), HOLD_SECONDS)
        if isinstance(error, HttpResponseError) and error.status_code is not None:
            return self._answer(error, error.status_code)
        if isinstance(error, AzureError):
            return self._connection(error)
        if isinstance(error, ValueError) and "challenge" in str(error):
            return Failure(self._nonsense("it asks for a token that is not for this vault's domain"), HOLD_SECONDS)
        if isinstance(error, AttributeError) and error.name == "token":
            # Threads that share the client can take a revoked token from under each other; the next attempt gets one.
            return Failure(broken(error, self.vault), may_pass=True)
        if isinstance(error, ValueError | TypeError | LookupError | AttributeError):
            return Failure(self._nonsense("the client library cannot read its answer"))
        return Failure(broken(error, self.vault))

    def _answer(self, error: HttpResponseError, status: int) -> Failure | None:
        code = code_of(error)
        if status == 404 and code == "SecretNotFound":
            return None
        if status == 403:
            return Failure(forbidden(error, self.vault, self.name))
        if status == 429:
            return self._throttled(error)
        if status in _TRANSIENT:
            wait = retry_after(error, self.now_ns) or 0.0
            return self._unreachable(f"it answered {status}", may_pass=True, wait_seconds=wait)
        if status > 500:
            return self._unreachable(f"it answered {status}")
        if status == 400 and code == "BadParameter":
            return Failure(unknown_name(self.vault, self.name))
        return Failure(self._nonsense(f"it answered {status} {code}".rstrip(), status))

    def _throttled(self, error: HttpResponseError) -> Failure:
        told = retry_after(error, self.now_ns)
        wait = 1.0 if told is None else told
        moment = datetime.fromtimestamp(self.now_ns / 1e9 + min(wait, 1e9), UTC)
        return Failure(
            UnreachableError(
                "BW1408",
                "the vault is throttling us",
                where=self.vault,
                why="it answered 429: too many requests to this vault or subscription",
                fix=f"it may be asked again in {wait:g} s, at {moment:%Y-%m-%dT%H:%M:%SZ}; "
                "if it stays so, give busy readers vaults of their own",
            ),
            min(wait, HOLD_SECONDS),
            may_pass=True,
            wait_seconds=wait,
        )

    def _connection(self, error: Exception) -> Failure:
        why, fix, may_pass = _reason(kinds_within(error), self.vault)
        return Failure(unreachable(self.vault, why, fix), HOLD_SECONDS, may_pass=may_pass)

    def _unreachable(self, why: str, *, may_pass: bool = False, wait_seconds: float = 0.0) -> Failure:
        return Failure(unreachable(self.vault, why), HOLD_SECONDS, may_pass, wait_seconds)

    def _nonsense(self, why: str, status: int | None = None) -> RefusedError:
        return RefusedError(
            "BW1407",
            "the vault's answer makes no sense",
            where=f"{self.vault} {self.name}",
            why=why,
            fix="check AZURE_KEY_VAULT_URL and KEY_VAULT_SUFFIX: is that a Key Vault, or a proxy in between?",
            status=status,
        )


def unreachable(vault: str, why: str, fix: str = "") -> UnreachableError:
    """The vault did not answer: BW1406."""
    usual = "check the vault's name, DNS, proxy and firewall: busway config explain AZURE_KEY_VAULT_NAME"
    return UnreachableError("BW1406", "the vault does not answer", where=vault, why=why, fix=fix or usual)


def token_overdue(vault: str, seconds: float | None = None) -> UnreachableError:
    """A credential was asked for a token and has not answered: BW1409."""
    within = f" within {seconds:g} s" if seconds is not None else " yet"
    return UnreachableError(
        "BW1409",
        "no credential answers",
        where=vault,
        why=f"a credential was asked for a token and has not answered{within}; it is not asked twice at once",
        fix="name the one that is meant: export AZURE_TOKEN_CREDENTIALS=AzureCliCredential (or "
        "ManagedIdentityCredential, EnvironmentCredential); for a slow one raise SECRET_BUDGET_SECONDS",
    )


def broken(error: BaseException, vault: str) -> PluginError:
    """The client library or a credential raised what it should not: BW1414."""
    return PluginError(
        "BW1414",
        "the client library of the vault broke",
        where=vault,
        why=f"it raised {type(error).__name__}; its text may hold a secret and is not shown",
        fix="pip install -U azure-keyvault-secrets azure-identity busway-secrets-keyvault",
    )


def _reason(kinds: frozenset[str], vault: str) -> tuple[str, str, bool]:
    """Why there was no answer, what to do, and whether it may pass."""
    label = vault_label(vault)
    if kinds & {"NameResolutionError", "gaierror"}:
        fix = f"see whether the vault {label} exists: az keyvault list --query [].name; then look at DNS"
        return "the host is not known to DNS", fix, True
    if kinds & {"SSLCertVerificationError", "CertificateError"}:
        fix = "if a proxy reads TLS here, set REQUESTS_CA_BUNDLE to the file with its authority's certificate"
        return "no authority trusted here signed its certificate", fix, False
    if "ProxyError" in kinds:
        return "the proxy did not let us through", "check HTTPS_PROXY and NO_PROXY", True
    if kinds & {"ConnectTimeoutError", "ConnectTimeout", "ReadTimeoutError", "ReadTimeout", "TimeoutError"}:
        return "no answer in time", "", True
    if "ConnectionRefusedError" in kinds:
        return "the connection was refused", "", True
    if kinds & {"SSLError", "SSLEOFError", "SSLZeroReturnError"}:
        return "the TLS handshake failed", "", True
    return "the connection broke", "", True
