"""``.env.example``: every setting with its documentation, ready to be filled in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from textwrap import wrap

from busway.configuration.busway_names import PREFIX
from busway.configuration.declarations import CORE, Declaration
from busway.configuration.values import shown

__all__ = ["env_example"]

_HEADER = """\
# Settings of this deployment. Copy this file to .env, and never commit that one.
# The environment wins over .env, and so does a vault that is listed before it; busway.toml comes after.
# Secret and vaulted settings may live in a vault instead, where '-' stands for '_': SMTP-PASSWORD.
# Fill in the lines without '#'. Lines that start with '#' show defaults: remove the '#' to change one."""


def env_example(declarations: Iterable[Declaration]) -> str:
    """The text of the file, grouped by owner, the core first. Required settings are empty, optional ones are comments.

    A reader of ``.env`` that takes the ``#`` away from every optional line finds exactly the defaults.
    """
    by_owner: dict[str, list[Declaration]] = {CORE: []}
    for declaration in declarations:
        # Names of the core are read before .env is.
        if not declaration.name.startswith(PREFIX):
            by_owner.setdefault(declaration.owner, []).append(declaration)
    lines = [_HEADER]
    for owner, declared in by_owner.items():
        lines += ["", f"# --- {owner} " + "-" * max(3, 70 - len(owner))] if declared else []
        for declaration in declared:
            lines += ["", *_entry(declaration)]
    return "\n".join(lines) + "\n"


def _entry(declaration: Declaration) -> Iterator[str]:
    need = "required" if declaration.required else "optional"
    for line in wrap(f"{declaration.doc} ({declaration.setting_class}, {declaration.type}, {need})", 100):
        yield f"# {line}"
    if declaration.required:
        yield f"{declaration.name}="
    else:
        default = "" if declaration.is_secret or declaration.default is None else _env_text(shown(declaration.default))
        yield f"# {declaration.name}={default}"


def _env_text(value: object) -> str:
    if isinstance(value, list) and _is_plain(value):
        value = ",".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # One line, and quoted wherever a reader of .env would see more than the text.
    if set(text) & set("\n\r"):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
    if text.isascii() and not set(text) & set(" #'\"\\\t$`"):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _is_plain(values: list[object]) -> bool:
    """Whether the values can be separated by commas; others are written as JSON."""
    text = [one for one in values if isinstance(one, str) and one and one == one.strip() and "," not in one]
    return len(text) == len(values) and not any(one.startswith("[") for one in text[:1])
