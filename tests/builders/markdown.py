"""Code blocks of Markdown files, for the tests that run them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    path: Path
    line: int
    language: str
    options: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """Every Markdown file of the project that is written for people."""
    patterns = (
        "README.md",
        "docs/**/*.md",
        "core/README.md",
        "plugins/*/README.md",
        "benchmarks/README.md",
        "examples/**/*.md",
    )
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def blocks(path: Path) -> list[Block]:
    """The blocks of one file, in order."""
    text = path.read_text("utf-8")
    found = []
    for match in FENCE.finditer(text):
        language, *options = match["info"].split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(path, line, language, tuple(options), match["text"]))
    return found
