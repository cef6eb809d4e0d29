"""For which reasons may a camera have been off, and which clauses of a policy allow each? Coded, so that they can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from lapel.policy.book import Book, Rule
from lapel.policy.condition import facts_of

Reason = Literal["safety", "request", "equipment", "order", "sensitive", "place", "emergency", "pause"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A reason in words; the facts a clause that allows it turns on, or the topics a standing clause is about."""

    says: str
    facts: frozenset[str]
    topics: frozenset[str] = frozenset()


MEANINGS: Final[Mapping[Reason, Meaning]] = {
    "safety": Meaning(
        "Turning the camera on would have endangered somebody", frozenset({"unsafe_to_activate"})
    ),
    "request": Meaning(
        "A victim, a witness or somebody else with the right to ask asked for the camera to be off",
        frozenset({"asked_to_stop"}),
    ),
    "equipment": Meaning(
        "The equipment failed",
        frozenset(),
        frozenset({"carry", "operate", "maintain", "equipment"}),
    ),
    "order": Meaning(
        "A lawful order: a court's, or of whoever led the operation",
        frozenset({"team_leader_secured", "task_force"}),
    ),
    "sensitive": Meaning(
        "Undercover work, an informant, or a technique that is not to be shown",
        frozenset({"undercover_or_informant", "technique", "investigation"}),
    ),
    "place": Meaning("A place where recording is not allowed", frozenset({"place", "persons"})),
    "emergency": Meaning("An emergency left no time", frozenset({"exigent"})),
    "pause": Meaning("A pause in the work", frozenset({"pause"})),
}
# What a clause has to answer for it to allow a camera to be off.
_ALLOWS: Final = frozenset(
    {("record", "permitted"), ("record", "forbidden"), ("stop", "may_stop"), ("stop", "must_stop")}
)


def allowing(book: Book, reason: Reason) -> list[Rule]:
    """The rules in force that allow a camera to be off for this reason, in the order of the policy.

    A rule allows it when it says that recording is permitted, forbidden, or may or must stop, and turns on a fact of the
    reason. An order of somebody above the agency allows it by being one. Equipment is nobody's fact: a standing
    clause on carrying, operating and maintaining it is named instead, and the supervisor judges.
    """
    meaning = MEANINGS[reason]
    found = []
    for rule in book.rules:
        outcome = rule.outcome
        says = (rule.question, outcome.word) if outcome else ("", "")
        by_order = reason == "order" and rule.policy != book.policy
        turns = bool(meaning.facts & facts_of(rule.when)) or by_order
        about = rule.clause.standing and bool(meaning.topics & set(rule.clause.addresses))
        if (says in _ALLOWS and turns) or about:
            found.append(rule)
    return found
