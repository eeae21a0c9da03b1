"""Who asks, and what they may do."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from busway.operation.service_policy import ProxyPolicy, Role, ServicePolicy
from busway_service.tokens import owner_of
from busway_service.web.answers import refusal

__all__ = ["Caller", "Login"]

LOCAL = "local"
LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may ask."""

    actor: str
    role: Role


class Login:
    """Finds out who a caller is, as the policy of the deployment has it."""

    def __init__(self, policy: ServicePolicy, local_actor: str) -> None:
        """:param local_actor: who everybody is that reaches a service without a login: the user of its process."""
        self._policy = policy
        self._local = Caller(local_actor or LOCAL, Role.ADMIN)

    def caller(self, headers: Mapping[str, str], peer: str) -> Caller:
        """The caller. Raises ``RequestError`` BW8110 for nobody known, BW8113 for a header that may be forged."""
        if self._policy.auth == "token":
            return self._by_token(headers.get("authorization", ""))
        if self._policy.auth == "proxy":
            return self._by_proxy(self._policy.proxy, headers, peer)
        return self._local

    def _by_token(self, header: str) -> Caller:
        scheme, _, token = header.partition(" ")
        found = owner_of(token.strip(), self._policy.tokens) if scheme.lower() == "bearer" else None
        if found is None:
            why = "the token is not known" if header else "there is no token"
            raise refusal(
                "BW8110",
                "this needs a valid login",
                why=why,
                fix="send Authorization: Bearer TOKEN; a new one: busway serve --new-token NAME:operator",
                headers={"WWW-Authenticate": 'Bearer realm="busway"'},
            )
        return Caller(*found)

    def _by_proxy(self, proxy: ProxyPolicy, headers: Mapping[str, str], peer: str) -> Caller:
        user = headers.get(proxy.user_header.lower(), "").strip()
        if not _is_peer(proxy, peer):
            if user:
                raise refusal("BW8113", f"{proxy.user_header} came from somebody who is not the proxy", why=_from(peer))
            raise refusal("BW8110", "this needs a login through the proxy", why=_from(peer))
        role = proxy.roles.get(user) or proxy.roles.get("*")
        if not user or len(user) > LONGEST_NAME or role is None:
            why = "the proxy named nobody" if not user else "no role is given to this user"
            raise refusal("BW8110", "this needs a login through the proxy", why=why)
        return Caller(user, role)


def _is_peer(proxy: ProxyPolicy, peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in proxy.peers)


def _from(peer: str) -> str:
    return f"it came from {peer or 'an unknown address'}, which is not among [service.proxy] peers"
