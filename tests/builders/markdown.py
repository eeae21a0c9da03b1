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

    def option(self, name: str, otherwise: str = "") -> str:
        """The value of the option ``name=value`` behind the language."""
        given = (option.partition("=") for option in self.options)
        return next((value for key, _, value in given if key == name), otherwise)

    @property
    def file(self) -> str:
        """The file the block is the content of, or a change to; empty for a block that is neither."""
        return self.option("file")


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


def changed(block: Block, text: str) -> str:
    """``text`` after the change a ``diff`` block describes; its old lines must be there, once."""
    lines = block.text.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert all(line[0] in " +-" for line in lines), f"{block}: a line begins with a blank, + or -"
    assert text.count(old) == 1, f"{block}: its old lines are {text.count(old)} times in {block.file}"
    return text.replace(old, new)


def shows(block: Block, output: str) -> list[str]:
    """The lines of an ``output`` block that ``output`` lacks; ``…`` stands for anything, blanks for any blanks."""
    found = " ".join(output.split())
    lines = [" ".join(line.split()) for line in block.text.splitlines()]
    return [line for line in lines if not re.search(re.escape(line).replace("…", ".*?"), found)]
