"""Does the terminal let in whom it should?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from house import House
from lapel.access import signin
from lapel.access.commands import access_commands
from lapel.base.errors import Invalid
from lapel.storage.postgres import Database


@pytest.fixture
def run() -> CliRunner:
    return CliRunner()


@contextmanager
def owned(house: House) -> Iterator[tuple[Database, Sequence[str]]]:
    yield house.db("owner"), ("cbp", "ice")


@pytest.mark.parametrize(
    ("asked", "agencies"),
    [
        ([], ("cbp", "ice")),
        (["--agency", "ice"], ("ice",)),
        (["--agency", "ice", "--agency", "cbp"], ("ice", "cbp")),
    ],
)
def test_a_link_is_printed_as_an_address(
    house: House, run: CliRunner, asked: list[str], agencies: tuple[str, ...]
) -> None:
    app = access_commands(
        lambda: owned(house), lambda token: f"http://lapel.test/begin/{token}", lambda: "cli:test"
    )
    done = run.invoke(app, ["link", *asked])
    token = done.stdout.strip().removeprefix("http://lapel.test/begin/")
    assert signin.read_link(house.db(), token).agencies == agencies


def test_no_link_is_made_for_an_agency_that_is_not_there(house: House, run: CliRunner) -> None:
    app = access_commands(lambda: owned(house), str, lambda: "cli:test")
    done = run.invoke(app, ["link", "--agency", "nasa"])
    assert isinstance(done.exception, Invalid)
