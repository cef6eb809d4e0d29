"""What is this paper that somebody wants to adopt: the vocabulary, a directive, or a waiver?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from lapel.base.digest import sha256_hex
from lapel.base.errors import Invalid
from lapel.policy.directive import Directive
from lapel.policy.document import read
from lapel.policy.language import read_directive
from lapel.policy.vocabulary import Vocabulary
from lapel.policy.waiver import Waiver, read_waiver

Kind = Literal["vocabulary", "department", "agency", "order", "waiver"]
VOCABULARY = "vocabulary"
# A paper is kept, sealed, in one small object beside its custody entry; the key agent wraps at most 1 MiB.
MAX_BYTES = 640 * 1024
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Paper:
    """A text, what its file is called, who adopts it, and on which day."""

    body: str
    file: str
    by: str
    on: date

    @property
    def sha256(self) -> str:
        return sha256_hex(self.body.encode("utf-8"))

    @property
    def is_vocabulary(self) -> bool:
        return "facts" in read(self.body, self.file).entries

    @property
    def is_waiver(self) -> bool:
        return "waiver" in read(self.body, self.file).entries

    def directive(self, words: Vocabulary) -> Directive:
        """The directive in it. Raises `Invalid` with file, line and column."""
        return read_directive(self.body, self.file, words)

    def waiver(self, words: Vocabulary) -> Waiver:
        """The waiver in it. Raises `Invalid`."""
        return read_waiver(self.body, self.file, words)


def check_paper(paper: Paper, today: date) -> None:
    """Return when an accountable person adopts it on a day that has come. Raises `Invalid`."""
    if not paper.by.strip() or len(paper.by) > _LONGEST_NAME or not paper.by.isprintable():
        raise Invalid(
            f"{paper.file}: a policy is adopted by a person.",
            next_step=f"Write their name or office, {_LONGEST_NAME} letters at most.",
        )
    if paper.on > today:
        raise Invalid(
            f"{paper.file}: {paper.on} has not come yet, so nothing can have been adopted on it.",
            next_step="Give the day on which it was signed; its version says from when it is in force.",
        )
    if len(paper.body.encode("utf-8")) > MAX_BYTES:
        raise Invalid(
            f"{paper.file}: a text of more than {MAX_BYTES // 1024} KiB cannot be adopted.",
            next_step="Split it, or look for what filled it.",
        )
