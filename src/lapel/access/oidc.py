"""Who does the department's identity provider say this is? (OpenID Connect Core 1.0)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Provider:
    """An OpenID provider that this installation trusts."""

    issuer: str
