"""What went wrong at the vault, told with its remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busway.errors import BuswayError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError, HttpResponseError

__all__ = ["HOLD_SECONDS", "Failure", "failure_of"]

HOLD_SECONDS = 30.0
"""How long a failure of the whole vault or credential is remembered instead of tried again."""
MAX_THROTTLE_SECONDS = 30.0


@dataclass(frozen=True)
class Failure:
    """An error to raise, and for how long it holds for every name (0 = for this one only)."""

    error: BuswayError
    hold_seconds: float = 0.0


def failure_of(error: AzureError | ValueError, vault: str, name: str) -> Failure | None:
    """Judges an error of the client library; ``None`` when it only says that there is no such secret.

    Texts of the remote stay out, except codes and ids named here.
    """
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if isinstance(error, ClientAuthenticationError):
        return Failure(_credential(error, vault), HOLD_SECONDS)
    if isinstance(error, HttpResponseError) and error.status_code == 404 and _code(error) == "SecretNotFound":
        return None
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _answer(error, error.status_code, vault, name)
    if isinstance(error, ValueError) and "challenge" in str(error):
        return Failure(_not_a_vault(vault), HOLD_SECONDS)
    if isinstance(error, ValueError):  # a credential's own settings, such as a tenant id that is none
        return Failure(_credential(error, vault), HOLD_SECONDS)
    return Failure(_unreachable(vault, type(error).__name__), HOLD_SECONDS)


def _answer(error: HttpResponseError, status: int, vault: str, name: str) -> Failure:
    if status == 403:
        return Failure(_forbidden(error, vault, name))
    if status == 429:
        return _throttled(error, vault)
    if status >= 500:
        return Failure(_unreachable(vault, f"it answered {status}"), HOLD_SECONDS)
    return Failure(
        RefusedError(
            "BW1407",
            "the vault's answer makes no sense",
            where=f"{vault} {name}",
            why=f"it answered {status} {_code(error)}".rstrip(),
            fix="check AZURE_KEY_VAULT_URL and KEY_VAULT_SUFFIX: is that a Key Vault, or a proxy in between?",
            status=status,
        )
    )


def _credential(error: Exception, vault: str) -> RefusedError:
    status = getattr(error, "status_code", None)
    if status == 401:
        why = f"the vault does not accept the token (401 {_challenge_code(error)})".replace(" )", ")")
        fix = "the identity may belong to another tenant: set AZURE_TENANT_ID to the tenant of the vault"
    else:
        why = f"no credential gave a token ({type(error).__name__}{_tried(error)})"
        fix = "run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or use a managed identity"
    return RefusedError("BW1403", "the vault does not know who we are", where=vault, why=why, fix=fix, status=status)


def _forbidden(error: HttpResponseError, vault: str, name: str) -> RefusedError:
    code = _code(error)
    if code == "SecretDisabled":
        return RefusedError(
            "BW1405",
            "the secret is disabled",
            where=f"{vault} {name}",
            why="its latest version is switched off in the vault",
            fix=f"az keyvault secret set-attributes --id {vault}/secrets/{name} --enabled true",
            status=403,
        )
    fix = {
        "ForbiddenByFirewall": "add this machine's address to the vault's network rules: az keyvault network-rule add",
        "AccessDenied": f"az keyvault set-policy --name VAULT --secret-permissions get --object-id {_caller(error)}",
    }.get(
        code,
        f"az role assignment create --role 'Key Vault Secrets User' --assignee {_caller(error)} --scope VAULT-ID, "
        "then wait some minutes",
    )
    return RefusedError(
        "BW1404",
        "the vault does not let us read this secret",
        where=f"{vault} {name}",
        why=f"it answered 403 {code}".rstrip(),
        fix=fix,
        status=403,
    )


def _throttled(error: HttpResponseError, vault: str) -> Failure:
    wait = min(_retry_after(error), MAX_THROTTLE_SECONDS)
    return Failure(
        UnreachableError(
            "BW1408",
            "the vault is throttling us",
            where=vault,
            why="it answered 429: too many requests to this vault or subscription",
            fix=f"it is asked again in {wait:g} s; if it stays so, give busy readers vaults of their own",
        ),
        wait,
    )


def _unreachable(vault: str, why: str) -> UnreachableError:
    return UnreachableError(
        "BW1406",
        "the vault does not answer",
        where=vault,
        why=why,
        fix="check the vault's name, DNS, proxy and firewall: busway config explain AZURE_KEY_VAULT_NAME",
    )


def _not_a_vault(vault: str) -> RefusedError:
    return RefusedError(
        "BW1407",
        "the vault's answer makes no sense",
        where=vault,
        why="it asks for a token that is not for this vault's domain",
        fix="check AZURE_KEY_VAULT_URL and KEY_VAULT_SUFFIX: the token must be for the domain of the vault",
    )


def _code(error: HttpResponseError) -> str:
    """The most telling code of the answer (``SecretDisabled``); only the shape of a code gets through."""
    told = error.error
    inner = getattr(told, "innererror", None) or {}
    code = str(inner.get("code") or getattr(told, "code", "") or "")
    return code if re.fullmatch(r"[A-Za-z0-9]{1,64}", code) else ""


def _challenge_code(error: Exception) -> str:
    found = re.search(r"\bAKV\d{5}\b", str(error))
    return found[0] if found else ""


def _tried(error: Exception) -> str:
    """The classes of the credentials that were tried; their own texts may hold account names."""
    names = dict.fromkeys(re.findall(r"\b[A-Za-z]+Credential\b", str(error)))
    names.pop("DefaultAzureCredential", None)
    return f": {', '.join(names)}" if names else ""


def _caller(error: HttpResponseError) -> str:
    found = re.search(r"oid=([0-9a-fA-F-]{36})", str(error))
    return found[1] if found else "OBJECT-ID"


def _retry_after(error: HttpResponseError) -> float:
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return 1.0
