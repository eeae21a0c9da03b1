"""What all jobs have in common."""
from utils.change_tracker import ChangeTracker


class BaseSync:
    kind = ""

    def __init__(self):
        self.tracker = ChangeTracker()
        self.session = None

    def run(self):
        self.session = self.tracker.start_sync(self.kind)
        self.work()
        return self.tracker.end_sync(self.session)

    def work(self):
        raise NotImplementedError
