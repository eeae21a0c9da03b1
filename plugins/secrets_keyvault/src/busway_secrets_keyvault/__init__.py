"""Secrets from Azure Key Vault, a secret source for Busway."""

__version__ = "0.1.0"
