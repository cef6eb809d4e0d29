"""What does a file say, row by row, as its mapping reads it? Recordings or events; what cannot be taken comes with its reason.

No row disappears: each is taken, or rejected with a reason, or was blank (counted). Nothing is repaired and nothing shifted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from pathlib import Path

from lapel.activation import event
from lapel.activation.event import Change, Stated, Story
from lapel.activation.findings import length_in_words
from lapel.activation.instants import DAY_US, Clock, Instant, clocks_changed
from lapel.activation.mapping import Mapping, Rule
from lapel.base.digest import sha256_hex
from lapel.base.errors import Invalid
from lapel.policy.document import clip
from lapel.policy.vocabulary import Vocabulary
from lapel.storage import tables
from lapel.storage.tables import Row, is_formula

NO_OFFICER = "it names no officer, so it creates no duty"
NO_WEARER = "it names no wearer, so it counts for nobody's duty"
LOUD = 0.05  # from this share of rejected rows on, it is said of the file as a whole


@dataclass(frozen=True, slots=True)
class Taken:
    """A row as read: who (badges), from when to when (microseconds of UTC), and what was stated."""

    number: int
    id: str
    badges: tuple[str, ...]
    begin: int
    end: int
    group: str = ""
    camera: str = ""
    kind: str = ""
    shown: str = ""
    flags: tuple[str, ...] = ()
    story: Story = field(default_factory=Story)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that counts for nothing, and why. `number` as a person counts in the file."""

    number: int
    reason: str
    cells: Named[str, str]


@dataclass(slots=True)
class Reading:
    """What one file said. `apart`: rows read whole that name nobody; they are among `rejected` too, with that reason."""

    mapping: Mapping
    file: str
    sha256: str
    rows: list[Taken] = field(default_factory=list)
    apart: list[Taken] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    count: int = 0
    blank: int = 0


def read_file(path: Path, mapping: Mapping, vocabulary: Vocabulary | None = None) -> Reading:
    """Every row of a file. `vocabulary`: types the facts, if they are wanted.

    Raises `NotFound` and `Invalid` for a file that cannot be read, for a column that the mapping names and the file does
    not have, and when more rows are rejected than the mapping allows.
    """
    if vocabulary is not None:
        mapping.check_facts(vocabulary)
    reading = Reading(mapping, path.name, tables.digest(path))
    with tables.opened(path, mapping.layout) as table:
        if table.columns:
            _columns_are_there(mapping, table.columns)
        _Reader(reading, vocabulary).read(table)
        reading.count, reading.blank = table.count, table.blank
    _judge(reading)
    return reading


def _columns_are_there(mapping: Mapping, columns: Iterable[str]) -> None:
    there = set(columns)
    columns_named = [
        mapping.id, mapping.officers, mapping.group, mapping.camera, mapping.begins, mapping.ends, mapping.lasts,
        mapping.shown_by, mapping.kind.column, *(fact.column for fact in mapping.facts),
        *(one.column for one in mapping.left_out), *(phase.at for phase in mapping.phases),
    ]  # fmt: skip
    missing = [name for column in columns_named for name in column.names if name not in there]
    if missing:
        raise Invalid(
            f"it has no column “{clip(missing[0])}”, which {mapping.file} names.",
            next_step=f"Its columns are: {clip(', '.join(sorted(there)), 400)}.",
        )


def _judge(reading: Reading) -> None:
    """Refuse a file that does not fit its mapping at all; say it loudly when much of it does not."""
    allowed = {one.says for one in reading.mapping.left_out} | {NO_OFFICER, NO_WEARER}
    bad = [one for one in reading.rejected if one.reason not in allowed]
    rows = reading.count - reading.blank
    if not rows or not bad:
        return
    share = len(bad) / rows
    often = Counter(one.reason for one in bad).most_common(1)[0][0]
    says = f"{len(bad):,} of {rows:,} rows ({share:.1%}) of {reading.file} were rejected, most often because {often}."
    if share > reading.mapping.most_rejected:
        raise Invalid(
            says,
            next_step=f"Is {reading.mapping.file} the right mapping? It may say `most rejected:` to go on all the same.",
        )
    if share >= LOUD:
        reading.notes.insert(0, says)


@dataclass(slots=True)
class _Reader:
    """One pass over one file."""

    reading: Reading
    vocabulary: Vocabulary | None
    clock: Clock = field(init=False)
    seen: dict[str, int] = field(default_factory=dict)  # id -> its place among the rows taken
    not_mapped: Counter[tuple[str, str]] = field(default_factory=Counter)
    doubtful: int = 0

    def __post_init__(self) -> None:
        mapping = self.reading.mapping
        self.clock = Clock(mapping.zone, mapping.offsets_ignored, mapping.formats)

    def read(self, rows: Iterable[Row]) -> None:
        for row in rows:
            try:
                if row.defect:
                    raise Invalid(row.defect)
                self._take(row)
            except Invalid as error:
                self.reading.rejected.append(Rejected(row.number, error.says.rstrip("."), row.cells))
        self._notes()

    def _take(self, row: Row) -> None:
        mapping, cells = self.reading.mapping, row.cells
        for out in mapping.left_out:
            if out.column.of(cells).casefold() in out.cells:
                raise Invalid(out.says)
        begin, end, flags = self._span(cells)
        badges = tuple(b for b in mapping.officers.many(cells) if b.casefold() not in mapping.empty)
        external = mapping.id.of(cells) or _by_content(cells)
        for text in (*badges, external):
            if is_formula(text):
                raise Invalid(f"“{clip(text)}” is a formula, not a name")
        kind, _ = mapping.kind.read(cells, mapping.empty)
        taken = Taken(
            row.number, external, badges, begin, end, self._text(mapping.group.of(cells)), mapping.camera.of(cells),
            kind or "event", self._text(mapping.shown_by.of(cells)), flags, self._story(cells, begin),
        )  # fmt: skip
        if self._again(taken):
            return
        if not badges:
            self.reading.apart.append(taken)
            raise Invalid(NO_OFFICER if mapping.what == "events" else NO_WEARER)
        self.seen[external] = len(self.reading.rows)
        self.reading.rows.append(taken)

    def _again(self, taken: Taken) -> bool:
        """Is it one more officer of an event that was taken? Raises `Invalid` for what is there already, and for what disagrees."""
        place = self.seen.get(taken.id)
        if place is None:
            return False
        there = self.reading.rows[place]
        if (there.begin, there.end) != (taken.begin, taken.end):
            raise Invalid(
                f"row {there.number} has the same id, {clip(taken.id)}, and other times; the first one counts"
            )
        if set(taken.badges) <= set(there.badges):
            raise Invalid(f"it is the same as row {there.number}")
        if self.reading.mapping.what == "recordings":
            raise Invalid(f"row {there.number} has the same id, {clip(taken.id)}, and another wearer")
        both = tuple(dict.fromkeys((*there.badges, *taken.badges)))
        self.reading.rows[place] = Taken(
            there.number, there.id, both, there.begin, there.end, there.group, there.camera, there.kind, there.shown,
            there.flags, there.story,
        )  # fmt: skip
        return True

    def _span(self, cells: Named[str, str]) -> tuple[int, int, tuple[str, ...]]:
        """From when to when, and what is doubtful about it."""
        mapping = self.reading.mapping
        said = self._text(mapping.begins.of(cells))
        if not said:
            raise Invalid("it has no beginning")
        begins = self._at(said)
        end, flags = self._end(cells, begins)
        begin = begins.us
        if end < begin:
            raise Invalid("it ends before it begins")
        if end == begin and mapping.what == "events":
            raise Invalid("it has no length")
        if end - begin > mapping.longest_us:
            longest = length_in_words(mapping.longest_us)
            raise Invalid(f"it lasts {length_in_words(end - begin)}, and the mapping allows {longest}")
        if mapping.what == "recordings":
            begin -= mapping.buffer_us
        elif event.DAY_ONLY not in flags and clocks_changed(begin, end, mapping.zone):
            flags = (*flags, event.CLOCK_CHANGE)
        return begin, end, flags if end - begin <= DAY_US else (*flags, event.VERY_LONG)

    def _end(self, cells: Named[str, str], begins: Instant) -> tuple[int, tuple[str, ...]]:
        mapping = self.reading.mapping
        said, length = self._text(mapping.ends.of(cells)), self._text(mapping.lasts.of(cells))
        ends = self._at(said) if said else begins
        if begins.day_only or ends.day_only:
            if mapping.what == "recordings":
                raise Invalid("it gives a day and no time, so nothing can be measured with it")
            return ends.us + DAY_US * ends.day_only, (event.DAY_ONLY,)
        if said:
            return ends.us, ()
        if length:
            try:
                return begins.us + round(float(length) * mapping.lasts_us), ()
            except (ValueError, OverflowError):
                raise Invalid(f"“{clip(length)}” is no length of time") from None
        if mapping.lasts_us and not mapping.lasts.names:
            return begins.us + mapping.lasts_us, (event.END_ASSUMED,)
        raise Invalid("it has no end, and the mapping assumes no length")

    def _at(self, text: str) -> Instant:
        at = self.clock.read(text)
        self.doubtful += at.doubtful
        return at

    def _text(self, said: str) -> str:
        return "" if said.casefold() in self.reading.mapping.empty else said

    def _story(self, cells: Named[str, str], begin: int) -> Story:
        mapping = self.reading.mapping
        if self.vocabulary is None or not (mapping.facts or mapping.phases):
            return _NOTHING
        changes = []
        for phase in mapping.phases:
            after = phase.after_us
            if phase.at.names:
                said = self._text(phase.at.of(cells))
                if not said:
                    continue
                after = max(0, self._at(said).us - begin)
            changes.append(Change(after, self._facts(phase.facts, cells)))
        return Story(
            self._facts(mapping.facts, cells), tuple(sorted(changes, key=lambda change: change.after_us))
        )

    def _facts(self, rules: Iterable[Rule], cells: Named[str, str]) -> dict[str, Stated]:
        found = {}
        for rule in rules:
            value, unknown = rule.read(cells, self.reading.mapping.empty)
            self.not_mapped.update((rule.name, cell) for cell in unknown)
            if value and self._typed(rule.name, value):
                found[rule.name] = Stated(value, f"{self.reading.mapping.source}: {rule.source}")
        return found

    def _typed(self, name: str, value: str) -> bool:
        try:
            if self.vocabulary is not None:
                self.vocabulary.fact(name).read(value)
        except Invalid:
            self.not_mapped[name, value] += 1
            return False
        return True

    def _notes(self) -> None:
        notes = self.reading.notes
        notes += [
            f"{times:,} rows say “{clip(cell)}” where the mapping reads {name}: unknown there."
            for (name, cell), times in self.not_mapped.most_common(20)
        ]
        if self.doubtful:
            notes.append(
                f"{self.doubtful:,} times were shown twice by the clocks of {self.clock.zone.key}; the first was taken."
            )
        changed = sum(event.CLOCK_CHANGE in row.flags for row in self.reading.rows)
        if changed:
            notes.append(f"{changed:,} rows span a change of the clocks; their length is what really passed.")
        if not self.reading.rows:
            notes.append("No row names anybody.")


_NOTHING = Story()


def _by_content(cells: Named[str, str]) -> str:
    """A name for a row that has none: by what stands in it, so that it is the same in the next export."""
    return sha256_hex("\x1f".join(f"{k}\x1e{v}" for k, v in sorted(cells.items())).encode())[:16]
