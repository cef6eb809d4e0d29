"""With the database lost, whatever a camera system was told is kept comes back from the sidecars."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from door import RECORDING, Client, Door, archive_of, serving
from test_axis_bad_days import steps

from house import Cluster
from lapel.base.ids import new_id
from lapel.cases import store as cases
from lapel.fleet import store as fleet
from lapel.footage import rebuild, store
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope

SCOPE = Scope("cli:test", ("cbp",))
# What a delivery writes; the other tables of the room are written by people.
_BY_PEOPLE = {
    "footage_gap",
    "derived",
    "category",
    "look",
    "restriction",
    "restriction_named",
    "footage_mark",
    *cases.TABLES,
    *({*roster.TABLES, *fleet.TABLES} - {"officer", "camera"}),
}
KEPT = [table for table in store.TABLES if table not in _BY_PEOPLE]


def rows(archive: Archive) -> dict[str, list[dict[str, object]]]:
    with archive.db.tx(SCOPE) as conn:
        return {table: conn.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in KEPT}


def test_everything_acknowledged_comes_back_and_the_system_may_go_on(door: Door, cluster: Cluster):
    for method, path, body, said in steps(door.client):
        assert door.client.call(method, path, body, **said).status in (201, 202, 204)
    before = rows(Archive(door.house.db("owner"), door.house.stores, door.house.keys("worker")))
    assert all(before[table] for table in KEPT if table != "delivered_again")
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls, closing(Database(urls["owner"])) as owner:
        archive = Archive(owner, door.house.stores, door.house.keys("worker"))
        rebuilt = rebuild.rebuild(archive, SCOPE)
        assert (rebuilt.recordings, rebuilt.left_out) == (1, ())
        assert rows(archive) == before
        with (
            closing(Database(urls["intake"])) as intake,
            serving(replace(archive_of(door.house), db=intake)) as port,
        ):
            client = Client(port, door.client.username, door.client.key).sign_in()
            assert client.call("HEAD", f"/{RECORDING}", None).headers["x-container-meta-status"] == "Complete"
