"""`lapel policy`: what can be done with directives from the command line?"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from lapel.base.errors import CHECK_DOES_NOT_HOLD, Invalid
from lapel.policy import shelf, shown
from lapel.policy.book import agency_book, lone_book
from lapel.policy.document import clip
from lapel.policy.engine import Engine
from lapel.policy.library import Library, assemble

app = typer.Typer(
    no_args_is_help=True,
    help="The department's policy, the agencies' policies, and the proof that they agree.",
)

VocabularyOption = Annotated[
    Path | None,
    typer.Option("--vocabulary", help="The department's vocabulary; directives/vocabulary.yaml without it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
OnOption = Annotated[str, typer.Option("--on", help="The day, YYYY-MM-DD; today without it.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--directives", help="The folder of directives; directives/ here or in a folder above without it."
    ),
]


@app.callback()
def policy() -> None:
    """Directives work as files alone: none of these commands needs a database."""


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Directives; without any, everything under directives/.")
    ] = None,
    vocabulary: VocabularyOption = None,
) -> None:
    """Check syntax and types; exit 5 with one line for the first fault of each file."""
    first = shelf.vocabulary_path(vocabulary)
    words = shelf.vocabulary_at(first)
    named = [f for f in files or shelf.directive_files(first.parent) if f.resolve() != first.resolve()]
    directives, faults = [], list[Invalid]()
    for path in named:
        try:
            directives.append(shelf.directive_at(path, words))
        except Invalid as fault:
            faults.append(fault)
    for other in faults[1:]:
        typer.echo(str(other), err=True)
    if faults:
        raise faults[0]
    assemble(words, [*directives, *shelf.followed(directives, words)])
    for directive in directives:
        typer.echo(
            f"{directive.file}: {directive.policy} of {directive.version}, {len(directive.clauses)} clauses, well formed"
        )
    typer.echo(f"{first}: {len(words.facts)} facts, {len(words.questions)} questions, well formed")


@app.command()
def prove(
    agency: Annotated[list[str] | None, typer.Option("--agency", help="Only these agencies.")] = None,
    vocabulary: VocabularyOption = None,
    department: Annotated[
        list[Path] | None, typer.Option("--department", help="The department's policy.")
    ] = None,
    policy: Annotated[list[Path] | None, typer.Option("--policy", help="An agency's policy.")] = None,
    order: Annotated[list[Path] | None, typer.Option("--order", help="An order.")] = None,
    as_json: JsonOption = False,
    smt_lib: Annotated[
        Path | None, typer.Option("--smt-lib", help="Write the questions here, for another prover.")
    ] = None,
) -> None:
    """Prove that the policies agree: exit 0 if every check holds, 1 with the counterexamples in words."""
    from lapel.policy.proof import prove as prove_all

    files = [*(department or []), *(policy or []), *(order or [])]
    first = shelf.vocabulary_path(vocabulary)
    library = shelf.library_of(first, files or shelf.directive_files(first.parent))
    proofs = prove_all(library, agency, keep=shelf.keeper(smt_lib) if smt_lib else None)
    typer.echo(shown.proofs_json(library, proofs) if as_json else shown.proofs(library, proofs))
    if not all(proof.holds for proof in proofs):
        raise typer.Exit(CHECK_DOES_NOT_HOLD)


@app.command()
def ask(
    facts: Annotated[
        list[str] | None, typer.Argument(help="fact=value; a set as stop|patrol, an empty one as -.")
    ] = None,
    agency: Annotated[str, typer.Option("--agency", help="Whose policy.")] = "",
    on: OnOption = "",
    strict: Annotated[bool, typer.Option("--strict", help="Presume nothing.")] = False,
    question: Annotated[list[str] | None, typer.Option("--question", help="Only these questions.")] = None,
    directives: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask what the policy says in a situation: answers, clauses, presumptions, and what is missing."""
    library = shelf.library_at(shelf.folder_of(directives))
    if not agency:
        raise Invalid("Whose policy?", next_step=f"Give --agency, one of: {', '.join(library.agencies)}.")
    day = day_of(on)
    engine = Engine(agency_book(library, agency, day))
    answers = engine.ask(stated(library, facts or []), questions=question, strict=strict)
    typer.echo(shown.answers_json(answers) if as_json else shown.answers(engine.book, answers, day))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The version before.")],
    new: Annotated[Path, typer.Argument(help="The version after.")],
    vocabulary: VocabularyOption = None,
    events: Annotated[
        Path | None, typer.Option("--events", help="Count past events whose answer changes.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a new version changes: classes of situations with a witness."""
    from lapel.policy import reports
    from lapel.policy.diff import diff as classes
    from lapel.policy.past import changed_events

    words = shelf.vocabulary_at(shelf.vocabulary_path(vocabulary))
    before, after = (lone_book(words, shelf.directive_at(path, words)) for path in (old, new))
    if before.policy != after.policy:
        raise Invalid(
            f"{old} is of {before.policy}, {new} of {after.policy}.",
            next_step="Compare versions of one policy.",
        )
    found = classes(before, after)
    counts = changed_events(before, after, events) if events else None
    typer.echo((reports.changes_json if as_json else reports.changes)(after, found, counts))


@app.command()
def coverage(on: OnOption = "", directives: FolderOption = None, as_json: JsonOption = False) -> None:
    """Show for each agency what its policy must contain, when it was due and adopted, and how late it was."""
    from lapel.policy import reports
    from lapel.policy.coverage import coverage as board

    found = board(shelf.library_at(shelf.folder_of(directives)), day_of(on))
    typer.echo((reports.board_json if as_json else reports.board)(found))


@app.command()
def bulk(
    events: Annotated[
        Path, typer.Argument(help="A .csv or .parquet file; columns named as facts are facts.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the answers go: .csv or .parquet.")],
    agency: Annotated[str, typer.Option("--agency", help="For rows without a column `agency`.")] = "",
    on: Annotated[str, typer.Option("--on", help="For rows without a column `on`.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Presume nothing.")] = False,
    question: Annotated[list[str] | None, typer.Option("--question", help="Only these questions.")] = None,
    directives: FolderOption = None,
) -> None:
    """Answer for every row of a file, with the deciding clauses, the presumptions and what is missing."""
    from lapel.policy import tables
    from lapel.policy.bulk import Bulk

    library = shelf.library_at(shelf.folder_of(directives))
    answering = Bulk(
        library,
        question or list(library.vocabulary.questions),
        agency,
        day_of(on) if on else None,
        strict=strict,
    )
    rows = 0
    write, opened = None, ExitStack()
    with opened:
        for block in tables.blocks(events):
            answered = answering.answer(block)
            write = write or opened.enter_context(tables.writer(out, list(answered)))
            write(answered)
            rows += len(next(iter(answered.values()), []))
    typer.echo(f"{rows} rows answered in {out}")


def day_of(text: str) -> date:
    """The day on the command line; today without one. Raises `Invalid`."""
    if not text:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{clip(text)}” is no day.", next_step="Write it as YYYY-MM-DD.") from None


def stated(library: Library, facts: list[str]) -> dict[str, bool | str | int | frozenset[str]]:
    """fact=value words as a situation. Raises `Invalid`."""
    pairs: dict[str, str] = {}
    for fact in facts:
        name, equals, value = fact.partition("=")
        if not equals:
            raise Invalid(f"“{clip(fact)}” states nothing.", next_step="Write fact=value.")
        if name in pairs:
            raise Invalid(f"{clip(name)} is stated twice.", next_step="Write a set as stop|patrol.")
        pairs[name] = value
    return library.vocabulary.read(pairs)
