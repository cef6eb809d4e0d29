"""When does each rule of a book speak, as formulas in a script?"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lapel.policy.book import Book
from lapel.policy.outcome import Outcome, steps
from lapel.policy.smt import Script, both, either, negate


class Voice:
    """The formulas of one book. `hint` begins the names of its definitions; equal formulas of two books share a name."""

    def __init__(self, script: Script, book: Book, hint: str) -> None:
        self.script, self.book, self.hint = script, book, hint
        self._chains: dict[tuple[int, ...], tuple[list[str], list[str]]] = {}
        self.met = [script.name(script.formula(rule.when), hint) for rule in book.rules]
        self.speaks = [self._speaks(index, frozenset()) for index in range(len(book.rules))]

    def _speaks(self, index: int, removed: frozenset[int]) -> str:
        above = self.book.rules[index].above - removed
        if not above:
            return self.met[index]
        over = self.script.name(either(self.met[up] for up in sorted(above)), self.hint)
        return self.script.name(both([self.met[index], negate(over)]), self.hint)

    def any_of(self, indices: Iterable[int]) -> str:
        """One of these rules speaks."""
        return self.script.name(either(self.speaks[i] for i in sorted(indices)), self.hint)

    def says(self, question: str, such: Callable[[Outcome], bool]) -> str:
        """A rule speaks whose answer to the question is such."""
        outcomes = enumerate(self.book.outcomes(question))
        return self.any_of(i for i, outcome in outcomes if outcome is not None and such(outcome))

    def silent(self, question: str) -> str:
        """No rule about the question speaks."""
        return negate(self.any_of(self.book.about(question)))

    def features(self, question: str) -> list[str]:
        """The features that fix the answer to a question (`outcome.steps`)."""
        asked = self.book.vocabulary.questions[question]
        silent = self.silent(question)
        found = steps(asked, self.book.outcomes(question))
        return [
            either([self.any_of(indices), silent]) if silence else self.any_of(indices)
            for indices, silence in found
        ]

    def matters(self, removed: int) -> str:
        """Taking one rule away, with the order among the others kept, changes an answer."""
        gone = frozenset({removed})
        below = [i for i, rule in enumerate(self.book.rules) if removed in rule.above and rule.question]
        changed = {i: self._speaks(i, gone) for i in below} | {removed: "false"}
        differs = []
        for name in {self.book.rules[i].question for i in changed} - {""}:
            about = self.book.about(name)
            silent = (self.silent(name), negate(self._either_now(about, changed)))
            for indices, silence in steps(self.book.vocabulary.questions[name], self.book.outcomes(name)):
                if not silence and not indices & changed.keys():
                    continue
                was, now = self.any_of(indices), self._either_now(indices, changed)
                if silence:
                    was, now = either([was, silent[0]]), either([now, silent[1]])
                differs.append(f"(xor {was} {now})")
        return either(differs)

    def _either_now(self, indices: Iterable[int], changed: dict[int, str]) -> str:
        ordered = tuple(sorted(indices))
        gone = [place for place, i in enumerate(ordered) if i in changed]
        kept = (
            self._all_but(ordered, gone[0])
            if len(gone) == 1
            else self.any_of(i for i in ordered if i not in changed)
        )
        return either([kept, *(changed[i] for i in ordered if i in changed)])

    def _all_but(self, ordered: tuple[int, ...], place: int) -> str:
        """One of these speaks, another than the one at a place.

        What comes before the place and what comes after it are chains, each link made of the one before: for all
        places together they are as long as the list, where a formula for each place would be as long as its square.
        """
        if ordered not in self._chains:
            before, after = ["false"], ["false"]
            for i, j in zip(ordered, reversed(ordered), strict=True):
                before.append(self.script.name(either([before[-1], self.speaks[i]]), self.hint))
                after.append(self.script.name(either([after[-1], self.speaks[j]]), self.hint))
            self._chains[ordered] = before, after
        before, after = self._chains[ordered]
        return either([before[place], after[len(ordered) - place - 1]])
