# -*- coding: latin-1 -*-
"""Reads people. The comments of this file are older than UTF-8: Grüße."""
from utils import cache_manager

cache = cache_manager.CacheManager()

ROWS = [
    {"id": "1", "first_name": "Ada", "last_name": "Example", "title": "Engineer"},
    {"id": "2", "first_name": "Bob", "last_name": "", "title": "Engineer"},
    {"id": "3", "first_name": "Cy", "last_name": "Sample", "title": "Foreman"},
]
for row in ROWS:
    row.update(emp_id=row["id"], email="e%s@example.test" % row["id"], home_site_id=7)


def get_employees():
    return cache.get_cached_data_with_fallback(
        "vista.employees",
        lambda: [dict(row) for row in ROWS],  # a query, once upon a time
        max_age_hours=4,
    )


def forget():
    cache.clear_cache("vista.employees")
