"""A custodian's Tuesday: recordings in every state that pages show, for screenshots and browser journeys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lapel.access import sessions, signin
from lapel.base import clock
from lapel.cases import files
from lapel.fleet import acts as acts_of
from lapel.fleet import adopting, keeping, plan_file
from lapel.fleet.plan import Means, Office, make
from lapel.fleet.quarters import quarters_from
from lapel.footage import acts, glass, model, play, restricting
from lapel.storage.postgres import Scope, connect
from staffed import BEGAN, Staffed, sample, walk


@dataclass(frozen=True, slots=True)
class Scene:
    """`watched` has two clips with a gap, a trail, bookmarks and a history that is published.

    Of `asked` nobody has said why they look; `restricted` names the custodian alone; of `broken_glass` they broke the glass.
    """

    watched: str
    undelivered: str
    broken: str
    unknown: str
    token: str
    asked: str
    restricted: str
    broken_glass: str
    camera: str = ""


def set_scene(s: Staffed, agencies: tuple[str, ...] = ("cbp", "ice")) -> Scene:
    """Everything a custodian of two agencies may meet."""
    custodian = s.account(agencies)
    office, categories = s.office(), s.categories()
    s.categories("ice")
    wearer, camera = s.officer("4471", office=office), s.camera()
    watched = s.announce(wearer=wearer, camera=camera, facts={"TriggerType": "Button", "BatteryLevel": "83"})
    s.deliver(
        watched,
        sample("bikes"),
        "20261120_140305_A.mp4",
        started_at=BEGAN,
        ended_at=BEGAN + timedelta(seconds=10),
    )
    s.deliver(
        watched, sample("bigbuckbunny"), "20261120_140320_B.mp4", started_at=BEGAN + timedelta(seconds=15)
    )
    s.deliver(watched, walk(11), "trail.json", "trail")
    s.complete(watched)
    s.inspect(watched)
    scope = s.house.scope("cbp", "system:worker")
    acts.suggest_category(s.archive, scope, watched.id, categories["Patrol"])
    person = s.house.scope("cbp", _account(s))
    acts.add_bookmark(
        s.archive, person, watched, {"words": "Hands a bag over", "at": BEGAN + timedelta(seconds=4)}
    )
    acts.add_bookmark(
        s.archive, person, watched, {"words": "Second camera joins", "at": BEGAN + timedelta(seconds=17)}
    )
    acts.note(s.archive, person, watched.id, "Bridge, northbound. Two riders, no stop made.")
    undelivered = s.announce(wearer=wearer, camera=camera, started_at=clock.now() - timedelta(hours=9))
    _announced_before(s, undelivered.id, timedelta(hours=9))
    broken = s.announce(
        wearer=s.officer("5120"), camera=s.camera("ACC8E0A1C7"), started_at=BEGAN - timedelta(days=3)
    )
    s.deliver(broken, b"This is a report, not a video.\n" * 40, "clip.mp4")
    s.complete(broken)
    s.inspect(broken)
    unknown = s.recording(
        salt=b"\0" * 7,
        wearer=s.officer(None),
        camera=s.camera("T60012", off_s=3840),
        flags=(model.WEARER_UNKNOWN, model.CLOCK_OFF),
        started_at=BEGAN - timedelta(days=1),
    )
    s.inspect(unknown)
    for i in range(4):
        other = s.recording(
            "ice" if i == 3 else "cbp",
            salt=b"\0" * (20 + i),
            wearer=s.officer(f"61{i}0", agency="ice" if i == 3 else "cbp"),
            started_at=BEGAN - timedelta(days=2, hours=7 * i),
        )
        s.inspect(other)
        if i % 2:
            continue
        acts.categorise(s.archive, person, [other.id], categories["Patrol" if i else "Emergency call"])
    _fleet(s, person)
    s.say_why(custodian, watched, undelivered, broken, unknown)
    asked, restricted, opened = _looked_into(s, custodian)
    s.publish()
    return Scene(
        watched.number, undelivered.number, broken.number, unknown.number, custodian.token, asked, restricted, opened, camera
    )  # fmt: skip


def _fleet(s: Staffed, person: Scope) -> None:
    """Cameras in every state, a contradiction, a corrected span, a failed check, and a plan in force."""
    at = BEGAN - timedelta(hours=6)
    acts_of.give(s.archive, person, "cbp", "ACC8E0A1B2", "4471", at, None, "issued for the shift")
    twice = acts_of.give(
        s.archive, person, "cbp", "ACC8E0A1B2", "5120", at, at + timedelta(hours=2), "told by phone"
    )
    acts_of.withdraw(s.archive, person, "cbp", twice.begun[0].id, "it was another camera")
    acts_of.give(s.archive, person, "cbp", "ACC8E0A1C7", "5120", at, None, "issued for the shift")
    acts_of.give(
        s.archive, person, "cbp", "ACC8E0A1C7", "6100", at + timedelta(hours=3), None, "lent on the road"
    )
    keeping.check(s.archive, person, "cbp", "ACC8E0A1B2", "no_sound", "hiss only", officer=None)
    keeping.set_status(s.archive, person, "cbp", "T60012", "lost", "not in the car after the shift")
    means = Means(quarters_from("2027-Q1", 6), (60,) * 6, (None,) * 6, (None,) * 6)
    names = ["El Paso Station"]
    for number in range(2, 8):
        s.office("cbp", f"Station {number}")
        names.append(f"Station {number}")
    offices = [
        Office("cbp", name, 30 + 9 * at, 30 + 9 * at, 900.0 * (at + 2), pilot=at == 0)
        for at, name in enumerate(names)
    ]
    adopting.adopt(s.archive, person, plan_file.to_json(make(offices, means), "0" * 64), "decision 7")


def _looked_into(s: Staffed, custodian: signin.Opened) -> tuple[str, str, str]:
    """What stands on the pages that ask why, set apart, and answer for broken glass; the custodian is inspector, too."""
    s.give(custodian.account, "custodian", "inspector", "administrator")
    scope = Scope(f"account:{custodian.account}", ("cbp",), session=sessions.mark(custodian.token))
    asked, apart, opened = (
        s.announce(wearer=s.officer(f"73{i}0"), started_at=BEGAN - timedelta(days=4 + i)) for i in range(3)
    )
    files.open_case(s.archive, s.house.scope(), "cbp", "criminal", "Theft at the ferry landing", "26-0113")
    with s.archive.db.tx(scope) as conn:
        restricting.restrict(
            conn,
            s.archive,
            scope,
            apart.id,
            "undercover",
            "An informant is heard at 02:10.",
            [custodian.account],
        )
        glass.break_glass(
            conn,
            s.archive,
            scope,
            opened,
            "A child is missing, and nobody of the unit answers.",
            timedelta(hours=2),
        )
    helper = s.account(("cbp",), "Officer 5120")
    other = Scope(f"account:{helper.account}", ("cbp",))
    with s.archive.db.tx(other) as conn:
        glass.break_glass(conn, s.archive, other, asked, "The suspect is said to be at the station now.")
    play.enter_view(s.archive, other, asked)
    return asked.number, apart.number, opened.number


def _account(s: Staffed) -> str:
    with s.archive.db.tx(s.house.scope("cbp")) as conn:
        row = conn.execute("SELECT id FROM account").fetchone()
    assert row is not None
    return f"account:{row['id']}"


def _announced_before(s: Staffed, recording: str, by: timedelta) -> None:
    """Time passes: as the owner of the tables, who alone could turn it back."""
    address = make_conninfo(
        s.house.superuser_url, dbname=str(conninfo_to_dict(s.house.urls["owner"])["dbname"])
    )
    with connect(address) as conn:
        conn.execute(
            "UPDATE lapel.recording SET announced_at = announced_at - %s WHERE id = %s", (by, recording)
        )
