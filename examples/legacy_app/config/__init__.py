"""Configuration, as it used to be: a module of constants, and an object with the same as attributes."""
from config.settings import SAFETYAMP_DOMAIN, SAFETYAMP_TOKEN, SQL_SERVER, settings

__all__ = ["SAFETYAMP_DOMAIN", "SAFETYAMP_TOKEN", "SQL_SERVER", "settings"]
