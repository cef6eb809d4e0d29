"""Do the bytes of footage leave the house whole, in part, and only as video?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.base.errors import Invalid
from lapel.custody import log
from lapel.footage import play
from staffed import Person, Staffed, sample


@dataclass(slots=True)
class Playing:
    person: Person
    url: str
    download: str
    content: bytes
    recording: str


@pytest.fixture
def playing(here: Staffed) -> Playing:
    content = sample("bigbuckbunny") + bytes(2 << 20)  # three frames of sealing
    recording = here.announce()
    here.deliver(recording, content)
    person = Person(here.app(), here.account().token)
    clip = person.get(f"/recordings/{recording.number}.json").json()["clips"][0]
    return Playing(person, clip["play_url"], clip["download_url"], content, recording.id)


def test_a_clip_is_played_whole(playing: Playing) -> None:
    answer = playing.person.get(playing.url)
    assert answer.status_code == 200
    assert answer.content == playing.content
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, None),
        ("bytes=1048570-1048590", 1048570, 1048591),  # across the edge of a frame
        ("bytes=-17", -17, None),
        ("bytes=100-999999999999", 100, None),
        ("bytes=-999999999999", 0, None),
    ],
)
def test_a_range_is_what_was_asked_for(playing: Playing, asked: str, start: int, end: int | None) -> None:
    answer = playing.person.get(playing.url, headers={"range": asked})
    expected = playing.content[start:end]
    assert answer.status_code == 206
    assert answer.content == expected
    first = start if start >= 0 else len(playing.content) + start
    assert (
        answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(playing.content)}"
    )


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=999999999-9999999999"])
def test_a_range_beyond_the_end_is_refused_with_the_size(playing: Playing, asked: str) -> None:
    answer = playing.person.get(playing.url, headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(playing.content)}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6",
        "bytes=" + "0-0," * 2000 + "0-0",
        "chunks=0-1",
        "bytes=5-2",
        "bytes=-",
        "bytes=a-b",
        "bytes=" + "9" * 400 + "-",
        "bytes=٣-",
    ],
)
def test_a_range_that_makes_no_sense_is_ignored(playing: Playing, asked: str) -> None:
    answer = playing.person.get(playing.url, headers={"range": asked.encode()})
    assert answer.status_code == 200
    assert len(answer.content) == len(playing.content)


def test_a_range_of_another_version_gives_the_whole(playing: Playing) -> None:
    etag = playing.person.head(playing.url).headers["etag"]
    headers = {"range": "bytes=0-9", "if-range": etag}
    assert playing.person.get(playing.url, headers=headers).status_code == 206
    for other in ('"other"', f"W/{etag}", "Tue, 24 Nov 2026 03:00:00 GMT"):
        assert playing.person.get(playing.url, headers={**headers, "if-range": other}).status_code == 200


def test_asking_for_the_head_is_not_playing(here: Staffed, playing: Playing) -> None:
    answer = playing.person.head(playing.url)
    assert answer.headers["content-length"] == str(len(playing.content))
    with here.archive.db.tx(here.house.scope()) as conn:
        assert "played" not in [act.act for act in log.history(conn, f"recording:{playing.recording}")]


def test_a_download_is_the_exact_original_and_an_entry(here: Staffed, playing: Playing) -> None:
    answer = playing.person.get(playing.download)
    digest = hashlib.sha256(playing.content).hexdigest()
    assert hashlib.sha256(answer.content).hexdigest() == digest == answer.headers["x-lapel-sha256"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    with here.archive.db.tx(here.house.scope()) as conn:
        last = log.history(conn, f"recording:{playing.recording}")[-1]
    assert (last.act, last.detail["sha256"]) == ("downloaded", digest)


@pytest.mark.parametrize("name", ["evil.html", "evil.svg", "report.pdf", "x.mp4.html", "noname"])
def test_what_is_no_video_is_never_played(here: Staffed, name: str) -> None:
    recording = here.announce()
    here.deliver(recording, b"<html><script>alert(1)</script></html>", name)
    person = Person(here.app(), here.account().token)
    clip = person.get(f"/recordings/{recording.number}.json").json()["clips"][0]
    assert clip["play_url"] is None
    assert person.get(f"/recordings/{recording.number}/originals/{clip['id']}/play").status_code == 422
    answer = person.get(clip["download_url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_html_named_as_video_is_told_as_video(here: Staffed) -> None:
    recording = here.announce()
    original = here.deliver(recording, b"<html><script>alert(1)</script></html>", "evil.mp4")
    answer = Person(here.app(), here.account().token).get(
        f"/recordings/{recording.number}/originals/{original.id}/play"
    )
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    ['a"; filename=evil.exe', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "ﬁlm 📹.mp4", "x" * 4000, "."],
)
def test_a_file_name_cannot_break_out_of_its_header(here: Staffed, name: str) -> None:
    recording = here.announce()
    original = here.deliver(recording, b"abc", name)
    answer = Person(here.app(), here.account().token).get(
        f"/recordings/{recording.number}/originals/{original.id}/download"
    )
    said = answer.headers["content-disposition"]
    assert said.startswith(f"attachment; filename*=UTF-8''{recording.number}%20")
    assert not set(said.removeprefix("attachment; ")) & set('"\r\n;/\\ ')
    assert "set-cookie" not in answer.headers


def test_thumbnails_are_pictures_of_their_own_recording(here: Staffed) -> None:
    recording, other = here.recording(), here.recording(salt=b"1")
    here.inspect(recording)
    person = Person(here.app(), here.account().token)
    thumb = person.get(f"/recordings/{recording.number}.json").json()["thumbnails"][0]
    answer = person.get(thumb["url"])
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert answer.headers["content-type"] == "image/jpeg"
    assert person.get(thumb["url"].replace(recording.number, other.number)).status_code == 404


def test_bytes_that_were_changed_in_the_store_are_never_played(here: Staffed, playing: Playing) -> None:
    with here.archive.db.tx(here.house.scope()) as conn:
        row = conn.execute("SELECT object FROM original").fetchone()
    assert row is not None
    store = here.house.stores.originals
    sealed = bytearray(store.read(row["object"]))
    sealed[200] ^= 1
    store.replace(row["object"], bytes(sealed))
    with pytest.raises(Exception, match=r".+"):
        playing.person.get(playing.url, headers={"range": "bytes=0-9"})
    with here.archive.db.tx(here.house.scope()) as conn:
        assert log.history(conn, f"recording:{playing.recording}")[-1].act == "found_fault"


ETAG = '"e"'


@given(st.integers(1, 10_000), st.integers(0, 12_000), st.one_of(st.none(), st.integers(0, 12_000)))
def test_a_part_is_never_outside_the_file(size: int, start: int, end: int | None) -> None:
    asked = f"bytes={start}-{'' if end is None else end}"
    if start >= size and not (end is not None and end < start):
        with pytest.raises(Invalid) as refused:
            play.wanted(asked, None, ETAG, size)
        assert refused.value.status == 416
        return
    part = play.wanted(asked, None, ETAG, size)
    assert 0 <= part.start < part.end <= size
    if not part.whole:
        assert part.start == start
        assert part.end == (size if end is None else min(size, end + 1))


@given(st.text(max_size=60))
def test_nothing_in_a_range_header_is_an_error_of_ours(asked: str) -> None:
    try:
        part = play.wanted(asked, None, ETAG, 100)
    except Invalid:
        return
    assert 0 <= part.start <= part.end <= 100
