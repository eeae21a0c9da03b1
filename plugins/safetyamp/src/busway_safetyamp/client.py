"""The SafetyAmp client: reads that are whole, writes that are verified."""

from __future__ import annotations

from typing import Any

from busway.contracts.records import Complete, Record
from busway_safetyamp.answers import Call, shapeless
from busway_safetyamp.http import SafetyAmpHttp
from busway_safetyamp.paging import pages_of, read_all, rows_of

__all__ = ["SafetyAmpClient"]

USERS = "/api/users"
TITLES = "/api/user_titles"
SITES = "/api/sites"
ROLES = "/api/roles"
CLUSTERS = "/api/site_clusters"


class SafetyAmpClient:
    """The resources the jobs use.

    Every method raises ``RefusedError`` (BW50xx, exit 4) or ``UnreachableError`` (BW51xx, exit 5); reads also
    ``IncompleteReadError`` (BW5104), writes ``RejectedRecordError`` (BW5003) for a record that was refused.
    """

    def __init__(self, http: SafetyAmpHttp, *, page_size: int = 25) -> None:
        self._http = http
        self._page_size = page_size

    def users(self) -> Complete[Record]:
        """Every user, without the embedded ``sites``: an administrator carries hundreds of them."""
        return read_all(self._http, USERS, self._page_size, drop=("sites",))

    def titles(self) -> Complete[Record]:
        """Every title."""
        return read_all(self._http, TITLES, self._page_size)

    def sites(self) -> Complete[Record]:
        """Every site."""
        return read_all(self._http, SITES, self._page_size)

    def roles(self) -> Complete[Record]:
        """Every role."""
        return read_all(self._http, ROLES, self._page_size)

    def site_clusters(self) -> Complete[Record]:
        """Every cluster of the tree, parents before children, each without its ``children``."""
        call = Call("GET", self._http.domain, CLUSTERS)
        flat: list[Record] = []
        waiting = rows_of(call, self._http.get(CLUSTERS))[::-1]
        while waiting:
            cluster = dict(waiting.pop())
            waiting += rows_of(call, cluster.pop("children", None) or [])[::-1]
            if not cluster.get("deleted_at"):
                flat.append(cluster)
        return Complete(flat)

    def find_user(self, emp_id: str) -> Record | None:
        """The user with this employee number, found page by page: the API offers no search."""
        for page in pages_of(self._http, USERS, self._page_size):
            for user in page:
                if str(user.get("emp_id") or "").strip() == emp_id:
                    return user
        return None

    def create_user(self, record: Record) -> Record:
        """Creates a user and returns it as SafetyAmp answered, with its id."""
        return self._verified("POST", USERS, self._http.post(USERS, record))

    def update_user(self, user_id: str, changes: Record) -> Record:
        """Writes ``changes`` to one user and returns it as SafetyAmp answered."""
        path = f"{USERS}/{user_id}"
        return self._verified("PATCH", path, self._http.patch(path, changes))

    def create_title(self, record: Record) -> Record:
        """Creates a title and returns it with its id."""
        return self._verified("POST", TITLES, self._http.post(TITLES, record))

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def _verified(self, method: str, path: str, data: Any) -> Record:
        if not isinstance(data, dict) or data.get("id") in (None, ""):
            raise shapeless(Call(method, self._http.domain, path), "its data is not a record with an id")
        return data
