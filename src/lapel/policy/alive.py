"""Which clauses can speak, and which would be missed if they were taken away? Judged without orders.

Examples near to an ordinary situation show it for most; the prover is asked about the others.
"""

from __future__ import annotations

from collections import Counter

from lapel.policy.case import Case, Finding
from lapel.policy.closure import met
from lapel.policy.diagram import NEVER
from lapel.policy.examples import examples
from lapel.policy.ground import Ground
from lapel.policy.outcome import join
from lapel.policy.sentences import named
from lapel.policy.vocabulary import AGENCY, Situation


class Alive:
    """The clauses of a case. Made before the prover reads the script, since it adds claims to it."""

    def __init__(self, case: Case) -> None:
        self.case, self.book = case, case.bare
        self._met = met(self.book)
        self._above = [sum(1 << up for up in rule.above) for rule in self.book.rules]
        self._below = [
            [low for low, r in enumerate(self.book.rules) if i in r.above]
            for i in range(len(self.book.rules))
        ]
        self._spoken: set[int] = set()
        self._missed: set[int] = set()
        for index, rule in enumerate(self.book.rules):
            for situation in examples(self.book, self._met, index, case.ordinary):
                if index in self._spoken and (index in self._missed or not rule.question):
                    break
                self._look(situation)
        voice, script = case.bare_voice, case.script
        rules = self.book.rules
        self._speaks = {
            i: script.claim(f"speaks {r.key}", voice.speaks[i])
            for i, r in enumerate(rules)
            if i not in self._spoken
        }
        self._matters = {
            i: script.claim(f"matters {r.key}", voice.matters(i))
            for i, r in enumerate(rules)
            if r.question and i not in self._missed
        }

    def _look(self, situation: Situation) -> None:
        """Notes which rules speak in a situation, and which of these change an answer when they are taken away."""
        mask, rules = self._met(situation), self.book.rules
        speaking = [i for i in range(len(rules)) if mask >> i & 1 and not mask & self._above[i]]
        self._spoken.update(speaking)
        said = Counter((rules[i].question, rules[i].outcome) for i in speaking)
        for i in speaking:
            if i in self._missed or not rules[i].question:
                continue
            freed = [low for low in self._below[i] if mask >> low & 1 and mask & self._above[low] == 1 << i]
            # Where another says the same and nothing is set free, nothing can change.
            if (freed or said[rules[i].question, rules[i].outcome] == 1) and self._changes(
                i, speaking, freed
            ):
                self._missed.add(i)

    def _changes(self, removed: int, speaking: list[int], freed: list[int]) -> bool:
        rules = self.book.rules
        now = [i for i in speaking if i != removed] + freed
        for name in {rules[i].question for i in (removed, *freed)} - {""}:
            question = self.case.library.vocabulary.questions[name]
            before, after = (
                [o for i in which if rules[i].question == name and (o := rules[i].outcome)]
                for which in (speaking, now)
            )
            if join(question, before) != join(question, after):
                return True
        return False

    def speaking(self, ground: Ground) -> set[int]:
        """The rules that can speak."""
        for index, claim in self._speaks.items():
            if index not in self._spoken and ground.can(claim):
                self._look(ground.found())
        return set(self._spoken)

    def dead(self, speaking: set[int]) -> list[Finding]:
        """The rules that never speak, and what covers them."""
        found = []
        for index, rule in enumerate(self.book.rules):
            if index in speaking:
                continue
            given = self.case.bare_engine.exact.given({AGENCY: self.case.agency} if self.case.agency else {})
            here = given.diagrams.both(given.allowed, given.met(index))
            ups = [up for up in sorted(rule.above) if given.diagrams.both(here, given.met(up)) != NEVER]
            covers = ", ".join(named(self.book.rules[up].key) for up in ups)
            why = f"wherever it is met, so is {covers}" if covers else "its condition is never met"
            found.append(Finding("no dead clause", (rule.key,), f"{named(rule.key)} never speaks: {why}."))
        return found

    def restated(self, ground: Ground, speaking: set[int]) -> list[str]:
        """Clauses whose removal changes no answer: honest restatements, which are notes."""
        waiting = {claim: i for i, claim in self._matters.items() if i in speaking}
        # One question about all that are left: each answer shows some, and the last one that none of the rest is missed.
        while left := [claim for claim, i in waiting.items() if i not in self._missed]:
            true = ground.any_of(left)
            if not true:
                break
            self._missed.update(waiting[claim] for claim in true & waiting.keys())
            self._look(ground.found(true))
        idle = [i for i in self._matters if i in speaking and i not in self._missed]
        return [
            f"{named(self.book.rules[i].key)} restates: without it every answer is the same." for i in idle
        ]
