"""What can be said when some facts are unknown? Exact answers over all completions that are possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lapel.policy.axes import Axes
from lapel.policy.book import Book
from lapel.policy.diagram import ALWAYS, NEVER
from lapel.policy.outcome import steps
from lapel.policy.vocabulary import Situation, Value


class Exact:
    """A book as diagrams; `given` narrows it to what is stated."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._axes: Axes | None = None

    @property
    def axes(self) -> Axes:
        """The diagrams; begun afresh when the store has grown large."""
        if self._axes is None or len(self._axes.diagrams) > 400_000:
            self._axes = Axes(self.book)
        return self._axes

    def given(self, stated: Situation) -> Given:
        return Given(self.book, self.axes, stated)

    def possible(self, stated: Situation) -> bool:
        """Does what is always so allow the stated facts?"""
        return self.given(stated).allowed != NEVER


class Given:
    """The completions of stated facts that are possible."""

    def __init__(self, book: Book, axes: Axes, stated: Situation) -> None:
        self.book, self.axes, self.stated = book, axes, stated
        self.diagrams = axes.diagrams
        self.known = axes.values(stated)
        self._met: dict[int, int] = {}
        self._speaks: dict[int, int] = {}
        always = [self.diagrams.fix(axes.diagram(c), self.known) for c in book.always]
        self.allowed = self.diagrams.all_of(always)

    def met(self, index: int) -> int:
        """When the rule's own condition is met."""
        if index not in self._met:
            whole = self.axes.diagram(self.book.rules[index].when)
            self._met[index] = self.diagrams.fix(whole, self.known)
        return self._met[index]

    def speaks(self, index: int) -> int:
        """When the rule speaks: met, and nothing above it met."""
        if index not in self._speaks:
            found = self.met(index)
            for up in self.book.rules[index].above:
                if found == NEVER:
                    break
                found = self.diagrams.both(found, self.diagrams.negate(self.met(up)))
            self._speaks[index] = found
        return self._speaks[index]

    def may(self, index: int) -> bool:
        return self.diagrams.both(self.allowed, self.speaks(index)) != NEVER

    def must(self, index: int) -> bool:
        return self.diagrams.both(self.allowed, self.diagrams.negate(self.speaks(index))) == NEVER

    def features(self, question: str) -> list[int]:
        """When each of the features that fix the answer holds (`outcome.steps`), among what is possible."""
        about = self.book.about(question)
        silent = self.diagrams.negate(self.diagrams.any_of([self.speaks(i) for i in about]))
        asked = self.book.vocabulary.questions[question]
        found = []
        for indices, silence in steps(asked, self.book.outcomes(question)):
            spoken = self.diagrams.any_of([self.speaks(i) for i in indices])
            found.append(self.diagrams.either(spoken, silent) if silence else spoken)
        return found

    def open_features(self, question: str) -> list[int]:
        """Those features that could still go either way, among what is possible."""
        both, negate = self.diagrams.both, self.diagrams.negate
        found = self.features(question)
        return [f for f in found if both(self.allowed, f) != NEVER and both(self.allowed, negate(f)) != NEVER]

    def missing(self, features: Iterable[int]) -> list[str]:
        """The unknown facts whose value alone can change one of the features; if none alone, those that can together."""
        diagrams, alone, together = self.diagrams, set[str](), set[str]()
        for feature in features:
            yes = diagrams.both(self.allowed, feature)
            no = diagrams.both(self.allowed, diagrams.negate(feature))
            touched = diagrams.axes_of(yes) | diagrams.axes_of(no)
            for name, axes in self.axes.of_fact.items():
                if name in self.stated or not touched.intersection(axes):
                    continue
                together.add(name)
                if (
                    name not in alone
                    and diagrams.both(diagrams.forget(yes, axes), diagrams.forget(no, axes)) != NEVER
                ):
                    alone.add(name)
        return [name for name in self.book.facts if name in (alone or together)]

    def completion(self, within: int = ALWAYS, near: Mapping[int, int] | None = None) -> dict[str, Value]:
        """A possible situation in which `within` holds, as ordinary (or as near to `near`) as the axes' order allows."""
        wished = {**self._usual(), **(near or {})}
        chosen = self.diagrams.pick(self.diagrams.both(self.allowed, within), wished)
        return {**self.axes.situation({**wished, **chosen, **self.known}), **self.stated}

    def _usual(self) -> Mapping[int, int]:
        return self.axes.values(self.axes.ordinary)

    def cases(self, features: list[int], most: int = 12) -> Iterator[dict[str, Value]]:
        """One completion for each possible combination of the features, at most so many."""
        found = 0
        stack = [(self.allowed, 0)]
        while stack and found < most:
            within, done = stack.pop()
            if within == NEVER:
                continue
            if done == len(features):
                found += 1
                yield self.completion(within)
                continue
            feature = features[done]
            stack.append((self.diagrams.both(within, self.diagrams.negate(feature)), done + 1))
            stack.append((self.diagrams.both(within, feature), done + 1))
