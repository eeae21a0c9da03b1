"""What a full key (``{app}:v{schema}:{domain}:{entity}:{id}``) belongs to."""

from __future__ import annotations

from busway.data.names import NO_ENTITY

__all__ = ["domain_of", "name_of", "names_of"]


def domain_of(key: str) -> str:
    """Its domain; empty for a key of another schema."""
    parts = key.split(":", 4)
    return parts[2] if len(parts) == 5 else ""


def name_of(key: str) -> str:
    """Its name, ``domain.entity`` or the plain domain; empty for a key of another schema."""
    return names_of(key)[-1]


def names_of(key: str) -> tuple[str, ...]:
    """The names whose generation counts for it: its domain, then its entity where it has one."""
    parts = key.split(":", 4)
    if len(parts) != 5:
        return ("",)
    domain, entity = parts[2], parts[3]
    return (domain,) if entity == NO_ENTITY else (domain, f"{domain}.{entity}")
