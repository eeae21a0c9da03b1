"""Events by mail, an event sink for Busway."""

__version__ = "0.1.0"
