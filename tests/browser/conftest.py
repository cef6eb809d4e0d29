"""The fixtures of tests/browser/windows.py."""

from __future__ import annotations

from windows import browser, served

__all__ = ["browser", "served"]
