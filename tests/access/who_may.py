"""Who may do what, as a table: who_may.txt read, and the relations that its rows name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from lapel.access.actor import Actor, Grant, Role
from lapel.access.permit import Act, Facts

TABLE = Path(__file__).with_name("who_may.txt")
ROLES: tuple[Role, ...] = get_args(Role)
AGENCY, ELSEWHERE = "cbp", "ice"

# The acts of one column always have the same answer.
GROUPS: dict[str, tuple[Act, ...]] = {
    "list": ("footage.list",),
    "look": ("footage.view", "footage.play", "redaction.view"),
    "take": ("footage.download",),
    "describe": ("footage.categorise", "footage.note", "footage.bookmark"),
    "keep": (
        "footage.correct_wearer",
        "footage.report_given",
        "footage.mark",
        "footage.resolve_gap",
        "fleet.keep",
    ),
    "redact": ("redaction.edit", "redaction.accept"),
    "account": ("activation.view", "fleet.view"),
    "excuse": ("activation.except", "fleet.check"),
    "decide": ("activation.decide", "activation.review"),
    "prove": ("custody.prove",),
    "proof": ("footage.prove",),
    "restrict": ("footage.restrict", "footage.unrestrict", "footage.investigate", "activation.forbidden"),
    "glass": ("footage.break_glass",),
    "oversee": ("access.audit",),
    "administer": ("access.accounts", "access.grant"),
}
CASE = Facts(purpose="case")
RELATIONS: dict[str, Facts] = {
    "own": Facts(own=True),
    "own unit": Facts(own_unit=True, purpose="reason"),
    "no reason": Facts(),
    "reason": Facts(purpose="reason"),
    "case": CASE,
    "other agency": CASE,
    "restricted": replace(CASE, restricted=True),
    "named": replace(CASE, restricted=True, restricted_to_me=True),
    "own investigated": Facts(own=True, under_investigation=True),
    "unit investigated": replace(CASE, own_unit=True, under_investigation=True),
    "investigated": replace(CASE, under_investigation=True),
    "own not reported": Facts(own=True, own_before_report="may_not"),
    "own not known": Facts(own=True, own_before_report="unknown"),
    "own may look": Facts(own=True, own_before_report="may"),
    "glass broken": Facts(broken_glass=True),
    "named no reason": Facts(restricted=True, restricted_to_me=True),
    "glass restricted": Facts(broken_glass=True, restricted=True),
    "glass investigated": Facts(broken_glass=True, own_unit=True, under_investigation=True),
    "glass not reported": Facts(broken_glass=True, own=True, own_before_report="may_not"),
    "shared to look": replace(CASE, shared=frozenset(GROUPS["look"])),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `says` is yes, `-` (nothing permits it) or the rules that forbid it, joined by `+`."""

    role: Role
    relation: str
    group: str
    says: str


def person(role: Role) -> Actor:
    """Somebody with one role."""
    return Actor("a" * 32, "Somebody", AGENCY, frozenset({Grant(AGENCY, role)}), officer="b" * 32)


def read() -> Iterator[Cell]:
    """Every cell of the table."""
    columns: list[str] = []
    for line in TABLE.read_text("utf-8").splitlines():
        parts = [part.strip() for part in line.split("|")]
        if line.startswith("#") or not line.strip():
            continue
        if parts[0] == "role":
            columns = parts[2:]
            continue
        for group, says in zip(columns, parts[2:], strict=True):
            yield Cell(parts[0], parts[1], group, says)  # type: ignore[arg-type]
