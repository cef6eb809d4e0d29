"""Can a process that has proved something still be ended with Ctrl-C?"""

from __future__ import annotations

import subprocess
import sys

PROVES = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
from lapel.policy import proof, shelf
proof.prove(shelf.library_at(), ["tsa"])
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    threading.Event().wait(30)
except KeyboardInterrupt:
    print("ended by Ctrl-C", flush=True)
    os._exit(0)
"""


def test_proving_leaves_ctrl_c_as_it_was() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROVES], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stdout.strip() == "ended by Ctrl-C", run.stderr
