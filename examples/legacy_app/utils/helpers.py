"""Things that every job needs, from one place."""
from utils.error_manager import error_manager
from utils.store import append


def report(kind, message):
    error_manager.log_error(kind, message)
