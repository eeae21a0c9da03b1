"""What a plugin wrote against what the contract says: planted mistakes are found, and what is right is left alone."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NewType, NoReturn, Optional, TypeVar

import pytest

from busway.contracts.caches import CacheBackend
from busway.contracts.events import Event
from busway.contracts.secrets import SecretValue
from busway.contracts.sinks import Delivery, EventSink
from busway.contracts.validators import Validator
from busway.hookspecs import KIND_HOOKS
from busway.plugins.annotations import Mismatch, hook_mismatches, object_mismatches
from busway.plugins.assignability import fits
from busway.plugins.kinds import KINDS

CACHE = """
class Made:
    stores_in_clear = True
    def get(self, key: str) -> bytes | None: ...
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None: ...
    def delete(self, key: str) -> bool: ...
    def scan(self, pattern: str) -> Iterator[str]: ...
    def close(self) -> None: ...
"""
SINK = """
class Made:
    def deliver(self, events: list[Event]) -> Delivery: ...
    def close(self) -> None: ...
"""
SOURCE = """
class Made:
    serves_settings = False
    def fetch(self, name: str) -> SecretValue | None: ...
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]: ...
    def names(self) -> Iterable[str]: ...
    def locate(self, name: str) -> str: ...
    def close(self) -> None: ...
"""
VALIDATORS = """
class Made:
    entity = "employee"
    def validate(self, record: dict[str, Any]) -> Validation: ...
"""
JOBS = """
class Made(Job):
    name, entity, match_on, fields = "people", "person", exact("id"), {"name": always}
    def source(self, run: Run) -> Iterable[Record]: ...
    def target(self, run: Run) -> Complete[Record]: ...
    def create(self, record: Record) -> Record: ...
    def update(self, current: Record, changes: Record) -> Record: ...
"""
SOURCES = {"secrets": SOURCE, "caches": CACHE, "sinks": SINK, "validators": VALIDATORS, "jobs": JOBS}
NAMES = """
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional
from busway import Job, always, exact, hookimpl
from busway.contracts.events import Event
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.contracts.secrets import SecretValue
from busway.contracts.sinks import Delivery, EventSink
from busway.contracts.validators import Validation
"""


def made(kind: str, *changes: tuple[str, str]) -> list[Mismatch]:
    """The mismatches of what a plugin of `kind` builds when its source is changed so."""
    source = SOURCES[kind]
    for before, after in changes:
        assert before in source, before
        source = source.replace(before, after)
    namespace: dict[str, Any] = {"__name__": "acme_annotated"}
    exec(compile(NAMES + source, "acme_annotated.py", "exec"), namespace)
    built = namespace["Made"]()
    return object_mismatches(kind, [built] if kind in ("validators", "jobs") else built)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_as_the_contract_says_has_no_mismatch(kind: str) -> None:
    assert made(kind) == []


PLANTED_BREAKING = {
    "missing parameter": ("caches", ("entry: bytes, ttl_seconds: float", "entry: bytes"), "lacks the parameter ttl"),
    "missing self": ("sinks", ("deliver(self, events: list[Event])", "deliver(events)"), "lacks the parameter events"),
    "extra required parameter": (
        "sinks",
        ("events: list[Event]", "events, channel"),
        "demands channel, which the core",
    ),
    "extra required keyword": ("sinks", ("events: list[Event]", "events, *, channel"), "demands channel, which"),
    "keyword only": ("caches", ("entry: bytes, ttl_seconds", "entry: bytes, *, ttl_seconds"), "ttl_seconds by keyword"),
    "other order": (
        "caches",
        ("key: str, entry: bytes", "entry: bytes, key: str"),
        "passed as (key, entry, ttl_seconds)",
    ),
    "async def": ("sinks", ("def deliver", "async def deliver"), "is async, and the core does not await it"),
    "async generator": (
        "caches",
        (
            "def scan(self, pattern: str) -> Iterator[str]: ...",
            "async def scan(self, pattern: str): yield pattern",
        ),
        "is async",
    ),
    "generator instead of a value": (
        "sinks",
        ("-> Delivery: ...", "-> Delivery: yield Delivery()"),
        "instead of Delivery",
    ),
    "generator whose body never runs": (
        "caches",
        ("def close(self) -> None: ...", "def close(self): yield"),
        "a call runs nothing",
    ),
    "one parameter too many in a job": (
        "jobs",
        ("create(self, record: Record)", "create(self, record, run)"),
        "demands run",
    ),
    "text for a tuple of texts": (
        "jobs",
        ("name, entity", 'depends_on = "titles"\n    name, entity'),
        "each letter would count",
    ),
}


@pytest.mark.parametrize("planted", PLANTED_BREAKING)
def test_a_planted_mistake_that_cannot_work_is_found(planted: str) -> None:
    kind, change, told = PLANTED_BREAKING[planted]
    (found,) = [mismatch for mismatch in made(kind, change) if mismatch.breaks]
    assert told in found.what
    assert found.what.startswith("Made.")
    assert found.place.startswith("acme_annotated.py:") or "depends_on" in found.what


PLANTED_DISAGREEING = {
    "wrong parameter type": (
        "caches",
        ("delete(self, key: str)", "delete(self, key: bytes)"),
        "delete() takes key: bytes, and is passed str",
    ),
    "narrower parameter type": (
        "caches",
        ("ttl_seconds: float", "ttl_seconds: int"),
        "takes ttl_seconds: int, and is passed float",
    ),
    "wrong type inside a list": ("sinks", ("list[Event]", "list[dict[str, Any]]"), "is passed list[Event]"),
    "wrong return type": ("caches", ("-> bool", "-> str"), "delete() returns str, and bool is needed"),
    "text for bytes": (
        "caches",
        ("-> bytes | None", "-> str | None"),
        "get() returns str | None, and bytes | None is needed",
    ),
    "returns Optional": ("sinks", ("-> Delivery", "-> Optional[Delivery]"), "and Delivery is needed"),
    "returns nothing": ("validators", ("-> Validation", "-> None"), "returns None, and Validation is needed"),
    "wrong value in a mapping": (
        "secrets",
        ("-> Mapping[str, SecretValue]", "-> dict[str, str]"),
        "returns dict[str, str]",
    ),
    "list for a complete read": (
        "jobs",
        ("-> Complete[Record]", "-> list[Record]"),
        "and Complete[dict[str, Any]] is needed",
    ),
    "keyword mismatch": (
        "caches",
        ("get(self, key: str)", "get(self, name: str)"),
        "calls key name, so it cannot be passed by name",
    ),
    "attribute of another type": ("validators", ('"employee"', "7"), "entity is a int, not str"),
    "one element for many": (
        "caches",
        ("-> Iterator[str]", "-> str"),
        "scan() returns str, and Iterator[str] is needed",
    ),
}


@pytest.mark.parametrize("planted", PLANTED_DISAGREEING)
def test_a_planted_annotation_that_disagrees_is_found_and_breaks_nothing(planted: str) -> None:
    kind, change, told = PLANTED_DISAGREEING[planted]
    (found,) = made(kind, change)
    assert told in found.what
    assert not found.breaks


RIGHT = {
    "a subclass is returned": ("jobs", ("-> Iterable[Record]", "-> list[Record]")),
    "a generator where many are asked for": (
        "jobs",
        ("-> Iterable[Record]: ...", "-> Generator[Record, None, None]: yield {}"),
    ),
    "a generator for an iterator": ("caches", ("-> Iterator[str]: ...", "-> Iterator[str]: yield pattern")),
    "a wider parameter": ("sinks", ("list[Event]", "Sequence[Event]")),
    "a union with more": ("caches", ("ttl_seconds: float", "ttl_seconds: float | str")),
    "nothing annotated": (
        "caches",
        ("key: str, entry: bytes, ttl_seconds: float) -> None", "key, entry, ttl_seconds)"),
    ),
    "Any": ("sinks", ("-> Delivery", "-> Any")),
    "a name that cannot be evaluated": ("sinks", ("-> Delivery", "-> 'NotImported'")),
    "what is returned for nothing": ("sinks", ("def close(self) -> None", "def close(self) -> bool")),
    "a parameter with a default": ("sinks", ("events: list[Event]", "events: list[Event], retries: int = 3")),
    "takes everything": ("caches", ("key: str, entry: bytes, ttl_seconds: float", "*args: Any")),
    "a narrower answer": ("secrets", ("-> SecretValue | None", "-> SecretValue")),
    "a list of dependencies": ("jobs", ("name, entity", 'depends_on = ["titles"]\n    name, entity')),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_works_is_left_alone(case: str) -> None:
    kind, change = RIGHT[case]
    assert made(kind, change) == []


def test_the_abilities_of_a_cache_are_compared_too() -> None:
    class Made:
        stores_in_clear = True

        def get(self, key: str) -> bytes | None: ...
        def set(self, key: str, entry: bytes, ttl_seconds: float) -> None: ...
        def delete(self, key: str) -> bool: ...
        def scan(self, pattern: str) -> Iterator[str]: ...
        def close(self) -> None: ...
        def read_generations(self, names: Sequence[str]) -> Sequence[int]: ...
        def raise_generation(self, name: str, stamp: int) -> str: ...

    (found,) = object_mismatches("caches", Made())
    assert "raise_generation() returns str, and int is needed" in found.what


# -- hooks


def plugin(source: str) -> types.ModuleType:
    module = types.ModuleType("acme_hooks")
    exec(compile(NAMES + source, "acme_hooks.py", "exec"), vars(module))
    return module


@pytest.mark.parametrize(
    ("source", "told", "breaks"),
    [
        ("async def busway_event_sink(context): ...", "busway_event_sink() is async", True),
        ("def busway_validators(context): yield 1", "has a yield", True),
        ("def busway_event_sink(context) -> Optional[EventSink]: ...", "returns", False),
        ("def busway_event_sink(context) -> Delivery: ...", "returns Delivery, and EventSink is needed", False),
        ("def busway_settings() -> dict[str, str]: ...", "returns dict[str, str], and type[Settings] is needed", False),
        ("def busway_jobs(context: str): ...", "takes context: str, and is passed PluginContext[Any]", False),
    ],
)
def test_hooks_are_compared_with_the_hookspecs(source: str, told: str, breaks: bool) -> None:
    (found,) = hook_mismatches(plugin(f"@hookimpl\n{source}"))
    assert told in found.what
    assert found.breaks is breaks
    assert found.place == f"acme_hooks.py:{NAMES.count(chr(10)) + 1}"


@pytest.mark.parametrize(
    "source",
    [
        "@hookimpl\ndef busway_event_sink(context) -> EventSink: ...",
        "@hookimpl\ndef busway_event_sink(): ...",
        "@hookimpl(wrapper=True)\ndef busway_event_sink(context): return (yield)",
        "async def busway_event_sink(context): ...",  # not marked: it is not a hook
        "@hookimpl\ndef busway_jobs(context) -> list[Job]: ...",
    ],
)
def test_hooks_that_fit_are_left_alone(source: str) -> None:
    assert hook_mismatches(plugin(source)) == []


def test_a_hook_of_another_name_is_compared_with_the_hook_it_is_for() -> None:
    (found,) = hook_mismatches(plugin("@hookimpl(specname='busway_event_sink')\nasync def make(context): ..."))
    assert found.what.startswith("busway_event_sink() is async")


def test_names_imported_for_type_checkers_only_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_typed_parts.py").write_text(
        "class Wrong: pass\nclass Right:\n    deliver = close = print\n", "utf-8"
    )
    (tmp_path / "acme_typed.py").write_text(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "from busway import hookimpl\n"
        "if TYPE_CHECKING:\n"
        "    import collections.abc\n"
        "    from acme_typed_parts import Right, Wrong as Renamed\n"
        "    from acme_gone import Nowhere\n"
        "@hookimpl\n"
        "def busway_event_sink(context: Nowhere) -> Renamed | Right: ...\n"
        "@hookimpl\n"
        "def busway_jobs(context) -> collections.abc.Mapping[str, str]: ...\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        import acme_typed  # type: ignore[import-not-found]

        told = [mismatch.what for mismatch in hook_mismatches(acme_typed)]
        assert told == [
            "busway_event_sink() returns Wrong | Right, and EventSink is needed",
            "busway_jobs() returns Mapping[str, str], and Sequence[Job] is needed",
        ]
    finally:
        for name in ("acme_typed", "acme_typed_parts"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "module",
    [
        "busway_cache_file",
        "busway_cache_redis",
        "busway_safetyamp",
        "busway_secrets_keyvault",
        "busway_sink_email",
        "busway_sink_otel",
        "busway_sink_prometheus",
        "busway_sink_webhook",
    ],
)
def test_the_plugins_of_this_project_have_no_mismatch(module: str) -> None:
    found = __import__(module)
    assert any(hasattr(found, hook) for hook in KIND_HOOKS.values())
    assert hook_mismatches(found) == []


# -- single types

Number = NewType("Number", int)
T = TypeVar("T")


class Sink:
    def deliver(self, events: list[Event]) -> Delivery: ...
    def close(self) -> None: ...


class Renamed(Sequence[int]):
    def __getitem__(self, at: Any) -> Any: ...
    def __len__(self) -> int: ...


FITTING = [
    (int, float),
    (bool, int),
    (None, type(None)),
    (None, str | None),
    (str, str | None),
    (Literal["a"], str),
    (Literal["a"], Literal["a", "b"]),
    (Number, int),
    (Annotated[str, "note"], str),
    (ClassVar[str], str),
    (list[int], Sequence[int]),
    (list[bool], Iterable[int]),
    (list, Sequence[int]),
    (dict[str, int], Mapping[str, float]),
    (dict[str, int], Iterable[str]),
    (Generator[str, None, None], Iterator[str]),
    (tuple[int, int], Sequence[int]),
    (tuple[int, ...], tuple[float, ...]),
    (tuple[int, str], tuple[int, str]),
    (type[Sink], type[EventSink]),
    (Sink, EventSink),
    (Sink, object),
    (Renamed, Sequence[str]),
    (Callable[[int], str], Callable[[str], int]),
    (T, int),
    ("Sink", int),
    (Any, int),
    (NoReturn, int),
    (EventSink, EventSink),
]
UNFIT = [
    (float, int),
    (str, bytes),
    (str, int),
    (object, int),
    (int | None, int),
    (Optional[str], str),  # noqa: UP045 - the older spelling is what is tested
    (str, Literal["a"]),
    (Literal["c"], Literal["a", "b"]),
    (list[str], Sequence[int]),
    (dict[str, str], Mapping[str, int]),
    (dict[str, str], list[str]),
    (tuple[int, str], Sequence[int]),
    (tuple[int], tuple[int, int]),
    (type[int], type[EventSink]),
    (str, EventSink),
    (None, EventSink),
    (Sink, CacheBackend),
    (Sink, Validator),
    (Generator[int, None, None], Iterator[str]),
]


@pytest.mark.parametrize(("found", "wanted"), FITTING)
def test_types_that_fit(found: Any, wanted: Any) -> None:
    assert fits(found, wanted)


@pytest.mark.parametrize(("found", "wanted"), UNFIT)
def test_types_that_do_not_fit(found: Any, wanted: Any) -> None:
    assert not fits(found, wanted)


def test_a_class_that_answers_questions_badly_is_given_the_benefit_of_the_doubt() -> None:
    class Strange(type):
        def __instancecheck__(cls, instance: object) -> bool:
            raise RuntimeError

        def __subclasscheck__(cls, subclass: type) -> bool:
            raise TypeError("never ask me")

    class Odd(metaclass=Strange):
        pass

    assert fits(int, Odd)
    assert fits(SecretValue, Odd)


def test_a_mismatch_reads_as_a_sentence_with_its_place() -> None:
    assert str(Mismatch("Made.get() returns str", "acme.py:3", False)) == "Made.get() returns str (acme.py:3)"
    assert str(Mismatch("Made.entity is a int", "", False)) == "Made.entity is a int"
