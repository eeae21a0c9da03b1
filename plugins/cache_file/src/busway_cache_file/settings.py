"""The settings of the file level."""

from __future__ import annotations

from pathlib import Path

from busway.contracts.settings import Secret, Settings, setting

__all__ = ["DAY_SECONDS", "FileCacheSettings"]

DAY_SECONDS = 86_400.0


class FileCacheSettings(Settings):
    """Where the sealed files lie, what seals them and how much room they may take."""

    dir: Path | None = setting(
        None,
        env="FILE_CACHE_DIR",
        doc="Folder of the sealed files, relative to busway.toml; without it, cache/ in the state folder.",
    )
    key: Secret | None = setting(
        None,
        env="FILE_CACHE_KEY",
        doc="32 random bytes in base64 that seal the files; without it a key is made and kept in the state folder. "
        "Hosts that share FILE_CACHE_DIR need the same key. Several, with a blank between them, while it is changed: "
        "the first seals, each opens.",
    )
    max_bytes: int = setting(
        1_073_741_824,
        env="FILE_CACHE_MAX_BYTES",
        doc="Bytes the files may take together; above it the oldest are removed.",
        ge=65_536,
    )
    max_age_days: float = setting(
        366.0,
        env="FILE_CACHE_MAX_AGE_DAYS",
        doc="Days after which a file is removed, whatever its entry says.",
        gt=0,
        le=3_660,
    )
