"""What do the clauses of one directive say, and which stands under which?"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lapel.base.digest import sha256_hex
from lapel.policy.condition import TRUE, Condition
from lapel.policy.directive import BOUND, CONFIDENCES, MEASURES, Cite, Clause
from lapel.policy.document import (
    Fields,
    Node,
    Place,
    Text,
    clip,
    fields_of,
    items_of,
    nearest,
    text_of,
    texts_of,
)
from lapel.policy.expression import read_condition
from lapel.policy.outcome import Outcome, read_outcome
from lapel.policy.vocabulary import Vocabulary
from lapel.policy.written import life_of, yes_of

KEYS = (
    "id", "says", "cite", "when", "subject to", "notwithstanding", "addresses", "under", "exactly", "from", "until",
    "binds", "measured by", "note",
)  # fmt: skip
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class _Clause:
    """One clause being read."""

    fields: Fields
    id: str
    vocabulary: Vocabulary
    terms: Collection[str]

    @property
    def place(self) -> Place:
        return self.fields.place.inside(self.id)

    def at(self, node: Node) -> Place:
        return node.place.inside(self.id)

    def word(self, key: str, default: str = "") -> str:
        node = self.fields.entries.get(key)
        return default if node is None else text_of(node, self.place, key).value

    def words(self, key: str) -> tuple[Text, ...]:
        node = self.fields.entries.get(key)
        return () if node is None else texts_of(node, self.place, key)

    def among(self, key: str, known: Collection[str]) -> str:
        found = self.word(key)
        if found and found not in known:
            place = self.at(self.fields.entries[key])
            raise place.fault(f"“{clip(found)}” cannot stand after {key}.", nearest(found, known))
        return found

    def when(self) -> Condition:
        node = self.fields.entries.get("when")
        if node is None:
            return TRUE
        text = text_of(node, self.place, "when")
        return read_condition(Text(text.value, self.at(text), text.offset), self.vocabulary.facts, self.terms)

    def cite(self) -> Cite:
        node = self.fields.entries.get("cite")
        fields = fields_of(node, self.place, "cite: where the clause comes from")
        fields.only(("source", "confidence", "provisions", "note"), self.id)
        sure = text_of(fields.entries.get("confidence"), self.place, "confidence")
        confidence = next((c for c in CONFIDENCES if c == sure.value), None)
        if confidence is None:
            raise self.at(sure).fault(
                f"“{clip(sure.value)}” is no confidence.", nearest(sure.value, CONFIDENCES)
            )
        source = text_of(fields.entries.get("source"), self.place, "source").value
        listed = fields.entries.get("provisions")
        provisions = tuple(t.value for t in texts_of(listed, self.place, "provisions")) if listed else ()
        note = fields.entries.get("note")
        return Cite(source, confidence, provisions, text_of(note, self.place, "note").value if note else "")

    def answer(self) -> tuple[str, Outcome | None]:
        asked = [name for name in self.fields.entries if name in self.vocabulary.questions]
        if len(asked) > 1:
            place = self.fields.keys[asked[1]].inside(self.id)
            raise place.fault(f"the clause answers {asked[0]} and {asked[1]}.", "Write one clause for each.")
        if not asked:
            return "", None
        node = self.fields.entries[asked[0]]
        return asked[0], read_outcome(self.vocabulary.questions[asked[0]], node, self.at(node))

    def exactly(self, question: str) -> bool:
        exactly = yes_of(self.fields.entries.get("exactly"), self.place, "exactly")
        if exactly and (not question or self.vocabulary.questions[question].conform != "binding"):
            raise self.place.fault("exactly is only for binding questions.", "Remove it.")
        return exactly

    def clause(self, subject_to: tuple[str, ...], agency: bool) -> Clause:
        question, outcome = self.answer()
        if "under" in self.fields.entries and not agency:
            raise (
                self.fields.keys["under"]
                .inside(self.id)
                .fault("only an agency's clause stands under a grant.", "Remove it.")
            )
        if not question and subject_to:
            raise self.place.fault(
                "a standing clause has no exception.", "Give it an answer, or remove subject to."
            )
        says = self.word("says").strip()
        if not says:
            raise self.place.fault(
                "says is missing: the text of the clause.", "Quote it, or put it in your own words."
            )
        return Clause(
            self.id, says, sha256_hex(says.encode()), self.cite(), self.place, question, outcome, self.when(), subject_to,
            life_of(self.fields, "from", self.id), tuple(t.value for t in self.words("addresses")), self.word("under"),
            self.exactly(question), self.among("binds", BOUND), self.among("measured by", MEASURES), self.word("note"),
        )  # fmt: skip


def read_clauses(
    fields: Fields, vocabulary: Vocabulary, terms: Collection[str], *, agency: bool
) -> tuple[Clause, ...]:
    """Every clause, typed, with its exceptions known and without cycles. Raises `Invalid`."""
    place = fields.keys.get("clauses", fields.place)
    readers: dict[str, _Clause] = {}
    for node in items_of(fields.entries.get("clauses"), place, "clauses"):
        entry = fields_of(node, node.place, "a clause")
        name = text_of(entry.entries.get("id"), entry.place, "the id of the clause")
        if not _ID.match(name.value):
            raise name.place.fault(
                f"“{clip(name.value)}” cannot be an id.", "Use letters and digits, such as D1."
            )
        if name.value in readers:
            raise name.place.fault(f"two clauses have the id {name.value}.", "Give one of them another.")
        entry.only((*KEYS, *vocabulary.questions), name.value)
        readers[name.value] = _Clause(entry, name.value, vocabulary, terms)
    above = _above(readers)
    _no_cycle(above, readers)
    clauses = tuple(reader.clause(tuple(above[name]), agency) for name, reader in readers.items())
    _no_standing_exception({c.id: c for c in clauses}, readers)
    return clauses


def _above(readers: Mapping[str, _Clause]) -> dict[str, list[str]]:
    """For each clause the clauses directly above it; `notwithstanding` is `subject to` seen from above."""
    above: dict[str, list[str]] = {name: [] for name in readers}
    for name, reader in readers.items():
        for key in ("subject to", "notwithstanding"):
            for text in reader.words(key):
                if text.value not in readers:
                    step = nearest(text.value, readers) or "Only clauses of the same directive can be named."
                    raise reader.at(text).fault(
                        f"{key} names {clip(text.value)}, and no clause has that id.", step
                    )
                low, high = (name, text.value) if key == "subject to" else (text.value, name)
                if high not in above[low]:
                    above[low].append(high)
    return above


def _no_cycle(above: Mapping[str, list[str]], readers: Mapping[str, _Clause]) -> None:
    """Takes away clauses with nothing above them until none is left; what cannot be taken away goes in a circle."""
    waiting = {name: set(names) for name, names in above.items()}
    while free := [name for name, names in waiting.items() if not names]:
        for name in free:
            del waiting[name]
        for names in waiting.values():
            names.difference_update(free)
    if not waiting:
        return
    trail = [next(iter(waiting))]
    while trail[-1] not in trail[:-1]:
        trail.append(next(name for name in above[trail[-1]] if name in waiting))
    circle = trail[trail.index(trail[-1]) :]
    raise readers[circle[0]].place.fault(
        f"subject to goes in a circle: {clip(' under '.join(circle), 120)}.",
        "Decide which clause stands above.",
    )


def _no_standing_exception(clauses: Mapping[str, Clause], readers: Mapping[str, _Clause]) -> None:
    for clause in clauses.values():
        for name in clause.subject_to:
            if clauses[name].standing:
                raise readers[clause.id].place.fault(
                    f"{name} is a standing clause, so it is no exception.", "Name another."
                )
