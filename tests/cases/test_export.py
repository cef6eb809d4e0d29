"""An export is whole, exact, and verified by an outsider with nothing but the verifier."""

from __future__ import annotations

import hashlib
import io
import zipfile

from lapel.custody import log
from lapel.custody.verify import verify_receipt
from lapel.footage import export
from staffed import Person, Staffed, sample

TRUST = b"{}"


def test_the_zip_holds_the_exact_original_and_its_receipts_and_the_log_its_digest(here: Staffed) -> None:
    recording = here.recording()
    here.inspect(recording)
    here.publish()
    scope = here.house.scope()
    made = export.prepare(here.archive, scope, recording, TRUST)
    sent = b"".join(export.stream(here.archive, scope, made))
    with zipfile.ZipFile(io.BytesIO(sent)) as held:
        assert held.testzip() is None
        assert all(member.compress_type == zipfile.ZIP_STORED for member in held.infolist())
        assert held.read("originals/clip.mp4") == sample("carphone_pristine")
        name = next(n for n in held.namelist() if n.endswith("-received.json"))
        assert (
            f"lapel verify {name} originals/clip.mp4 --trust trust.json" in held.read("README.txt").decode()
        )
        with held.open("originals/clip.mp4") as file:
            verdict = verify_receipt(held.read(name), file)  # type: ignore[arg-type]
        assert verdict.status == 8, verdict.wrong
    with here.archive.db.tx(scope) as conn:
        begun, ended = log.history(conn, f"recording:{recording.id}")[-2:]
    assert (begun.act, ended.act) == ("exported", "export_ended")
    assert ended.detail["bytes"] == len(sent)
    assert ended.detail["sha256"] == hashlib.sha256(sent).hexdigest()


def test_an_export_that_is_broken_off_says_so(here: Staffed) -> None:
    recording = here.recording()
    here.publish()
    scope = here.house.scope()
    chunks = export.stream(here.archive, scope, export.prepare(here.archive, scope, recording, TRUST))
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    with here.archive.db.tx(scope) as conn:
        ended = log.history(conn, f"recording:{recording.id}")[-1]
    assert (ended.act, ended.detail["whole"]) == ("export_ended", False)


def test_an_export_waits_for_the_checkpoint_that_covers_the_arrival(here: Staffed) -> None:
    person = Person(here.app(), here.account().token)
    recording = here.recording()
    assert person.get(f"/recordings/{recording.number}/export.zip").status_code == 503
    here.publish()
    answer = person.get(f"/recordings/{recording.number}/export.zip")
    assert answer.headers["content-type"] == "application/zip"
