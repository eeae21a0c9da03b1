"""Old names in files that are not Python: found by their text, and reported only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from busway_migrate.files import OUTSIDE_NAMES, OUTSIDE_SUFFIXES
from busway_migrate.findings import Finding, FindingKind
from busway_migrate.rule_book import RuleBook

__all__ = ["is_outside", "outside_findings"]

LARGEST = 4_000_000
"""Bytes of a file that are looked at; what is larger is data."""


def is_outside(path: Path) -> bool:
    """Whether ``path`` is of a kind that is searched."""
    return path.suffix.lower() in OUTSIDE_SUFFIXES or path.name in OUTSIDE_NAMES


def outside_findings(path: Path, data: bytes, book: RuleBook) -> Iterator[Finding]:
    """Each line of ``data`` that names an old module, as Python, as a path, or with a Windows path."""
    if len(data) > LARGEST:
        return
    text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")
    pattern = _pattern(book)
    for number, line in enumerate(text.splitlines(), 1):
        found = pattern.search(line)
        if found is not None:
            what = " ".join(line.split())
            shown = what if len(what) <= 100 else f"{what[:99]}…"
            why = f"it names {found[0].strip()}"
            fix = "change it by hand: this is no Python, so what it means there is not known"
            yield Finding(path, number, FindingKind.OUTSIDE, shown, why, fix)


def _pattern(book: RuleBook) -> re.Pattern[str]:
    dotted = sorted(module for module in book.modules if "." in module)
    paths = [r"[./\\]".join(map(re.escape, module.split("."))) for module in dotted]
    front = [
        rf"\bfrom\s+{re.escape(package)}\s+import\s+(?:\w+\s*,\s*)*{re.escape(name)}"
        for package, _, name in (module.rpartition(".") for module in dotted)
    ]
    plain = sorted(module for module in book.modules if "." not in module)
    single = [rf"\b(?:from\s+{re.escape(module)}\s+import|import\s+{re.escape(module)})" for module in plain]
    return re.compile("|".join([rf"(?<![\w.])(?:{'|'.join(paths)})", *front, *single] if paths else single) + r"(?!\w)")
