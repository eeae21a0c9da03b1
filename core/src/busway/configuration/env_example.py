"""``.env.example``: every setting with its documentation, ready to be filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from busway.configuration.declarations import Declaration
from busway.configuration.values import shown

__all__ = ["env_example"]

_HEADER = """\
# Settings of this deployment. Copy this file to .env, and never commit that one.
# The environment wins over .env. Lines that start with '#' show defaults."""


def env_example(declarations: Iterable[Declaration]) -> str:
    """The text of the file, grouped by owner. Required settings are empty, optional ones are comments."""
    lines = [_HEADER]
    owner = ""
    for declaration in sorted(declarations, key=lambda one: one.owner != "busway"):
        if declaration.name.startswith("BUSWAY_"):
            continue  # never read from .env
        if declaration.owner != owner:
            owner = declaration.owner
            lines += ["", f"# --- {owner} " + "-" * max(3, 70 - len(owner))]
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
    if isinstance(value, list):
        return ",".join(str(element) for element in value)
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    # One line, and quoted wherever a reader of .env would see more than the text.
    return (
        text
        if text.isascii() and not set(text) & set(" #'\"\\\n\r$")
        else "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    )
