"""Cached data in sealed files, a cache level for Busway."""

__version__ = "0.1.0"
