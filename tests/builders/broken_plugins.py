"""Every way of breaking a plugin, as the source of its module for each kind, with what a person must be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builders.distributions import GOOD
from busway.hookspecs import KIND_HOOKS

Source = Callable[[str], str]
"""From a kind to the module of a plugin."""

UPGRADE = "pip install -U acme-busway-bad"
WAIT = "__import__('sys').busway_release.wait(60)"
MISSPELT = {
    "secrets": ("def locate", "def lokate", "lacks locate() of SecretSource"),
    "caches": ("def scan", "def skan", "lacks scan() of CacheBackend"),
    "sinks": ("def close(self): pass", "close = 3", "lacks close() of EventSink"),
    "validators": ("def validate", "def walidate", "lacks validate() of Validator"),
    "jobs": ("name, entity,", "name, entty,", "does not declare entity"),
}
"""Of each kind's good plugin: a member, its misspelling, and how the message tells it."""
MODEL = """
from busway import Settings, setting
class Mine(Settings):
    size: int = setting({default}, env="ACME_SIZE", doc="How many.")
@hookimpl
def busway_settings():
    return Mine
"""
CHECKED_MODEL = """
from pydantic import model_validator
from busway import Settings
class Mine(Settings):
    @model_validator(mode="before")
    @classmethod
    def look(cls, given): {body}
@hookimpl
def busway_settings():
    return Mine
"""
BY_VALUE = """
class Plugin:
    {hook} = staticmethod({hook})
    {members}
it = Plugin()
"""


@dataclass(frozen=True)
class Fault:
    """One way of breaking a plugin."""

    way: str
    source: Source
    code: str
    cause: str
    remedy: str = UPGRADE
    value: str = ""
    """The entry point's value."""
    hangs: str = ""
    """The worker that hangs for it: the beginning of its label."""


def before(text: str) -> Source:
    """A good plugin whose module begins with `text`."""
    return lambda kind: f"{text}\n{GOOD[kind]}"


def after(text: str) -> Source:
    """A good plugin whose module ends with `text`; `{hook}` is the hook of its kind."""
    return lambda kind: GOOD[kind] + text.replace("{hook}", KIND_HOOKS[kind]) + "\n"


def marked(mark: str) -> Source:
    """A good plugin whose hook has another mark than `@hookimpl`."""
    return lambda kind: GOOD[kind].replace("@hookimpl\n", f"{mark}\n" if mark else "")


def factory(body: str, mark: str = "@hookimpl", arguments: str = "context") -> Source:
    """A plugin whose hook does `body`."""
    return after(f"{mark}\ndef {{hook}}({arguments}):\n    {body}")


def settings_hook(body: str) -> Source:
    return after(f"@hookimpl\ndef busway_settings():\n    {body}")


def as_class(kind: str) -> str:
    """A plugin that hands over the class where its object is needed."""
    return GOOD[kind].replace("Made()", "Made").replace("Rules()", "Rules").replace("People()", "People")


def of_another_kind(kind: str) -> str:
    return GOOD["sinks" if kind == "caches" else "caches"]


def misspelt(kind: str) -> str:
    member, wrong, _ = MISSPELT[kind]
    return GOOD[kind].replace(member, wrong)


AT_IMPORT = [
    Fault("import error", before("raise ImportError('no luck')"), "BW1304", "ImportError: no luck"),
    Fault("any error", before("{}['x']"), "BW1304", "KeyError: 'x'"),
    Fault(
        "missing dependency",
        before("import pagerapi"),
        "BW1304",
        "ModuleNotFoundError: No module named 'pagerapi'",
        "pip install pagerapi   (or pip install --force-reinstall acme-busway-bad",
    ),
    Fault(
        "a missing module without a name",
        before("raise ModuleNotFoundError('which?', name=3)"),
        "BW1304",
        "ModuleNotFoundError: which?",
    ),
    Fault(
        "module is gone",
        GOOD.__getitem__,
        "BW1304",
        "No module named 'acme_gone'",
        "pip install --force-reinstall acme-busway-bad   (a module of its own is gone",
        value="acme_gone.sink",
    ),
    Fault("attribute is gone", GOOD.__getitem__, "BW1304", "has no attribute 'it'", value="{module}:it"),
    Fault("syntax error", before("def ("), "BW1304", "SyntaxError: invalid syntax"),
    Fault("sys.exit at import", before("import sys; sys.exit(3)"), "BW1304", "SystemExit: 3"),
    Fault("interrupt at import", before("raise KeyboardInterrupt"), "BW1304", "KeyboardInterrupt"),
    Fault("assertion at import", before("assert False, 'never'"), "BW1304", "AssertionError: never"),
    Fault("import hangs", before(WAIT), "BW1305", "gave no answer within 0.05 s", hangs="busway-import"),
]
AT_REGISTRATION = [
    Fault("wrong signature", factory("...", arguments="context, nope"), "BW1306", "nope"),
    Fault(
        "unknown hook",
        after("@hookimpl\ndef busway_setings(): ..."),
        "BW1306",
        "unknown hook 'busway_setings'",
        "did you mean busway_settings()?",
    ),
    Fault("unmarked hook", marked(""), "BW1306", "is not marked with @hookimpl"),
    Fault("tryfirst", marked("@hookimpl(tryfirst=True)"), "BW1307", "is marked with tryfirst", "instead"),
    Fault("trylast", marked("@hookimpl(trylast=True)"), "BW1307", "is marked with trylast", "instead"),
    Fault(
        "hookwrapper",
        factory("yield", "@hookimpl(hookwrapper=True)"),
        "BW1307",
        "is marked with hookwrapper",
        "instead",
    ),
    Fault(
        "wrapper", factory("return (yield)", "@hookimpl(wrapper=True)"), "BW1307", "is marked with wrapper", "instead"
    ),
    Fault("no hook", lambda _: "x = 1", "BW1308", "has no hook busway_"),
    Fault("hook of another kind", of_another_kind, "BW1308", ", only busway_"),
    Fault("a class", after("class It: ..."), "BW1306", "is a class", value="{module}:It"),
    Fault(
        "looking at it raises",
        after("def __dir__(): raise RuntimeError('look away')"),
        "BW1306",
        "look away",
    ),
    Fault("looking at it exits", after("def __dir__(): raise SystemExit(4)"), "BW1306", "dir() raised SystemExit: 4"),
    Fault(
        "looking at it hangs",
        after(f"def __dir__(): {WAIT}"),
        "BW1305",
        "dir() gave no answer within 0.05 s",
        hangs="busway-register",
    ),
    Fault(
        "unhashable",
        after(BY_VALUE.replace("{members}", "__hash__ = None")),
        "BW1306",
        "defines __eq__ or __hash__",
        value="{module}:it",
    ),
    Fault(
        "compares wildly",
        after(
            BY_VALUE.replace(
                "{members}", "def __eq__(self, other): raise SystemExit(5)\n    __hash__ = object.__hash__"
            )
        ),
        "BW1306",
        "defines __eq__ or __hash__",
        value="{module}:it",
    ),
]
AT_SETTINGS = [
    Fault("model is none", settings_hook("return dict"), "BW1309", "returned dict, which is not a subclass"),
    Fault(
        "setting without a name",
        after(MODEL.format(default="1").replace("ACME_SIZE", "")),
        "BW1309",
        'whose size is declared with env=""',
    ),
    Fault(
        "setting of the core",
        after(MODEL.format(default="1").replace("ACME_SIZE", "BUSWAY_SIZE")),
        "BW1309",
        'env="BUSWAY_SIZE"',
    ),
    Fault(
        "default raises",
        after(MODEL.format(default="default_factory=lambda: {}['x']")),
        "BW1309",
        "whose default of size raised KeyError",
    ),
    Fault("settings raise", settings_hook("raise OSError('disk')"), "BW1309", "busway_settings() raised OSError: disk"),
    Fault("settings exit", settings_hook("raise SystemExit(6)"), "BW1309", "busway_settings() raised SystemExit: 6"),
    Fault(
        "settings hang",
        settings_hook(WAIT),
        "BW1305",
        "busway_settings() gave no answer within 0.05 s",
        hangs="busway_settings",
    ),
    Fault(
        "model raises",
        after(CHECKED_MODEL.format(body="raise LookupError('s3cret')")),
        "BW1310",
        "its settings model raised LookupError",
    ),
    Fault(
        "model exits",
        after(CHECKED_MODEL.format(body="raise SystemExit('s3cret')")),
        "BW1310",
        "its settings model raised SystemExit",
    ),
]
AT_FACTORY = [
    Fault("factory raises", factory("raise ValueError('boom')"), "BW1311", "() raised ValueError: boom"),
    Fault(
        "an error of ours, half made",
        factory("raise type('Half', (__import__('busway').errors.BuswayError,), {'__init__': lambda self: None})"),
        "BW1311",
        "() raised Half",
    ),
    Fault(
        "an error that breaks when shown",
        factory("raise type('Odd', (Exception,), {'__str__': lambda self: __import__('sys').exit(7)})"),
        "BW1311",
        "() raised Odd: its text cannot be shown (SystemExit)",
    ),
    Fault("factory exits", factory("raise SystemExit(1)"), "BW1311", "() raised SystemExit: 1"),
    Fault("factory hangs", factory(WAIT), "BW1305", "() gave no answer within 0.05 s", hangs="busway-build"),
    Fault("builds None", factory("return None"), "BW1312", "returned None"),
    Fault("builds a class", as_class, "BW1312", "returned the class"),
    Fault("builds another type", factory("return [object()]"), "BW1312", "returned an object of "),
    Fault("lacks a member", misspelt, "BW1312", ""),
]
FAULTS = [*AT_IMPORT, *AT_REGISTRATION, *AT_SETTINGS, *AT_FACTORY]
LACKING = Fault("value is missing", after(MODEL.format(default="...")), "BW1109", "ACME_SIZE is not set", "ACME_SIZE")
WRONG = Fault("value is wrong", after(MODEL.format(default="7")), "BW1108", "ACME_SIZE", "ACME_SIZE")
BY_WAY = {fault.way: fault for fault in FAULTS}
ONE_PER_STAGE = ["missing dependency", "tryfirst", "settings raise", "model raises", "factory raises", "lacks a member"]
IN_APP = [*map(BY_WAY.__getitem__, ONE_PER_STAGE), LACKING, WRONG]


def cause_of(fault: Fault, kind: str) -> str:
    """What the message about `fault` says in `kind`."""
    return fault.cause or MISSPELT[kind][2]
