"""How much the core brings with it: distributions and bytes, byte code included.

uv run python benchmarks/footprint.py
"""

from __future__ import annotations

import json
import subprocess

from harness import core_environment, report


def main() -> None:
    """Entry point."""
    with core_environment() as bin_dir:
        listing = subprocess.run(
            ["uv", "pip", "list", "--format", "json", "--python", str(bin_dir / "python")],
            check=True,
            capture_output=True,
            text=True,
        )
        names = [row["name"] for row in json.loads(listing.stdout)]
        packages = next(bin_dir.parent.glob("lib/python*/site-packages"))
        size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
        compiled = sum(path.stat().st_size for path in packages.rglob("*.pyc"))
    report(
        "the core with all it needs",
        [
            ("distributions", "<= 16", f"{len(names)}: {', '.join(sorted(names))}"),
            ("installed", "<= 20 MB", f"{(size - compiled) / 1e6:.1f} MB, with byte code {size / 1e6:.1f} MB"),
        ],
    )


if __name__ == "__main__":
    main()
