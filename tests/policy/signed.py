"""What do tests of adopted policies stand on? The texts of directives/, put on record in a test's house."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from house import AGENCIES, House
from lapel.policy import adoption, proving
from lapel.policy.paper import Paper
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

ROOT = Path(__file__).resolve().parents[2]
DIRECTIVES = ROOT / "directives"
DRAFTS = ROOT / "tests" / "policy" / "drafts"
SIGNED = date(2023, 5, 22)


def paper(name: str, by: str = "Administrator", on: date = date(2023, 11, 18)) -> Paper:
    """A file of directives/, or a draft, as somebody signs it."""
    path = next(p for p in (DIRECTIVES / f"{name}.yaml", DRAFTS / f"{name}.yaml") if p.exists())
    return Paper(path.read_text(encoding="utf-8"), path.name, by, on)


def changed(of: Paper, *pairs: tuple[str, str]) -> Paper:
    """The same paper with words replaced."""
    body = of.body
    for old, new in pairs:
        assert old in body, old
        body = body.replace(old, new)
    return Paper(body, of.file, of.by, of.on)


def office(house: House) -> tuple[Archive, Scope]:
    """The archive as the person at the command line has it."""
    return Archive(house.db("staff"), house.stores, house.keys("admin")), Scope("cli:clerk", tuple(AGENCIES))


def department(house: House, *more: Paper) -> adoption.Outcome:
    """The vocabulary and the department's policy are on record, and what else is named."""
    archive, scope = office(house)
    first = [paper("vocabulary", "Secretary", SIGNED), paper("department", "Secretary", SIGNED)]
    return adoption.adopt(archive, scope, [*first, *more])


def work(house: House) -> None:
    """What the worker does when it is asked to prove."""
    proving.prove_again(Archive(house.db("worker"), house.stores, house.keys("worker")))
