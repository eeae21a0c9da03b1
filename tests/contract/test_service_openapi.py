"""Requests drawn from the OpenAPI document, fitting and not: every answer is one that the document names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.distributions import Site
from builders.json_schema import refusals
from builders.people_deployment import PeopleDeployment, person
from builders.service_house import LiveService, service_house
from busway.operation.service_policy import ServicePolicy
from busway.plugins.index import load_index
from busway_service.web.openapi import openapi

DOCUMENT = openapi(ServicePolicy())
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
NAMES = st.sampled_from(["0199", "people", "person 2"]) | TEXT.filter(lambda one: one.strip("./\\") != "")
KNOWN = st.sampled_from(["people", "teams", "person 2", "source.person", "vista", "2h"])


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """One service for all examples: what one changes, the next one finds."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch, Site(folder / "site") as site:
        patch.setattr("busway.app.load_index", lambda: load_index(cache_file=folder / "index.json"))
        people = PeopleDeployment(folder / "home", site, None)  # type: ignore[arg-type]
        with service_house(people, patch) as house:
            house.toml(service="reads_per_minute = 0\nchanges_per_minute = 0", schedule="manual = true")
            people.source(person(1), person(2))
            people.faults(broken=["2"])
            made = house.live()
            made.ended(made.post("/api/v1/runs", {"jobs": ["people"]}).json()["data"]["run_id"])
            yield made


def fitting(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of a request allows, or nearly does."""
    if "$ref" in schema:
        return fitting(root["components"]["schemas"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return st.one_of([fitting(option, root) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds: dict[str, Any] = {
        "string": lambda: KNOWN | TEXT,
        "integer": lambda: st.integers(schema.get("minimum", -5), schema.get("maximum", 5_000)),
        "number": lambda: st.floats(0.1, 1_000),
        "boolean": st.booleans,
        "null": st.none,
        "array": lambda: st.lists(fitting(schema["items"], root), max_size=4),
        "object": lambda: an_object(schema, root),
    }
    made: st.SearchStrategy[Any] = kinds[schema["type"]]()
    return made


def an_object(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    parts = {name: fitting(inner, root) for name, inner in schema["properties"].items()}
    required = {name: parts[name] for name in schema.get("required", ())}
    return st.fixed_dictionaries(
        required, optional={name: part for name, part in parts.items() if name not in required}
    )


@st.composite
def requests(draw: st.DrawFn, root: dict[str, Any]) -> tuple[str, str, dict[str, Any], Any, dict[str, Any]]:
    path = draw(st.sampled_from(sorted(root["paths"])))
    method = draw(st.sampled_from(sorted(root["paths"][path])))
    operation = root["paths"][path][method]
    query = {}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            text = draw(
                st.sampled_from(["0199", "people", "person 2", ".."]) | TEXT.filter(lambda one: one.strip("./\\") != "")
            )
            path = path.replace(f"{{{parameter['name']}}}", _quoted(text))
        elif draw(st.booleans()):
            query[parameter["name"]] = draw(fitting(parameter["schema"], root).map(_as_text) | TEXT)
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = draw(fitting(schema, root) | ANYTHING)
    return method, path, query, body, operation


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _as_text(value: Any) -> str:
    return (
        {True: "true", False: "false", None: ""}.get(value, str(value)) if not isinstance(value, float) else str(value)
    )


@settings(max_examples=250, suppress_health_check=list(HealthCheck))
@given(request=requests(DOCUMENT))
def test_every_answer_is_one_that_the_document_names(live: LiveService, request: tuple[Any, ...]) -> None:
    method, path, query, body, operation = request
    options = {} if body is None else {"json": body}
    response = live.client.request(method.upper(), path, params=query, **options)
    told = operation["responses"].get(str(response.status_code))
    if told is None:
        # A path that decodes to another address, as one with a slash in its name, is served there or nowhere.
        assert response.status_code in (404, 405), (method, path, query, body, response.text)
        return
    assert response.status_code < 500, response.text
    schema = {**told["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    assert refusals(schema, response.json()) == [], (method, path, response.text)


def test_the_document_is_served_as_it_is(live: LiveService) -> None:
    assert live.get("/api/v1/openapi.json").json() == DOCUMENT


def test_probes_still_answer_after_all_of_it(live: LiveService) -> None:
    assert live.get("/livez").status_code == 200
    assert live.get("/readyz").status_code == 200
