"""Loads what a job asks for by name."""
import importlib


def notifier():
    return importlib.import_module("utils.error_notifier").error_notifier
