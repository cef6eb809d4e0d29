"""What does the front page of the programme show? Duties by group, each outcome by itself, and what everybody may be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lapel.activation import shown, store_pages
from lapel.activation.asked_web import Asked, Choice
from lapel.activation.figures import (
    FEWEST,
    MEANS,
    SHOWN,
    Group,
    for_everybody,
    grouped,
    headline,
    total,
)
from lapel.activation.findings import FORBIDDEN, UNMET, Outcome
from lapel.storage.postgres import Connection

BYS: Final = tuple(store_pages.GROUPS)
_US_PER_H = 3_600_000_000
# Where a narrowing leads: what a group is by is what the next page is narrowed to.
_NARROWS: Final = {"agency": "agency", "office": "office", "activity": "activity"}


def build(conn: Connection, asked: Asked, by: str, names: dict[str, str]) -> shown.Front:
    """The front page, in groups `by` one of BYS. `names`: what pages call agencies."""
    groups = grouped(store_pages.counts(conn, asked.narrowed, by))
    whole = total(groups)
    run = store_pages.latest_run(conn, asked.narrowed.reach.agencies)
    says = headline(whole)
    return shown.Front(
        headline=says,
        filters=asked.shown,
        by=by,
        bys=list(BYS),
        outcomes=[_outcome(asked, whole, o) for o in SHOWN],
        not_to_be_recorded=[_outcome(asked, whole, o) for o in FORBIDDEN],
        groups=[_group(asked, group, by, names) for group in groups],
        total=_group(asked, whole, "", names),
        chart_says=f"{says}, by {by}",
        run=run_shown(run),
        csv=asked.address("/activation.csv", by=by),
        json_url=asked.address("/activation.json", by=by),
        public_url=asked.address("/activation/public", by=by),
    )


def public(conn: Connection, asked: Asked, by: str, names: dict[str, str]) -> shown.PublicFigures:
    """The same figures without what could point to a person."""
    told = for_everybody(grouped(store_pages.counts(conn, asked.narrowed, by)))
    return shown.PublicFigures(
        filters=asked.shown,
        by=by,
        fewest=FEWEST,
        outcomes=[*SHOWN, *FORBIDDEN],
        groups=[
            shown.ToldShown(
                name=_label(one.name, by, names),
                duties=one.duties,
                counts={str(o): n for o, n in one.counts.items()},
            )
            for one in told
        ],
        csv=asked.address("/activation/public.csv", by=by),
    )


def rows_for_csv(front: shown.Front) -> tuple[list[str], list[dict[str, object]]]:
    """Columns and rows of the table of groups, as the page shows it."""
    rows: list[dict[str, object]] = [
        {
            front.by: group.label, "duties": group.duties, "owed": group.owed, **{o: group.counts.get(o, 0) for o in SHOWN},
            **{o: group.counts.get(o, 0) for o in FORBIDDEN}, "owed_h": round(group.owed_h, 2),
            "recorded_h": round(group.recorded_h, 2), "share": "" if group.share is None else round(group.share, 4),
        }
        for group in (*front.groups, front.total)
    ]  # fmt: skip
    return [front.by, "duties", "owed", *SHOWN, *FORBIDDEN, "owed_h", "recorded_h", "share"], rows


def run_shown(row: dict[str, Any] | None) -> shown.RunShown | None:
    """A run as pages show it."""
    if row is None:
        return None
    return shown.RunShown(
        id=row["id"],
        ran_at=row["ran_at"],
        code=row["code"],
        findings_sha256=row["findings_sha256"],
        directives=[[str(part) for part in one] for one in row["directives"]],
        inputs={str(name): str(digest) for name, digest in row["inputs"].items()},
        notes=[str(note) for note in row["notes"]],
        entry=row["entry"],
        receipt_url=f"/activation/runs/{row['id']}/receipt" if row["entry"] else None,
    )


def _outcome(asked: Asked, whole: Group, outcome: Outcome) -> shown.OutcomeShown:
    url = None
    if outcome in UNMET:
        url = asked.address("/activation/gaps", outcome=outcome, state="all")
    elif outcome in FORBIDDEN:
        url = asked.address("/activation/forbidden", outcome=outcome, state="all")
    return shown.OutcomeShown(
        outcome=outcome,
        means=MEANS[outcome],
        findings=whole.of(outcome),
        colour=f"var(--o-{outcome.replace(' ', '-')})",
        url=url,
    )


def _group(asked: Asked, group: Group, by: str, names: dict[str, str]) -> shown.GroupShown:
    narrows = _NARROWS.get(by)
    following = {"agency": "office", "office": "activity", "activity": "month"}.get(by, "month")
    return shown.GroupShown(
        name=group.name,
        label=_label(group.name, by, names) if by else "All together",
        duties=group.duties,
        owed=group.owed,
        counts={o: group.of(o) for o in (*SHOWN, *FORBIDDEN)},
        share=group.share,
        owed_h=group.owed_us / _US_PER_H,
        recorded_h=group.covered_us / _US_PER_H,
        url=asked.address("/activation", **{narrows: group.name}, by=following) if narrows else None,
    )


def _label(name: str, by: str, names: dict[str, str]) -> str:
    if by == "agency":
        return names.get(name, name)
    return name if by == "office" else name.replace("_", " ")


def choices(values: Sequence[tuple[str, str]]) -> list[Choice]:
    """Pairs as what a form offers."""
    return [Choice(value=value, label=label) for value, label in values]
