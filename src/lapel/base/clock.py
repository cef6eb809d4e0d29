"""What time is it, and how is an instant written?"""

from __future__ import annotations

from datetime import UTC, datetime

from lapel.base.errors import Invalid


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """An instant as RFC 3339 in UTC with milliseconds: `2026-11-24T03:37:44.123Z`."""
    if at.tzinfo is None:
        raise Invalid(
            "An instant without a time zone cannot be written down.", next_step="Give the time zone."
        )
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stamp(text: str) -> datetime:
    """The instant in an RFC 3339 text. Raises `Invalid` when it is none or names no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"“{text[:40]}” is not an instant.", next_step="Write it like 2026-11-24T03:37:44Z."
        ) from None
    if at.tzinfo is None:
        raise Invalid(f"“{text[:40]}” names no time zone.", next_step="Add Z or an offset such as -05:00.")
    return at.astimezone(UTC)
