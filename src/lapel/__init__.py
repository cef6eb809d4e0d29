"""Lapel: a body-worn camera programme that an outsider can check."""

__version__ = "0.1.0"
