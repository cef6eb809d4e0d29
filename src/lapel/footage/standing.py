"""How does a person stand to a recording? The facts that `access.permit` decides by, read in the transaction of the act."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from lapel.access.actor import Actor, Reach
from lapel.access.permit import Facts, Report
from lapel.base import clock
from lapel.base.errors import LapelError
from lapel.footage import store_looks
from lapel.footage.model import Recording
from lapel.policy import store as policy
from lapel.policy.engine import Engine
from lapel.policy.record import Record
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

USE_OF_FORCE = "Use of force"


def facts(conn: Connection, actor: Actor, recording: Recording) -> Facts:
    """What is so between this person and this recording now."""
    own = actor.officer is not None and recording.wearer == actor.officer
    known = store_looks.standing(conn, recording.id, actor.account, actor.session, clock.now())
    return Facts(
        own=own,
        own_unit=not own and _own_unit(conn, actor, recording),
        restricted=recording.restricted,
        # To who is not named, row-level security leaves no such row.
        restricted_to_me=recording.restricted,
        under_investigation=known.investigated,
        own_before_report=report_answer(conn, recording, marked=known.force) if own else "",
        purpose=known.purpose,
        broken_glass=known.glass,
        office=recording.office,
    )


def _own_unit(conn: Connection, actor: Actor, recording: Recording) -> bool:
    """A supervisor's unit: the office their grant names, and whoever the roster says they supervise today."""
    if recording.office is not None and recording.office in actor.offices_as("supervisor", recording.agency):
        return True
    if actor.officer is None or recording.wearer is None or not actor.may("supervisor", recording.agency):
        return False
    today = clock.now().date()
    return any(
        s.supervisor == actor.officer and s.from_on <= today and (s.until_on is None or today < s.until_on)
        for s in roster.supervisions(conn, recording.agency, recording.wearer)
    )


def supervised(conn: Connection, actor: Actor, agencies: tuple[str, ...] | None = None) -> list[str]:
    """The officers whom the roster says this person supervises today."""
    me = actor.officer
    if me is None:
        return []
    today = clock.now().date()
    led = [roster.supervises(conn, agency, today) for agency in agencies or actor.in_view]
    return sorted(officer for by in led for officer, leader in by.items() if leader == me)


def reach(conn: Connection, actor: Actor, agencies: tuple[str, ...] | None = None) -> Reach:
    """Which recordings this person's lists hold, those of the officers they supervise among them."""
    wanted = tuple(a for a in agencies or actor.in_view if actor.may("supervisor", a))
    return actor.reach(agencies, supervised(conn, actor, wanted) if wanted else ())


def report_answer(conn: Connection, recording: Recording, *, marked: bool = False) -> Report:
    """May the wearer look before the first report? "" when the question does not arise, else the directive's answer.

    It arises where the category, chosen or suggested, or a mark says that force was used, until the report is given. Asked is the
    agency's policy in force on the day of the recording; without a policy, or where it cannot say, it is unknown.
    """
    if recording.first_report_at is not None or not (marked or _shows_force(conn, recording)):
        return ""
    day = (recording.started_at or recording.announced_at).date()
    try:
        return _answer(policy.record(conn), recording.agency, day)
    except LapelError:
        return "unknown"


def _shows_force(conn: Connection, recording: Recording) -> bool:
    said = [category for category in (recording.category, recording.suggested_category) if category]
    if not said:
        return False
    found = conn.execute(
        "SELECT FROM category WHERE id = ANY(%s::text[]) AND name = %s LIMIT 1", (said, USE_OF_FORCE)
    ).fetchone()
    return found is not None


@lru_cache(maxsize=256)
def _answer(there: Record, agency: str, day: date) -> Report:
    from lapel.policy.book import agency_book

    words = there.directives.vocabulary
    engine = Engine(agency_book(there.directives, agency, day))
    situation = words.read({"report_filed": "no"})
    # Which force it was, nobody has said yet: any but none.
    answers = {
        engine.ask({**situation, **words.read({"force": force})}, questions=["view_first"])[
            "view_first"
        ].value
        for force in ("force", "firearm", "deadly")
    }
    if answers == {"allowed"}:
        return "may"
    return "may_not" if answers == {"not_yet"} else "unknown"
