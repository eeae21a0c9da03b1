"""The client: whole reads, verified writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from builders.safetyamp_parts import safetyamp_client
from busway.errors import IncompleteReadError, RefusedError, RejectedRecordError, UnreachableError
from busway_safetyamp import paging
from busway_safetyamp.client import SafetyAmpClient

PERSON = {"first_name": "A", "last_name": "B", "email": "c@example.test"}
ASSET = {"name": "Van 1", "site_id": 4, "asset_type_id": 2}


class Lists:
    """A server of paged lists; ``pages`` may be replaced to make it lie, ``cap`` limits a page in silence."""

    def __init__(self, server: HTTPServer) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.records: dict[str, list[Any]] = {}
        self.pages: dict[int, Any] = {}
        self.cap = 10_000
        self.offset_by_cap = False
        self.written: list[tuple[str, str, Any]] = []
        self.answer: Any = {"id": "abcde"}
        for method in ("GET", "POST", "PATCH", "PUT"):
            handler = self._list if method == "GET" else self._write
            server.expect_request(re.compile(".*"), method=method).respond_with_handler(handler)

    def _list(self, request: Request) -> Response:
        if "limit" not in request.args:
            return _json({"data": self.records[request.path]})
        page, limit = int(request.args["page"]), int(request.args["limit"])
        self.asked.append((request.path, page, limit))
        served = min(limit, self.cap)
        first = page * (served if self.offset_by_cap else limit)
        data = self.pages.get(page, self.records.get(request.path, [])[first : first + served])
        return Response("oops", 500) if data == "error" else _json({"data": data})

    def _write(self, request: Request) -> Response:
        self.written.append((request.method, request.path, orjson.loads(request.get_data())))
        return _json({"data": self.answer}, 201)


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")


@pytest.fixture
def lists(httpserver: HTTPServer) -> Lists:
    return Lists(httpserver)


@pytest.fixture
def open_client(httpserver: HTTPServer) -> Iterator[Callable[..., SafetyAmpClient]]:
    opened: list[SafetyAmpClient] = []

    def open_(**changes: Any) -> SafetyAmpClient:
        opened.append(safetyamp_client(httpserver.url_for(""), **changes))
        return opened[-1]

    yield open_
    for client in opened:
        client.close()


@pytest.fixture
def client(open_client: Callable[..., SafetyAmpClient]) -> SafetyAmpClient:
    return open_client(page_size=2, confirm_last_page=False)


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"n{number}"} for number in range(count)]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_a_read_ends_with_the_first_page_that_is_not_full(
    lists: Lists, client: SafetyAmpClient, count: int, pages: int
) -> None:
    lists.records["/api/user_titles"] = rows(count)
    found = client.titles()
    assert (list(found), found.pages) == (rows(count), pages)
    assert lists.asked == [("/api/user_titles", page, 2) for page in range(pages)]


@pytest.mark.parametrize(("count", "pages"), [(0, 2), (1, 2), (2, 3), (3, 3), (4, 4)])
def test_the_page_after_the_last_is_asked_for_unless_told_otherwise(
    lists: Lists, open_client: Callable[..., SafetyAmpClient], count: int, pages: int
) -> None:
    lists.records["/api/user_titles"] = rows(count)
    assert list(open_client(page_size=2).titles()) == rows(count)
    assert [page for _, page, _ in lists.asked] == list(range(pages))


def test_a_page_that_lost_records_on_its_way_is_not_the_end(
    lists: Lists, open_client: Callable[..., SafetyAmpClient]
) -> None:
    lists.records["/api/users"] = rows(9)
    lists.pages = {1: rows(9)[3:5]}
    with pytest.raises(IncompleteReadError, match="BW5104") as caught:
        open_client(page_size=3).users()
    assert caught.value.problem.why == "page 1 has 2 of 3 records, and yet it is not the last"


@pytest.mark.parametrize("offset_by_cap", [True, False])
@pytest.mark.parametrize("confirm", [True, False])
def test_a_page_size_that_the_server_caps_in_silence_is_noticed(
    lists: Lists, open_client: Callable[..., SafetyAmpClient], offset_by_cap: bool, confirm: bool
) -> None:
    lists.records["/api/users"] = rows(60)
    lists.cap, lists.offset_by_cap = 50, offset_by_cap
    with pytest.raises(IncompleteReadError, match="BW5104") as caught:
        open_client(page_size=100, confirm_last_page=confirm).users()
    assert "page 0 has 50 of 100 records" in caught.value.problem.why
    assert "SAFETYAMP_PAGE_SIZE" in caught.value.problem.why


@pytest.mark.parametrize("count", [0, 3, 24, 25, 49, 50, 60])
def test_a_large_page_that_holds_all_is_believed(
    lists: Lists, open_client: Callable[..., SafetyAmpClient], count: int
) -> None:
    lists.records["/api/user_titles"] = rows(count)
    assert len(open_client(page_size=100).titles()) == count


def test_each_collection_has_its_address(lists: Lists, client: SafetyAmpClient) -> None:
    names = ("users", "user_titles", "roles", "sites", "assets", "asset_types", "asset_categories")
    lists.records = {f"/api/{name}": rows(1) for name in names}
    client.users(), client.titles(), client.roles(), client.sites()
    client.assets(), client.asset_types(), client.asset_categories()
    assert [path for path, _, _ in lists.asked] == [f"/api/{name}" for name in names]


@pytest.mark.parametrize("read", [SafetyAmpClient.users, SafetyAmpClient.roles, SafetyAmpClient.site_clusters])
def test_a_list_that_is_never_empty_cannot_come_empty(
    lists: Lists, client: SafetyAmpClient, read: Callable[[SafetyAmpClient], Any]
) -> None:
    lists.records["/api/site_clusters"] = []
    with pytest.raises(IncompleteReadError, match="BW5104"):
        read(client)


def test_deleted_records_are_beside_the_others_and_counted_for_paging(lists: Lists, client: SafetyAmpClient) -> None:
    gone = {"id": 1, "deleted_at": "2026-01-01 00:00:00"}
    lists.records["/api/sites"] = [gone, {"id": 2, "deleted_at": None}, {"id": 3}]
    found = client.sites()
    assert [site["id"] for site in found] == [2, 3]
    assert found.deleted == (gone,)


def test_users_come_without_the_embedded_sites(lists: Lists, client: SafetyAmpClient) -> None:
    lists.records["/api/users"] = [{"id": "a", "emp_id": "1", "sites": [{"id": 1}]}]
    assert list(client.users()) == [{"id": "a", "emp_id": "1"}]


@pytest.mark.parametrize(
    "pages",
    [
        {1: [{"id": 0}, {"id": 1}]},
        {1: [{"id": 1}, {"id": 2}]},
        {1: [{"id": 2}, {"id": 0}]},
        {1: [{"id": 2}, {"id": 2}]},
    ],
)
def test_a_record_that_comes_twice_makes_the_read_incomplete(
    lists: Lists, client: SafetyAmpClient, pages: dict[int, Any]
) -> None:
    lists.records["/api/users"] = rows(5)
    lists.pages = pages
    with pytest.raises(IncompleteReadError, match="BW5104") as caught:
        client.users()
    assert "page 1 repeats" in caught.value.problem.why


def test_a_list_without_end_is_given_up(lists: Lists, client: SafetyAmpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paging.MOST_PAGES == 10_000
    monkeypatch.setattr(paging, "MOST_PAGES", 3)
    lists.records["/api/users"] = rows(20)
    with pytest.raises(IncompleteReadError, match="BW5104") as caught:
        client.users()
    assert "does not end" in caught.value.problem.why


def test_a_page_that_fails_fails_the_read(lists: Lists, client: SafetyAmpClient) -> None:
    lists.records["/api/users"] = rows(5)
    lists.pages = {1: "error"}
    with pytest.raises(UnreachableError, match="BW5101"):
        client.users()


@pytest.mark.parametrize(
    "data", [None, {}, "x", [1], [{"name": "no id"}], [{"id": None}], [{"id": [1]}], [{"id": ""}], [{"id": True}]]
)
def test_a_page_of_another_shape_is_refused(lists: Lists, client: SafetyAmpClient, data: Any) -> None:
    lists.pages = {0: data}
    with pytest.raises(RefusedError, match="BW5005"):
        client.users()


def test_the_cluster_tree_becomes_a_list_with_parents_first(lists: Lists, client: SafetyAmpClient) -> None:
    lists.records["/api/site_clusters"] = [
        {"id": 1, "children": [{"id": 2, "children": [{"id": 3}]}, {"id": 4, "children": []}]},
        {"id": 5, "deleted_at": "2026-01-01 00:00:00"},
    ]
    assert list(client.site_clusters()) == [{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]
    assert lists.asked == [], "the tree is not paged"
    lists.records["/api/site_clusters"] = [{"id": 1, "children": [{"name": "no id"}]}]
    with pytest.raises(RefusedError, match="BW5005"):
        client.site_clusters()


def test_a_user_is_found_by_number_and_no_further_page_is_read(lists: Lists, client: SafetyAmpClient) -> None:
    lists.records["/api/users"] = [{"id": str(number), "emp_id": number or None} for number in range(5)]
    assert client.find_user("2") == {"id": "2", "emp_id": 2}
    assert len(lists.asked) == 2
    assert client.find_user("77") is None


@pytest.mark.parametrize(
    ("path", "record", "find"),
    [
        ("user_titles", {"name": "Lead  Welder "}, lambda client: client.find_title("lead welder")),
        ("sites", {"ext_id": "10001."}, lambda client: client.find_site("10001.")),
        ("sites", {"ext_id": None, "external_code": "10001."}, lambda client: client.find_site("10001.")),
        ("site_clusters", {"external_code": "210"}, lambda client: client.find_cluster("210")),
        ("assets", {"serial": "GW-7"}, lambda client: client.find_asset("GW-7")),
    ],
)
def test_the_others_are_found_by_their_keys(
    lists: Lists, client: SafetyAmpClient, path: str, record: dict[str, Any], find: Callable[[SafetyAmpClient], Any]
) -> None:
    other = {"id": 1, "name": "Root"}
    lists.records[f"/api/{path}"] = [other, {"id": 2, **record}]
    assert find(client) == {"id": 2, **record}
    lists.records[f"/api/{path}"] = [other, {"id": 2, **record, "deleted_at": "2026-01-01 00:00:00"}]
    assert find(client) is None


def test_writes_go_to_their_address_and_return_the_answer(lists: Lists, client: SafetyAmpClient) -> None:
    cluster = {"name": "210 - Pipe", "parent_cluster_id": 2, "osha_establishment": 0}
    assert client.create_user(PERSON) == {"id": "abcde"}
    assert client.update_user("abcde", {**PERSON, "city": "B"}) == {"id": "abcde"}
    client.create_title({"name": "T"})
    lists.answer = {"id": 7}
    client.create_site({"name": "S", "cluster_id": 3}), client.update_site(7, {"name": "S2"})
    client.create_cluster(cluster), client.update_cluster(7, cluster)
    client.create_asset(ASSET), client.update_asset(7, ASSET)
    assert lists.written == [
        ("POST", "/api/users", PERSON),
        ("PATCH", "/api/users/abcde", {**PERSON, "city": "B"}),
        ("POST", "/api/user_titles", {"name": "T"}),
        ("POST", "/api/sites", {"name": "S", "cluster_id": 3}),
        ("PUT", "/api/sites/7", {"name": "S2"}),
        ("POST", "/api/site_clusters", cluster),
        ("PUT", "/api/site_clusters/7", cluster),
        ("POST", "/api/assets", ASSET),
        ("PUT", "/api/assets/7", ASSET),
    ]


def test_what_the_account_sets_itself_is_never_sent(lists: Lists, client: SafetyAmpClient) -> None:
    audit = dict.fromkeys(("created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by"), "x")
    client.create_title({"name": "T", "id": 9, **audit})
    assert lists.written == [("POST", "/api/user_titles", {"name": "T"})]


@pytest.mark.parametrize(
    ("write", "missing"),
    [
        (lambda client: client.create_user({**PERSON, "email": None}), ("email",)),
        (lambda client: client.update_user("abcde", {"city": "B"}), ("first_name", "last_name", "email")),
        (lambda client: client.create_title({"name": "  "}), ("name",)),
        (lambda client: client.create_site({"name": "S"}), ("cluster_id",)),
        (lambda client: client.update_site(7, {"zip_code": "70801"}), ("name",)),
        (lambda client: client.create_cluster({"name": "C"}), ("parent_cluster_id",)),
        (lambda client: client.update_cluster(7, {"parent_cluster_id": 3}), ("name", "osha_establishment")),
        (lambda client: client.update_asset(7, {"name": "Van"}), ("site_id", "asset_type_id")),
    ],
)
def test_what_lacks_a_required_field_never_leaves_the_process_and_nothing_is_invented(
    lists: Lists, client: SafetyAmpClient, write: Callable[[SafetyAmpClient], Any], missing: tuple[str, ...]
) -> None:
    with pytest.raises(RejectedRecordError, match="BW5003") as caught:
        write(client)
    assert (tuple(caught.value.fields), lists.written) == (missing, [])
    assert caught.value.ambiguous is False


@pytest.mark.parametrize("answer", [[], [{"id": 1}], {}, {"id": None}, {"id": ""}, None, "abcde"])
def test_d12_a_write_counts_only_with_an_id_in_the_answer(lists: Lists, client: SafetyAmpClient, answer: Any) -> None:
    lists.answer = answer
    with pytest.raises(RefusedError, match="BW5005") as created:
        client.create_user(PERSON)
    assert created.value.ambiguous is True
    with pytest.raises(RefusedError, match="BW5005") as updated:
        client.update_user("abcde", PERSON)
    assert updated.value.ambiguous is False


def test_an_update_that_is_answered_with_another_record_does_not_count(lists: Lists, client: SafetyAmpClient) -> None:
    lists.answer = {"id": "zzzzz"}
    with pytest.raises(RefusedError, match="BW5005"):
        client.update_user("abcde", PERSON)
    lists.answer = {"id": 7}
    assert client.update_asset(7, ASSET) == {"id": 7}


@pytest.mark.parametrize(("field", "kept"), [("ext_id", {"ext_id": "10001."}), ("external_code", {"ext_id": "10001."})])
def test_a_site_is_written_when_its_code_was_kept(
    lists: Lists, open_client: Callable[..., SafetyAmpClient], field: str, kept: dict[str, str]
) -> None:
    lists.answer = {"id": 7, **kept}
    site = {"name": "10001. - Garage", "cluster_id": 3, field: "10001."}
    assert open_client(site_code_field=field).create_site(site) == {"id": 7, **kept}


@pytest.mark.parametrize("kept", [{}, {"ext_id": None}, {"ext_id": "9"}])
def test_a_site_whose_code_did_not_stick_ends_the_job(
    lists: Lists, client: SafetyAmpClient, kept: dict[str, Any]
) -> None:
    lists.answer = {"id": 7, **kept}
    for write in (
        lambda: client.create_site({"name": "S", "cluster_id": 3, "ext_id": "10001."}),
        lambda: client.update_site(7, {"name": "S", "ext_id": "10001."}),
    ):
        with pytest.raises(RefusedError, match="BW5009") as caught:
            write()
        assert not isinstance(caught.value, RejectedRecordError), "every further site would be the same"
        assert "SAFETYAMP_SITE_CODE_FIELD" in caught.value.problem.fix


def test_a_probe_wants_one_role_with_a_name(lists: Lists, client: SafetyAmpClient) -> None:
    lists.records["/api/roles"] = [{"id": 3, "name": "Field"}, {"id": 4, "name": "Other"}]
    assert client.probe() == "Field"
    assert lists.asked == [("/api/roles", 0, 1)]
    for wrong in ([], [{"id": 1}], [{"id": 1, "name": None}], [{"name": "no id"}]):
        lists.pages = {0: wrong}
        with pytest.raises(RefusedError, match="BW5005"):
            client.probe()
