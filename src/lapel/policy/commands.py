"""`lapel policy`: what can be done with directives from the command line?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.base.errors import Invalid
from lapel.policy import shelf
from lapel.policy.library import assemble

app = typer.Typer(
    no_args_is_help=True,
    help="The department's policy, the agencies' policies, and the proof that they agree.",
)

VocabularyOption = Annotated[Path, typer.Option("--vocabulary", help="The department's vocabulary.")]
WORDS = shelf.FOLDER / shelf.VOCABULARY


@app.callback()
def policy() -> None:
    """Directives work as files alone: none of these commands needs a database."""


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Directives; without any, everything under directives/.")
    ] = None,
    vocabulary: VocabularyOption = WORDS,
) -> None:
    """Check syntax and types; exit 5 with one line for the first fault of each file."""
    words = shelf.vocabulary_at(vocabulary)
    named = [
        f for f in files or shelf.directive_files(vocabulary.parent) if f.resolve() != vocabulary.resolve()
    ]
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
    typer.echo(f"{vocabulary}: {len(words.facts)} facts, {len(words.questions)} questions, well formed")
