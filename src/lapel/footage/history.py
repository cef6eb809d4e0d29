"""What was done to a recording, in plain words, and what of it can be proved?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lapel.access import store as access
from lapel.custody import log
from lapel.custody.log import LoggedAct
from lapel.footage import glass, marking, restricting, words
from lapel.footage.model import Recording
from lapel.storage.postgres import Connection

# By their codes; a code of a later version is shown in the words behind it.
GLASS: Mapping[str, str] = glass.OUTCOMES
KINDS: Mapping[str, str] = {str(kind): says for kind, says in restricting.KINDS.items()}
MARKS: Mapping[str, str] = {str(kind): says for kind, says in marking.MARKS.items()}
Detail = Mapping[str, Any]
FORGOTTEN = "Somebody whose name was forgotten"


@dataclass(frozen=True, slots=True)
class Line:
    """One act: `says` in words, `more` what the act gave as its reason or text, `fields` what a receipt could show."""

    entry: str
    at: datetime
    who: str
    says: str
    more: str
    act: str
    index: int | None
    published: bool
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """What pages call actors and officers. An officer is a badge number, never a name."""

    actors: Mapping[str, str]
    officers: Mapping[str, str]


def lines(conn: Connection, recording: Recording) -> list[Line]:
    """Every act on a recording that the log tells, oldest first."""
    acts = log.history(conn, f"recording:{recording.id}")
    names = _names(conn, acts)
    return [line(act, names) for act in sorted(acts, key=lambda act: (act.at, act.index or 0))]


def line(act: LoggedAct, names: Names) -> Line:
    """One act in words. An act this version does not know is shown by its own verb."""
    said = _SAYS.get(act.act)
    says = said(act.detail, names) if said else act.act.replace("_", " ")
    if act.detail.get("for") and act.act not in ("glass_broken", "purpose_said"):
        says += f", for {act.detail['for']}"
    return Line(
        entry=act.entry,
        at=act.at,
        who=_who(act, names),
        says=says,
        more=_more(act),
        act=act.act,
        index=act.index,
        published=act.published,
        fields=("at", "act", "agency", *(("actor",) if act.actor else ()), "subject", *act.detail),
    )


def says_of(act: str, attempted: str = "") -> str:
    """An act in words, without the particulars of its entry."""
    known = _SAYS.get(act)
    nobody = Names({}, {})
    return known({"attempted": attempted} if attempted else {}, nobody) if known else act.replace("_", " ")


def _who(act: LoggedAct, names: Names) -> str:
    """Who acted. Somebody of another agency, to whom it was shared, as the entry names them: their account is not in view."""
    if not act.actor:
        return FORGOTTEN
    guest, agency = act.detail.get("by_name"), act.detail.get("by_agency")
    if guest and agency != act.agency:
        return f"{guest} of {str(agency).upper()}"
    return names.actors.get(act.actor, act.actor)


def _more(act: LoggedAct) -> str:
    for field in ("reason", "words", "note", "says"):
        text = act.detail.get(field)
        if isinstance(text, str) and text:
            return text
    return ""


def actor_names(conn: Connection, actors: Sequence[str]) -> dict[str, str]:
    """What pages call these actors (`account:…`, `site:…`, `system:…`, `cli:…`)."""
    accounts = [actor.removeprefix("account:") for actor in actors if actor.startswith("account:")]
    known = {f"account:{account}": name for account, name in access.account_names(conn, accounts).items()}
    sites = conn.execute(
        "SELECT id, name FROM site WHERE id = ANY(%s::text[])",
        ([actor.removeprefix("site:") for actor in actors if actor.startswith("site:")],),
    ).fetchall()
    known |= {f"site:{row['id']}": f"Camera system “{row['name']}”" for row in sites}
    return {actor: known.get(actor) or _unknown_actor(actor) for actor in actors}


def _names(conn: Connection, acts: Sequence[LoggedAct]) -> Names:
    wearers = {
        str(act.detail[field])
        for act in acts
        for field in ("wearer", "wearer_before")
        if act.detail.get(field)
    }
    rows = conn.execute(
        "SELECT id, badge FROM officer WHERE id = ANY(%s::text[])", (sorted(wearers),)
    ).fetchall()
    return Names(
        actors=actor_names(conn, sorted({act.actor for act in acts if act.actor})),
        officers={
            row["id"]: f"Officer {row['badge']}" if row["badge"] else "an unknown wearer" for row in rows
        },
    )


def _unknown_actor(actor: str) -> str:
    kind, _, rest = actor.partition(":")
    return {
        "account": f"Account {rest[:8]}",
        "site": f"Camera system {rest[:8]}",
        "system": "Lapel itself",
        "cli": f"Operator {rest} at the command line",
    }.get(kind, actor)


def _officer(detail: Detail, names: Names, field: str = "wearer") -> str:
    officer = detail.get(field)
    return names.officers.get(str(officer), "an officer") if officer else "nobody"


def _announced(detail: Detail, names: Names) -> str:
    by = "delivered by a camera system" if detail.get("source") == "camera" else "added by hand"
    return f"announced the recording, {by}, worn by {_officer(detail, names)}"


def _received(detail: Detail, _: Names) -> str:
    count = detail.get("bytes")
    how_much = f", {words.size(count)}" if isinstance(count, int) else ""
    return f"delivered {detail.get('name', 'a file')}{how_much}; sealed on arrival"


def _completed(detail: Detail, _: Names) -> str:
    came = detail.get("originals")
    count = len(came) if isinstance(came, list) else 0
    return f"said the delivery is complete: {count} file{'' if count == 1 else 's'}"


def _corrected(detail: Detail, names: Names) -> str:
    before = f", not {_officer(detail, names, 'wearer_before')}" if detail.get("wearer_before") else ""
    return f"said that {_officer(detail, names)} wore the camera{before}"


def _ended(detail: Detail, _: Names) -> str:
    count = detail.get("bytes")
    return f"stopped playing; {words.size(count) if isinstance(count, int) else 'some bytes'} had been sent"


def _inspected(detail: Detail, _: Names) -> str:
    whole = "read a file back and found it as it was received"
    return f"{whole}; it could not be read as footage" if detail.get("state") == "unreadable" else whole


def _exported(detail: Detail, _: Names) -> str:
    files = detail.get("files")
    count = len(files) if isinstance(files, list) else 0
    return f"began to export it with {count} file{'' if count == 1 else 's'}"


def _export_ended(detail: Detail, _: Names) -> str:
    count = detail.get("bytes")
    how = "the export went out whole" if detail.get("whole") else "the export broke off"
    return f"stopped exporting; {how}, {words.size(count) if isinstance(count, int) else 'some bytes'}"


def _redacted(detail: Detail, _: Names) -> str:
    shown = f"{detail.get('clips_shown', 'some')} of {detail.get('clips', 'its')} clips"
    return f"made a redacted copy of {shown}{'' if detail.get('reviewed') else ', unreviewed: never to be published'}"


def _fixed(text: str) -> Callable[[Detail, Names], str]:
    return lambda _detail, _names: text


_SAYS: dict[str, Callable[[Detail, Names], str]] = {
    "announced": _announced,
    "described": _fixed("said more about the recording"),
    "received": _received,
    "received_again": lambda d, _: f"delivered {d.get('name', 'a file')} again; the same bytes, kept once",
    "completed": _completed,
    "inspected": _inspected,
    "media_tree_built": lambda d, _: (
        f"computed the media tree of a clip (root {str(d.get('media_root', ''))[:12]}…)"
    ),
    "viewed": _fixed("opened this page"),
    "played": _fixed("began to play"),
    "play_ended": _ended,
    "downloaded": lambda d, _: f"downloaded an original ({str(d.get('sha256', ''))[:12]}…)",
    "categorised": lambda d, _: f"chose the category {d.get('category', '')}",
    "category_suggested": lambda d, _: f"suggested the category {d.get('category', '')}",
    "noted": _fixed("wrote the note"),
    "bookmarked": _fixed("set a bookmark"),
    "wearer_corrected": _corrected,
    "purpose_said": lambda d, _: f"said that they look for {d.get('for', 'a purpose')}",
    "glass_broken": lambda d, _: (
        f"broke the glass, until {str(d.get('until', ''))[:16].replace('T', ' ')} UTC"
    ),
    "glass_closed": _fixed("ended their broken glass"),
    "glass_answered": lambda d, _: (
        f"answered the broken glass: {GLASS.get(str(d.get('outcome')), 'looked into')}"
    ),
    "restricted": lambda d, _: f"restricted it: {KINDS.get(str(d.get('kind')), 'set apart').lower()}",
    "named": _fixed("named somebody for it"),
    "unnamed": _fixed("ended that somebody is named for it"),
    "unrestrict_asked": _fixed("asked for the restriction to be lifted"),
    "unrestrict_refused": _fixed("kept the restriction"),
    "unrestricted": _fixed("lifted the restriction"),
    "marked": lambda d, _: f"marked it: it {MARKS.get(str(d.get('kind')), 'is marked')}",
    "unmarked": lambda d, _: f"ended the mark that it {MARKS.get(str(d.get('kind')), 'is marked')}",
    "report_given": lambda d, _: (
        f"entered that the first report was given at {str(d.get('given_at', ''))[:16].replace('T', ' ')} UTC"
    ),
    "refused": lambda d, _: f"was refused: {str(d.get('attempted', 'an act')).replace('_', ' ')}",
    "found_fault": lambda d, _: f"found a fault on {str(d.get('attempted', 'an act')).replace('_', ' ')}",
    "failed": lambda d, _: f"failed to {str(d.get('attempted', 'act')).replace('_', ' ')}",
    "forgotten": _fixed("had fields of earlier entries forgotten"),
    "proved": _fixed("took a receipt"),
    "exported": _exported,
    "export_ended": _export_ended,
    "shared": lambda d, _: (
        f"shared it with {words.share_to(d)} to {', '.join(map(str, d.get('acts', ['view'])))}"
    ),
    "share_revoked": lambda d, _: f"took the share with {words.share_to(d)} back",
    "redaction_begun": _fixed("sent a clip to redaction"),
    "redaction_proposed": _fixed("looked through a clip for what may have to be hidden"),
    "redaction_accepted": lambda d, _: f"accepted a plan: {d.get('hidden', 'some')} tracks hidden",
    "redaction_second_read": _fixed("read a plan a second time and agreed"),
    "redaction_given_back": _fixed("gave a plan back"),
    "redaction_render_asked": _fixed("asked for the redacted copy"),
    "redaction_stopped": lambda d, _: f"made no redacted copy: {d.get('says', 'it stopped')}",
    "redacted": _redacted,
    "copy_taken": _fixed("began to take a redacted copy"),
    "copy_taken_ended": _export_ended,
    "added_to_case": lambda d, _: f"put it into case {d.get('case_number', '')}",
    "removed_from_case": lambda d, _: f"took it out of case {d.get('case_number', '')}",
}
