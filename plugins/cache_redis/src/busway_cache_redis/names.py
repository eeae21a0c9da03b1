"""Names on the server: entries under their own keys, everything else where no entry can ever be."""

from __future__ import annotations

__all__ = ["Names", "entry_key", "entry_name"]

APART = b":\xff"
"""A byte no text has in UTF-8, so no key of an entry: what it stands in front of is not one."""


def entry_key(key: str) -> bytes:
    """Where an entry is stored."""
    return key.encode("utf-8", "surrogatepass")


def entry_name(raw: bytes) -> str | None:
    """The key of the entry stored there; ``None`` for what is no entry's: our own locks, or somebody else's."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


class Names:
    """Keys and channels of one application. All begin with its name, as the rules of an access list need it."""

    def __init__(self, app: str, db: int) -> None:
        self._app = entry_key(app)
        self._db = b"%d" % db

    def key(self, kind: bytes, name: str) -> bytes:
        """Where something that is no entry is kept."""
        return self._app + APART + kind + b":" + entry_key(name)

    def channel(self, kind: bytes, name: str = "") -> bytes:
        """Where messages go. Channels know no databases, so the number of ours is part of the name."""
        return b"%b:~%b:%b:%b" % (self._app, kind, self._db, entry_key(name))
