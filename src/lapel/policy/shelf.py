"""Where do directives lie as files? The only part of the policy folder that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from lapel.base.errors import Invalid, NotFound
from lapel.policy.directive import Directive
from lapel.policy.document import MAX_BYTES
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.smt import BOUNDS, Script
from lapel.policy.vocabulary import Vocabulary
from lapel.policy.words import read_vocabulary

FOLDER = Path("directives")
VOCABULARY = "vocabulary.yaml"
_NOT_DIRECTIVES = {"cases", "waivers"}


def text_at(path: Path) -> str:
    """A file's text. Raises `NotFound` or `Invalid`, never an OSError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Invalid(
                f"{path}: the file is larger than 4 MiB.", next_step="Split it, or look for what filled it."
            )
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{path}: the file is not UTF-8 text.", next_step="Save it as UTF-8.") from None
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", next_step="Check the path.") from None


def vocabulary_at(path: Path) -> Vocabulary:
    """The vocabulary in a file."""
    return read_vocabulary(text_at(path), str(path))


def directive_at(path: Path, vocabulary: Vocabulary) -> Directive:
    """The directive in a file."""
    return read_directive(text_at(path), str(path), vocabulary)


def folder_of(named: Path | None = None) -> Path:
    """The folder of directives: the one named, or `directives/` here, in a folder above, or beside the code that runs.

    Raises `NotFound`.
    """
    if named is not None:
        return named
    above = (folder / FOLDER for folder in (*Path.cwd().parents, *Path(__file__).resolve().parents))
    found = next((folder for folder in (FOLDER, *above) if (folder / VOCABULARY).is_file()), None)
    if found is None:
        raise NotFound(
            f"There is no {FOLDER / VOCABULARY} here or in a folder above.",
            next_step="Name the folder or the files.",
        )
    return found


def vocabulary_path(named: Path | None = None) -> Path:
    """The vocabulary named, or the one in the folder of directives. Raises `NotFound`."""
    return named or folder_of() / VOCABULARY


def directive_files(folder: Path = FOLDER) -> list[Path]:
    """Every directive under a folder: not the vocabulary, the law tests or the waivers."""
    if not folder.is_dir():
        raise NotFound(
            f"There is no folder {folder}.",
            next_step="Name the files, or go to the folder above directives/.",
        )
    found = (p for p in folder.rglob("*.yaml") if p.name != VOCABULARY)
    return sorted(p for p in found if not _NOT_DIRECTIVES & set(p.relative_to(folder).parts))


def library_at(folder: Path = FOLDER) -> Library:
    """The vocabulary and every directive under a folder, fitted together."""
    return library_of(folder / VOCABULARY, directive_files(folder))


def library_of(vocabulary: Path, files: Iterable[Path]) -> Library:
    """The named files, fitted together, and the department's beside the vocabulary if only agencies' are named."""
    words = vocabulary_at(vocabulary)
    directives = [directive_at(path, words) for path in files]
    return assemble(words, [*directives, *followed(directives, words)])


def followed(directives: list[Directive], vocabulary: Vocabulary) -> list[Directive]:
    """The department's versions beside the vocabulary, for policies handed in without the one they follow."""
    if any(d.role == "department" for d in directives) or all(d.follows is None for d in directives):
        return []
    folder = Path(vocabulary.file).parent
    found = [directive_at(path, vocabulary) for path in directive_files(folder)]
    return [directive for directive in found if directive.role == "department"]


def keeper(folder: Path) -> Callable[[str, date, Script], None]:
    """A function that writes each script of a proof into a folder, one file for each policy and interval.

    Raises `Invalid` for a place where there can be no folder. Each file ends with one question for each claim; `unsat` means that the claim can never be true.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(
            f"{folder} cannot be made: {error.strerror}.", next_step="Choose another place."
        ) from None

    def keep(policy: str, start: date, script: Script) -> None:
        asked = "\n".join(
            f"(echo {json.dumps(c.strip('|'))})\n(check-sat-assuming ({c} {BOUNDS}))" for c in script.claims
        )
        (folder / f"{policy}-{start}.smt2").write_text(
            f"(set-logic QF_UF)\n{script.text()}\n{asked}\n", encoding="utf-8"
        )

    return keep
