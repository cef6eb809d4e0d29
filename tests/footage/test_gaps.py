"""Which footage should be here, who is asked about it, and what makes it go away?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from house import House
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.footage import acts, gaps, model
from lapel.footage.gaps import Gap, Patience
from staffed import Staffed, staffed

HOUR = timedelta(hours=1)


@pytest.fixture
def here(house: House) -> Staffed:
    return staffed(house)


def found(here: Staffed, patience: Patience | None = None) -> list[Gap]:
    with here.archive.db.tx(here.house.scope()) as conn:
        return gaps.gaps(conn, "cbp", now=clock.now(), patience=patience or Patience())


def resolve(
    here: Staffed, name: str, outcome: str = "lost_camera", words: str = "Fell into the river."
) -> Gap:
    return gaps.resolve(here.archive, here.house.scope(), "cbp", name, outcome, words, patience=Patience())


def run(here: Staffed, query: str, *values: object) -> None:
    with here.archive.db.tx(here.house.scope()) as conn:
        conn.execute(query.encode(), values)


def checked(here: Staffed, camera: str, hours_ago: float) -> None:
    run(
        here, "INSERT INTO camera_check (id, agency, camera, at, sound, by) VALUES (%s, 'cbp', %s, %s, true, 'cli:test')",
        new_id(), camera, clock.now() - hours_ago * HOUR,
    )  # fmt: skip


def given_to(here: Staffed, camera: str, officer: str, *, days_ago: int = 9) -> None:
    run(
        here,
        "INSERT INTO assignment (id, agency, camera, officer, begins_at, known_from, reason, by)"
        " VALUES (%s, 'cbp', %s, %s, %s, %s, 'issued', 'cli:test')",
        new_id(), camera, officer, clock.now() - timedelta(days=days_ago), clock.now() - timedelta(days=days_ago),
    )  # fmt: skip


def test_a_camera_that_was_used_and_never_docked_has_an_owner_and_an_age(here: Staffed) -> None:
    office = here.office()
    officer, leader, camera = here.officer("4471", office=office), here.officer("9000"), here.camera()
    given_to(here, camera, officer)
    run(
        here, "INSERT INTO supervision (id, agency, officer, supervisor, from_on) VALUES (%s, 'cbp', %s, %s, '2020-01-01')",
        new_id(), officer, leader,
    )  # fmt: skip
    checked(here, camera, 30)
    (gap,) = found(here)
    assert (gap.kind, gap.owner, gap.supervisor, gap.office) == (
        "not_docked",
        "Officer 4471",
        "Officer 9000",
        "El Paso Station",
    )
    assert 29 * HOUR < clock.now() - gap.since < 31 * HOUR
    assert found(here, Patience(docked=31 * HOUR)) == []


def test_it_goes_away_when_the_camera_docks_or_delivers(here: Staffed) -> None:
    docked, delivered = here.camera("DOCKED"), here.camera("DELIVERED")
    for camera in (docked, delivered):
        checked(here, camera, 30)
    assert {gap.camera for gap in found(here)} == {"DOCKED", "DELIVERED"}
    run(here, "UPDATE camera SET last_docked_at = %s WHERE id = %s", clock.now() - 2 * HOUR, docked)
    assert {gap.camera for gap in found(here)} == {"DELIVERED"}
    here.recording(camera=delivered, wearer=here.officer(), started_at=clock.now() - 20 * HOUR)
    assert found(here) == []


def test_where_two_had_the_camera_nobody_is_guessed(here: Staffed) -> None:
    camera = here.camera()
    given_to(here, camera, here.officer("1"))
    given_to(here, camera, here.officer("2"))
    checked(here, camera, 30)
    (gap,) = found(here)
    assert (gap.officer, gap.owner) == (None, "Evidence custodian")


def test_announced_and_not_delivered_is_missing_after_a_while(here: Staffed) -> None:
    recording = here.announce(wearer=here.officer(), camera=here.camera(), started_at=clock.now())
    assert found(here) == []
    (gap,) = found(here, Patience(delivered=timedelta(0)))
    assert (gap.kind, gap.number, gap.owner) == ("not_delivered", recording.number, "Officer 4471")
    here.complete(recording)
    (gap,) = found(here)
    assert "no clip came with it" in gap.says


def test_time_and_numbers_missing_between_clips_are_named(here: Staffed) -> None:
    recording = here.announce(wearer=here.officer(), camera=here.camera())
    begins_at = clock.now() - 3 * HOUR
    for place, number in enumerate((7, 8, 9, 11, 12, 13)):
        at = begins_at + timedelta(seconds=10 * place + (30 if number > 12 else 0))
        here.deliver(
            recording, b"clip %d" % number, f"C{number:04}.mp4", started_at=at, ended_at=at + timedelta(seconds=10)
        )  # fmt: skip
    here.complete(recording)
    says = [gap.says for gap in found(here)]
    assert says == [
        "One clip is missing between C0009.mp4 and C0011.mp4, by the camera's own count.",
        "Inside one recording, 30 s lie between C0012.mp4 and C0013.mp4.",
    ]


def test_a_wearer_nobody_knows_is_found_until_somebody_says_who(here: Staffed) -> None:
    camera, officer = here.camera(), here.officer("4471")
    given_to(here, camera, officer)
    recording = here.recording(
        wearer=here.officer(None), camera=camera, flags=(model.WEARER_UNKNOWN,), started_at=clock.now() - HOUR
    )
    (gap,) = found(here)
    assert (gap.kind, gap.owner) == ("wearer", "Officer 4471")
    assert "has to confirm it" in gap.says
    acts.correct_wearer(
        here.archive, here.house.scope(), recording.id, "4471", "The calendar, and the voice."
    )
    assert found(here) == []


def test_an_act_closes_a_gap_with_a_code_and_words_in_the_custody_log(here: Staffed) -> None:
    camera = here.camera()
    checked(here, camera, 30)
    (gap,) = found(here)
    for outcome, words in (("gone", "It is gone."), ("lost_camera", " \0 "), ("lost_camera", "x" * 4001)):
        with pytest.raises(Invalid):
            resolve(here, gap.name, outcome, words)
    resolve(here, gap.name)
    assert found(here) == []
    with here.archive.db.tx(here.house.scope()) as conn:
        (act,) = log.history(conn, f"camera:{camera}")
    assert (act.act, act.detail["outcome"], act.detail["words"]) == (
        "gap_resolved",
        "lost_camera",
        "Fell into the river.",
    )
    with pytest.raises(NotFound, match="dealt with it"):
        resolve(here, gap.name)


def test_a_later_use_of_the_same_camera_is_another_gap(here: Staffed) -> None:
    camera = here.camera()
    checked(here, camera, 60)
    resolve(here, found(here)[0].name, "in_repair", "Sent to the maker.")
    checked(here, camera, 30)
    assert len(found(here)) == 1
