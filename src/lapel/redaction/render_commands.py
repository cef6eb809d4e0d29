"""What can be done about redaction from a terminal, beside proposing? `lapel redact FILE|REC --plan … --out DIR`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import read_number
from lapel.redaction import copy_commands

RENDER = "render"


class RenderByDefault(TyperGroup):
    """`lapel redact FILE …` is `lapel redact render FILE …`; the other commands of the group keep their names."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command in front where a file or an option stands instead of one."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [RENDER, *args]
        return super().parse_args(ctx, args)


def redact_commands(opened: copy_commands.Opened) -> typer.Typer:
    """`lapel redact …`. `opened` gives the worker's archive; it is called for a recording only."""
    app = typer.Typer(
        cls=RenderByDefault,
        help="Hide what must be hidden in a clip, and prove that nothing else was changed.",
        no_args_is_help=True,
    )

    @app.callback()
    def redact() -> None:
        """Hide what must be hidden in a clip, and prove that nothing else was changed."""

    @app.command(name=RENDER)
    def render(
        what: Annotated[
            str, typer.Argument(help="A video file, which is only read, or a recording's number.")
        ],
        out: Annotated[Path, typer.Option(help="The folder to make: render, manifest, signature, receipts.")],
        plan: Annotated[
            list[Path] | None,
            typer.Option(
                help="The plan: what to hide, accepted by a person. Of a recording: one for each clip."
            ),
        ] = None,
        auto: Annotated[
            bool, typer.Option("--auto", help="Hide everything proposed, unreviewed. Can never be published.")
        ] = False,
        wait_s: Annotated[
            int, typer.Option(min=0, help="Of a recording: how long to wait for the log's next checkpoint.")
        ] = 180,
    ) -> None:
        """Render a clip or a recording by its plan into a folder that `lapel verify` can check.

        A file works without a department and ends with 8: its media tree is in no custody log. A recording needs the plans
        that two people agreed on (all of them, without --plan) and ends with 0 once a checkpoint covers the copy.
        """
        given = plan or []
        if not Path(what).exists() and read_number(what) is not None:
            from lapel.redaction.copies import check_new

            check_new(out)
            with opened() as (archive, scope, trust):
                with _bar(f"Rendering {what}") as told:
                    made = copy_commands.redact_recording(
                        archive, scope, what, [_text_of(path) for path in given], auto=auto, told=told
                    )
                verdict = copy_commands.hand_out(archive, scope, made, out, trust, wait_s=wait_s)
        else:
            if len(given) > 1:
                raise Invalid("A file has one plan.", next_step="Give --plan once.")
            verdict = render_file(Path(what), given[0] if given else None, out, auto=auto)
        typer.echo(str(verdict))
        typer.echo(f"Made {out}. Check it with: lapel verify {out}")
        raise typer.Exit(verdict.status)

    copy_commands.add_take(app, opened)
    return app


def render_file(file: Path, plan: Path | None, out: Path, *, auto: bool) -> Any:
    """The verdict on the release that was made. Raises as `releasing.release_file` does, and `Invalid` without a plan."""
    from lapel.redaction import propose_commands
    from lapel.redaction.plan_reading import read_plan
    from lapel.redaction.releasing import release_file
    from lapel.redaction.second_look import look_again

    if plan is None and not auto:
        raise Invalid(
            "A clip is rendered by a plan, and none was given.",
            next_step="Make one with `lapel redact propose`, then give it with --plan; or hide all that is found, unreviewed, with --auto.",
        )
    said = read_plan(_text_of(plan)) if plan else propose_commands.propose_file(file)
    with _bar(f"Rendering {file.name}") as told:
        return release_file(file, said, out, auto=auto, told=told, look=look_again)


def _text_of(plan: Path) -> bytes:
    try:
        return plan.read_bytes()
    except OSError as fault:
        raise NotFound(f"{plan} cannot be read: {fault.strerror}.") from None


def verify_release_folder(folder: Path, trust: bytes | None) -> Any:
    """The verdict on a release. Raises as `verify_folder.verify_folder` does."""
    from lapel.redaction.verify_folder import verify_folder

    return verify_folder(folder, trust)


def _bar(what: str) -> Any:
    import contextlib
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    @contextlib.contextmanager
    def shown() -> Iterator[Callable[[int, int], None]]:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        ) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    return shown()
