"""The two bodies of a mail: text, and HTML from templates that escape whatever is put in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from busway_sink_email.parts import Part, plain

__all__ = ["as_html", "as_text"]

PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title>
<style>th {{text-align: left; vertical-align: top; color: #555}} td {{white-space: pre-wrap}}</style></head>
<body>
{parts}
</body></html>
"""
PART = "<h3>{heading}</h3><table>{rows}</table>"
ROW = "<tr><th>{name}</th><td>{value}</td></tr>"


class Markup(str):
    """HTML that is escaped already."""

    __slots__ = ()


def as_text(parts: Sequence[Part]) -> str:
    """A heading per part, and an indented line per row."""
    return "\n".join(_lines(part) for part in parts)


def as_html(parts: Sequence[Part], title: str) -> str:
    """A heading and a table per part."""
    blocks = [_fill(PART, heading=part.heading, rows=_rows(part)) for part in parts]
    return _fill(PAGE, title=title, parts=Markup("\n".join(blocks)))


def _lines(part: Part) -> str:
    heading = " ".join(plain(part.heading).split())
    return "\n".join([heading, *(f"  {plain(name)}: {plain(value)}" for name, value in part.rows)]) + "\n"


def _rows(part: Part) -> Markup:
    return Markup("".join(_fill(ROW, name=name, value=value) for name, value in part.rows))


def _fill(template: str, **values: str) -> Markup:
    """The template with every value escaped that is no markup: forgetting it is not possible."""
    safe = {name: value if isinstance(value, Markup) else escape(plain(value)) for name, value in values.items()}
    return Markup(template.format_map(safe))
