"""What does a test of the desk stand on? A clip whose plan was proposed: two faces and a suspect."""

from __future__ import annotations

from lapel.footage import store as footage
from lapel.footage.model import Recording
from lapel.redaction import desk, store
from lapel.redaction.plan import Plan, Source, Suspect
from lapel.redaction.track import Keyframe, Track
from staffed import Staffed


def proposal(sha256: str, size_bytes: int) -> Plan:
    key = Keyframe(0, 40, 30, 60, 70)
    face = Track("f1", "face", 0, 2_000_000, (key,), exemption="b(7)(C)", score_milli=900, source="test")
    other = Track(
        "f2", "face", 500_000, 1_500_000, (key,), exemption="b(7)(C)", score_milli=700, source="test"
    )
    weak = Suspect("s1", "weak", "face", 100_000, 140_000, 4, 4, 20, 20, score_milli=300)
    return Plan(
        Source(sha256, size_bytes), 176, 144, (face, other), suspects=(weak,), detector={"name": "test"}
    )


def proposed(s: Staffed, recording: Recording) -> str:
    """A redaction whose plan a worker proposed; its id."""
    scope = s.house.scope("cbp", "account:asks")
    with s.archive.db.tx(scope) as conn:
        original = footage.originals(conn, recording.id)[0]
    made = desk.begin(s.archive, scope, original.id)
    with s.archive.db.tx(scope) as conn:
        there = store.redaction(conn, made)
        plan = proposal(original.sha256, original.size_bytes)
        desk.keep_proposal(conn, s.archive, s.house.scope("cbp", "system:worker"), there, recording, plan)
    return made
