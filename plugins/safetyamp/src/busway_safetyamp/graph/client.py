"""The Microsoft Graph client: every enabled user of the tenant."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from busway.contracts.limits import unlimited
from busway.contracts.records import Complete, Record
from busway_safetyamp.graph.service import graph_service
from busway_safetyamp.graph.token import GraphToken
from busway_safetyamp.remote.answers import shapeless
from busway_safetyamp.remote.caller import Caller
from busway_safetyamp.remote.errors import RemoteRefusedError
from busway_safetyamp.remote.lists import incomplete, rows_of
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.service import Call
from busway_safetyamp.remote.turns import Turns
from busway_safetyamp.remote.wire import Wire
from busway_safetyamp.settings.graph import GraphSettings

__all__ = ["PAGE_SIZE", "GraphClient"]

USERS = "/v1.0/users"
PAGE_SIZE = 999
"""The largest ``$top`` of this list; without one a page has 100."""
FIELDS = ("id", "employeeId", "mail", "userPrincipalName")
"""``employeeId`` comes only when it is asked for."""
PHONES = ("mobilePhone", "businessPhones")
NEXT = "@odata.nextLink"
MOST_PAGES = 10_000


class GraphClient:
    """Reads the directory. Microsoft's limit is far above what one list takes, so calls are not paced.

    Raises ``RefusedError`` (BW5012 for the sign-in, BW5013 for the permission, BW50xx), ``UnreachableError`` (BW51xx)
    and ``ConfigurationError`` (BW5014 for settings that are missing).
    """

    def __init__(self, settings: GraphSettings, wire: Wire, token: GraphToken, retries: Retries) -> None:
        self._settings = settings
        self._token = token
        self._call = Call("GET", graph_service(settings), USERS)
        self._caller = Caller(wire, authorization=token.authorization, turns=Turns(unlimited, None), retries=retries)

    def users(self) -> Complete[Record]:
        """Every enabled user with ``id``, ``employeeId``, ``mail`` and ``userPrincipalName``, and phones where set.

        Raises ``IncompleteReadError`` (BW5104) too, when the list does not end or repeats a user.
        """
        fields = (*FIELDS, *PHONES) if self._settings.graph_phones else FIELDS
        envelope = self._first(PAGE_SIZE, fields)
        users = self._rows(envelope)
        met: set[str] = set()
        while link := self._next(envelope):
            if link in met or len(met) >= MOST_PAGES:
                raise incomplete(self._call, "its pages go round in a circle")
            met.add(link)
            envelope = self._page(url=link)
            users += self._rows(envelope)
        if len({user["id"] for user in users}) != len(users):
            raise incomplete(self._call, "a user came twice: the list changed while it was read")
        return Complete(users, pages=len(met) + 1)

    def probe(self) -> int:
        """Reads one user and returns how many came, 0 or 1: whether sign-in, permission and shape are in order."""
        return len(self._rows(self._first(1, FIELDS)))

    def close(self) -> None:
        """Gives the connections back."""
        self._caller.close()
        self._token.close()

    def _first(self, size: int, fields: tuple[str, ...]) -> Any:
        return self._page(params={"$filter": "accountEnabled eq true", "$select": ",".join(fields), "$top": size})

    def _page(self, **request: Any) -> Any:
        try:
            return self._caller.call(self._call, "run", **request)
        except RemoteRefusedError as error:
            if error.status != 401:
                raise
        # A token may end while a long list is read; with a new one the same page is asked for once more.
        self._token.renew()
        return self._caller.call(self._call, "run", **request)

    def _rows(self, envelope: Any) -> list[Record]:
        return list(rows_of(self._call, envelope.get("value") if isinstance(envelope, dict) else None))

    def _next(self, envelope: Any) -> str:
        link = envelope.get(NEXT)
        if link is None:
            return ""
        # The token goes wherever this points to.
        if not isinstance(link, str) or _origin(link) != _origin(self._settings.graph_domain):
            raise shapeless(self._call, f"its {NEXT} leads to another host")
        return link


def _origin(address: str) -> tuple[str, str]:
    """Scheme, host and port; nothing for what is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
