"""`lapel fleet plan` and `lapel fleet plan adopt`: who gets the next cameras, and which plan is in force?"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import Invalid, NotFound

if TYPE_CHECKING:
    from lapel.fleet.plan import Means, Office, Plan
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]


def plan_commands(opened: Opened) -> typer.Typer:
    """`lapel fleet plan …`."""
    app = typer.Typer(help="Decide which offices get cameras when.", invoke_without_command=True)

    @app.callback()
    def plan(
        context: typer.Context,
        offices: Annotated[
            Path | None, typer.Option(help="The offices: CSV or spreadsheet, see docs/formats/deployment-plan.md.")
        ] = None,
        out: Annotated[Path | None, typer.Option(help="The folder for plan.json and plan.csv.")] = None,
        first_quarter: Annotated[str, typer.Option(help="The plan's first quarter, like 2027-Q1.")] = "",
        quarters: Annotated[int, typer.Option(help="How many quarters.")] = 20,
        cameras_per_quarter: Annotated[
            str, typer.Option(help="Cameras delivered in each quarter: one number, or one for each quarter with commas.")
        ] = "",
        budget: Annotated[
            str, typer.Option(help="Money that each quarter brings, likewise; what is left is carried over; empty: no limit.")
        ] = "",
        training_per_quarter: Annotated[
            str, typer.Option("--training-per-quarter", "--training", help="Officers that can be trained in each quarter, likewise; empty: no limit.")
        ] = "",
        camera_cost: Annotated[float, typer.Option(help="What a camera costs once.")] = 0.0,
        running_cost: Annotated[float, typer.Option(help="What a camera costs in each quarter, the first included.")] = 0.0,
        floor: Annotated[
            float, typer.Option(help="The least share of each agency's officers in equipped offices at the end, from 0 to 1.")
        ] = 0.0,
        pilot_quarters: Annotated[
            int, typer.Option("--pilot-quarters", "--pilot", help="How long an agency's pilot offices run before its others begin.")
        ] = 1,
    ) -> None:  # fmt: skip
        """Make a plan: as many duty-hours as possible, weighted by risk, with the bound that no plan can beat. Needs no database."""
        if context.invoked_subcommand is not None:
            return
        from lapel.fleet import plan_file
        from lapel.fleet.plan_reading import read_offices
        from lapel.fleet.quarters import quarters_from
        from lapel.storage import tables

        if offices is None or out is None or not first_quarter or not cameras_per_quarter:
            raise Invalid(
                "A plan needs --offices, --first-quarter, --cameras-per-quarter and --out.",
                next_step="`lapel fleet plan --help` says what each is.",
            )
        if not 1 <= quarters <= 80:
            raise Invalid("A plan has 1 to 80 quarters.", next_step="Change --quarters.")
        names = quarters_from(first_quarter, quarters)
        means = _means(names, cameras_per_quarter, budget, training_per_quarter, camera_cost, running_cost, floor, pilot_quarters)  # fmt: skip
        there, notes = read_offices(offices, names)
        for note in notes:
            typer.echo(note, err=True)
        there.sort(key=lambda office: (office.agency, office.name))
        made = _planned(there, means)
        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / "plan.json").write_bytes(plan_file.to_json(made, tables.digest(offices)))
            (out / "plan.csv").write_bytes(plan_file.to_csv(made))
        except OSError as error:
            raise Invalid(
                f"{out} cannot be written: {error.strerror}.", next_step="Name another folder."
            ) from None
        _tell(made, out)

    @app.command()
    def adopt(
        file: Annotated[Path, typer.Argument(help="The plan.json that was decided on.")],
        reason: Annotated[str, typer.Option(help="By which decision.")],
    ) -> None:
        """Bring a plan into force for the agencies in it; duties rest on it from then on."""
        from lapel.fleet.adopting import adopt as bring

        try:
            text = file.read_bytes()
        except OSError as error:
            raise NotFound(f"{file} cannot be read: {error.strerror}.", next_step="Check the path.") from None
        with opened() as (archive, scope):
            adopted = bring(archive, scope, text, reason)
        for one in adopted:
            took = ", in the place of an earlier plan" if one.superseded else ""
            typer.echo(
                f"{one.agency}: {one.offices:,} offices with {one.officers:,} officers and {one.cameras:,} cameras are in the plan{took}."
            )

    return app


def _means(
    names: tuple[str, ...], cameras: str, budget: str, training: str, camera_cost: float, running_cost: float, floor: float,
    pilot_quarters: int,
) -> Means:  # fmt: skip
    from itertools import accumulate

    from lapel.fleet.plan import Means

    delivered = _each("--cameras-per-quarter", cameras, len(names))
    money = _each("--budget", budget, len(names)) if budget else None
    trained = _each("--training-per-quarter", training, len(names)) if training else None
    return Means(
        names, tuple(delivered), tuple(map(float, accumulate(money))) if money else (None,) * len(names),
        tuple(trained) if trained else (None,) * len(names), camera_cost, running_cost, floor, pilot_quarters,
    )  # fmt: skip


def _each(flag: str, said: str, count: int) -> list[int]:
    """One number for each quarter. Raises `Invalid`."""
    parts = [part.strip() for part in said.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 12 for part in parts):
        raise Invalid(f"{flag} {said[:40]} has something that is no whole number.", next_step="Write 500 or 500,600,700.")  # fmt: skip
    if len(parts) not in (1, count):
        raise Invalid(f"{flag} has {len(parts)} numbers for {count} quarters.", next_step="Write one, or one for each.")  # fmt: skip
    return [int(part) for part in (parts * count if len(parts) == 1 else parts)]


def _planned(offices: list[Office], means: Means) -> Plan:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from lapel.fleet.plan import make

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    says = f"Planning {len(offices):,} offices in {len(means.quarters)} quarters"
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:  # fmt: skip
        bar.add_task(says, total=None)
        with quiet():
            return make(offices, means)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing of a library written in C reaches standard output: HiGHS names itself there, whatever its options say."""
    sys.stdout.flush()
    library = ctypes.CDLL(None)
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        library.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _tell(made: Plan, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from lapel.fleet.plan_file import coverage

    table = Table(
        "Agency", "Offices", "Officers", "Cameras", "Duty-hours in the last quarter", "First offices in"
    )
    for column in table.columns[1:5]:
        column.justify = "right"
    last = made.means.quarters[-1]
    for c in coverage(made):
        if c.quarter != last:
            continue
        mine = [(o, s) for o, s in zip(made.offices, made.starts, strict=True) if o.agency == c.agency]
        begun = [s for _, s in mine if s is not None]
        table.add_row(
            c.agency, f"{c.offices:,} of {len(mine):,}", f"{c.officers:,} of {sum(o.officers for o, _ in mine):,}",
            f"{c.cameras:,}", f"{c.duty_hours:,.0f} of {sum(o.duty_hours for o, _ in mine):,.0f}",
            made.means.quarters[min(begun)] if begun else "not at all",
        )  # fmt: skip
    Console().print(table)
    sure = "no plan is better" if made.exact else f"the gap is {made.gap:.3%}"
    typer.echo(
        f"The plan covers {made.worth:,.0f} duty-hours weighted by risk; no plan covers more than {made.bound:,.0f}: {sure}."
    )
    typer.echo(f"{out / 'plan.json'} and {out / 'plan.csv'} are written; adopt it with `lapel fleet plan adopt`.")  # fmt: skip
