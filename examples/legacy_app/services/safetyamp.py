"""Writes people; here it only remembers them."""
from config.settings import *

WRITTEN = {}


def endpoint(path):
    return SAFETYAMP_DOMAIN.rstrip("/") + "/" + path


def put(kind, key, record):
    is_new = (kind, key) not in WRITTEN
    WRITTEN[(kind, key)] = dict(record)
    return is_new
