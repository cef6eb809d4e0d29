"""What does a directive say? Text in, typed values out; every fault names file, line, column, clause and nearest word.

No I/O: the caller reads the file. The vocabulary comes first (`words.read_vocabulary`), since everything is typed against it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from lapel.base.digest import sha256_hex
from lapel.policy.clauses import read_clauses
from lapel.policy.condition import TRUE, Condition
from lapel.policy.directive import ALL, Directive, Grant, Left, OrderTerms, Topics
from lapel.policy.document import Fields, Place, clip, fields_of, items_of, nearest, read, text_of, texts_of
from lapel.policy.expression import read_condition
from lapel.policy.outcome import read_outcome
from lapel.policy.vocabulary import WORD, Vocabulary
from lapel.policy.written import day_of, life_of

KEYS = (
    "policy", "title", "version", "from", "until", "adopted by", "adopted on", "follows", "order", "terms", "clauses",
    "grants", "left to the agency", "must address", "note",
)  # fmt: skip
ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class _Directive:
    """A directive being read."""

    fields: Fields
    vocabulary: Vocabulary
    file: str

    def place(self, key: str) -> Place:
        return self.fields.keys.get(key, self.fields.place)

    def text(self, key: str, default: str | None = None) -> str:
        node = self.fields.entries.get(key)
        if node is None and default is not None:
            return default
        return text_of(node, self.place(key), key).value

    def condition(self, fields: Fields, key: str, terms: Collection[str], clause: str) -> Condition | None:
        node = fields.entries.get(key)
        if node is None:
            return None
        text = text_of(node, fields.place, key)
        if not text.value.strip():
            return None
        placed = type(text)(text.value, text.place.inside(clause), text.offset)
        return read_condition(placed, self.vocabulary.facts, terms)

    def version(self) -> date:
        key = "version" if "version" in self.fields.entries else "from"
        if key not in self.fields.entries:
            raise self.fields.place.fault(
                "version is missing: the first day in force.", "Add version: YYYY-MM-DD."
            )
        return day_of(text_of(self.fields.entries[key], self.place(key), key))

    def follows(self) -> tuple[str, date] | None:
        node = self.fields.entries.get("follows")
        if node is None:
            return None
        fields = fields_of(node, self.place("follows"), "follows")
        fields.only(("policy", "version"))
        version = text_of(fields.entries.get("version"), fields.place, "the version followed")
        return text_of(fields.entries.get("policy"), fields.place, "the policy followed").value, day_of(
            version
        )

    def order(self) -> OrderTerms | None:
        node = self.fields.entries.get("order")
        if node is None:
            return None
        fields = fields_of(node, self.place("order"), "order")
        fields.only(("binds", "authority", "outranks"))
        outranks = fields.entries.get("outranks")
        return OrderTerms(
            self.agencies(fields, "binds"),
            text_of(fields.entries.get("authority"), fields.place, "authority").value,
            tuple(t.value for t in texts_of(outranks, fields.place, "outranks")) if outranks else (),
        )

    def agencies(self, fields: Fields, key: str) -> tuple[str, ...]:
        named = texts_of(fields.entries.get(key), fields.place, key)
        for text in named:
            if text.value != ALL and text.value not in self.vocabulary.agencies:
                known = (*self.vocabulary.agencies, ALL)
                raise text.place.fault(f"“{clip(text.value)}” is no agency.", nearest(text.value, known))
        return tuple(text.value for text in named)

    def terms(self) -> dict[str, Condition]:
        """Definitions; they may use facts only."""
        node = self.fields.entries.get("terms")
        if node is None:
            return {}
        fields = fields_of(node, self.place("terms"), "terms")
        for term, place in fields.keys.items():
            self.term_name(term, place)
        found = {term: self.condition(fields, term, (), f"term {term}") for term in fields.entries}
        empty = [term for term, condition in found.items() if condition is None]
        if empty:
            raise fields.keys[empty[0]].fault(
                f"the word “{empty[0]}” has no definition.", "Write a condition."
            )
        return {term: condition for term, condition in found.items() if condition is not None}

    def term_name(self, term: str, place: Place) -> None:
        if not WORD.match(term):
            raise place.fault(
                f"“{clip(term)}” cannot be a word of the language.", "Use small letters, digits and _."
            )
        if term in self.vocabulary.facts:
            raise place.fault(
                f"“{term}” is a fact of the vocabulary, so it cannot be defined.", "Choose another word."
            )

    def left(self) -> tuple[Left, ...]:
        found: list[Left] = []
        for node in items_of(
            self.fields.entries.get("left to the agency"),
            self.place("left to the agency"),
            "left to the agency",
        ):
            fields = fields_of(node, node.place, "a word left to the agency")
            fields.only(("term", "must cover", "may not reach"))
            term = text_of(fields.entries.get("term"), fields.place, "term")
            self.term_name(term.value, term.place)
            if term.value in {left.term for left in found}:
                raise term.place.fault(
                    f"“{term.value}” is left to the agency twice.", "Remove one of the two."
                )
            cover, reach = (
                self.condition(fields, key, (), f"term {term.value}")
                for key in ("must cover", "may not reach")
            )
            found.append(Left(term.value, cover, reach, term.place))
        return tuple(found)

    def grants(self, terms: Collection[str]) -> tuple[Grant, ...]:
        found: dict[str, Grant] = {}
        for node in items_of(self.fields.entries.get("grants"), self.place("grants"), "grants"):
            grant = self.grant(fields_of(node, node.place, "a grant"), terms)
            if grant.id in found:
                raise grant.place.fault("a second grant has this id.", "Give it another.")
            found[grant.id] = grant
        return tuple(found.values())

    def grant(self, fields: Fields, terms: Collection[str]) -> Grant:
        questions = self.vocabulary.questions
        grant_id = text_of(fields.entries.get("id"), fields.place, "the id of the grant")
        place = grant_id.place.inside(grant_id.value)
        if not ID.match(grant_id.value):
            raise grant_id.place.fault(
                f"“{clip(grant_id.value)}” cannot be an id.", "Use letters and digits, such as G1."
            )
        fields.only(("id", "to", "when", "says", "from", "until", "note", *questions), grant_id.value)
        lists = {}
        for name in (name for name in fields.entries if name in questions):
            node = fields.entries[name]
            nodes = items_of(node, place, name) if not hasattr(node, "value") else (node,)
            lists[name] = tuple(
                read_outcome(questions[name], item, item.place.inside(grant_id.value)) for item in nodes
            )
        if not lists:
            raise place.fault("the grant lists no answer.", "Add one, such as record: [permitted].")
        when = self.condition(fields, "when", terms, grant_id.value)
        says, note = (
            text_of(fields.entries[key], fields.place, key).value if key in fields.entries else ""
            for key in ("says", "note")
        )
        return Grant(
            grant_id.value,
            self.agencies(fields, "to"),
            when or TRUE,
            lists,
            says,
            life_of(fields, "from", grant_id.value),
            place,
            note,
        )

    def topics(self) -> tuple[Topics, ...]:
        found = []
        for node in items_of(
            self.fields.entries.get("must address"), self.place("must address"), "must address"
        ):
            fields = fields_of(node, node.place, "a list of topics")
            fields.only(("topics", "within days", "note"))
            named = tuple(t.value for t in texts_of(fields.entries.get("topics"), fields.place, "topics"))
            days = text_of(fields.entries.get("within days"), fields.place, "within days")
            if not (days.value.isascii() and days.value.isdigit() and len(days.value) < 6):
                raise days.place.fault(f"“{clip(days.value)}” is no number of days.", "Write a whole number.")
            note = fields.entries.get("note")
            found.append(
                Topics(named, int(days.value), text_of(note, fields.place, "note").value if note else "")
            )
        return tuple(found)

    def role(self, follows: object, order: object, policy: str) -> None:
        """Refuses keys that a directive of this author cannot have."""
        only_department = ("grants", "must address")
        if follows and order:
            raise self.place("order").fault("an order follows no policy.", "Remove follows, or order.")
        if follows and policy not in self.vocabulary.agencies:
            known = self.vocabulary.agencies
            raise self.place("policy").fault(f"“{clip(policy)}” is no agency.", nearest(policy, known))
        if not follows and policy in self.vocabulary.agencies:
            raise self.place("policy").fault(
                "an agency's policy names the one it follows.", "Add follows: {policy, version}."
            )
        for key in (*only_department, *(("left to the agency",) if follows else ())):
            if (follows or order) and key in self.fields.entries:
                raise self.place(key).fault(f"only the department has `{key}`.", "Remove it.")

    def directive(self, digest: str) -> Directive:
        policy = self.text("policy")
        if not WORD.match(policy):
            raise self.place("policy").fault(
                f"“{clip(policy)}” cannot name a policy.", "Use small letters, digits and _."
            )
        follows, order = self.follows(), self.order()
        life = life_of(self.fields, "from" if "from" in self.fields.entries else "version", "")
        self.role(follows, order, policy)
        terms, left = self.terms(), self.left()
        known = [*terms, *(word.term for word in left)]
        adopted = self.fields.entries.get("adopted on")
        return Directive(
            policy, self.text("title", ""), self.version(), life, self.text("adopted by", ""),
            day_of(text_of(adopted, self.place("adopted on"), "adopted on")) if adopted else None,
            follows, order, terms, read_clauses(self.fields, self.vocabulary, known, agency=bool(follows)),
            self.grants(known), left, self.topics(), self.file, digest, self.fields.place, self.text("note", ""),
        )  # fmt: skip


def read_directive(text: str, file: str, vocabulary: Vocabulary) -> Directive:
    """A directive alone, typed; what it says of others is checked by `library.Library`. Raises `Invalid`."""
    fields = read(text, file)
    fields.only(KEYS)
    return _Directive(fields, vocabulary, file).directive(sha256_hex(text.encode("utf-8")))
