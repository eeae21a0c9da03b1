"""The SafetyAmp client: reads that are whole, writes that are verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from busway.contracts.records import Complete, Record
from busway_safetyamp.http import SafetyAmpHttp
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.paging import Collection, Pages
from busway_safetyamp.remote.answers import shapeless
from busway_safetyamp.remote.lists import incomplete, rows_of
from busway_safetyamp.remote.service import Call
from busway_safetyamp.sites import CODE_FIELDS, code_of
from busway_safetyamp.writes import code_stuck, sendable, verified

__all__ = [
    "ASSETS",
    "ASSET_CATEGORIES",
    "ASSET_TYPES",
    "CLUSTERS",
    "ROLES",
    "SITES",
    "TITLES",
    "USERS",
    "SafetyAmpClient",
]

USERS = "/api/users"
TITLES = "/api/user_titles"
ROLES = "/api/roles"
SITES = "/api/sites"
CLUSTERS = "/api/site_clusters"
ASSETS = "/api/assets"
ASSET_TYPES = "/api/asset_types"
ASSET_CATEGORIES = "/api/asset_categories"

_PERSON = ("first_name", "last_name", "email")
_CLUSTER = ("name", "parent_cluster_id", "osha_establishment")
_ASSET = ("name", "site_id", "asset_type_id")


class SafetyAmpClient:
    """The resources the jobs use.

    Every method raises ``RefusedError`` (BW50xx, exit 4) or ``UnreachableError`` (BW51xx, exit 5); reads also
    ``IncompleteReadError`` (BW5104), writes ``RejectedRecordError`` (BW5003) for a record that was refused, or that
    lacks what SafetyAmp demands and was not sent.

    :param site_code_field: field of a site that holds its code, ``ext_id`` or ``external_code``.
    """

    def __init__(self, http: SafetyAmpHttp, pages: Pages, *, site_code_field: str = CODE_FIELDS[0]) -> None:
        self._http = http
        self._pages = pages
        self._code_field = site_code_field

    def users(self) -> Collection:
        """Every user, without the embedded ``sites``: an administrator carries hundreds of them.

        Never empty: the key itself belongs to a user.
        """
        return self._pages.read(USERS, drop=("sites",), never_empty=True)

    def titles(self) -> Collection:
        """Every title."""
        return self._pages.read(TITLES)

    def roles(self) -> Collection:
        """Every role; an account has at least one."""
        return self._pages.read(ROLES, never_empty=True)

    def sites(self) -> Collection:
        """Every site."""
        return self._pages.read(SITES)

    def assets(self) -> Collection:
        """Every asset, the vehicles among them."""
        return self._pages.read(ASSETS)

    def asset_types(self) -> Collection:
        """Every type of asset; an asset is at the site of its type."""
        return self._pages.read(ASSET_TYPES)

    def asset_categories(self) -> Collection:
        """Every category of types."""
        return self._pages.read(ASSET_CATEGORIES)

    def site_clusters(self) -> Complete[Record]:
        """Every cluster of the tree, parents before children, each without its ``children``.

        Never empty: a root cannot be made through the API, and every account has one.
        """
        call = Call("GET", self._http.service, CLUSTERS)
        flat: list[Record] = []
        waiting = rows_of(call, self._http.get(CLUSTERS))[::-1]
        while waiting:
            cluster = dict(waiting.pop())
            waiting += rows_of(call, cluster.pop("children", None) or [])[::-1]
            if not cluster.get("deleted_at"):
                flat.append(cluster)
        if not flat:
            raise incomplete(call, "the tree is empty, and every account has a root")
        return Complete(flat)

    def find_user(self, emp_id: str) -> Record | None:
        """The user with this employee number, found page by page: the API offers no search."""
        return self._find(USERS, lambda user: collapse_blanks(user.get("emp_id")) == emp_id)

    def find_title(self, name: str) -> Record | None:
        """The title with this name, whatever its case."""
        wanted = collapse_blanks(name).casefold()
        return self._find(TITLES, lambda title: collapse_blanks(title.get("name")).casefold() == wanted)

    def find_site(self, code: str) -> Record | None:
        """The site with this code."""
        return self._find(SITES, lambda site: code_of(site, self._code_field) == code)

    def find_cluster(self, code: str) -> Record | None:
        """The cluster with this code, which is unique over regions and departments."""
        return next((one for one in self.site_clusters() if collapse_blanks(one.get("external_code")) == code), None)

    def find_asset(self, serial: str) -> Record | None:
        """The asset with this serial number."""
        return self._find(ASSETS, lambda asset: collapse_blanks(asset.get("serial")) == serial)

    def create_user(self, record: Record) -> Record:
        """Creates a user and returns it as SafetyAmp answered, with its id."""
        return self._create(USERS, record, *_PERSON)

    def update_user(self, user_id: str, changes: Record) -> Record:
        """Writes ``changes`` to one user; name and e-mail address must be among them."""
        call = Call("PATCH", self._http.service, f"{USERS}/{user_id}")
        return verified(call, self._http.patch(call.path, sendable(call, changes, *_PERSON)), user_id)

    def create_title(self, record: Record) -> Record:
        """Creates a title."""
        return self._create(TITLES, record, "name")

    def create_site(self, record: Record) -> Record:
        """Creates a site. Raises ``RefusedError`` (BW5009) when the account did not keep its code."""
        call = Call("POST", self._http.service, SITES)
        return code_stuck(call, record, self._create(SITES, record, "name", "cluster_id"), self._code_field)

    def update_site(self, site_id: int, changes: Record) -> Record:
        """Writes ``changes`` to one site; its name must be among them. Raises as :meth:`create_site`."""
        site = self._put(f"{SITES}/{site_id}", site_id, changes, "name")
        return code_stuck(Call("PUT", self._http.service, f"{SITES}/{site_id}"), changes, site, self._code_field)

    def create_cluster(self, record: Record) -> Record:
        """Creates a cluster below another one."""
        return self._create(CLUSTERS, record, "name", "parent_cluster_id")

    def update_cluster(self, cluster_id: int, record: Record) -> Record:
        """Renames, recodes or moves a cluster; SafetyAmp wants name, parent and ``osha_establishment`` each time."""
        return self._put(f"{CLUSTERS}/{cluster_id}", cluster_id, record, *_CLUSTER)

    def create_asset(self, record: Record) -> Record:
        """Creates an asset; its site must be that of its type."""
        return self._create(ASSETS, record, *_ASSET)

    def update_asset(self, asset_id: int, record: Record) -> Record:
        """Writes to one asset; name, site and type must be among the fields."""
        return self._put(f"{ASSETS}/{asset_id}", asset_id, record, *_ASSET)

    def probe(self) -> str:
        """Reads one role and returns its name: whether the key is accepted and the answer has its shape."""
        call = Call("GET", self._http.service, ROLES)
        rows = rows_of(call, self._http.get(ROLES, {"page": 0, "limit": 1}, share="console"))
        if len(rows) != 1 or not isinstance(rows[0].get("name"), str):
            raise shapeless(call, "one role with a name was asked for, and did not come")
        return str(rows[0]["name"])

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def _find(self, path: str, wanted: Callable[[Record], bool]) -> Record | None:
        return next(filter(wanted, self._pages.living(path)), None)

    def _create(self, path: str, record: Record, *required: str) -> Record:
        call = Call("POST", self._http.service, path)
        return verified(call, self._http.post(path, sendable(call, record, *required)))

    def _put(self, path: str, record_id: Any, record: Record, *required: str) -> Record:
        call = Call("PUT", self._http.service, path)
        return verified(call, self._http.put(path, sendable(call, record, *required)), record_id)
