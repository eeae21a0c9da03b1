"""The doors to one application: ``config`` (also ``settings``), ``data_manager``, ``event_manager``.

They are managers themselves, unbound until first use; then they take over the state of the default application,
which is built from the ``busway.toml`` found from the working folder upwards. A test or a program that holds an
:class:`busway.App` of its own binds them to it with :func:`bind`.
"""

from __future__ import annotations

import atexit
import threading

from busway.app import App
from busway.configuration.manager import ConfigManager
from busway.data.manager import DataManager
from busway.events.manager import EventManager

__all__ = ["bind", "config", "data_manager", "default_app", "event_manager", "settings", "unbind"]

_lock = threading.RLock()
_default: App | None = None


def default_app() -> App:
    """The application behind the singletons, built at the first call and closed when the process ends."""
    global _default
    with _lock:
        if _default is None:
            _default = App.from_config(require=False)
            atexit.register(_default.close)
        return _default


config = ConfigManager(binder=lambda: default_app().config)
settings = config
data_manager = DataManager(binder=lambda: default_app().data)
event_manager = EventManager(binder=lambda: default_app().events)


def bind(app: App) -> None:
    """Makes the singletons doors to ``app``, which stays the caller's to close."""
    config.adopt(app.config)
    data_manager.adopt(app.data)
    event_manager.adopt(app.events)


def unbind() -> None:
    """Makes the singletons unbound again."""
    config.release()
    data_manager.release()
    event_manager.release()
