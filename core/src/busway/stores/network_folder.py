"""Finds out whether a folder lies on a network file system, where SQLite and file locks cannot be trusted."""

from __future__ import annotations

import re
from pathlib import Path

from busway.errors import ConfigurationError

__all__ = ["network_type", "refuse_network_folder"]

MOUNTS = Path("/proc/self/mountinfo")
NETWORK_TYPES = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "glusterfs", "lustre", "gpfs", "beegfs",
        "orangefs", "pvfs2", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone",
        "fuse.gcsfuse", "fuse.blobfuse", "fuse.blobfuse2", "fuse.davfs2",
    )
)  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


def network_type(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the network file system ``folder`` lies on, such as ``nfs4``.

    ``None`` for a local one, and where it cannot be told: on systems without ``/proc``, and behind layers (overlay,
    9p, virtiofs) that hide what is below them.
    """
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
        path = folder.resolve()
    except OSError:
        return None
    best, found = -1, None
    for line in lines:
        point, kind = _mount(line)
        if point is not None and path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), kind  # of two on one point the later one hides the other
    return found if found in NETWORK_TYPES else None


def refuse_network_folder(folder: Path, mounts: Path = MOUNTS) -> None:
    """Raises ``ConfigurationError`` BW3040 when ``folder`` lies on a network file system."""
    kind = network_type(folder, mounts)
    if kind is not None:
        raise ConfigurationError(
            "BW3040",
            "the state folder lies on a network file system",
            where=str(folder),
            why=f"it is mounted as {kind}; locks and write-ahead logs do not hold there, and databases get damaged",
            fix="set BUSWAY_STATE_DIR to a folder on a disk of this host",
        )


def _mount(line: str) -> tuple[Path | None, str]:
    """Mount point and type of a line of ``mountinfo``: ``36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/sda rw``."""
    front, _, back = line.partition(" - ")
    fields, kind = front.split(" "), back.split(" ")[0]
    if len(fields) < 5 or not kind:
        return None, ""
    return Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])), kind
