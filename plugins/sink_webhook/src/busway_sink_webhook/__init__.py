"""Events to a signed webhook, an event sink for Busway."""

__version__ = "0.1.0"
