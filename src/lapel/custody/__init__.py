"""What was done to it, provably? Everybody above writes here, so it knows nobody: actors and subjects are plain ids.

Nothing is imported until it is asked for: the verifier of receipts must run with the standard library alone.
"""

from __future__ import annotations

import importlib
from typing import Any

_OFFERED = {
    "Act": "log",
    "Entry": "entry",
    "LoggedAct": "log",
    "Sequencer": "sequencer",
    "check_log": "fsck",
    "forget": "forget",
    "history": "log",
    "prove": "receipt",
    "rebuild_log": "rebuild_log",
    "record": "log",
    "record_many": "log",
    "record_refusal": "log",
    "verify_receipt": "verify",
}

__all__ = list(_OFFERED)


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"lapel.custody.{_OFFERED[name]}"), name)
