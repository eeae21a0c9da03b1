"""The old errors: a list, and a line in a file."""
from utils.store import append


class ErrorManager:
    def __init__(self):
        self.errors = []

    def log_error(self, error_type, message, entity_type=None, entity_id=None, exception=None, session_id=None):
        entry = {"kind": error_type, "entity": entity_type, "id": entity_id, "message": message}
        self.errors.append(entry)
        append("errors", entry)

    def get_error_summary(self):
        return {"errors": len(self.errors)}


error_manager = ErrorManager()
