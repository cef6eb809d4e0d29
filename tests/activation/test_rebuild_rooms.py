"""Does a rebuild know every table that an act of any room writes beside its sidecar?"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from watched import NOON, Watched

import lapel
from house import Cluster
from lapel.activation import exceptions, store_watch
from lapel.activation.exceptions import Entered
from lapel.base.ids import new_id
from lapel.footage import rebuild, store
from lapel.redaction import store as redactions
from lapel.storage import rows
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope
from staffed import Staffed

SCOPE = Scope("cli:test", ("fps",))


def test_every_table_that_an_act_writes_is_one_that_a_rebuild_writes_back() -> None:
    source = Path(lapel.__file__).parent
    written = {
        table
        for path in source.rglob("*.py")
        for table in re.findall(r"\bWrite\(\s*\"([a-z_]+)\"", path.read_text())
    }
    assert "activation_exception" in written
    assert written <= {*store.TABLES, *store_watch.TABLES, *redactions.TABLES}


def test_an_exception_and_its_decision_come_back_from_their_sidecars(
    watched: Watched, cluster: Cluster
) -> None:
    s = watched.staffed
    entered = Entered(
        watched.officer("7001"), "safety", "F7", "Took cover first.", NOON, NOON + timedelta(minutes=5), None
    )
    made = exceptions.enter(s.archive, watched.scope("account:" + "a" * 32), "fps", entered)
    exceptions.decide(
        s.archive, watched.scope("account:" + "b" * 32), made, granted=True, words="Seen.", decider_is=None
    )
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls, closing(Database(urls["owner"])) as owner:
        archive = Archive(owner, s.house.stores, s.house.keys("worker"))
        rebuild_officers(s, owner)
        found = rebuild.rebuild(archive, SCOPE, also=store_watch.TABLES)
        with owner.tx(SCOPE) as conn:
            back = conn.execute("SELECT id, state FROM activation_exception").fetchall()
        assert [(row["id"], row["state"]) for row in back] == [(made, "granted")]
        assert not [name for name in found.damaged if "/-/" in name]


def rebuild_officers(s: Staffed, owner: Database) -> None:
    """The test's officers were put into the table by hand: no act tells of them."""
    with s.archive.db.tx(SCOPE) as conn:
        officers = conn.execute("SELECT id, agency, badge, external_id, known FROM officer").fetchall()
    with owner.tx(SCOPE) as conn:
        for row in officers:
            rows.insert(conn, "officer", row)
