"""Random programs that use old modules, and old modules that write down what is asked of them.

The old modules are written by hand and know nothing of the rules: each call is written down as the call of the new
manager that stands for it, so that a program does the same before and after exactly when both write down the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from builders.imported_tree import imported_from, module
from builders.recording_managers import Recorder, recording_busway

RECORDING_MODULES = {
    "config/__init__.py": "from config.settings import REDIS_HOST, SAFETYAMP_TOKEN, settings\n",
    "config/settings.py": """\
class _Settings:
    REDIS_HOST = "the host"
    SAFETYAMP_TOKEN = "the token"


settings = _Settings()
REDIS_HOST = settings.REDIS_HOST
SAFETYAMP_TOKEN = settings.SAFETYAMP_TOKEN
""",
    "utils/__init__.py": "",
    "utils/cache_manager.py": """\
from recorder import note


class CacheManager:
    def get_jobs(self):
        return note("data_manager.get_jobs", {})

    def clear_cache(self, cache_name):
        return note("data_manager.invalidate", {"key_or_pattern": cache_name})

    def save_cache(self, cache_name, data, ttl_hours=None):
        seconds = None if ttl_hours is None else ttl_hours * 3600
        given = {"name": cache_name, "data": data, "ttl_seconds": seconds, "key": None, "metadata": None}
        return note("data_manager.save_cache", given)

    def purge(self):
        return note("old.purge", {})
""",
    "utils/error_manager.py": """\
from recorder import note


class _ErrorManager:
    def log_error(self, error_type, message, entity_type=None, entity_id=None, exception=None, session_id=None):
        return note("event_manager.log_error", {
            "kind": error_type, "entity": entity_type, "entity_id": entity_id, "message": message,
            "exc": exception, "session_id": session_id,
        })


error_manager = _ErrorManager()
""",
    "utils/change_tracker.py": """\
from recorder import note


class ChangeTracker:
    def log_creation(self, entity_type, entity_id, data=None, session_id=None):
        return note("event_manager.log_creation", {
            "entity": entity_type, "entity_id": entity_id, "details": data, "session_id": session_id,
        })

    def log_error(self, entity_type, entity_id, error_message, session_id=None):
        return note("event_manager.log_error", {
            "kind": "sync", "entity": entity_type, "entity_id": entity_id, "message": error_message,
            "exc": None, "session_id": session_id,
        })
""",
}


@dataclass(frozen=True)
class Thing:
    """Something old: where it is, and calls of it."""

    module: str
    name: str
    is_class: bool
    methods: tuple[tuple[str, tuple[str, ...], int], ...]
    """Method, its parameters, and how many of them must be given."""


THINGS = (
    Thing(
        "utils.cache_manager",
        "CacheManager",
        True,
        (
            ("get_jobs", (), 0),
            ("clear_cache", ("cache_name",), 1),
            ("save_cache", ("cache_name", "data", "ttl_hours"), 2),
        ),
    ),
    Thing(
        "utils.error_manager",
        "error_manager",
        False,
        (("log_error", ("error_type", "message", "entity_type", "entity_id", "exception", "session_id"), 2),),
    ),
    Thing(
        "utils.change_tracker",
        "ChangeTracker",
        True,
        (
            ("log_creation", ("entity_type", "entity_id", "data", "session_id"), 2),
            ("log_error", ("entity_type", "entity_id", "error_message", "session_id"), 3),
        ),
    ),
)
WAYS = (
    *("plain", "function", "method", "attribute", "variable", "lambda", "shadow", "global", "loop", "closure"),
    *("handed", "returned", "getattr"),
)
"""Ways to use it; those of the last line cannot be followed."""
LOCALS = ("config", "data_manager", "event_manager", "error_manager", "cache", "x")
"""Names that a program has for things of its own; some are those a migration would like to use."""


@st.composite
def arguments(draw: st.DrawFn, parameters: tuple[str, ...], required: int) -> str:
    """Arguments in parentheses: by position, then by keyword in any order, each one a step that is written down."""
    count = draw(st.integers(required, len(parameters)))
    by_position = draw(st.integers(0, count))
    named = draw(st.permutations(parameters[by_position:count]))
    steps = [f"step({draw(st.integers(0, 9))})" for _ in range(count)]
    plain = [draw(st.sampled_from([step, step, "1 + 1", "(2)"])) for step in steps]
    parts = [*plain[:by_position], *(f"{name}={value}" for name, value in zip(named, plain[by_position:], strict=True))]
    if draw(st.integers(0, 4)) == 0 and parts:
        return "(\n        " + ",  # why\n        ".join(parts) + ",\n    )"
    return f"({', '.join(parts)})"


@st.composite
def reached(draw: st.DrawFn, thing: Thing) -> tuple[list[str], str, str]:
    """Import lines, the expression that stands for the name, and where the import can stand."""
    package, _, last = thing.module.rpartition(".")
    alias = draw(st.sampled_from([thing.name, "a_" + thing.name, "em"]))
    form = draw(st.sampled_from(["from", "from", "as", "module", "module as", "package", "try", "helper", "local"]))
    match form:
        case "from":
            return [f"from {thing.module} import {thing.name}"], thing.name, "top"
        case "as":
            return [f"from {thing.module} import {thing.name} as {alias}"], alias, "top"
        case "module":
            return [f"import {thing.module}"], f"{thing.module}.{thing.name}", "top"
        case "module as":
            return [f"import {thing.module} as old_{last}"], f"old_{last}.{thing.name}", "top"
        case "package":
            return [f"from {package} import {last}"], f"{last}.{thing.name}", "top"
        case "helper":
            return [f"from helper import {thing.name}"], thing.name, "helper"
        case "local":
            return [f"from {thing.module} import {thing.name} as {alias}"], alias, "local"
    lines = ["try:", f"    from {thing.module} import {thing.name}", "except ImportError:", f"    {thing.name} = None"]
    return lines, thing.name, "top"


@st.composite
def programs(draw: st.DrawFn) -> dict[str, str]:
    """The files of a program: ``job.py``, and perhaps a ``helper.py`` that hands old names on."""
    head, body, helper = ["from recorder import out, step"], [], []
    for number in range(draw(st.integers(1, 3))):
        thing = draw(st.sampled_from(THINGS))
        lines, expression, place = draw(reached(thing))
        if place == "helper":
            helper.append(f"from {thing.module} import {thing.name}")
        method, parameters, required = draw(st.sampled_from(thing.methods))
        given = draw(arguments(parameters, required))
        made = f"{expression}()" if thing.is_class else expression
        local = lines if place == "local" else []
        if place != "local":
            head += lines
        body += draw(used(number, made, f".{method}{given}", local, expression))
    settings = draw(st.sampled_from(SETTINGS))
    own = draw(st.sampled_from(["", "", *(f"{name} = 5" for name in LOCALS)]))
    tail = [f"out({name})" for name in [own.partition(" ")[0]] if name]
    lines = [*settings[:1], *head, *([own] if own else []), *body, *settings[1:], *tail]
    found = {"job.py": "\n".join(lines) + "\n"}
    if helper:
        found["helper.py"] = "\n".join(dict.fromkeys(helper)) + "\n"
    return found


SETTINGS: Sequence[tuple[str, ...]] = (
    (),
    ("from config import settings", "out(settings.REDIS_HOST)"),
    (
        "from config import REDIS_HOST",
        "out(f'{REDIS_HOST}!')",
        "def port(REDIS_HOST):",
        "    return REDIS_HOST",
        "out(port(1))",
    ),
    ("from config.settings import *", "out(REDIS_HOST, SAFETYAMP_TOKEN)"),
    ("import config.settings as s", "out([s.REDIS_HOST for _ in range(2)])"),
    ("import config", "out(config.settings.REDIS_HOST)"),
)


@st.composite
def used(draw: st.DrawFn, number: int, made: str, call: str, local: list[str], name: str) -> list[str]:
    """Lines that use the thing in one of many ways; some of them cannot be followed, and must be left."""
    way = draw(st.sampled_from(WAYS))
    inside = [f"    {line}" for line in local]
    deeper = [f"        {line}" for line in local]
    match way:
        case "plain" | "loop":
            front = ["for _ in range(2):"] if way == "loop" else [f"def f{number}():"]
            after = [] if way == "loop" else [f"f{number}()"]
            return [*front, *inside, f"    out({made}{call})", *after]
        case "function":
            return [f"def f{number}(a=1):", *inside, f"    v = {made}", f"    return v{call}", f"out(f{number}())"]
        case "method":
            return [
                f"class C{number}:",
                "    def m(self):",
                *deeper,
                f"        return {made}{call}",
                f"out(C{number}().m())",
            ]
        case "attribute":
            return [
                f"class C{number}:",
                "    def __init__(self):",
                *deeper,
                f"        self.held_{number} = {made}",
                "    def m(self):",
                f"        return self.held_{number}{call}",
                f"out(C{number}().m())",
            ]
        case "variable":
            return [*local, f"v{number} = {made}", f"w{number} = v{number}", f"out(w{number}{call}, v{number} is None)"]
        case "lambda":
            return [*local, f"out((lambda: {made}{call})())"]
        case "shadow":
            other = draw(st.sampled_from(LOCALS))
            return (
                [*local, f"def f{number}({other}):", f"    return {other}, {made}{call}", f"out(f{number}(7))"]
                if (other != name.partition(".")[0])
                else [*local, f"out({made}{call})"]
            )
        case "global":
            return [
                f"g{number} = None",
                f"def f{number}():",
                f"    global g{number}",
                *inside,
                f"    g{number} = {made}",
                f"f{number}()",
                f"out(g{number}{call})",
            ]
        case "handed":
            return [*local, f"def h{number}(it):", f"    return it{call}", f"out(h{number}({made}))"]
        case "returned":
            return [f"def f{number}():", *inside, f"    return {made}", f"out(f{number}(){call})"]
        case "getattr":
            method, _, given = call[1:].partition("(")
            return [*local, f"out(getattr({made}, '{method}')({given})"]
    return [
        f"def f{number}():",
        *inside,
        f"    v = {made}",
        "    def inner():",
        f"        return v{call}",
        "    return inner()",
        f"out(f{number}())",
    ]


def run(folder: Path) -> tuple[list[object], BaseException | None]:
    """What the program writes down, and how it ends."""
    recorder = Recorder()
    trace: list[object] = []
    text = "trace = []\n\n\ndef note(*call):\n    raise NotImplementedError\n"
    (folder / "recorder.py").write_text(text, "utf-8")
    with imported_from(folder), recording_busway(recorder):
        import sys

        sys.modules.pop("recorder", None)
        double = module("recorder")
        vars(double).update(
            note=recorder.note,
            step=lambda number: (trace.append(("step", number)), number)[1],
            out=lambda *values: trace.append(("out", tuple(map(_shown, values)))),
        )
        recorder.on_note = lambda name, given: trace.append((name, _plain(given)))
        try:
            module("job")
        except Exception as error:  # the same end counts, too
            return trace, error
        finally:
            sys.modules.pop("recorder", None)
    return trace, None


def _shown(value: object) -> object:
    """Objects of the old modules are others each time they are imported; what they are is what counts."""
    return value if isinstance(value, str | int | list | tuple | None) else type(value).__name__


def _plain(given: dict[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple(sorted((name, value) for name, value in given.items() if name != "self"))
