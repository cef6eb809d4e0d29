"""Does `docs/provisions.md` list every provision, and say truly which clause carries it?"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from lapel.policy.shelf import library_at

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "provisions.md"
PROVISIONS = ROOT.parent / "shared" / "policy" / "provisions.json"
ROW = re.compile(r"^\| ([A-Z][A-Z0-9-]+) \|")
REFERENCE = re.compile(r"`([a-z_0-9]+\.yaml)#([A-Za-z0-9]+)`")
ID = re.compile(r"\b[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+\b")
Named = dict[str, set[tuple[str, str]]]


@cache
def rows() -> dict[str, list[str]]:
    """The cells of each row by provision: words, how sure, carried by, modelled on it, what finds no clause."""
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := ROW.match(line):
            assert match[1] not in found, f"{match[1]} stands twice"
            found[match[1]] = [cell.strip() for cell in line.strip("| ").split(" | ")][1:]
    return found


@cache
def written() -> tuple[Named, Named]:
    """By provision: what the clauses and grants say they carry, and what they say they are modelled on."""
    carried: Named = defaultdict(set)
    modelled: Named = defaultdict(set)
    for directive in library_at(ROOT / "directives").directives:
        file = Path(directive.file).name
        for clause in directive.clauses:
            into = modelled if clause.cite.confidence == "invented" else carried
            for provision in clause.cite.provisions:
                into[provision].add((file, clause.id))
        for grant in directive.grants:
            into = modelled if "invented" in grant.says else carried
            for provision in ID.findall(grant.says):
                into[provision].add((file, grant.id))
    return carried, modelled


def test_the_page_lists_every_provision() -> None:
    if not PROVISIONS.exists():
        pytest.skip("the file of provisions is not on this machine")
    provisions = [p["id"] for p in json.loads(PROVISIONS.read_text(encoding="utf-8"))]
    assert list(rows()) == provisions


def test_every_clause_that_the_page_names_exists() -> None:
    known = set[tuple[str, str]]()
    for directive in library_at(ROOT / "directives").directives:
        known |= {(Path(directive.file).name, clause.id) for clause in directive.clauses}
        known |= {(Path(directive.file).name, grant.id) for grant in directive.grants}
    named = set(REFERENCE.findall(PAGE.read_text(encoding="utf-8")))
    assert named
    assert named - known == set()


def test_the_two_columns_say_what_the_clauses_say() -> None:
    carried, modelled = written()
    assert {*carried, *modelled} - set(rows()) == set()
    for provision, (_words, _sure, carries, models, _why) in rows().items():
        assert set(REFERENCE.findall(carries)) == carried[provision], provision
        assert set(REFERENCE.findall(models)) == modelled[provision], provision


def test_a_provision_without_a_clause_has_a_reason() -> None:
    bare = [p for p, cells in rows().items() if "#" not in cells[2] + cells[3] and cells[4] in {"", "–"}]
    assert bare == []


def test_the_count_in_words_is_the_count() -> None:
    carried, modelled = written()
    some = sum(bool(carried[p]) for p in rows())
    only = sum(bool(modelled[p]) and not carried[p] for p in rows())
    says = f"{len(rows())} provisions: {some} are carried, {only} more are a model only, {len(rows()) - some - only} have no clause."
    assert says in PAGE.read_text(encoding="utf-8")
