"""What to do about an error group: a command to run."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

__all__ = ["next_step"]

_CODE = re.compile(r"BW\d{4}")
_COMMAND = re.compile(r"`(busway [^`\n]*)`")

BY_KIND = {
    "held": "busway plan {job}",
    "aborted": "busway doctor --online",
    "sync_failure": "busway doctor --online",
    "validation": "busway events errors --hours 24 --kind validation",
    "mapping": "busway events errors --hours 24 --kind mapping",
    "retention": "busway events books",
    "delivery": "busway events books",
}
"""For errors without a code."""


def next_step(code: str, kind: str, entity_type: str | None, job: str | None) -> str:
    """One command line.

    It is the first command that stands under "What to do" on the page of the error's code, else ``busway explain`` for
    that code; without a code one by kind, else the command that lists the errors.
    """
    if _CODE.fullmatch(code):
        page = _page(code)
        if page:
            return _first_command(page) or f"busway explain {code}"
    step = BY_KIND.get(kind)
    if step is not None:
        return step.format(job=_word(job)).strip()
    entity = _word(entity_type)
    return f"busway events errors --hours 24 --entity {entity}" if entity else "busway events errors --hours 24"


def _first_command(page: str) -> str:
    """One that can be pasted: nothing in it is left to fill in."""
    todo = page.partition("## What to do")[2]
    found = (command for command in _COMMAND.findall(todo) if not re.search(r"[A-Z]{3,}|…|\.\.\.|[<>\[\]]", command))
    return next(found, "")


@lru_cache(maxsize=64)
def _page(code: str) -> str:
    page = files("busway").joinpath("pages", f"{code}.md")
    return page.read_text("utf-8") if page.is_file() else ""


def _word(text: str | None) -> str:
    """Only what needs no quoting: it stands in a command that somebody pastes."""
    return text if text and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", text) else ""
