"""What did a version change? The clauses that were added, removed or altered, and the answers that differ."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel

from lapel.base.errors import NotFound
from lapel.policy.directive import Directive
from lapel.policy.document import clip, nearest
from lapel.policy.phrases import answer_of, question_of
from lapel.policy.record import Record
from lapel.policy.sentences import clauses, who
from lapel.policy.sheets import ClauseShown, clause_shown
from lapel.policy.vocabulary import Vocabulary


class Altered(BaseModel):
    """A clause in both versions, or in one. `words_only`: the rule is the same, its text is not."""

    id: str
    old: ClauseShown | None
    new: ClauseShown | None
    words_only: bool


class Class(BaseModel):
    """Situations in which the answer changes: the nearest to an ordinary one stands for all."""

    question: str
    old: str
    new: str
    scene: str
    old_by: str
    new_by: str
    ask_old: str
    ask_new: str


class Version(BaseModel):
    """A version that can be compared with the one before it."""

    version: date
    before: date
    url: str
    here: bool


class Changes(BaseModel):
    """The difference between two versions. `classes` null: it is still being worked out."""

    policy: str
    name: str
    headline: str
    old: date | None
    new: date | None
    altered: list[Altered]
    same: int
    classes: list[Class] | None
    versions: list[Version]
    others: dict[str, str]


def pair_of(there: Record, policy: str, new: date | None) -> tuple[Directive, Directive] | None:
    """A version and the one before it; the latest without `new`. None when there is only one. Raises `NotFound`."""
    versions = there.directives.versions(policy)
    if not versions:
        known = list(dict.fromkeys(d.policy for d in there.directives.directives))
        raise NotFound(f"No policy “{clip(policy)}” is on record.", next_step=nearest(policy, known))
    pairs = list(itertools.pairwise(versions))
    if new is None:
        return pairs[-1] if pairs else None
    found = next((pair for pair in pairs if pair[1].version == new), None)
    if found is None:
        raise NotFound(
            f"{who(policy)} of {new} follows no version on record.", next_step="Choose one from the list."
        )
    return found


def changes_shown(
    there: Record,
    policy: str,
    pair: tuple[Directive, Directive] | None,
    kept: Sequence[Mapping[str, Any]] | None,
) -> Changes:
    """The page. `kept`: what `store.changes` holds for this pair."""
    library = there.directives
    versions = library.versions(policy)
    several = [p for p in dict.fromkeys(d.policy for d in library.directives) if len(library.versions(p)) > 1]
    others = {who(p): f"/policy/changes/{p}" for p in several}
    if pair is None:
        return Changes(
            policy=policy, name=who(policy), headline=f"{who(policy)} has one version on record, so nothing has changed",
            old=None, new=None, altered=[], same=0, classes=[], versions=[], others=others,
        )  # fmt: skip
    old, new = pair
    altered, same = _altered(old, new, library.vocabulary)
    classes = None if kept is None else [_class(policy, one, old, new) for one in kept]
    return Changes(
        policy=policy, name=who(policy), headline=_headline(policy, old, new, altered, classes), old=old.version,
        new=new.version, altered=altered, same=same, classes=classes,
        versions=[
            Version(version=b.version, before=a.version, url=f"/policy/changes/{policy}?new={b.version}", here=b is new)
            for a, b in itertools.pairwise(versions)
        ],
        others=others,
    )  # fmt: skip


def _headline(
    policy: str, old: Directive, new: Directive, altered: Sequence[Altered], classes: Sequence[Class] | None
) -> str:
    said = f"{who(policy)} of {new.version} changes {len(altered)} clauses of {old.version}"
    if classes is None:
        return f"{said}; what that changes in the answers is being worked out"
    if not classes:
        return f"{said} and no answer: in every situation both versions say the same"
    return f"{said} and the answer in {len(classes)} kinds of situation"


def _altered(old: Directive, new: Directive, words: Vocabulary) -> tuple[list[Altered], int]:
    found, same = [], 0
    for name in dict.fromkeys(c.id for d in (old, new) for c in d.clauses):
        was, now = old.clause(name), new.clause(name)
        shown = [clause_shown(new.policy, c, words) if c else None for c in (was, now)]
        if was and now and shown[0] == shown[1] and was.cite == now.cite:
            same += 1
            continue
        rules = [(c.question, c.outcome, c.when, c.subject_to, c.under) if c else None for c in (was, now)]
        found.append(Altered(id=name, old=shown[0], new=shown[1], words_only=rules[0] == rules[1]))
    return found, same


def _class(policy: str, kept: Mapping[str, Any], old: Directive, new: Directive) -> Class:
    facts = [(name, member) for name, value in kept["facts"].items() for member in str(value).split("|")]

    def ask(directive: Directive) -> str:
        if directive.role != "agency":
            return ""
        day = directive.life.start or directive.version
        return f"/policy/ask?{urlencode([('agency', policy), ('on', str(day)), *facts])}"

    return Class(
        question=question_of(kept["question"]), old=answer_of(kept["question"], kept["old"]),
        new=answer_of(kept["question"], kept["new"]), scene=kept["scene"], old_by=clauses(tuple(kept["old_by"]), policy),
        new_by=clauses(tuple(kept["new_by"]), policy), ask_old=ask(old), ask_new=ask(new),
    )  # fmt: skip
