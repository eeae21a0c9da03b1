"""The client: whole reads, verified writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from builders.safetyamp_parts import safetyamp_http
from busway.errors import IncompleteReadError, RefusedError, UnreachableError
from busway_safetyamp import paging
from busway_safetyamp.client import SafetyAmpClient


class Lists:
    """A server of paged lists; ``pages`` may be replaced to make it lie."""

    def __init__(self, server: HTTPServer) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.records: dict[str, list[Any]] = {}
        self.pages: dict[int, Any] = {}
        self.written: list[tuple[str, str, Any]] = []
        self.answer: Any = {"id": "abcde"}
        for method in ("GET", "POST", "PATCH"):
            handler = self._list if method == "GET" else self._write
            server.expect_request(re.compile(".*"), method=method).respond_with_handler(handler)

    def _list(self, request: Request) -> Response:
        if "limit" not in request.args:
            return _json({"data": self.records[request.path]})
        page, limit = int(request.args["page"]), int(request.args["limit"])
        self.asked.append((request.path, page, limit))
        rows = self.records.get(request.path, [])[page * limit : (page + 1) * limit]
        data = self.pages.get(page, rows)
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
def client(httpserver: HTTPServer) -> Iterator[SafetyAmpClient]:
    found = SafetyAmpClient(safetyamp_http(httpserver.url_for("")), page_size=2)
    yield found
    found.close()


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


def test_each_collection_has_its_address(lists: Lists, client: SafetyAmpClient) -> None:
    client.users(), client.sites(), client.roles()
    assert [path for path, _, _ in lists.asked] == ["/api/users", "/api/sites", "/api/roles"]


def test_deleted_records_are_left_out_but_counted_for_paging(lists: Lists, client: SafetyAmpClient) -> None:
    lists.records["/api/sites"] = [
        {"id": 1, "deleted_at": "2026-01-01 00:00:00"},
        {"id": 2, "deleted_at": None},
        {"id": 3},
    ]
    assert [site["id"] for site in client.sites()] == [2, 3]


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


@pytest.mark.parametrize("data", [None, {}, "x", [1], [{"name": "no id"}], [{"id": None}]])
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


def test_writes_go_to_their_address_and_return_the_answer(lists: Lists, client: SafetyAmpClient) -> None:
    assert client.create_user({"first_name": "A"}) == {"id": "abcde"}
    assert client.update_user("abcde", {"city": "B"}) == {"id": "abcde"}
    assert client.create_title({"name": "T"}) == {"id": "abcde"}
    assert lists.written == [
        ("POST", "/api/users", {"first_name": "A"}),
        ("PATCH", "/api/users/abcde", {"city": "B"}),
        ("POST", "/api/user_titles", {"name": "T"}),
    ]


@pytest.mark.parametrize("answer", [[], [{"id": 1}], {}, {"id": None}, {"id": ""}, None, "abcde"])
def test_a_write_counts_only_with_an_id_in_the_answer(lists: Lists, client: SafetyAmpClient, answer: Any) -> None:
    lists.answer = answer
    with pytest.raises(RefusedError, match="BW5005") as created:
        client.create_user({"first_name": "A"})
    assert getattr(created.value, "ambiguous", False) is True
    with pytest.raises(RefusedError, match="BW5005") as updated:
        client.update_user("abcde", {"city": "B"})
    assert getattr(updated.value, "ambiguous", False) is False
