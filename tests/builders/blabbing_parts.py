"""A vault, settings and events that put secrets where secrets must not be."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, HttpUrl, UrlConstraints, model_validator
from pydantic_core import PydanticCustomError, Url

from builders.canaries import spelled
from busway.contracts.secrets import SecretValue
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import BuswayError, ConfigurationError, Problem, RefusedError, UnreachableError


class StrangeError(Exception):
    """A library's own error, with the answer of the server in its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__("the server said no")
        self.response = {"body": text}
        self.add_note(f"answer was {text}")

    def __str__(self) -> str:
        return f"no: {self.response}"


def _chained(text: str) -> Exception:
    try:
        try:
            raise ValueError(text)
        except ValueError as first:
            raise ConnectionError(f"while reading {text}") from first
    except ConnectionError as second:
        return second


def _told(text: str) -> Exception:
    """A coded error, well worded, with a talkative cause."""
    error = UnreachableError("ACME10", "the vault is away", fix="wait")
    error.__cause__ = _chained(text)
    return error


def _told_in_passing(text: str) -> Exception:
    error = RefusedError("ACME11", "the vault refused", fix="ask for it")
    error.__context__, error.__suppress_context__ = StrangeError(text), True
    error.add_note(text)
    return error


def _unicode(text: str) -> Exception:
    try:
        (text.encode() + b"\xff").decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError("it is not UTF-8")


def _json(text: str) -> Exception:
    try:
        json.loads(text + "{")
    except json.JSONDecodeError as error:
        return error
    raise AssertionError("it is not JSON")


ERRORS: tuple[Callable[[str], Exception], ...] = (
    ValueError, KeyError, RuntimeError, OSError, ConnectionResetError, TimeoutError, ssl.SSLError, StrangeError,
    lambda text: PermissionError(13, text, text),
    lambda text: ExceptionGroup(text, [ValueError(text), OSError(text)]),
    _chained, _told, _told_in_passing, _unicode, _json,
)  # fmt: skip


def problem_with(value: str) -> BuswayError:
    """A plugin's own coded error that breaks the rule: its text quotes a value."""
    error = ConfigurationError("ACME12", f"cannot use {value}", where=value, why=value, fix=value)
    error.others = (Problem("ACME13", value, value, value, value),)
    return error


class BlabbingVault:
    """A vault whose every failure quotes what it holds."""

    serves_settings = False

    def __init__(self, values: Mapping[str, str], random: Random) -> None:
        self.values = dict(values)
        self.random = random
        self.fails = 0.5
        self.given: set[str] = set()

    def fetch(self, name: str) -> SecretValue | None:
        value = self.values.get(name, "")
        if value and self.random.random() < self.fails:
            raise self._error(value)
        self.given.add(value)
        return SecretValue(value, self.locate(name), "1") if value else None

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        if self.random.random() < self.fails / 4:
            raise self._error(" ".join(self.values.values()))
        found: dict[str, Any] = {}
        for name in names:
            try:
                found[name] = self.fetch(name)
            except BuswayError as error:
                found[name] = error
        return {name: answer for name, answer in found.items() if answer is not None}

    def names(self) -> Iterable[str]:
        if self.random.random() < self.fails / 4:
            raise self._error(" ".join(self.values.values()))
        return ()

    def locate(self, name: str) -> str:
        return f"blab {name}"

    def close(self) -> None:
        raise self._error(" ".join(self.values.values()))

    def _error(self, value: str) -> Exception:
        if value in self.given and self.random.random() < 0.2:
            return problem_with(spelled(value, self.random))
        return self.random.choice(ERRORS)(spelled(value, self.random))


def quoting(value: Any) -> Any:
    """A check that quotes what it refuses, or a piece of it."""
    raise ValueError(f"cannot use {value!r}; {str(value)[2:40]} is odd")


def quoting_json(value: Any) -> Any:
    raise PydanticCustomError("odd", "odd: {value}", {"value": json.dumps(str(value))})


def asserting(value: Any) -> Any:
    raise AssertionError(f"{value} is not right")


def breaking(value: Any) -> Any:
    raise KeyError(value)


class Blabbing(Settings):
    """Fields whose types and checks repeat their input."""

    number: int = setting(1, env="B_NUMBER", doc="A number.")
    rate: float = setting(1.0, env="B_RATE", doc="A rate.", gt=0)
    on: bool = setting(False, env="B_ON", doc="A switch.")
    url: Annotated[Url, UrlConstraints(allowed_schemes=["https"])] | None = setting(None, env="B_URL", doc="A URL.")
    site: HttpUrl | None = setting(None, env="B_SITE", doc="A site.")
    mapping: dict[str, int] = setting({}, env="B_MAPPING", doc="A mapping.")
    numbers: list[int] = setting([], env="B_NUMBERS", doc="Numbers.")
    code: str = setting("A", env="B_CODE", doc="A code.", pattern="^[A-Z]$")
    short: str = setting("", env="B_SHORT", doc="A short one.", max_length=3)
    quoted: Annotated[str, AfterValidator(quoting)] = setting("", env="B_QUOTED", doc="Checked.")
    jsoned: Annotated[str, BeforeValidator(quoting_json)] = setting("", env="B_JSONED", doc="Checked.")
    asserted: Annotated[str, AfterValidator(asserting)] = setting("", env="B_ASSERTED", doc="Checked.")
    token: Secret = setting(env="B_TOKEN", doc="A token.")
    password: Secret | None = setting(None, env="B_PASSWORD", doc="A password.")


class Breaking(Settings):
    """A model that breaks rather than refuses."""

    value: Annotated[str, AfterValidator(breaking)] = setting("", env="B_BREAKING", doc="Breaks.")
    secret: Secret | None = setting(None, env="B_SECRET", doc="A secret.")


class Looking(Settings):
    """A model that resolves its secret to look at it, and says what it saw."""

    key: Secret | None = setting(None, env="B_KEY", doc="A key.")
    name: str = setting("", env="B_NAME", doc="A name.")

    @model_validator(mode="after")
    def look(self) -> Looking:
        if self.key is not None:
            raise ValueError(f"the key {self.key.get_secret_value()!r} does not belong to {self.name}")
        return self


class Asking(Settings):
    """Settings of the vault itself."""

    number: int = setting(1, env="B_NUMBER", doc="A number.")
    rate: float = setting(1.0, env="B_RATE", doc="A rate.", gt=0)
    token: Secret = setting(env="B_TOKEN", doc="A token.")
    password: Secret | None = setting(None, env="B_PASSWORD", doc="A password.")
    key: Secret | None = setting(None, env="B_KEY", doc="A key.")


MODELS: tuple[type[Settings], ...] = (Blabbing, Breaking, Looking)
SECRETS = ("B_TOKEN", "B_PASSWORD", "B_SECRET", "B_KEY", "VISTA_SQL_PASSWORD", "B_UNDECLARED")
PLAIN = (
    "B_NUMBER", "B_RATE", "B_ON", "B_URL", "B_SITE", "B_MAPPING", "B_NUMBERS", "B_CODE", "B_SHORT", "B_QUOTED",
    "B_JSONED", "B_ASSERTED", "B_BREAKING", "SQL_AUTH_MODE",
)  # fmt: skip
"""Settings whose types refuse any secret that somebody puts there by mistake."""


def hostile_attributes(value: str, random: Random) -> dict[str, Any]:
    """Attributes of an event with the secret in every sort of place."""
    form = spelled(value, random)
    places: tuple[dict[str, Any], ...] = (
        {"text": f"it was {form}!"},
        {"url": f"https://user:{form}@host.example/path?key={form}"},
        {form: "as a key"},
        {"deep": {"list": [1, {"and": (form, [form])}]}},
        {"bytes": form.encode(), "set": {form}},
        {"error": ValueError(form), "other": StrangeError(form)},
        {"model": Blabbing.model_construct(number=form)},
        {"object": Looking.model_construct(name=form), "secret": Secret(value)},
        {"line": f"PWD={form};Encrypt=yes", "header": f"Authorization: Bearer {form}"},
        {"many": {f"n{number}": form for number in range(20)}},
        {"repeated": form * 3},
    )
    return random.choice(places)
