"""Titles: those that employees have."""
from services import safetyamp, vista
from utils.helpers import error_manager

try:
    from utils.error_notifier import error_notifier
except ImportError:
    error_notifier = None

cache = None


def run():
    global cache
    from utils.cache_manager import CacheManager
    from utils.change_tracker import ChangeTracker

    tracker = ChangeTracker()
    cache = CacheManager()
    sid = tracker.start_sync("sync_titles")
    for number, title in enumerate(sorted({row["title"] for row in vista.get_employees()}), 1):
        if safetyamp.put("title", title, {"name": title}):
            tracker.log_creation("title", str(number), {"name": title})
        else:
            tracker.log_skip("title", str(number), "it is there", session_id=sid)
    cache.save_cache("titles.seen", number, ttl_hours=24 * 7)
    if number > 100:
        error_manager.log_error("titles", "too many titles: %d" % number)
    if error_notifier is not None and number > 100:
        error_notifier.send_hourly_notification()
    return tracker.end_sync()
