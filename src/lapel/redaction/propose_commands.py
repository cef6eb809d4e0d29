"""What can be proposed from a terminal? `lapel redact propose`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.base.errors import Invalid, NotFound

if TYPE_CHECKING:
    from lapel.redaction.plan import Plan, Source
    from lapel.storage.archive import Archive
    from lapel.storage.confined import Read
    from lapel.storage.postgres import Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]


def add_propose(app: typer.Typer, opened: Opened) -> None:
    """Add `propose` to `lapel redact`. A file needs neither database nor department; a recording's clip is opened with an entry."""

    @app.command()
    def propose(
        what: Annotated[str, typer.Argument(help="A video file, or a recording's number.")],
        out: Annotated[Path, typer.Option(help="Where the plan is written.")],
        clip: Annotated[str | None, typer.Option(help="Which clip of the recording, by its name.")] = None,
        speech: Annotated[
            bool, typer.Option("--speech", help="Transcribe, and propose what to mute.")
        ] = False,
        transcript: Annotated[
            Path | None, typer.Option(help="Where the transcript is written; needs --speech.")
        ] = None,
        plates: Annotated[bool, typer.Option(help="Look for licence plates.")] = True,
        faces: Annotated[
            Path | None, typer.Option(help="Your own face model: ONNX that answers as CenterFace does.")
        ] = None,
        licence: Annotated[str, typer.Option(help="The licence of your own model, for the record.")] = "",
        speech_model: Annotated[
            Path | None, typer.Option(help="Your own speech model: a folder for faster-whisper.")
        ] = None,
        look_every_ms: Annotated[
            int, typer.Option(min=1, max=5000, help="Look at least this often where nothing moves.")
        ] = 960,
        long_px: Annotated[
            int, typer.Option(min=0, help="Longest side the face model sees; 0 for the full picture.")
        ] = 0,
        propose_from: Annotated[
            int, typer.Option(min=10, max=990, help="Propose what scores this much once, in thousandths.")
        ] = 180,
    ) -> None:
        """Look for faces, plates and words to hide, and write them as a plan. Nothing in it is accepted yet."""
        from lapel.redaction.finding import Search
        from lapel.redaction.plan_reading import written
        from lapel.redaction.propose import Hearing, told_in_words
        from lapel.redaction.propose import propose as look

        if out.exists():
            raise Invalid(f"{out} is there already.", next_step="Remove it or give another name.")
        if transcript is not None and not speech:
            raise Invalid("There is no transcript without --speech.")
        search = Search(
            kinds=("face", "plate") if plates else ("face",),
            faces=faces,
            licence=licence,
            long_px=long_px,
            still_us=look_every_ms * 1000,
            seed_milli=min(120, propose_from),
            again_milli=min(140, propose_from),
            weak_milli=propose_from,
        )
        with _source(what, clip, opened) as (read, source), _bar(what) as told:
            found = look(
                read,
                source,
                search=search,
                hearing=Hearing(speech_model, licence) if speech else None,
                told=told,
            )
        _write(out, written(found.plan))
        if transcript is not None and found.transcript is not None:
            import json

            from lapel.redaction.speech import as_json

            _write(transcript, json.dumps(as_json(found.transcript), ensure_ascii=False).encode())
        for line in told_in_words(found):
            typer.echo(line)
        typer.echo(f"The plan is in {out}.")


def propose_file(path: Path) -> Plan:
    """The plan that the detectors propose for a bare file; nothing in it is accepted. Raises `NotFound`, `Invalid`."""
    from lapel.redaction.finding import Search
    from lapel.redaction.propose import propose as look

    with _file(path) as (read, source), _bar(path.name) as told:
        return look(read, source, search=Search(), hearing=None, told=told).plan


@contextmanager
def _source(what: str, clip: str | None, opened: Opened) -> Iterator[tuple[Read, Source]]:
    if Path(what).is_file():
        with _file(Path(what)) as given:
            yield given
        return
    from lapel.base.ids import read_number

    if read_number(what) is None and ("/" in what or "." in what):
        raise Invalid(f"There is no file {what}.", next_step="Give a file, or a recording's number.")
    with opened() as (archive, scope):
        yield _of_recording(archive, scope, what, clip)


@contextmanager
def _file(path: Path) -> Iterator[tuple[Read, Source]]:
    import hashlib
    import os

    from lapel.redaction.plan import Source

    try:
        file = path.open("rb")
    except OSError as fault:
        raise NotFound(f"{path} cannot be read: {fault.strerror}.", next_step="Check the path.") from None
    with file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        handle = file.fileno()
        yield lambda offset, length: os.pread(handle, length, offset), Source(digest, path.stat().st_size)


def _of_recording(archive: Archive, scope: Scope, said: str, clip: str | None) -> tuple[Read, Source]:
    from lapel.base.ids import is_id, read_number
    from lapel.custody import log
    from lapel.footage import play, store
    from lapel.redaction.plan import Source
    from lapel.redaction.propose import only_clip

    with archive.db.tx(scope) as conn:
        there: Any = (
            store.recording(conn, said)
            if is_id(said)
            else store.recording_by_number(conn, read_number(said) or said)
        )
        clips = [one for one in store.originals(conn, there.id) if one.kind == "clip"]
        chosen = clips[only_clip([one.name for one in clips], clip)]
        log.record(
            conn,
            actor=scope.actor,
            agency=there.agency,
            act="redaction_proposed",
            subject=f"recording:{there.id}",
            detail={"original": chosen.id},
        )
    reader = play.reader(archive, there, chosen)
    return reader.read, Source(chosen.sha256, chosen.size_bytes, there.number)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar with the time reached in the clip, and the time left where the clip says how long it is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(name, total=None)
        doing = [""]

        def told(part: str, done_us: int, total_us: int) -> None:
            if part != doing[0]:
                doing[0] = part
                bar.reset(task)
            bar.update(
                task,
                completed=done_us,
                total=total_us or None,
                description=f"{Path(name).name}: {part}, {done_us // 60_000_000}:{done_us // 1_000_000 % 60:02}",
            )

        yield told


def _write(path: Path, content: bytes) -> None:
    """Write a new file that only its user can read: plans and transcripts are personal data."""
    import os

    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as fault:
        raise Invalid(f"{path} cannot be written: {fault.strerror}.") from None
    with open(handle, "wb") as file:
        file.write(content)
