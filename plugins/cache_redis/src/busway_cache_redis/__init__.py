"""Cached data in Redis, a cache level for Busway."""

__version__ = "0.1.0"
