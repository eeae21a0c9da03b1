#!/usr/bin/env python3
"""Runs the jobs in turn and says what they did."""
import utils.error_notifier
from config import SQL_SERVER, settings
from sync.sync_employees import EmployeeSync
from sync import sync_titles

# One run per night; the scheduler calls this.
JOBS = [
    ("employees", lambda: EmployeeSync().run()),
    ("titles", sync_titles.run),
]


def main():
    print(f"from {SQL_SERVER} to {settings.SAFETYAMP_DOMAIN}")
    for name, job in JOBS:
        counts = job()
        print("%-10s created %d, updated %d, skipped %d, errors %d" % (
            name,
            counts["created"], counts["updated"], counts["skipped"], counts["errors"],
        ))
    utils.error_notifier.error_notifier.send_hourly_notification()
    print("done")


if __name__ == "__main__":
    main()
