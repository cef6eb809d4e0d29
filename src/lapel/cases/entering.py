"""How does an act on a case or a share come to stand? Its rows, its custody entry and its sidecar, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lapel.base.digest import Value
from lapel.base.errors import Invalid
from lapel.custody import log
from lapel.custody.entry import Entry
from lapel.custody.sidecar import Under, Write, perform
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

MAX_REASON = 2000


def enter(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    *,
    agency: str,
    act: str,
    subject: str,
    detail: Mapping[str, Value],
    writes: Sequence[Write] = (),
    at: datetime | None = None,
    entry: Entry | None = None,
) -> Entry:
    """Write the rows, the entry and the sidecar (sealed under the agency's key). Raises what they raise.

    `entry`: one that was prepared before, because a row names it.
    """
    made = entry or log.prepare(
        conn, actor=scope.actor, agency=agency, act=act, subject=subject, detail=detail, at=at
    )
    perform(conn, archive, made, writes, agency=agency, under=Under())
    return made


def reason_given(reason: str, what: str) -> str:
    """The reason without blanks around it. Raises `Invalid` for none, or one beyond 2,000 characters."""
    given = reason.replace("\0", "").strip()
    if not given or len(given) > MAX_REASON:
        raise Invalid(
            f"{what} needs a reason of 1 to {MAX_REASON} characters.", next_step="Say why, in a sentence."
        )
    return given


def words_given(text: str, what: str, at_most: int) -> str:
    """A short text without blanks around it. Raises `Invalid` when it is empty, too long or not printable."""
    given = text.strip()
    if not given or len(given) > at_most or not given.isprintable():
        raise Invalid(f"{what} has 1 to {at_most} visible characters.", next_step="Write it shorter.")
    return given


def one_of(value: str, there: Sequence[str], what: str) -> str:
    """The value. Raises `Invalid` when it is none of those there are."""
    if value not in there:
        raise Invalid(f"There is no {what} “{value[:40]}”.", next_step=f"Choose one of: {', '.join(there)}.")
    return value
