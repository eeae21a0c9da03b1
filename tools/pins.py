"""Pins every third-party version: into ``[tool.uv] constraint-dependencies`` and into ``requirements.txt``.

    uv run python tools/pins.py             take the versions uv resolves within the present pins
    uv run python tools/pins.py --upgrade   forget the present pins first
    uv run python tools/pins.py --check     do the two files agree? (needs no network)

Neither file holds an address: uv.lock does, which is why it is not kept.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
REQUIREMENTS = ROOT / "requirements.txt"
PINS = re.compile(r"constraint-dependencies = \[.*?\]\n", re.DOTALL)
HEADER = "# What Busway and its first-party plugins need from others, pinned. Made by tools/pins.py.\n"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Pin third-party versions.")
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        return check()
    if options.upgrade:
        write_pins([])
    write_pins(exported("--all-groups", "--all-extras"))
    REQUIREMENTS.write_text(HEADER + "".join(f"{pin}\n" for pin in exported("--no-dev")), "utf-8")
    return check()


def exported(*options: str) -> list[str]:
    """What uv resolves, one ``name==version ; marker`` each."""
    command = ["uv", "export", "--all-packages", "--no-emit-workspace", "--no-hashes", "--no-annotate", "--no-header"]
    found = subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted({line.strip() for line in found.stdout.splitlines() if "==" in line})


def write_pins(pins: list[str]) -> None:
    """Replaces the constraints in pyproject.toml."""
    lines = "".join(f'    "{pin}",\n' for pin in (one.replace('"', "'") for one in pins))
    text = PINS.sub(lambda _: f"constraint-dependencies = [\n{lines}]\n", PROJECT.read_text("utf-8"))
    PROJECT.write_text(text, "utf-8")


def check() -> int:
    """0 when every requirement is pinned to the same version in pyproject.toml."""
    pins = set(tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["uv"]["constraint-dependencies"])
    wanted = {line for line in REQUIREMENTS.read_text("utf-8").splitlines() if line and not line.startswith("#")}
    names = {pin.partition(" ")[0] for pin in pins}
    stray = sorted(line for line in wanted if line.partition(" ")[0] not in names)
    for line in stray:
        sys.stderr.write(f"requirements.txt: {line} is not what pyproject.toml pins; run tools/pins.py\n")
    return 1 if stray else 0


if __name__ == "__main__":
    sys.exit(main())
