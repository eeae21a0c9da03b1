"""The old cache: in the memory of one object, with an age in hours."""
import time


class CacheManager:
    def __init__(self):
        self._kept = {}

    def get_cached_data(self, cache_name, max_age_hours=None):
        saved, data = self._kept.get(cache_name, (0, None))
        too_old = max_age_hours is not None and time.time() - saved > max_age_hours * 3600
        return None if too_old else data

    def save_cache(self, cache_name, data, ttl_hours=None):
        self._kept[cache_name] = (time.time(), data)
        return True

    def get_cached_data_with_fallback(self, cache_name, fetch_function, max_age_hours=1):
        data = self.get_cached_data(cache_name, max_age_hours)
        if data is None:
            data = fetch_function()
            self.save_cache(cache_name, data)
        return data

    def clear_cache(self, cache_name):
        self._kept.pop(cache_name, None)
