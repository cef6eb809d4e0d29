"""Does a recording of the archive become a copy that proves itself, and does nothing else leave the house?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from archived import FIRST, SECOND, Archived, nobody, somebody
from releases import film, plan_of

from house import Cluster, House
from lapel.activation import store_watch
from lapel.app.worker import jobs
from lapel.base.errors import Conflict, EvidenceFault, Invalid, NotFound, Refused, Unavailable
from lapel.base.ids import new_id
from lapel.footage import rebuild
from lapel.footage import store as footage
from lapel.footage.fsck import check_footage
from lapel.footage.model import Recording
from lapel.footage.restricting import restrict
from lapel.redaction import (
    copies,
    copy_commands,
    copying,
    desk,
    edits,
    making,
    orders,
    plan_reading,
    proposing,
    store,
    store_copies,
)
from lapel.redaction.copying import Chosen
from lapel.redaction.keeping import keep
from lapel.redaction.plan import Plan, Source
from lapel.redaction.propose import Proposal
from lapel.redaction.speech import Heard, Transcript
from lapel.redaction.spoken import Word
from lapel.redaction.verify_folder import verify_folder
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope, connect
from staffed import Person


@pytest.fixture(scope="module")
def there(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archived]:
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path_factory.mktemp("copies"), superuser_url=cluster.url)
        yield Archived(house)
        house.end()


@pytest.fixture(scope="module")
def copy(there: Archived) -> str:
    return there.rendered(film(), there.clip_named("clip0.mp4"))


@pytest.fixture(scope="module")
def out(there: Archived, copy: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return there.folder(copy, tmp_path_factory.mktemp("out") / "release")


def test_the_copy_is_anchored_in_the_log_and_names_the_clip_that_is_withheld(
    there: Archived, out: Path
) -> None:
    verdict = verify_folder(out, there.trust)
    assert verdict.status == 0, str(verdict)
    assert "2 clips, withheld: 2" in str(verdict)
    assert "this very manifest" in str(verdict)
    assert verify_folder(out).status == 8, "without a trust file anybody could have made the log"
    claim = json.loads((out / "manifest.json").read_text())
    assert claim["signer"]["agency"] == "cbp"
    assert claim["recording"] == there.recording.number
    assert claim["reviewed"]["second"] == SECOND
    assert claim["report"]["still_seen"] == 0
    assert claim["report"]["complete"] is False


def test_the_act_says_who_agreed_and_what_came_of_it(there: Archived, copy: str, out: Path) -> None:
    act = next(a for a in there.acts() if a.act == "redacted" and a.detail["copy"] == copy)
    assert act.detail["reviewed"] is True
    assert (act.detail["accepted_by"], act.detail["second_by"]) == ([FIRST], [SECOND])
    claim = json.loads((out / "manifest.json").read_text())
    assert act.detail["renders"] == [claim["clips"][0]["sha256"]]
    assert act.detail["clips"] == 2


def test_a_changed_copy_is_caught_and_the_group_named(there: Archived, out: Path, tmp_path: Path) -> None:
    other = tmp_path / "changed"
    shutil.copytree(out, other)
    render = bytearray((other / "clip-1.mp4").read_bytes())
    render[-200] ^= 1
    (other / "clip-1.mp4").write_bytes(render)
    verdict = verify_folder(other, there.trust)
    assert verdict.status == 90
    assert "group" in verdict.wrong[0]


def test_the_verifier_that_a_copy_carries_needs_nothing_else(out: Path) -> None:
    def run(*arguments: str) -> int:
        said = [sys.executable, "-I", str(out / copies.VERIFIER), ".", *arguments]
        return subprocess.run(said, cwd=out, check=False, env={}, capture_output=True).returncode

    assert run("--trust", "trust.json") == 0
    assert run() == 8


def test_another_agencys_receipts_and_another_act_prove_nothing(
    there: Archived, out: Path, tmp_path: Path
) -> None:
    for name, other, says in (
        ("clip-1.json", "clip-2.json", "another media root"),
        ("signer.json", "redacted.json", "another manifest key"),
        ("redacted.json", "signer.json", "another manifest"),
    ):
        forged = tmp_path / name
        shutil.copytree(out, forged)
        shutil.copy(out / "receipts" / other, forged / "receipts" / name)
        verdict = verify_folder(forged, there.trust)
        assert verdict.status == 90
        assert says in verdict.wrong[0]
    (out / "receipts" / "redacted.json").rename(tmp_path / "kept")
    try:
        assert verify_folder(out, there.trust).status == 8, "a copy that was not logged is not anchored"
    finally:
        (tmp_path / "kept").rename(out / "receipts" / "redacted.json")


def test_a_manifest_of_one_agency_is_not_anchored_by_anothers_key(there: Archived, tmp_path: Path) -> None:
    """The key of another agency is in the same log; it signs for that agency alone."""
    from lapel.redaction.signing import signer_of

    signer_of(there.worker, "cbp")
    content = film(frames=20, sound=0)
    recording = there.arrives(content)
    original = there.clips(recording)[0]
    plan = edits.second_reading(
        edits.review(
            replace(plan_of(content, mute=False, spans=((0, 100_000),)), reviewed=None),
            by="a",
            at="2026-11-24T10:00:00Z",
        ),
        by="b",
    )
    made = copying.make_copy(
        there.worker, there.scope, recording.id, {original.id: Chosen(plan)}, auto=False, look=nobody
    )
    place = there.folder(made, tmp_path / "one")
    from lapel.redaction.manifest import SIGNED, signature_text
    from lapel.redaction.signing import signer_of as signs

    _, ice = signs(there.worker, "ice")
    claim = json.loads((place / "manifest.json").read_text())
    claim["signer"]["key"] = ice.key.hex()
    text = json.dumps(claim, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    (place / "manifest.json").write_bytes(text)
    (place / "manifest.sig").write_text(signature_text(ice.key, ice.sign(SIGNED + text)))
    verdict = verify_folder(place, there.trust)
    assert verdict.status == 90
    assert "another manifest key" in verdict.wrong[0]


def test_what_no_person_accepted_is_never_published(there: Archived, tmp_path: Path) -> None:
    content = film(frames=30, sound=0)
    original = there.clip_named("clip1.mp4")
    plan = replace(plan_of(content, mute=False, spans=((0, 100_000),)), reviewed=None)
    with pytest.raises(Invalid, match="waits for a person"):
        copying.make_copy(
            there.worker,
            there.scope,
            there.recording.id,
            {original.id: Chosen(plan)},
            auto=False,
            look=nobody,
        )
    made = copying.make_copy(
        there.worker, there.scope, there.recording.id, {original.id: Chosen(plan)}, auto=True, look=somebody
    )
    place = there.folder(made, tmp_path / "auto")
    assert "UNREVIEWED" in str(verify_folder(place, there.trust))
    assert json.loads((place / "manifest.json").read_text())["report"]["still_seen"] == 2
    package = copies.prepare(there.s.archive, there.scope, made, there.trust)
    with pytest.raises(Refused, match="never be published"):
        next(copies.stream(there.s.archive, there.scope, package))
    owner = there.s.house.urls["owner"]
    with connect(owner) as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE redacted_copy SET published_at = now() WHERE id = %s", (made,))


def test_a_face_that_is_still_seen_opens_the_plan_again_with_suspects(there: Archived) -> None:
    content = film(frames=26, sound=0)
    recording = there.arrives(content)
    made = there.agreed(content, there.clips(recording)[0])
    desk.ask_render(there.s.archive, there.by(SECOND), made)
    making.render_copy(there.worker, made, look=somebody)
    now, plan = desk.read(there.s.archive, there.scope, made)
    assert plan is not None
    assert (now.state, now.accepted_by, now.second_by, now.plan_sha256) == ("open", None, None, None)
    assert "the detector saw faces" in now.says
    assert [(s.why, s.looked, s.begins_us, s.ends_us) for s in plan.suspects] == [
        ("seen_after", "open", 0, 950_000)
    ]
    with pytest.raises(Invalid, match="without a reason"):
        orders.obey(
            plan, {"op": "suspect_looked", "suspect": plan.suspects[0].id}, by=FIRST, length_us=1_000_000
        )
    with pytest.raises(Conflict):
        desk.accept(there.s.archive, there.by(FIRST), made, now.revision)
    with there.s.archive.db.tx(there.scope) as conn:
        assert store_copies.copies(conn, recording=recording.id) == []
    assert there.acts(recording)[-1].act == "redaction_stopped"


def test_a_plan_that_was_changed_after_it_was_agreed_is_a_fault(there: Archived) -> None:
    content = film(frames=24, sound=0)
    recording = there.arrives(content)
    made = there.agreed(content, there.clips(recording)[0])
    _, plan = desk.read(there.s.archive, there.scope, made)
    assert plan is not None
    thinner = replace(plan, tracks=())
    with there.worker.db.tx(there.by("system:worker")) as conn:
        now = store.redaction(conn, made)
        keep(
            conn,
            there.worker,
            there.by("system:worker"),
            now,
            footage.recording(conn, recording.id),
            thinner,
            "x",
        )
        store.change(conn, made, plan_sha256=plan_reading.digest(thinner), state="rendering")
    with pytest.raises(EvidenceFault, match="two people agreed"):
        making.render_copy(there.worker, made, look=nobody)
    with there.s.archive.db.tx(there.scope) as conn:
        assert store_copies.copies(conn, recording=recording.id) == []


def test_nothing_is_rendered_before_two_people_agreed(there: Archived) -> None:
    content = film(frames=22, sound=0)
    recording = there.arrives(content)
    made = there.proposed(content, there.clips(recording)[0])
    with pytest.raises(Conflict):
        desk.ask_render(there.s.archive, there.by(FIRST), made)
    desk.accept(there.s.archive, there.by(FIRST), made, 1)
    with pytest.raises(Conflict):
        desk.ask_render(there.s.archive, there.by(FIRST), made)


def test_a_plan_of_another_recording_is_refused_and_nothing_is_kept(there: Archived) -> None:
    original = there.clip_named("clip1.mp4")
    before = sorted(there.s.house.stores.derived.list())
    with pytest.raises(Invalid, match="another file"):
        copying.make_copy(
            there.worker,
            there.scope,
            there.recording.id,
            {original.id: Chosen(plan_of(film()))},
            auto=False,
            look=nobody,
        )
    assert sorted(there.s.house.stores.derived.list()) == before


def test_a_full_disk_leaves_the_plan_agreed_and_is_tried_again(
    there: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapel.redaction.mp4_writing import Mp4Writer

    content = film(frames=28, sound=0)
    recording = there.arrives(content)
    made = there.agreed(content, there.clips(recording)[0])
    desk.ask_render(there.s.archive, there.by(SECOND), made)
    before = sorted(there.s.house.stores.derived.list())

    def full(*_args: Any, **_named: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Mp4Writer, "add", full)
        with pytest.raises(Unavailable, match="disk is full"):
            making.render_copy(there.worker, made, look=nobody)
    assert sorted(there.s.house.stores.derived.list()) == before
    with there.s.archive.db.tx(there.scope) as conn:
        now = store.redaction(conn, made)
    assert (now.state, "disk is full" in now.says) == ("rendering", True)
    assert desk.RENDER in jobs(there.worker)
    making.render_copy(there.worker, made, look=nobody)
    making.render_copy(there.worker, made, look=nobody)
    with there.s.archive.db.tx(there.scope) as conn:
        assert store.redaction(conn, made).state == "rendered"
        assert len(store_copies.copies(conn, recording=recording.id)) == 1


def test_at_the_terminal_a_recording_needs_the_plan_that_was_agreed_to_the_byte(
    there: Archived, tmp_path: Path
) -> None:
    content = film(frames=32, sound=0)
    recording = there.arrives(content)
    said = {
        "archive": there.worker,
        "scope": there.scope,
        "rec": recording.number,
        "told": lambda _d, _t: None,
    }
    with pytest.raises(Conflict, match="agreed by two people"):
        copy_commands.redact_recording(**said, plans=[], auto=False)
    made = there.proposed(content, there.clips(recording)[0])
    desk.accept(there.s.archive, there.by(FIRST), made, 1)
    _, once = desk.read(there.s.archive, there.scope, made)
    assert once is not None
    with pytest.raises(Refused, match="two people agreed"):
        copy_commands.redact_recording(**said, plans=[plan_reading.written(once)], auto=False)
    desk.second(there.s.archive, there.by(SECOND), made)
    _, agreed = desk.read(there.s.archive, there.scope, made)
    assert agreed is not None
    for changed in (
        replace(agreed, tracks=()),
        replace(agreed, reviewed=replace(agreed.reviewed, by=SECOND, second="")),
    ):  # type: ignore[arg-type]
        with pytest.raises(Refused, match="two people agreed"):
            copy_commands.redact_recording(**said, plans=[plan_reading.written(changed)], auto=False)
    with pytest.raises(Invalid, match="another file"):
        copy_commands.redact_recording(**said, plans=[plan_reading.written(plan_of(film()))], auto=False)
    with pytest.raises(Invalid, match="not both"):
        copy_commands.redact_recording(**said, plans=[plan_reading.written(agreed)], auto=True)
    with pytest.raises(NotFound):
        copy_commands.redact_recording(**{**said, "scope": there.s.house.scope("ice")}, plans=[], auto=False)
    copy = copy_commands.redact_recording(**said, plans=[plan_reading.written(agreed)], auto=False)
    verdict = copy_commands.hand_out(
        there.worker, there.scope, copy, tmp_path / "early", there.trust, wait_s=0
    )
    assert verdict.status == 8, "no checkpoint covers it yet"
    there.s.publish()
    verdict = copy_commands.hand_out(there.worker, there.scope, copy, tmp_path / "out", there.trust, wait_s=0)
    assert verdict.status == 0, str(verdict)
    with pytest.raises(Conflict):
        copy_commands.hand_out(there.worker, there.scope, copy, tmp_path / "out", there.trust, wait_s=0)
    assert "copy_taken" in {act.act for act in there.acts(recording)}


def test_who_is_not_named_for_a_restricted_recording_neither_renders_nor_takes(there: Archived) -> None:
    content = film(frames=34, sound=0)
    recording = there.arrives(content)
    original = there.clips(recording)[0]
    made = there.agreed(content, original)
    account = there.s.account(("cbp",), "Records 9")
    person = Person(there.s.app(), account.token)
    copy = copying.make_copy(
        there.worker,
        there.scope,
        recording.id,
        {original.id: Chosen(agreed_of(there, made))},
        auto=False,
        look=nobody,
    )
    assert person.get(f"/copies/{copy}.json").status_code == 200
    token = person.form_token("/account")
    restricted(there, recording)
    assert person.post(f"/redactions/{made}/render", data={"form_token": token}).status_code in (403, 404)
    for path in (f"/copies/{copy}.json", f"/copies/{copy}/copy.zip", f"/copies/{copy}/play/clip-1.mp4"):
        assert person.get(path).status_code in (403, 404), path
    with there.worker.db.tx(there.scope) as conn:
        assert store.redaction(conn, made).state == "second_read"


def agreed_of(there: Archived, redaction: str) -> Plan:
    _, plan = desk.read(there.s.archive, there.scope, redaction)
    assert plan is not None
    return plan


def restricted(there: Archived, recording: Recording) -> None:
    """Set apart, with somebody else named."""
    named = there.s.account(("cbp",), "Records 10").account
    scope = Scope("cli:test", ("cbp",))
    with there.s.archive.db.tx(scope) as conn:
        restrict(conn, there.s.archive, scope, recording.id, "internal_affairs", "x", [named])


def test_the_words_that_were_heard_are_at_the_desk_and_silence_is_explained(
    there: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(_read: Any, source: Source, **_how: Any) -> Any:
        plan = replace(plan_of(b"", mute=False), source=source, tracks=(), reviewed=None)
        return Proposal(plan, None, {})

    words = (Word("Hello", 100_000, 400_000, 900), Word("Maria.", 500_000, 800_000, 900))
    model = {"name": "whisper", "digest": "0" * 64, "licence": "MIT", "source": "test"}

    def heard(_read: Any, source: Source, **_how: Any) -> Heard:
        return Heard(Transcript(source, model, words), {})

    def deaf(*_given: Any, **_how: Any) -> Heard:
        raise Unavailable("There are no weights for hearing speech.")

    def proposed(content: bytes, hear: Any) -> dict[str, Any]:
        monkeypatch.setattr("lapel.redaction.proposing.propose", looked)
        monkeypatch.setattr("lapel.redaction.speech.hear", hear)
        recording = there.arrives(content)
        made = desk.begin(there.s.archive, there.by(FIRST), there.clips(recording)[0].id)
        proposing.propose_plan(there.worker, made)
        person = Person(there.s.app(), there.s.account(("cbp",), f"Records {new_id()[:6]}").token)
        page: dict[str, Any] = person.get(f"/redactions/{made}.json").json()["desk"]
        return page

    said = proposed(film(frames=36), heard)
    assert [w["word"] for w in said["state"]["transcript"]] == ["Hello", "Maria."]
    assert said["sound_says"].startswith("Choose a word to silence it")
    assert "no weights" in proposed(film(frames=38), deaf)["sound_says"]
    assert proposed(film(frames=40, sound=0), heard)["sound_says"] == proposing.NO_SOUND


def test_copies_plans_and_keys_come_back_from_their_sidecars(
    there: Archived, copy: str, cluster: Cluster, tmp_path: Path
) -> None:
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls, closing(Database(urls["owner"])) as owner:
        archive = Archive(owner, there.s.house.stores, there.s.house.keys("worker"))
        found = rebuild.rebuild(
            archive, Scope("cli:test", ("cbp", "ice")), also=(*store_watch.TABLES, *store.TABLES)
        )
        assert not found.damaged
        with owner.tx(there.scope) as conn:
            assert store.resume(conn) >= 0
            back = store_copies.copy(conn, copy)
            files = store_copies.files(conn, copy)
            assert {one.name for one in files} == {"clip-1.mp4", "manifest.json", "manifest.sig"}
            there_again = store.redaction(conn, str(back.redaction))
        assert there_again.state == "rendered"
        package = copies.prepare(archive, there.scope, copy, there.trust, receipts=False)
        copies.write_folder(archive, package, tmp_path / "back")
        assert verify_folder(tmp_path / "back").status == 8


def test_fsck_finds_every_copy_whole(there: Archived, copy: str) -> None:
    assert [
        f"{f.kind} {f.thing}" for f in check_footage(there.s.archive, Scope("cli:test", ("cbp", "ice")))
    ] == []
