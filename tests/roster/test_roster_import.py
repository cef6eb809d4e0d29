"""A personnel file is taken over once, by date; what cannot be taken is listed with its reason, and nothing is dropped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from house import Cluster, House
from lapel.base.errors import Invalid
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.footage import people, rebuild
from lapel.roster import store
from lapel.roster.commands import roster_commands
from lapel.roster.importing import Imported, take_roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Database, Scope
from staffed import Staffed, staffed

EXAMPLES = Path(__file__).parents[2] / "examples" / "roster"
MAPPING = (EXAMPLES / "roster.yaml").read_text()
HEAD = (EXAMPLES / "roster.csv").read_text().splitlines()[0]
TODAY = date(2026, 11, 24)
SCOPE = Scope("cli:clerk", ("cbp", "ice"))


@pytest.fixture(scope="module")
def here(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """One department for all tests of this file; each uses badge numbers of its own."""
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path_factory.mktemp("roster"), superuser_url=cluster.url)
        with contextlib.ExitStack() as ends:
            ends.callback(house.end)
            yield staffed(house)


def take(s: Staffed, tmp_path: Path, text: str, mapping: str = MAPPING, *, dry_run: bool = False) -> Imported:
    path = tmp_path / "roster.csv"
    path.write_text(text)
    return take_roster(s.archive, SCOPE, path, mapping, "roster.yaml", dry_run=dry_run, today=TODAY)


def row(badge: str, station: str = "Station 1", since: str = "01/01/2025", leader: str = "", under: str = "", **more: str) -> str:  # fmt: skip
    cells = {
        "Agency": "CBP", "Badge": badge, "Duty station": station, "At station since": since, "Supervisor badge": leader,
        "Under supervisor since": under or since, **more,
    }  # fmt: skip
    return ",".join(cells.get(name, "") for name in HEAD.split(","))


def lines(*rows: str) -> str:
    return "\n".join([HEAD, *rows]) + "\n"


def by_badge(conn: Connection, badge: str) -> str:
    officer = store.officer_by_badge(conn, "cbp", badge)
    assert officer is not None
    return officer.id


def stations(s: Staffed, badge: str) -> list[tuple[str, str, str]]:
    with s.archive.db.tx(SCOPE) as conn:
        names = {office.id: office.name for office in store.offices(conn)}
        spans = store.memberships(conn, "cbp", by_badge(conn, badge))
    return [
        (names[m.office], str(m.from_on), str(m.until_on or "")) for m in spans if m.until_on != m.from_on
    ]


def test_a_file_is_shown_dry_taken_once_and_comes_back_in_a_rebuild(cluster: Cluster, house: House) -> None:
    s = staffed(house)
    footage_only, known = people.wearer(s.archive, SCOPE, "cbp", "u-4472")
    assert not known

    def once(*, dry_run: bool = False) -> Imported:
        return take_roster(s.archive, SCOPE, EXAMPLES / "roster.csv", MAPPING, "roster.yaml", dry_run=dry_run, today=TODAY)  # fmt: skip

    dry = once(dry_run=True)
    with s.archive.db.tx(SCOPE) as conn:
        assert len(store.officers(conn)) == 1
        assert log.history(conn, "roster:cbp") == []
    done = once()
    assert [one.counts for one in dry.changes] == [one.counts for one in done.changes]
    assert done.changes[0].counts["officer"] == {"added": 3, "changed": 1, "ended": 0}
    assert not done.rejected
    again = once()
    assert again.imports == ()
    assert [one.counts for one in again.changes] == [{}, {}]
    with s.archive.db.tx(SCOPE) as conn:
        tied = store.officer_by_badge(conn, "cbp", "4472")
        assert tied is not None
        assert (tied.id, tied.known, tied.job) == (footage_only, True, "Agent")
        chief = by_badge(conn, "4400")
        assert store.supervises(conn, "cbp", TODAY)[tied.id] == chief
        assert tied.id not in store.supervises(conn, "cbp", date(2025, 8, 31))
        assert store.trained(conn, "cbp")[chief] == [(date(2026, 1, 15), date(2028, 1, 15))]
        left = store.officer_by_badge(conn, "cbp", "5120")
        assert left is not None
        assert (left.left_on, left.active) == (date(2026, 10, 15), False)
        assert {c.name for c in store.components(conn, "cbp")} == {"Border Patrol", "Field Operations"}
        (told,) = log.history(conn, "roster:cbp")
        roster = [store.officers(conn), store.offices(conn), store.memberships(conn, "cbp"), store.trainings(conn, "cbp")]  # fmt: skip
    assert told.act == "roster_imported"
    assert told.detail["sha256"] == done.reading.sha256
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls, closing(Database(urls["owner"])) as owner:
        found = rebuild.rebuild(Archive(owner, s.house.stores, s.house.keys("worker")), SCOPE)
        assert (found.damaged, found.left_out) == ((), ())
        with owner.tx(SCOPE) as conn:
            assert roster == [store.officers(conn), store.offices(conn), store.memberships(conn, "cbp"), store.trainings(conn, "cbp")]  # fmt: skip


def test_who_moves_keeps_where_they_were_and_a_correction_counts_from_its_own_day(
    here: Staffed, tmp_path: Path
) -> None:
    take(here, tmp_path, lines(row("100", "Station 1", "01/01/2025")))
    take(here, tmp_path, lines(row("100", "Station 2", "03/01/2026")))
    assert stations(here, "100") == [
        ("Station 1", "2025-01-01", "2026-03-01"),
        ("Station 2", "2026-03-01", ""),
    ]
    take(here, tmp_path, lines(row("100", "Station 2", "02/15/2026")))
    assert stations(here, "100") == [
        ("Station 1", "2025-01-01", "2026-02-15"),
        ("Station 2", "2026-02-15", ""),
    ]


def test_an_old_file_does_not_undo_what_began_after_it(here: Staffed, tmp_path: Path) -> None:
    old = MAPPING.replace("2026-11-01", "2025-06-01")
    take(here, tmp_path, lines(row("101", "Station 1", "01/01/2025")), old)
    take(here, tmp_path, lines(row("101", "Station 2", "03/01/2026")))
    again = take(here, tmp_path, lines(row("101", "Station 1", "01/01/2025")), old)
    assert again.imports == ()
    assert stations(here, "101")[-1] == ("Station 2", "2026-03-01", "")


def test_who_is_not_in_a_complete_file_has_left_and_who_came_later_has_not(
    here: Staffed, tmp_path: Path
) -> None:
    take(here, tmp_path, lines(row("110"), row("111"), row("112", Hired="11/10/2026", since="11/10/2026")))
    everybody = [row(b) for b in ("110", *sorted(others(here) - {"110", "111", "112"}))]
    done = take(here, tmp_path, lines(*everybody), MAPPING + "complete: yes\n")
    ended = [t.about for t in done.changes[0].told if (t.table, t.what) == ("officer", "ended")]
    assert ended == ["111"]


def others(s: Staffed) -> set[str]:
    with s.archive.db.tx(SCOPE) as conn:
        return {o.badge for o in store.officers(conn, "cbp") if o.badge}


def test_supervision_in_a_circle_is_not_taken_and_the_circle_is_shown(here: Staffed, tmp_path: Path) -> None:
    done = take(
        here, tmp_path,
        lines(row("120", leader="122"), row("121", leader="120"), row("122", leader="121"), row("123", leader="120")),
    )  # fmt: skip
    assert [(r.number, r.part) for r in done.rejected] == [
        (2, "supervisor"),
        (3, "supervisor"),
        (4, "supervisor"),
    ]
    round_ = done.rejected[0].reason.partition(": ")[2].split(" → ")
    assert (set(round_), round_[0], len(round_)) == ({"120", "121", "122"}, round_[-1], 4)
    with here.archive.db.tx(SCOPE) as conn:
        led = store.supervises(conn, "cbp", TODAY)
        assert led[by_badge(conn, "123")] == by_badge(conn, "120")
        assert by_badge(conn, "120") not in led


def test_a_file_that_closes_a_circle_with_what_is_there_is_refused_for_the_row_that_closes_it(
    here: Staffed, tmp_path: Path
) -> None:
    take(here, tmp_path, lines(row("130", leader="131"), row("131")))
    done = take(here, tmp_path, lines(row("131", leader="130")))
    assert [(r.number, r.part) for r in done.rejected] == [(2, "supervisor")]


@pytest.mark.parametrize(
    ("name", "bad", "part", "reason"),
    [
        ("a_supervisor_nobody_knows", row("200", leader="9999"), "supervisor", "9999 is nobody's badge"),
        ("dates_reversed", row("200", Hired="05/01/2026", Separated="04/01/2026"), "row", "before being hired"),
        ("training_ends_before_it_begins", row("200", **{"Camera training": "02/01/2026", "Training expires": "01/01/2026"}), "row", "not after 2026-02-01"),
        ("a_totals_row", "Total" + "," * 15, "row", "totals row"),
        ("no_badge", row(""), "row", "no badge number"),
        ("the_31st_of_february", row("200", since="02/31/2025"), "row", "no day"),
        ("an_agency_nobody_knows", row("200", Agency="XYZ"), "row", "does not say what “XYZ”"),
        ("a_formula_for_a_badge", row("=1+1"), "row", "no name or number"),
        ("their_own_supervisor", row("200", leader="200"), "row", "supervise themselves"),
        ("a_cell_too_many", row("200") + ",x", "row", "17 cells and the heading 16"),
        ("the_same_row_twice", row("201"), "row", "row 2 says the same"),
        ("the_same_officer_otherwise", row("201", "Station 9"), "row", "row 2 says otherwise"),
        ("a_code_that_is_another_office_s", row("200", "Station 8", **{"Station code": "C-201"}) + "\n" + row("209", "Station 7", **{"Station code": "C-77"}), "office", ""),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_is_listed_with_its_reason_and_the_others_are_taken(
    here: Staffed, tmp_path: Path, name: str, bad: str, part: str, reason: str
) -> None:
    good = [row("201"), row("202"), row("203")]
    if name == "a_code_that_is_another_office_s":
        take(here, tmp_path, lines(row("208", "Station 7", **{"Station code": "C-7"})))
    done = take(here, tmp_path, lines(*good, bad))
    (one,) = done.rejected
    assert one.part == part
    assert reason in one.reason
    assert {"201", "202", "203"} <= others(here)


def test_two_header_rows_are_read_when_the_mapping_says_so_and_refused_when_not(
    here: Staffed, tmp_path: Path
) -> None:
    above = ",".join("Person" if name in ("Badge", "Title") else "" for name in HEAD.split(","))
    text = "\n".join([above, HEAD, row("300"), row("301")]) + "\n"
    with pytest.raises(Invalid, match="has no column") as raised:
        take(here, tmp_path, text)
    assert "header rows: 2" in raised.value.next_step
    two = MAPPING.replace("badge: Badge", "file: {header rows: 2}\nbadge: Person Badge").replace("job: Title", "job: Person Title")  # fmt: skip
    assert not take(here, tmp_path, text, two).rejected
    assert {"300", "301"} <= others(here)


def test_a_file_of_another_kind_than_its_mapping_is_refused_whole(here: Staffed, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"3 of 4 rows .* no badge number"):
        take(here, tmp_path, lines(row("310"), row(""), row(""), row("")))
    assert "310" not in others(here)


@pytest.mark.parametrize(
    ("instead", "of", "says"),
    [
        ("mapping: events", "mapping: roster", "mapping of events, not of roster"),
        ("version: 7", "version: 1", "version is not known"),
        ("as of: November", "as of: 2026-11-01", "no day"),
        ("bagde: Badge", "badge: Badge", "bagde"),
        ("complete: perhaps", "job: Title", "neither yes nor no"),
    ],
)
def test_a_fault_in_a_mapping_is_named_with_its_place(
    here: Staffed, tmp_path: Path, instead: str, of: str, says: str
) -> None:
    with pytest.raises(Invalid, match=says) as raised:
        take(here, tmp_path, lines(row("320")), MAPPING.replace(of, instead))
    assert raised.value.says.startswith("roster.yaml:")


def test_the_command_shows_the_changes_and_writes_what_was_not_taken(here: Staffed, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "r.csv").write_text(lines(row("400"), row("401", leader="=cmd")))
    app = roster_commands(lambda: contextlib.nullcontext((here.archive, SCOPE)))
    flags = ["--mapping", str(tmp_path / "m.yaml"), "--rejected", str(tmp_path / "not.csv"), "--changes", str(tmp_path / "all.csv")]  # fmt: skip
    shown = CliRunner().invoke(app, ["import", str(tmp_path / "r.csv"), *flags, "--dry-run"])
    assert shown.exit_code == 0, shown.output
    assert "cbp officer added: 400" in shown.output
    assert "dry run: nothing was written" in shown.output
    assert "400" not in others(here)
    taken = CliRunner().invoke(app, ["import", str(tmp_path / "r.csv"), *flags])
    assert "1 not taken" in taken.output
    assert "400" in others(here)
    (heading, one) = (tmp_path / "not.csv").read_text().splitlines()
    assert heading == "row,part,reason,cells"
    assert one.startswith("3,row,")
    assert "cbp,officer,added,400" in (tmp_path / "all.csv").read_text()


def test_an_officer_is_of_the_new_office_when_the_day_has_come(here: Staffed, tmp_path: Path) -> None:
    take(here, tmp_path, lines(row("500", "Station 1", "01/01/2025"), row("500", "Station 2", "11/23/2026")))
    with here.archive.db.tx(SCOPE) as conn:
        names = {office.id: office.name for office in store.offices(conn)}
        officer = by_badge(conn, "500")
        conn.execute("UPDATE officer SET office = NULL WHERE id = %s", (officer,))
        assert store.settle_offices(conn) >= 1
        assert names[store.officer(conn, officer).office or ""] == "Station 2"
        assert store.settle_offices(conn) == 0


@pytest.mark.parametrize(
    ("name", "rows", "part", "reason"),
    [
        ("one_external_id_for_two", [row("600", **{"Camera user": "u-6"}), row("601", **{"Camera user": "u-6"})], "row", "officer 600's in this file"),
        ("an_office_in_two_components", [row("610", "Station 61", Component="North"), row("611", "Station 61", Component="South")], "component", "part of North"),
        ("a_code_with_two_names", [row("620", "Station 62", **{"Station code": "C-62"}), row("621", "Station 63", **{"Station code": "C-62"})], "office", "is that of Station 62"),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_taken_once_by_its_first_row(
    here: Staffed, tmp_path: Path, name: str, rows: list[str], part: str, reason: str
) -> None:
    done = take(here, tmp_path, lines(*rows))
    (one,) = done.rejected
    assert (one.number, one.part) == (3, part), name
    assert reason in one.reason
    assert take(here, tmp_path, lines(*rows)).imports == ()


def test_who_stands_in_a_row_that_cannot_be_taken_has_not_left(here: Staffed, tmp_path: Path) -> None:
    take(here, tmp_path, lines(row("700"), row("701")))
    bad = row("701", since="02/31/2025")
    everybody = [row(b) for b in sorted(others(here) - {"701"})]
    done = take(here, tmp_path, lines(*everybody, bad), MAPPING + "complete: yes\n", dry_run=True)
    assert "701" not in [t.about for t in done.changes[0].told if t.what == "ended"]
