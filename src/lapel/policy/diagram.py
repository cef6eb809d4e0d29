"""Can this still be so, and does it depend on that? Decision diagrams over small domains, exact and ordered.

A node asks one axis (a fact, a member of a set, a stretch of a number) and has one branch for each of its values.
Equal functions are the same node, so a question of equality, truth or possibility is one comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lapel.base.errors import Invalid

NEVER, ALWAYS = 0, 1
MAX_NODES = 3_000_000


class Diagrams:
    """A store of diagrams over axes; `sizes[i]` is the number of values of axis i. A diagram is a number."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self._axis = [len(sizes), len(sizes)]
        self._branches: list[tuple[int, ...]] = [(), ()]
        self._nodes: dict[tuple[int, tuple[int, ...]], int] = {}
        self._both: dict[tuple[int, int], int] = {}
        self._negated: dict[int, int] = {NEVER: ALWAYS, ALWAYS: NEVER}

    def __len__(self) -> int:
        return len(self._axis)

    def node(self, axis: int, branches: tuple[int, ...]) -> int:
        """The diagram that asks `axis` and goes on with a branch. Raises `Invalid` when there are too many."""
        first = branches[0]
        if all(branch == first for branch in branches):
            return first
        key = (axis, branches)
        found = self._nodes.get(key)
        if found is None:
            if len(self._axis) > MAX_NODES:
                raise Invalid(
                    "Too many facts are unknown to answer exactly.", next_step="State some of them."
                )
            found = self._nodes[key] = len(self._axis)
            self._axis.append(axis)
            self._branches.append(branches)
        return found

    def among(self, axis: int, values: Collection[int]) -> int:
        """The axis has one of these values."""
        return self.node(axis, tuple(int(value in values) for value in range(self.sizes[axis])))

    def negate(self, a: int) -> int:
        found = self._negated.get(a)
        if found is None:
            found = self.node(self._axis[a], tuple(self.negate(b) for b in self._branches[a]))
            self._negated[a] = found
            self._negated[found] = a
        return found

    def both(self, a: int, b: int) -> int:
        if b in (a, ALWAYS):
            return a
        if a == ALWAYS:
            return b
        if NEVER in (a, b):
            return NEVER
        key = (a, b) if a < b else (b, a)
        found = self._both.get(key)
        if found is None:
            left, right = self._axis[a], self._axis[b]
            axis = min(left, right)
            these = self._branches[a] if left == axis else (a,) * self.sizes[axis]
            those = self._branches[b] if right == axis else (b,) * self.sizes[axis]
            found = self.node(axis, tuple(self.both(x, y) for x, y in zip(these, those, strict=True)))
            self._both[key] = found
        return found

    def either(self, a: int, b: int) -> int:
        return self.negate(self.both(self.negate(a), self.negate(b)))

    def all_of(self, parts: Collection[int]) -> int:
        found = ALWAYS
        for part in sorted(parts):
            found = self.both(found, part)
        return found

    def any_of(self, parts: Collection[int]) -> int:
        return self.negate(self.all_of([self.negate(part) for part in parts]))

    def fix(self, a: int, known: Mapping[int, int]) -> int:
        """The diagram once these axes have these values."""
        memo: dict[int, int] = {NEVER: NEVER, ALWAYS: ALWAYS}

        def walk(x: int) -> int:
            found = memo.get(x)
            if found is None:
                axis, branches = self._axis[x], self._branches[x]
                if axis in known:
                    found = walk(branches[known[axis]])
                else:
                    found = self.node(axis, tuple(walk(b) for b in branches))
                memo[x] = found
            return found

        return walk(a)

    def forget(self, a: int, axes: Collection[int]) -> int:
        """Can it be so with some value of these axes?"""
        memo: dict[int, int] = {NEVER: NEVER, ALWAYS: ALWAYS}

        def walk(x: int) -> int:
            found = memo.get(x)
            if found is None:
                below = tuple(walk(b) for b in self._branches[x])
                axis = self._axis[x]
                found = memo[x] = self.any_of(set(below)) if axis in axes else self.node(axis, below)
            return found

        return walk(a)

    def axes_of(self, a: int) -> set[int]:
        """The axes on which it depends."""
        seen: set[int] = set()
        found: set[int] = set()
        stack = [a]
        while stack:
            x = stack.pop()
            if x > ALWAYS and x not in seen:
                seen.add(x)
                found.add(self._axis[x])
                stack.extend(self._branches[x])
        return found

    def pick(self, a: int, preferred: Mapping[int, int]) -> dict[int, int]:
        """Values that make it so (it must not be NEVER), the preferred ones where they can stand."""
        chosen: dict[int, int] = {}
        while a != ALWAYS:
            axis, branches = self._axis[a], self._branches[a]
            wish = preferred.get(axis, 0)
            value = wish if branches[wish] != NEVER else next(i for i, b in enumerate(branches) if b != NEVER)
            chosen[axis] = value
            a = branches[value]
        return chosen
