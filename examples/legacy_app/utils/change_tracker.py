"""The old sessions: counts of what a job did."""
from utils.store import append


class ChangeTracker:
    def start_sync(self, sync_type, correlation_id=None):
        self.counts = dict.fromkeys(("created", "updated", "deleted", "skipped", "errors"), 0)
        self.name = sync_type
        return sync_type

    def _note(self, what, entity_type, entity_id, more=None):
        self.counts[what] += 1
        append("changes", {"what": what, "entity": entity_type, "id": entity_id, "more": more})

    def log_creation(self, entity_type, entity_id, data=None, session_id=None):
        self._note("created", entity_type, entity_id, data)

    def log_update(self, entity_type, entity_id, changes=None, session_id=None):
        self._note("updated", entity_type, entity_id, changes)

    def log_skip(self, entity_type, entity_id, reason, session_id=None):
        self._note("skipped", entity_type, entity_id, reason)

    def log_error(self, entity_type, entity_id, error_message, session_id=None):
        self._note("errors", entity_type, entity_id, error_message)

    def end_sync(self, session_id=None):
        return dict(self.counts, name=self.name)
