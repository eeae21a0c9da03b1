"""An old test: it patches the name where it is used."""
from unittest import mock

from sync import sync_titles


def test_titles_report_nothing():
    with mock.patch("sync.sync_titles.error_manager") as errors:
        sync_titles.run()
    assert not errors.log_error.called
