"""Which recordings does a supervisor look at this time? Drawn so that nobody could choose or know it, and anybody can repeat it.

A pure function of a seed and a population with its weights (docs/formats/review-sample.md, version 1). The rules:
- an officer whose footage would otherwise wait for more than a year until the next draw is drawn in any case;
- everybody else is drawn by weight, at most one recording of an officer until every officer was drawn;
- the same seed and the same population give the same sample; another population has another digest, and another sample.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from lapel.base.digest import canonical, sha256_hex
from lapel.base.errors import Invalid

YEAR = timedelta(days=365)
LABEL = b"lapel review sample 1\n"
HEAVIEST = 1000
Why = Literal["due", "drawn"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that can be drawn; `weight` from 1 to 1,000, in proportion to which it is."""

    recording: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Worn:
    """What one officer recorded. `waits_since`: the day of the oldest recording made since one of theirs was last drawn."""

    officer: str
    waits_since: date
    recordings: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """Everything that can be drawn in one period, [begins_on, ends_on). `next_ends_on`: when the next period ends.

    `size`: how many are to be drawn; officers that are due may make it more. Raises `Invalid` for what is no population.
    """

    agency: str
    supervisor: str
    begins_on: date
    ends_on: date
    next_ends_on: date
    size: int
    officers: tuple[Worn, ...]

    def __post_init__(self) -> None:
        names = [worn.officer for worn in self.officers]
        recordings = [one.recording for worn in self.officers for one in worn.recordings]
        if names != sorted(set(names)) or len(recordings) != len(set(recordings)):
            raise Invalid("In a population every officer and every recording stands once, officers in order.")
        for worn in self.officers:
            ids = [one.recording for one in worn.recordings]
            if (
                not ids
                or ids != sorted(ids)
                or any(not 1 <= one.weight <= HEAVIEST for one in worn.recordings)
            ):
                raise Invalid(
                    f"The recordings of officer {worn.officer[:8]} are none, out of order, or weigh less than 1 or more than {HEAVIEST}."
                )
        if not self.begins_on < self.ends_on < self.next_ends_on or self.size < 0:
            raise Invalid("A period ends after it begins and before the next one ends.")

    def is_due(self, worn: Worn) -> bool:
        """Would this officer's oldest unseen recording be older than a year at the end of the next period?"""
        return self.next_ends_on - worn.waits_since > YEAR

    @property
    def text(self) -> bytes:
        """Its canonical JSON: what is logged and hashed."""
        return canonical(
            {
                "v": 1,
                "agency": self.agency,
                "supervisor": self.supervisor,
                "begins_on": str(self.begins_on),
                "ends_on": str(self.ends_on),
                "next_ends_on": str(self.next_ends_on),
                "size": self.size,
                "officers": [
                    {
                        "officer": worn.officer,
                        "waits_since": str(worn.waits_since),
                        "recordings": [[one.recording, one.weight] for one in worn.recordings],
                    }
                    for worn in self.officers
                ],
            }
        )

    @property
    def sha256(self) -> str:
        return sha256_hex(self.text)


@dataclass(frozen=True, slots=True)
class Pick:
    """One recording to look at; `why`: its officer was due, or it was drawn by weight."""

    officer: str
    recording: str
    why: Why


def read(text: bytes | str) -> Population:
    """The population in a canonical text. Raises `Invalid` when it is none of version 1."""
    try:
        said: Any = json.loads(text)
        if said["v"] != 1:
            raise Invalid(f"A population of version {said['v']} is not known here.")
        return Population(
            agency=str(said["agency"]),
            supervisor=str(said["supervisor"]),
            begins_on=date.fromisoformat(said["begins_on"]),
            ends_on=date.fromisoformat(said["ends_on"]),
            next_ends_on=date.fromisoformat(said["next_ends_on"]),
            size=int(said["size"]),
            officers=tuple(
                Worn(
                    str(worn["officer"]),
                    date.fromisoformat(worn["waits_since"]),
                    tuple(Candidate(str(name), int(weight)) for name, weight in worn["recordings"]),
                )
                for worn in said["officers"]
            ),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise Invalid(f"This is no population of a review: {fault}.") from None


def draw(seed: bytes, population: Population) -> tuple[Pick, ...]:
    """The sample: first one recording of each officer who is due, then by weight up to the size. `seed` has 32 bytes."""
    if len(seed) != 32:
        raise Invalid("The seed of a sample is a root of the custody log: 32 bytes.")
    numbers = _numbers(seed, population.sha256)
    picks: list[Pick] = []
    for worn in population.officers:
        if population.is_due(worn):
            picks.append(_pick([(worn.officer, one) for one in worn.recordings], numbers, "due"))
    pool = [(worn.officer, one) for worn in population.officers for one in worn.recordings]
    while len(picks) < population.size:
        drawn = {pick.recording for pick in picks}
        left = [(officer, one) for officer, one in pool if one.recording not in drawn]
        seen = {pick.officer for pick in picks}
        fresh = [(officer, one) for officer, one in left if officer not in seen]
        if not left:
            break
        picks.append(_pick(fresh or left, numbers, "drawn"))
    return tuple(picks)


def _numbers(seed: bytes, sha256: str) -> Iterator[int]:
    """SHA-256(label || seed || digest of the population || u64) as whole numbers, counted from 0."""
    head = LABEL + seed + bytes.fromhex(sha256)
    j = 0
    while True:
        yield int.from_bytes(hashlib.sha256(head + j.to_bytes(8, "big")).digest(), "big")
        j += 1


def _pick(pool: Sequence[tuple[str, Candidate]], numbers: Iterator[int], why: Why) -> Pick:
    place = next(numbers) % sum(one.weight for _, one in pool)
    for officer, one in pool:
        place -= one.weight
        if place < 0:
            return Pick(officer, one.recording, why)
    raise AssertionError("the weights do not add up")
