"""How do shares of offices become whole ones? Keep what is whole, place the rest where it fits, then move things forward.

`_Ledger` knows what is used of each limit and answers whether an office still fits; nothing is ever placed against it, so
whatever comes out keeps every rule but the floors, which are mended at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Invalid

if TYPE_CHECKING:
    from lapel.fleet.plan import Means, Office

_WHOLE = 1e-6
_SLACK = 1e-6  # of rounding in sums of money
_ROUNDS = 6


def starts_of(shares: NDArray[np.float64]) -> list[int | None]:
    """The quarter from which each office is equipped, of shares that are whole."""
    whole = shares > 0.5
    return [int(np.argmax(row)) if row.any() else None for row in whole]


def rounded(offices: Sequence[Office], means: Means, shares: NDArray[np.float64]) -> list[int | None]:
    """Whole offices near the shares. Raises `Invalid` when no floor-keeping plan was found."""
    ledger = _Ledger(offices, means)
    whole = np.all((shares < _WHOLE) | (shares > 1 - _WHOLE), axis=1)
    wanted = starts_of(shares)
    pilots_first = sorted(
        range(len(offices)), key=lambda i: (not offices[i].pilot, not whole[i], -shares[i].sum())
    )
    for i in pilots_first:
        start = wanted[i]
        if whole[i] and start is not None:
            ledger.place_from(i, start)
        elif not whole[i]:
            ledger.place_from(i, int(np.argmax(shares[i] > _WHOLE)))
    _mend(ledger)
    _improve(ledger)
    return ledger.starts


class _Ledger:
    """What is placed where, and what is left of each limit."""

    def __init__(self, offices: Sequence[Office], means: Means) -> None:
        self.offices, self.means = offices, means
        self.count = len(means.quarters)
        self.starts: list[int | None] = [None] * len(offices)
        self._cameras = np.cumsum(np.array(means.cameras, float))
        self._money = np.array([np.inf if b is None else b for b in means.budget])
        self._training = np.array([np.inf if t is None else t for t in means.training])
        self._cost = [np.array([means.spent(o, 0, q) for q in range(self.count)]) for o in offices]
        self._pilots: dict[str, list[int]] = {}
        self.served: dict[str, int] = {office.agency: 0 for office in offices}
        self.officers = dict(self.served)
        for i, office in enumerate(offices):
            self.officers[office.agency] += office.officers
            if office.pilot:
                self._pilots.setdefault(office.agency, []).append(i)

    def first(self, i: int) -> int | None:
        """The first quarter that the office's own date and its agency's pilots allow; None: none within the plan."""
        office = self.offices[i]
        first = office.earliest
        if not office.pilot and self.means.pilot_quarters:
            for pilot in self._pilots.get(office.agency, ()):
                start = self.starts[pilot]
                if start is None:
                    return None
                first = max(first, start + self.means.pilot_quarters)
        return first if first < self.count else None

    def place_from(self, i: int, wanted: int) -> bool:
        """Place an office in the first quarter from `wanted` on in which it fits; False when there is none."""
        first = self.first(i)
        if first is None:
            return False
        office = self.offices[i]
        for start in range(max(first, wanted), self.count):
            if (
                self._training[start] >= office.officers
                and self._cameras[start:].min() >= office.cameras
                and np.all(self._money[start:] + _SLACK >= self._cost[i][: self.count - start])
            ):
                self._move(i, start, 1)
                self.starts[i] = start
                return True
        return False

    def take(self, i: int) -> int:
        """Take an office out; returns where it was."""
        start = self.starts[i]
        assert start is not None
        self._move(i, start, -1)
        self.starts[i] = None
        return start

    def _move(self, i: int, start: int, sign: int) -> None:
        office = self.offices[i]
        self._training[start] -= sign * office.officers
        self._cameras[start:] -= sign * office.cameras
        self._money[start:] -= sign * self._cost[i][: self.count - start]
        self.served[office.agency] += sign * office.officers

    def short(self, agency: str) -> float:
        """How many officers an agency lacks to its floor."""
        return self.means.floor * self.officers[agency] - self.served[agency]

    def dense(self, chosen: Iterable[int]) -> list[int]:
        """These offices, those first that give most for what they need."""
        return sorted(chosen, key=lambda i: -self.offices[i].worth / max(self.offices[i].cameras, 1))


def _improve(ledger: _Ledger) -> None:
    """Bring offices forward and add what still fits, until nothing changes."""
    order = ledger.dense(range(len(ledger.offices)))
    for _ in range(_ROUNDS):
        changed = False
        for i in order:
            if ledger.offices[i].pilot and ledger.starts[i] is not None:
                continue  # others wait for it; where it stands was the program's choice
            if ledger.starts[i] is None:
                changed |= ledger.place_from(i, 0)
            else:
                was = ledger.take(i)
                ledger.place_from(i, 0)
                changed |= ledger.starts[i] != was
        if not changed:
            return


def _mend(ledger: _Ledger) -> None:
    """Place offices of agencies below their floor, in the room of others if need be."""
    for agency in sorted(ledger.served):
        lacking = [i for i, o in enumerate(ledger.offices) if o.agency == agency and ledger.starts[i] is None]
        lacking.sort(key=lambda i: (not ledger.offices[i].pilot, ledger.offices[i].officers))
        while ledger.short(agency) > _SLACK and lacking:
            # The smallest office that closes the rest, or else the largest there is.
            enough = [i for i in lacking if ledger.offices[i].officers >= ledger.short(agency)]
            i = enough[0] if enough else lacking[-1]
            lacking.remove(i)
            if not ledger.place_from(i, 0):
                _make_room(ledger, i)
        if ledger.short(agency) > _SLACK:
            raise Invalid(
                f"No plan of whole offices was found that keeps the floor of {ledger.means.floor:.0%} for {agency}, though"
                " the limits would allow it for divided ones.",
                next_step="Lower --floor a little, or raise a limit.",
                limits=["floor"],
            )


def _make_room(ledger: _Ledger, wanted: int) -> bool:
    """Take out offices that give least, of agencies that can spare them, until `wanted` fits; put back what still fits."""
    taken: list[tuple[int, int]] = []
    spare = [i for i, s in enumerate(ledger.starts) if s is not None and not ledger.offices[i].pilot]
    for i in reversed(ledger.dense(spare)):
        office = ledger.offices[i]
        if ledger.short(office.agency) + office.officers > 0:
            continue
        taken.append((i, ledger.take(i)))
        if ledger.place_from(wanted, 0):
            break
    placed = ledger.starts[wanted] is not None
    for i, was in reversed(taken):
        ledger.place_from(i, was)
    return placed
