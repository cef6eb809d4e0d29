"""Bad input: a one-line error that says where and what to do. Good input: read, printed and read again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from policy_samples import WORDS, clause, directive, head, library, random_condition, words

from lapel.base.errors import Invalid
from lapel.policy.condition import And, AtLeast, Has, In, Not, Or, Yes, text
from lapel.policy.document import Place, Text
from lapel.policy.expression import read_condition
from lapel.policy.words import read_vocabulary

BAD = Path(__file__).parent / "bad"
DEPARTMENT = head("dept", "grants:\n- {id: G1, to: [north], record: [permitted]}\n") + clause(
    "D1", "record: required", "alone"
)


def refused(text_: str, file: str = "given.yaml") -> str:
    with pytest.raises(Invalid) as caught:
        library(DEPARTMENT, text_) if "\nfollows:" in text_ else directive(text_, file)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 400
    assert caught.value.exit_status == 5
    return line


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bad_file_is_refused_in_one_line(path: Path) -> None:
    """Each file is named for its defect and says in its first line what the error has to say."""
    given = path.read_text(encoding="utf-8")
    wanted = given.splitlines()[0].removeprefix("# ")
    if path.stem.startswith("vocabulary_"):
        with pytest.raises(Invalid) as caught:
            read_vocabulary(given, path.name)
        assert str(caught.value) == wanted
    else:
        assert refused(given) == wanted


def condition(source: str) -> str:
    with pytest.raises(Invalid) as caught:
        read_condition(Text(source, Place("f.yaml", 7, 3, "C1"), 0), words().facts, ("fitting",))
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("alon", "f.yaml:7:3, clause C1: “alon” is no fact and no defined word. Did you mean alone?"),
        ("armed and place is hom", "f.yaml:7:22, clause C1: “hom” is no value of place. Did you mean home?"),
        (
            "place == home",
            "f.yaml:7:3, clause C1: == is not part of the language. Write is, in, or 3 <= x <= 3.",
        ),
        ("place in home", "f.yaml:7:12, clause C1: one word or a list? `in` takes a list: [a, b]."),
        (
            "place is [home]",
            "f.yaml:7:12, clause C1: one word or a list? `is` takes one word; for several use in [..].",
        ),
        ("place in []", "f.yaml:7:12, clause C1: an empty list names nothing. Name a value."),
        ("place", "f.yaml:7:3, clause C1: place is not yes or no. Write place is …."),
        ("doing is stop", "f.yaml:7:3, clause C1: `is` and `in` are not for doing (some of). Use has."),
        ("place has home", "f.yaml:7:3, clause C1: `has` is for sets, and place is one of. Use is or in."),
        (
            "doing has [stop]",
            "f.yaml:7:13, clause C1: `has` takes one word. Write has any [..] or has all [..].",
        ),
        (
            "people > 9",
            "f.yaml:7:3, clause C1: people goes from 1 to 9: this says nothing. Change the number.",
        ),
        ("people > 99", "f.yaml:7:12, clause C1: 99 is outside people (1 to 9)."),
        (
            "people < alone",
            "f.yaml:7:12, clause C1: people is compared with whole numbers only. Write a number.",
        ),
        (
            "alone is yes",
            "f.yaml:7:3, clause C1: `is` and `in` are not for alone (yes/no). Use alone or not alone.",
        ),
        (
            "alone(armed)",
            "f.yaml:7:3, clause C1: a call is not allowed in a condition. Use facts, and, or, not, is, in, has, < <= > >=.",
        ),
        ("alone.armed", "f.yaml:7:8, clause C1: “.” has no place in a condition. Use facts and words only."),
        (
            "doing[0]",
            "f.yaml:7:3, clause C1: a subscript is not allowed in a condition. Use facts, and, or, not, is, in, has, < <= > >=.",
        ),
        (
            "people + 1 > 2",
            "f.yaml:7:10, clause C1: “+” has no place in a condition. Use facts and words only.",
        ),
        (
            "alone and",
            "f.yaml:7:12, clause C1: the condition breaks off or is not one here. Look for a missing and, or, word or bracket.",
        ),
        (
            "alone armed",
            "f.yaml:7:3, clause C1: the condition breaks off or is not one here. Look for a missing and, or, word or bracket.",
        ),
        (
            "lambda",
            "f.yaml:7:9, clause C1: the condition breaks off or is not one here. “lambda” is no word of the language.",
        ),
        ("alone) or (armed", "f.yaml:7:8, clause C1: a bracket closes that never opened. Remove it."),
        (
            "fitting is home",
            "f.yaml:7:3, clause C1: “fitting” is a defined word: it stands alone. Write fitting.",
        ),
        (
            "yes",
            "f.yaml:7:3, clause C1: “yes” is no condition. Leave `when` out for always.",
        ),
        (" ", "f.yaml:7:3, clause C1: the condition is empty. Leave `when` out for always."),
        (
            "alone # armed",
            "f.yaml:7:9, clause C1: “#” has no place in a condition. Use facts and words only.",
        ),
        (
            "alone or “armed”",
            "f.yaml:7:12, clause C1: ““” has no place in a condition. Use facts and words only.",
        ),
    ],
)
def test_a_bad_condition_is_refused_at_its_column(source: str, says: str) -> None:
    assert condition(source) == says


def test_a_condition_of_a_megabyte_is_refused_before_it_is_parsed() -> None:
    says = condition("alone and " * 100_000 + "alone")
    assert (
        says
        == "f.yaml:7:3, clause C1: a condition of 1000005 characters is longer than 4000. Define a word, or write two clauses."
    )


@pytest.mark.parametrize("source", ["(" * 10_000 + "alone" + ")" * 10_000, "not " * 10_000 + "alone"])
def test_nesting_of_ten_thousand_is_refused(source: str) -> None:
    assert "is longer than 4000" in condition(source)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "(" * 1500 + "alone" + ")" * 1500,
            "f.yaml:7:27, clause C1: brackets nest deeper than 24. Define a word, or write two clauses.",
        ),
        (
            "not " * 900 + "alone",
            "f.yaml:7:3, clause C1: a chain of `not` this long says nothing. Remove the pairs.",
        ),
        (
            "not(" * 20 + "alone" + ")" * 20,
            "f.yaml:7:3, clause C1: a chain of `not` this long says nothing. Remove the pairs.",
        ),
    ],
)
def test_deep_nesting_is_refused_before_it_is_parsed(source: str, says: str) -> None:
    assert condition(source) == says


@pytest.mark.parametrize(
    "text_",
    [
        "[" * 10_000,
        "{a: " * 10_000,
        "- " * 10_000 + "a",
        "a: &x 1\nb: *x\n",
        "a: !!python/object:os.system 1\n",
    ],
)
def test_yaml_that_would_trap_a_loader_is_refused(text_: str) -> None:
    refused(text_)


@pytest.mark.parametrize(("first", "second"), [("2024-01-01", "2023-12-31")])
def test_a_policy_dated_before_the_one_it_follows_is_refused(first: str, second: str) -> None:
    text_ = head("north").replace("version: 2024-02-01", f"version: {second}") + clause(
        "N1", "record: required"
    )
    assert refused(text_) == (
        f"given1.yaml:1:1: it is dated {second}, before the policy it follows (dept of {first}). Correct one of the two dates."
    )


def test_a_megabyte_file_is_read_or_refused_but_never_hangs() -> None:
    text_ = head("dept") + clause("D1", "record: required").replace('"x"', f'"{"x" * 5_000_000}"')
    assert (
        refused(text_)
        == "given.yaml:1:1: the file is larger than 4 MiB. Split it, or look for what filled it."
    )


@pytest.mark.parametrize("seed", range(300))
def test_a_condition_printed_is_read_as_the_same(seed: int) -> None:
    source = random_condition(random.Random(seed), ("fitting",), depth=3)
    tree = read_condition(Text(source, Place("f", 1, 1)), words().facts, ("fitting",))
    assert read_condition(Text(text(tree), Place("f", 1, 1)), words().facts, ("fitting",)) == tree


def test_the_forms_of_the_language() -> None:
    def tree(source: str) -> object:
        return read_condition(Text(source, Place("f", 1, 1)), words().facts)

    assert tree("place in {home, street}") == In("place", ("street", "home"))
    assert tree("place not in [home]") == Not(In("place", ("home",)))
    assert tree("doing has any {stop, patrol}") == Has("doing", ("patrol", "stop"), every=False)
    assert tree("doing has  all\n [stop]") == Has("doing", ("stop",), every=False)
    assert tree("2 <= people < 5") == And((AtLeast("people", 2), Not(AtLeast("people", 5))))
    assert tree("5 > people") == Not(AtLeast("people", 5))
    assert tree("not alone or armed") == Or((Not(Yes("alone")), Yes("armed")))


def test_everything_in_yaml_is_text() -> None:
    found = directive(
        head("dept")
        + clause("no", "retain: {days: 180, extend by: 180, on: request}")
        + clause("on", "start_within: 0")
    )
    assert [c.id for c in found.clauses] == ["no", "on"]
    assert found.clauses[0].outcome is not None
    assert found.clauses[0].outcome.at("request") == 360


def test_the_text_of_a_clause_is_kept_by_its_digest() -> None:
    one, two = (
        directive(head("dept") + clause("D1", "record: required").replace('"x"', says)).clauses[0]
        for says in ('"a"', '"b"')
    )
    assert one.says_digest != two.says_digest


def test_notwithstanding_mirrors_subject_to() -> None:
    found = directive(
        head("dept")
        + clause("D1", "record: required")
        + clause("D2", "record: forbidden", notwithstanding="[D1]")
    )
    assert found.clauses[0].subject_to == ("D2",)


def test_the_vocabulary_of_the_samples_is_read() -> None:
    assert read_vocabulary(WORDS, "words.yaml").agencies == ("north", "south")


def test_orders_that_stand_above_each_other_are_refused() -> None:
    def order(name: str, other: str) -> str:
        return head(name, f"order: {{binds: all, authority: court, outranks: [{other}]}}\n") + clause(
            "O1", "record: required"
        )

    with pytest.raises(Invalid, match="it stands above second, which stands above it"):
        library(DEPARTMENT, order("first", "second"), order("second", "first"))


def test_a_note_on_a_grant_is_kept() -> None:
    grants = "grants:\n- {id: G1, to: all, record: [permitted], says: wide, note: hedged by its source}\n"
    (grant,) = directive(head("dept", grants) + clause("D1", "record: required")).grants
    assert (grant.says, grant.note) == ("wide", "hedged by its source")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("retain: 180", "180 days from recorded"),
        (
            "retain: {days: 180, extend by: 90, on: request, renewable: yes}",
            "180 days from recorded, 90 more on request, renewable",
        ),
        (
            "release: {days: 20, counted: working, from: incident, review every: 5}",
            "20 working days from incident, reviewed every 5 days",
        ),
        ("retain: unscheduled", "unscheduled"),
    ],
)
def test_a_clock_is_shown_whole(written: str, shown: str) -> None:
    (only,) = directive(head("dept") + clause("D1", written)).clauses
    assert only.outcome is not None
    assert only.outcome.show("days") == shown
