"""Prints what went wrong."""
from utils.error_manager import error_manager


def text():
    return "errors: %d" % error_manager.get_error_summary()["errors"]
