"""What does the desk show of one redaction, and the list of all of them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lapel.access.actor import Actor
from lapel.footage import history, play
from lapel.footage import store as footage
from lapel.footage.model import Original, Recording
from lapel.redaction import desk, plan_reading, shown, store, store_copies
from lapel.redaction.exemptions import EXEMPTIONS
from lapel.redaction.model import STATES, Redaction
from lapel.redaction.plan import Plan
from lapel.redaction.speech import read_transcript
from lapel.storage.archive import Archive

# Why something that a detector found is left visible; words may follow.
REASONS = (
    "Not what it was taken for",
    "An officer in the course of duty",
    "The requester",
    "A public figure in public",
    "Consented",
    "Cannot be recognised",
)
_ACTIONS = {
    "proposing": ("See how far it is", "It is looked through for what may have to be hidden."),
    "open": ("Decide", "Nothing is made before a person has decided each track."),
    "accepted": ("Read it", "A second person reads a plan before a copy is made."),
    "second_read": ("Render", "Two people agreed; the copy is rendered by the plan."),
    "rendering": ("See how far it is", "A worker makes the copy."),
    "stopped": ("Read the reason", "It stopped; nothing was made."),
    "rendered": ("Open", "The copy is made."),
}


def listed(actor: Actor, waiting: Sequence[Redaction], made: Sequence[Redaction]) -> shown.Redactions:
    """The list of redactions, as this person sees it."""
    rows = [_row(actor, one) for one in waiting]
    mine = sum(row.state == "open" for row in rows)
    second = sum(row.mine_to_read for row in rows)
    headline = f"{_count(mine, 'redaction')} to decide, {_count(second, 'second reading')} for you"
    return shown.Redactions(headline=headline, waiting=rows, made=[_row(actor, one) for one in made])


def build(archive: Archive, actor: Actor, redaction_id: str) -> shown.RedactionShown:
    """The page of a redaction. Raises `NotFound`."""
    there, plan = desk.read(archive, actor.scope(), redaction_id)
    with archive.db.tx(actor.scope()) as conn:
        original = footage.original(conn, there.original)
        revisions = store.revisions(conn, there.id)
        made = store_copies.copies(conn, redaction=there.id)
        heard = store_copies.of_kind(conn, there.recording, "transcript").get(there.original)
        recording = footage.recording(conn, there.recording)
        people = [r.made_by for r in revisions] + [p for p in (there.accepted_by, there.second_by) if p]
        names = history.actor_names(conn, people)
    words = _words(archive, recording, heard) if plan and there.state in ("open", "accepted") else []
    url = f"/redactions/{there.id}"
    return shown.RedactionShown(
        url=url,
        number=there.number,
        recording_url=f"/recordings/{there.number}",
        agency=there.agency,
        clip=there.clip,
        state=there.state,
        state_says=STATES[there.state],
        headline=_headline(there),
        left=_left(there),
        says=there.says,
        progress_milli=there.progress_milli,
        revision=there.revision,
        watched_says=watched_says(there),
        accepted_by=names.get(there.accepted_by or ""),
        accepted_at=there.accepted_at,
        second_by=names.get(there.second_by or ""),
        second_at=there.second_at,
        rendered_at=there.rendered_at,
        size_bytes=there.size_bytes,
        revisions=[
            shown.RevisionShown(revision=r.revision, at=r.made_at, by=names.get(r.made_by, r.made_by), says=r.says)
            for r in revisions
        ],
        reasons=list(REASONS),
        copy_url=f"/copies/{made[0].id}" if made else None,
        desk=_desk(url, there, original, plan, words) if plan and there.state in ("open", "accepted") else None,
    )  # fmt: skip


def watched_says(there: Redaction) -> str:
    """How much of the clip anybody watched: `63 % watched`."""
    return f"{there.watched_milli / 10:.0f} % watched"


def _desk(
    url: str, there: Redaction, original: Original, plan: Plan, transcript: list[dict[str, Any]]
) -> shown.DeskShown:
    facts = original.inspection or {}
    video: dict[str, Any] = next((t for t in facts.get("tracks", ()) if t.get("kind") == "video"), {})
    rate = video.get("rate") or (25, 1)
    turn, width, height = _turn(int(video.get("rotation") or 0), plan.width, plan.height)
    length_us = 1000 * int(facts.get("duration_ms") or 0)
    return shown.DeskShown(
        play_url=f"/recordings/{there.number}/originals/{original.id}/play",
        shown_width=width,
        shown_height=height,
        turn=turn,
        length_s=round(length_us / 1e6),
        sound_says=_sound_says(plan, transcript),
        state={
            "plan": plan_reading.as_json(plan),
            "revision": there.revision,
            "open": there.state == "open",
            "urls": {"edits": f"{url}/edits", "plan": f"{url}/plan.json", "watched": f"{url}/watched"},
            "frame_us": round(1e6 * rate[1] / rate[0]) if rate[0] else 40_000,
            "length_us": length_us,
            "exemptions": [{"code": e.code, "protects": e.protects} for e in EXEMPTIONS],
            "transcript": transcript,
            "playable": play.media_type(original) != play.OCTETS,
        },
    )


def _words(archive: Archive, recording: Recording, heard: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What was heard in the clip, word by word, as the desk's script reads it."""
    if heard is None:
        return []
    transcript = read_transcript(play.derived_bytes(archive, recording, heard))
    return [{"word": w.word, "begins_us": w.begins_us, "ends_us": w.ends_us} for w in transcript.words]


def _sound_says(plan: Plan, transcript: list[dict[str, Any]]) -> str:
    if transcript:
        return "Choose a word to silence it; choose it again to let it be heard."
    return (
        str(plan.detector.get("speech_says", "")) or "Nobody and nothing has heard the sound: listen to it."
    )


def _turn(rotation: int, width: int, height: int) -> tuple[str, int, int]:
    """How places of the coded picture are turned to where a browser shows them: an SVG transform, and the size shown.

    `rotation`: degrees clockwise by which the picture is shown turned.
    """
    return {
        90: (f"translate({height} 0) rotate(90)", height, width),
        180: (f"translate({width} {height}) rotate(180)", width, height),
        270: (f"translate(0 {width}) rotate(270)", height, width),
    }.get(rotation % 360, ("", width, height))


def _row(actor: Actor, there: Redaction) -> shown.RedactionRow:
    action, why = _ACTIONS[there.state]
    return shown.RedactionRow(
        url=f"/redactions/{there.id}",
        number=there.number,
        recording_url=f"/recordings/{there.number}",
        agency=there.agency,
        clip=there.clip,
        state=there.state,
        state_says=STATES[there.state],
        left=_left(there),
        why=why,
        action=action,
        asked_at=there.asked_at,
        due_on=there.due_on,
        mine_to_read=there.state == "accepted" and there.accepted_by != actor.id,
    )


def _headline(there: Redaction) -> str:
    if there.state == "open":
        return _left(there) or "Nothing is left to decide"
    return STATES[there.state]


def _left(there: Redaction) -> str:
    parts = [(there.left_tracks, "track"), (there.left_suspects, "suspect")]
    left = [_count(count, word) for count, word in parts if count]
    return f"{' and '.join(left)} left to decide" if left else ""


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
