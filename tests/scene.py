"""A custodian's Tuesday: recordings in every state that pages show, for screenshots and browser journeys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lapel.base import clock
from lapel.footage import acts, model
from lapel.storage.postgres import connect
from staffed import BEGAN, Staffed, sample, walk


@dataclass(frozen=True, slots=True)
class Scene:
    """`watched` has two clips with a gap, a trail, bookmarks and a history that is published."""

    watched: str
    undelivered: str
    broken: str
    unknown: str
    token: str


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
    s.say_why(custodian, watched, undelivered, broken, unknown)
    s.publish()
    return Scene(watched.number, undelivered.number, broken.number, unknown.number, custodian.token)


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
