"""Refusals of the vault, each in one sentence with who was refused, and the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busway.errors import RefusedError
from busway_secrets_keyvault.address import vault_label
from busway_secrets_keyvault.answers import (
    caller_of,
    challenge_code,
    client_address,
    code_of,
    is_revoked,
    object_id,
    tenants,
)

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

    from busway_secrets_keyvault.credential import TokenError

__all__ = ["disabled", "expired", "forbidden", "no_token", "not_yet_valid", "refused_token", "unknown_name"]

_SIGN_IN = "run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or use a managed identity"
_DIRECTORY = {
    "AADSTS7000215": ("the client secret is wrong", "set AZURE_CLIENT_SECRET to the secret's value, not its id"),
    "AADSTS7000222": ("the client secret has expired", "az ad app credential reset --id AZURE_CLIENT_ID"),
    "AADSTS700016": (
        "the directory does not know the application",
        "check AZURE_CLIENT_ID and AZURE_TENANT_ID: the application must be in that tenant",
    ),
    "AADSTS90002": ("there is no such tenant", "check AZURE_TENANT_ID: az account show --query tenantId"),
    "AADSTS700082": ("the sign-in has expired", "run az login again"),
}
"""Codes of the directory that call for something other than a sign-in."""


def no_token(error: TokenError, vault: str) -> RefusedError:
    """No credential gave a token: BW1403."""
    tried = f": {', '.join(error.tried)}" if error.tried else ""
    why, fix = f"no credential gave a token ({error.kind}{tried})", _SIGN_IN
    if error.directory_code in _DIRECTORY:
        reason, fix = _DIRECTORY[error.directory_code]
        why = f"{reason} ({error.directory_code}{tried})"
    elif error.other_tenant:
        why = f"the vault belongs to tenant {error.tenant or '?'}, and the credential is for another one{tried}"
        fix = (
            f"set AZURE_TENANT_ID={error.tenant or 'TENANT-ID'}, or run az login --tenant {error.tenant or 'TENANT-ID'}"
        )
    elif error.tenant:
        why += f"; the vault belongs to tenant {error.tenant}"
    return _unknown_caller(vault, why, fix)


def refused_token(error: HttpResponseError, vault: str, credential: str) -> RefusedError:
    """The vault does not accept the token: BW1403."""
    code = challenge_code(error)
    expected, found = tenants(error)
    by, told = (f" of {credential}" if credential else ""), f"401 {code}".rstrip()
    tenant = expected or "TENANT-ID"
    to_tenant = f"set AZURE_TENANT_ID={tenant}, or run az login --tenant {tenant}"
    if is_revoked(error):
        why, fix = f"the token{by} was revoked ({told})", f"sign in again: az login --tenant {tenant}"
    elif code == "AKV10000":
        why = f"the token{by} did not arrive ({told})"
        fix = "look for a proxy that removes the Authorization header: check HTTPS_PROXY and NO_PROXY"
    elif code == "AKV10022":
        why = f"the token{by} is for another audience ({told})"
        fix = f"check that KEY_VAULT_SUFFIX and AZURE_AUTHORITY_HOST are of one cloud; else {to_tenant}"
    elif code == "AKV10032" or (expected and found and expected != found):
        of = f" of tenant {found}" if found else " of another tenant"
        why, fix = f"the token{by} is{of}, and the vault belongs to tenant {expected or '?'} ({told})", to_tenant
    else:
        why = f"the vault does not accept the token{by} ({told})"
        fix = f"the identity may belong to another tenant: {to_tenant}"
    return _unknown_caller(vault, why, fix, 401)


def forbidden(error: HttpResponseError, vault: str, name: str) -> RefusedError:
    """The vault knows us and does not let us read: BW1404, or BW1405, BW1411, BW1412 when it is the secret's state."""
    code = code_of(error)
    if code == "SecretDisabled":
        return disabled(vault, name)
    if code.endswith("Expired"):
        return expired(vault, name, f"it answered 403 {code}")
    if code.endswith(("NotYetValid", "NotYetActive")):
        return not_yet_valid(vault, name, f"it answered 403 {code}")
    why, fix = _forbidden(error, code, vault_label(vault))
    what = "the vault does not let us read this secret"
    told = f"it answered 403 {code}".rstrip()
    return _withheld("BW1404", what, vault, name, f"{told}: {why}", fix)


def _forbidden(error: HttpResponseError, code: str, label: str) -> tuple[str, str]:
    oid, who = object_id(error) or "OBJECT-ID", caller_of(error)
    if code == "ForbiddenByFirewall":
        address = client_address(error)
        seen = f"this machine's address {address}" if address else "this machine's address"
        add = f"az keyvault network-rule add --name {label} --ip-address {address or 'ADDRESS'}"
        return f"its firewall does not allow {seen}", add
    if code == "ForbiddenByConnection":
        open_it = f"az keyvault update --name {label} --public-network-access Enabled"
        return "it is closed to public networks", f"use its private endpoint, or {open_it}"
    if code == "AccessDenied":
        policy = f"az keyvault set-policy --name {label} --secret-permissions get --object-id {oid}"
        return f"its access policies do not let {who} get secrets", policy
    scope = f'"$(az keyvault show --name {label} --query id --output tsv)"'
    role = f"az role assignment create --role 'Key Vault Secrets User' --assignee {oid} --scope {scope}"
    lacks = (
        f"{who} lacks a role that may read secrets" if code else "without the code of a vault, so perhaps a proxy did"
    )
    return lacks, f"{role}, then wait some minutes"


def disabled(vault: str, name: str) -> RefusedError:
    """The secret is switched off: BW1405."""
    fix = f"az keyvault secret set-attributes --id {vault}/secrets/{name} --enabled true"
    why = "its latest version is switched off in the vault"
    return _withheld("BW1405", "the secret is disabled", vault, name, why, fix)


def expired(vault: str, name: str, why: str) -> RefusedError:
    """The secret is past its expiry, and not handed out: BW1411."""
    setting = f"az keyvault secret set --vault-name {vault_label(vault)} --name {name} --file FILE --expires WHEN"
    return _withheld("BW1411", "the secret has expired", vault, name, why, f"set a new value: {setting}")


def not_yet_valid(vault: str, name: str, why: str) -> RefusedError:
    """The secret's time has not come, and it is not handed out: BW1412."""
    moving = f"az keyvault secret set-attributes --id {vault}/secrets/{name} --not-before WHEN"
    return _withheld("BW1412", "the secret is not valid yet", vault, name, why, f"wait, or move its start: {moving}")


def unknown_name(vault: str, name: str) -> RefusedError:
    """The vault finds the name illegal: BW1402. Names are checked before they are sent, so it may be no vault."""
    return RefusedError(
        "BW1402",
        "the vault does not take this name for one of a secret",
        where=f"{vault} {name}",
        why="it answered 400 BadParameter, and names have 1 to 127 letters A-Z, digits and hyphens",
        fix=f"rename the setting, or check that AZURE_KEY_VAULT_URL is a Key Vault: "
        f"az keyvault secret show --id {vault}/secrets/{name} --query id",
        status=400,
    )


def _withheld(code: str, what: str, vault: str, name: str, why: str, fix: str) -> RefusedError:
    return RefusedError(code, what, where=f"{vault} {name}", why=why, fix=fix, status=403)


def _unknown_caller(vault: str, why: str, fix: str, status: int | None = 401) -> RefusedError:
    return RefusedError("BW1403", "the vault does not know who we are", where=vault, why=why, fix=fix, status=status)
