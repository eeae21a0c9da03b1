#!/bin/sh
# Every night at two.
cd "$(dirname "$0")/.." && python -c "import utils.error_notifier" && python main.py
