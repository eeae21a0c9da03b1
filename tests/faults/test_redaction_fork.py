"""A fork while another thread is inside of RE2. In a process of its own: 3.12 and later warn of forks with threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("re2")

LOOKING = """
import os, signal, threading
from random import Random
from busway.redaction.redactor import Redactor

redactor = Redactor(engine="re2")
gate = redactor._text.gate
random, ended = Random(1), threading.Event()
# Texts like no other before: RE2 has to note where they lead to, and holds its mutex meanwhile.
texts = ["".join(chr(random.randrange(33, 0x2FF)) for _ in range(20_000)).encode() for _ in range(40)]

def look():
    while not ended.is_set():
        for text in texts:
            gate.suspects(text)

threads = [threading.Thread(target=look, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
stuck = 0
for number in range(150):
    pid = os.fork()
    if pid == 0:
        signal.alarm(4)
        clean, found = gate.suspects(b"nothing of interest"), gate.suspects(b"password=hunter22")
        for text in texts[:4]:
            gate.suspects(text)
        os._exit(0 if (clean, found) == (False, True) else 1)
    stuck += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0
    if stuck == 3:
        break
ended.set()
print(stuck, flush=True)
os._exit(0)
"""


def test_a_child_is_not_held_up_by_a_text_its_parent_was_looking_at() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", LOOKING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "0\n", done.stdout + done.stderr
