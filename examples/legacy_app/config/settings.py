"""Everything from the environment, with defaults."""
import os

SAFETYAMP_DOMAIN = os.environ.get("SAFETYAMP_DOMAIN", "https://api.safetyamp.example")
SAFETYAMP_TOKEN = os.environ.get("SAFETYAMP_TOKEN", "")
SQL_SERVER = os.environ.get("SQL_SERVER", "vista.example")
BATCH_SIZE = int(os.environ.get("BATCH_SIZE", "50"))


class _Settings:
    def __getattr__(self, name):
        try:
            return globals()[name]
        except KeyError:
            raise AttributeError(name) from None


settings = _Settings()
