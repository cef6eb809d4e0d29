"""Which words of a transcript would give a person away? Names, phone numbers, addresses, dates of birth; by pattern and cue.

Pure. Nothing here knows a language but English, nor a name from a list: a name is what follows “my name is” and the like,
or a title, or is written with a capital inside a sentence. What is missed is said by nobody: a person listens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lapel.redaction.exemptions import PROPOSED
from lapel.redaction.plan import Plan, Sound, SoundKind, hides, sound_spans

_NUMBERS = {
    word: digits
    for digits, words in {
        "0": "zero oh o", "1": "one", "2": "two to too", "3": "three", "4": "four for", "5": "five", "6": "six", "7": "seven",
        "8": "eight ate", "9": "nine", "10": "ten", "11": "eleven", "12": "twelve", "13": "thirteen", "14": "fourteen",
        "15": "fifteen", "16": "sixteen", "17": "seventeen", "18": "eighteen", "19": "nineteen", "20": "twenty",
        "30": "thirty", "40": "forty", "50": "fifty", "60": "sixty", "70": "seventy", "80": "eighty", "90": "ninety",
        "00": "hundred", "000": "thousand",
    }.items()
    for word in words.split()
}  # fmt: skip
_ONLY_BETWEEN = {"oh", "o", "to", "too", "for", "ate"}  # numbers only among numbers
_MONTHS = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
)
_DAYS = frozenset(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])
_STREETS = frozenset(
    [
        "street",
        "st",
        "avenue",
        "ave",
        "road",
        "rd",
        "drive",
        "dr",
        "lane",
        "ln",
        "court",
        "ct",
        "boulevard",
        "blvd",
        "way",
        "place",
        "pl",
        "highway",
        "circle",
        "terrace",
        "parkway",
        "trail",
        "alley",
        "square",
        "loop",
    ]
)
_BIRTH = (
    "date of birth",
    "birth date",
    "birthdate",
    "birthday",
    "was born",
    "were born",
    "born on",
    "born in",
    "dob",
    "d o b",
)
_NAMED = (
    "my name is", "my name's", "name is", "name's", "names", "his name is", "her name is", "first name", "last name",
    "middle name", "i am called", "call me", "this is", "i'm", "speaking with", "goes by",
)  # fmt: skip
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mister",
        "doctor",
        "dr",
        "officer",
        "sergeant",
        "deputy",
        "agent",
        "detective",
        "captain",
        "lieutenant",
    ]
)
_NO_NAMES = frozenset(
    [
        "i",
        "i'm",
        "i'll",
        "i've",
        "i'd",
        "ok",
        "okay",
        "a",
        "an",
        "the",
        "and",
        "but",
        "so",
        "is",
        "are",
        "was",
        "not",
        "here",
        "there",
        "going",
        "just",
        "sorry",
        "good",
        "fine",
        "sure",
        "sir",
        "ma'am",
        "god",
        "lord",
        "jesus",
        "american",
        "americans",
        "english",
        "spanish",
        "in",
        "on",
        "at",
        "from",
        "with",
        "trying",
        "about",
    ]
)
_PARTING_US = 1_200_000  # a longer pause parts what belongs together


@dataclass(frozen=True, slots=True)
class Word:
    """One word as heard, with its punctuation; `sure_milli`: how sure the transcriber is."""

    word: str
    begins_us: int
    ends_us: int
    sure_milli: int = 0

    @property
    def bare(self) -> str:
        """In small letters, without the punctuation around it."""
        return re.sub(r"^[^\w]+|[^\w]+$", "", self.word.lower().replace("’", "'"))

    @property
    def digits(self) -> str:
        """The digits it says; empty when it says none."""
        if re.fullmatch(r"[\d()+./,-]*\d[\d()+./,-]*", self.bare):
            return re.sub(r"\D", "", self.bare)
        return "".join(_NUMBERS.get(part, "") for part in self.bare.split("-"))


def propose(words: Sequence[Word]) -> list[Sound]:
    """Stretches to mute, in order of time, each word in one of them at most; the more telling kind first."""
    taken = [False] * len(words)
    found: list[tuple[int, int, SoundKind]] = []
    finders: tuple[tuple[SoundKind, Callable[[Sequence[Word]], Iterator[tuple[int, int]]]], ...] = (
        ("birth", _births),
        ("address", _addresses),
        ("phone", _phones),
        ("name", _names),
    )
    for kind, finder in finders:
        for begins, ends in finder(words):
            if begins < ends and not any(taken[begins:ends]):
                taken[begins:ends] = [True] * (ends - begins)
                found.append((begins, ends, kind))
    return [
        Sound(
            f"w{number}",
            kind,
            words[begins].begins_us,
            max(words[ends - 1].ends_us, words[begins].begins_us + 1),
            " ".join(word.word for word in words[begins:ends])[:2000],
            PROPOSED,
        )
        for number, (begins, ends, kind) in enumerate(sorted(found), 1)
    ]


def search(words: Sequence[Word], wanted: str) -> list[tuple[int, int]]:
    """Where these words are said, one after the other: ranges [begins, ends) of the transcript; case and punctuation aside."""
    said = [Word(part, 0, 0).bare for part in wanted.split()]
    bare = [word.bare for word in words]
    if not said:
        return []
    return [(n, n + len(said)) for n in range(len(bare) - len(said) + 1) if bare[n : n + len(said)] == said]


def redacted(words: Sequence[Word], plan: Plan, *, auto: bool = False) -> list[Word]:
    """The transcript as it may go out: each word that meets a muted stretch is replaced by its exemption code."""
    spans = sound_spans(plan, auto=auto)
    made = []
    for word in words:
        if any(word.begins_us < ends and begins < word.ends_us for begins, ends in spans):
            codes = [
                one.exemption
                for one in plan.sound
                if hides(one, auto=auto) and one.begins_us < word.ends_us and word.begins_us < one.ends_us
            ]
            word = Word(f"[{codes[0] if codes else 'muted'}]", word.begins_us, word.ends_us)  # noqa: PLW2901
        made.append(word)
    return made


def _phones(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Seven digits or more in a row, however they are grouped; social security numbers are among them."""
    for begins, ends in _runs(words):
        if len("".join(word.digits for word in words[begins:ends])) >= 7:
            yield begins, ends


def _runs(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Words in a row that say digits."""
    begins: int | None = None
    for at, word in enumerate([*words, Word("", 0, 0)]):
        says = bool(word.digits) and (begins is not None or word.bare not in _ONLY_BETWEEN)
        parted = says and begins is not None and word.begins_us - words[at - 1].ends_us > _PARTING_US
        if begins is not None and (not says or parted):
            ends = at
            while words[ends - 1].bare in _ONLY_BETWEEN:
                ends -= 1
            yield begins, ends
            begins = None
        if says and begins is None:
            begins = at


def _births(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """After a cue, the month and the numbers; and a month, a day and a year without one."""
    for cue in _BIRTH:
        for _, after in search(words, cue):
            dated = [n for n in range(after, min(after + 9, len(words))) if _dates(words[n])]
            if dated:
                yield dated[0], dated[-1] + 1
    for at, word in enumerate(words):
        if word.bare in _MONTHS:
            ends = at + 1
            while ends < min(at + 6, len(words)) and _dates(words[ends]):
                ends += 1
            if len("".join(word.digits for word in words[at:ends])) >= 5:
                yield at, ends


def _dates(word: Word) -> bool:
    return (
        word.bare in _MONTHS
        or bool(word.digits)
        or bool(re.fullmatch(r"\d+(st|nd|rd|th)", word.bare))
        or bool(re.search(r"(first|second|third|th)$", word.bare))
    )


def _addresses(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """A number, up to three words and a kind of street, and the apartment after it."""
    for begins, ends in _runs(words):
        for at in range(ends, min(ends + 4, len(words))):
            if words[at].bare in _STREETS:
                last = at + 1
                if last + 1 < len(words) and words[last].bare in {
                    "apartment",
                    "apt",
                    "unit",
                    "number",
                    "suite",
                }:
                    last += 2
                yield begins, last
                break


def _names(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    for cue in _NAMED:
        for _, after in search(words, cue):
            yield after, _named_until(words, after)
    for at, word in enumerate(words):
        if word.bare in _TITLES:
            yield at + 1, _named_until(words, at + 1)
    for at in range(1, len(words)):
        inside = not re.search(r"[.?!]$", words[at - 1].word)
        if inside and _is_name(words[at]):
            yield at, _named_until(words, at)


def _named_until(words: Sequence[Word], begins: int) -> int:
    """The end of the name that begins here: at most three capitals in one sentence, letters that are spelt included."""
    at = begins
    while at < min(begins + 3, len(words)) and _is_name(words[at]):
        at += 1
        if re.search(r"[.?!,;]$", words[at - 1].word):
            break
    return at


def _is_name(word: Word) -> bool:
    bare = word.bare
    first = word.word.lstrip("\"'“‘([")[:1]
    return (
        first.isupper()
        and bare not in _NO_NAMES
        and bare not in _MONTHS | _DAYS | _TITLES
        and not word.digits
    )
