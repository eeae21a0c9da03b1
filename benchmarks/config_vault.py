"""The stand-in vault of the tests in a process of its own, for `config.py`: the client must not share its interpreter.

Prints JSON with address and authority, then answers each line on its input with what was asked of it since the last.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
from collections import deque
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from builders.key_vault_server import Answer, KeyVaultServer, MetadataAddress, StoredSecret  # noqa: E402

MANNERS = ("well", "refused", "hung", "throttled", "silent-metadata")
LATENCY_SECONDS = 0.020
THROTTLED = Answer(429, "Throttled", message="synthetic", headers={"Retry-After": "900"})


def main(manner: str) -> None:
    """Serves until its input ends."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        values = {f"bench-secret-{at:02d}": f"value-of-{at:02d}" for at in range(60)} | {"warm-up": "value"}
        vault = KeyVaultServer(Path(folder), {name: StoredSecret(value) for name, value in values.items()})
        closing.enter_context(vault)
        vault.latency_seconds = LATENCY_SECONDS
        vault.silent = manner == "hung"
        environ: dict[str, str] = {"AZURE_KEY_VAULT_URL": closed_port() if manner == "refused" else vault.url}
        if manner == "throttled":
            vault.faults = {name: deque([THROTTLED] * 100) for name in ("", *values)}
        if manner == "silent-metadata":
            environ |= closing.enter_context(MetadataAddress()).environ
        print(json.dumps({"ca_file": vault.ca_file, "environ": environ}), flush=True)
        for _ in sys.stdin:
            paths = [path.partition("?")[0].rstrip("/") for _, path, _, _ in vault.requests]
            print(json.dumps({"requests": len(paths), "lists": paths.count("/secrets")}), flush=True)
            vault.requests.clear()
        vault.release()


def closed_port() -> str:
    """The address of nobody."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"https://localhost:{taken.getsockname()[1]}"


if __name__ == "__main__":
    main(sys.argv[1])
