"""The old digest: one line that says how many errors there were."""
from utils.error_manager import error_manager
from utils.store import append


class ErrorNotifier:
    def send_hourly_notification(self):
        summary = error_manager.get_error_summary()
        if summary["errors"]:
            append("digests", summary)


error_notifier = ErrorNotifier()
