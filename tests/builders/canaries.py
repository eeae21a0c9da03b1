"""Synthetic secrets that can be found again in whatever form they leak, and the ways in which people show things."""

from __future__ import annotations

import copy
import html
import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from busway.errors import BuswayError
from busway.redaction.spellings import spellings

MARK = "c4n4ry5ecret"
"""Part of every synthetic secret. Any spelling of a secret has a spelling of it inside."""
FORMS = tuple(form.encode() for form in sorted(spellings(MARK)))

SHAPES: tuple[Callable[[str], str], ...] = (
    lambda core: core,
    lambda core: f"p@ss:{core}/w%rd&<x>+=",
    lambda core: f'{{"quoted": \'{core}"\\}}',
    lambda core: f"pässwörd-{core}-密码-🔑",
    lambda core: f"-----BEGIN SYNTHETIC KEY-----\n{core}\n{core[-16:]}{core}\n-----END SYNTHETIC KEY-----\n",
    lambda core: f"  {core} with blanks  ",
    lambda core: f"Server={core};Pwd={{x}}",
    lambda core: core * 8,
)


def canary(random: Random) -> str:
    """A secret of any shape."""
    return random.choice(SHAPES)(f"{MARK}{random.getrandbits(64):016x}")


def canaries_in(data: bytes | str) -> list[str]:
    """What is around each place at which a secret, or any spelling of one, can be read."""
    heard = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    found = [(at, form) for form in FORMS if (at := heard.find(form)) >= 0]
    return [heard[max(0, at - 300) : at + len(form) + 60].decode("utf-8", "replace") for at, form in found]


def canaries_in_files(folder: Path) -> list[str]:
    """The same for every byte of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}: {found}" for path in files for found in canaries_in(path.read_bytes())]


def spelled(value: str, random: Random) -> str:
    """``value`` as some part of a program may write it into other text."""
    forms = sorted(spellings(value))
    return random.choice([value, quote(value), html.escape(value), json.dumps({"x": value}), *forms])


def copies_of(error: BaseException) -> list[str]:
    """What is left of an error that is pickled, copied, put into JSON, or told again."""
    attempts: list[Callable[[], object]] = [
        lambda: pickle.dumps(error),
        lambda: copy.copy(error),
        lambda: copy.deepcopy(error),
        lambda: json.dumps([error], default=repr),
    ]
    if isinstance(error, BuswayError):
        attempts += [lambda: pickle.dumps(error.problems), lambda: BuswayError.of(error.problems).render()]
    return [shown(attempt) for attempt in attempts]


def shown(attempt: Callable[[], object]) -> str:
    """What an expression gives to a person or a log; how it fails, if it does."""
    try:
        result = attempt()
        if isinstance(result, bytes):
            return result.decode("utf-8", "surrogateescape")
        return f"{result} {result!r} {json.dumps([result], default=repr)}"
    except Exception as error:
        return f"{error} {error!r} {error.__context__!r}"


def views_of(thing: Any) -> Iterable[Callable[[], object]]:
    """Everything that can be done with an object without asking it for its secrets."""
    return (
        lambda: repr(thing),
        lambda: str(thing),
        lambda: f"{thing:}",
        lambda: vars(thing),
        lambda: dir(thing),
        lambda: json.dumps(thing, default=repr),
        lambda: pickle.dumps(thing),
        lambda: copy.copy(thing),
        lambda: copy.deepcopy(thing),
    )
