"""Is a review drawn from what was logged, by a seed that came after, and is what was seen said once, by somebody else?"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from watched import Watched

from lapel.access.actor import Reach
from lapel.activation import draws, review, sample, store_review
from lapel.activation.draws import Period
from lapel.base.errors import Conflict, Invalid, Refused, Unavailable
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.archive import Archive

ALL = Reach(("fps",), ("fps",))
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
MONDAY = datetime(2026, 10, 12, 9, 0, tzinfo=ZoneInfo("America/New_York"))


def unit(watched: Watched) -> None:
    """Three officers, two of them under a supervisor, with five recordings in October and one of the winter before."""
    s = watched.staffed
    for badge in ("7001", "7002", "7003", "7100"):
        watched.officer(badge)
    with s.archive.db.tx(watched.scope("cli:clerk")) as conn:
        for badge in ("7001", "7002"):
            conn.execute(
                "INSERT INTO supervision (id, agency, officer, supervisor, from_on) VALUES (%s, 'fps', %s, %s, '2026-01-01')",
                (new_id(), watched.officers[badge], watched.officers["7100"]),
            )
    for i, (badge, at) in enumerate(
        [
            ("7001", MONDAY), ("7001", MONDAY + timedelta(days=1)), ("7002", MONDAY), ("7003", MONDAY),
            ("7003", datetime(2026, 10, 31, 23, 30, tzinfo=ZoneInfo("America/New_York"))),
            ("7002", datetime(2025, 11, 20, 9, 0, tzinfo=ZoneInfo("America/New_York"))),
            ("7003", datetime(2026, 11, 1, 0, 30, tzinfo=ZoneInfo("America/New_York"))),
        ]
    ):  # fmt: skip
        s.recording("fps", salt=bytes([i + 1]) * 9, wearer=watched.officers[badge], started_at=at)


def logged(watched: Watched) -> list[store_review.Draw]:
    archive, scope = watched.staffed.archive, watched.scope("cli:clerk")
    draws.log_populations(archive, scope, "fps", OCTOBER)
    with archive.db.tx(scope) as conn:
        return store_review.draws(conn, ["fps"])


def test_the_populations_are_of_the_period_in_the_agencys_days_by_supervisor(watched: Watched) -> None:
    unit(watched)
    there = {d.supervisor: sample.read(d.population) for d in logged(watched)}
    assert set(there) == {None, watched.officers["7100"]}
    alone = there[None].officers
    assert [worn.officer for worn in alone] == [watched.officers["7003"]]
    assert len(alone[0].recordings) == 2  # October 31, 23:30 in New York is in; half past midnight is not
    led = {worn.officer: worn for worn in there[watched.officers["7100"]].officers}
    assert len(led[watched.officers["7001"]].recordings) == 2
    waiting = led[watched.officers["7002"]]
    assert (waiting.waits_since, len(waiting.recordings)) == (date(2025, 11, 20), 2)
    assert there[watched.officers["7100"]].is_due(waiting)


def test_a_population_is_logged_once_and_not_before_the_period_is_over(watched: Watched) -> None:
    unit(watched)
    first = logged(watched)
    watched.staffed.recording("fps", salt=b"late" * 3, wearer=watched.officers["7001"], started_at=MONDAY)
    assert [d.sha256 for d in logged(watched)] == [d.sha256 for d in first]
    far = date.today().replace(day=1) + timedelta(days=40)  # noqa: DTZ011
    with pytest.raises(Invalid, match="not over yet"):
        draws.log_populations(
            watched.staffed.archive, watched.scope(), "fps", Period(far, far + timedelta(days=7))
        )


def test_the_seed_is_a_root_that_nobody_knew_and_the_sample_can_be_repeated(watched: Watched) -> None:
    unit(watched)
    archive, scope = watched.staffed.archive, watched.scope("cli:clerk")
    watched.staffed.publish()  # a checkpoint from before the population is no seed
    open_draws = logged(watched)
    assert draws.draw_waiting(archive, scope, ["fps"]) == ([], 2)
    watched.staffed.publish()
    drawn, waiting = draws.draw_waiting(archive, scope, ["fps"])
    assert (sorted(drawn), waiting) == (sorted(d.id for d in open_draws), 0)
    with archive.db.tx(scope) as conn:
        for one in open_draws:
            there = store_review.draw(conn, one.id)
            assert there.seed is not None
            place = conn.execute("SELECT index FROM custody_leaf WHERE entry = %s", (there.entry,)).fetchone()
            assert place is not None
            assert there.log_size is not None
            assert there.log_size > place["index"]
            picks = sample.draw(bytes.fromhex(there.seed), sample.read(one.population))
            kept = store_review.reviews_of_draw(conn, there.id)
            assert [r.recording for r in kept] == [p.recording for p in picks]
            assert draws.check(conn, there.id) == []
            acts = log.history(conn, f"review:fps/{there.supervisor or '-'}/2026-10-01")
            assert [a.act for a in acts] == ["review_population_logged", "review_sample_drawn"]
            assert (acts[0].detail["sha256"], acts[1].detail["seed"]) == (there.sha256, there.seed)
    watched.staffed.publish()
    assert draws.draw_waiting(archive, scope, ["fps"]) == ([], 0)


def test_who_was_drawn_waits_anew_from_the_next_period_on(watched: Watched) -> None:
    unit(watched)
    archive, scope = watched.staffed.archive, watched.scope("cli:clerk")
    logged(watched)
    watched.staffed.publish()
    draws.draw_waiting(archive, scope, ["fps"])
    with archive.db.tx(scope) as conn:
        rows = store_review.worn(conn, "fps", date(2026, 11, 1), date(2026, 12, 1), "America/New_York")
    assert {(row["wearer"], row["waits_since"]) for row in rows} == {
        (watched.officers["7003"], date(2026, 11, 1))
    }


def test_a_kept_draw_that_was_changed_is_found(watched: Watched) -> None:
    unit(watched)
    archive, scope = watched.staffed.archive, watched.scope("cli:clerk")
    logged(watched)
    watched.staffed.publish()
    draws.draw_waiting(archive, scope, ["fps"])
    with archive.db.tx(scope) as conn:
        one = next(d for d in store_review.draws(conn, ["fps"]) if d.supervisor)
    changed = one.population.replace('"size":2', '"size":1')
    assert changed != one.population
    for column, value in (("population", changed), ("seed", "0" * 64)):
        with watched.staffed.house.db("owner").tx(scope) as conn, conn.transaction(force_rollback=True):
            conn.execute(f"UPDATE review_draw SET {column} = %s WHERE id = %s", (value, one.id))
            assert draws.check(conn, one.id)


def test_the_job_waits_for_the_log_and_is_safe_to_do_again(watched: Watched) -> None:
    unit(watched)
    house = watched.staffed.house
    worker = Archive(house.db("worker"), house.stores, house.keys("worker"))
    with pytest.raises(Unavailable, match="next checkpoint"):
        draws.keep_up(worker, "fps", "2026-10-01", "2026-11-01")
    watched.staffed.publish()
    for _ in range(2):
        draws.keep_up(worker, "fps", "2026-10-01", "2026-11-01")
    with watched.staffed.archive.db.tx(watched.scope()) as conn:
        assert all(d.seed for d in store_review.draws(conn, ["fps"]))


def test_what_was_seen_is_said_once_and_never_by_who_is_seen(watched: Watched) -> None:
    unit(watched)
    archive, scope = watched.staffed.archive, watched.scope("account:" + "b" * 32)
    logged(watched)
    watched.staffed.publish()
    draws.draw_waiting(archive, scope, ["fps"])
    with archive.db.tx(scope) as conn:
        one = store_review.queue(conn, Reach(("fps",)), watched.officers["7100"], now=MONDAY)[0]
    for wrong in ({"outcome": "fine"}, {"outcome": "training"}, {"outcome": "training", "words": "x" * 4001}):
        with pytest.raises(Invalid):
            review.settle(archive, scope, one["id"], **wrong)
    with pytest.raises(Refused, match="of their own"):
        review.settle(archive, scope, one["id"], "in_order", reviewer_is=one["officer"])
    review.settle(
        archive,
        scope,
        one["id"],
        "late_or_short",
        "On after the doors opened.",
        reviewer_is=watched.officers["7100"],
    )
    with pytest.raises(Conflict, match="done already"):
        review.settle(archive, scope, one["id"], "in_order")
    with archive.db.tx(scope) as conn:
        acts = log.history(conn, f"recording:{one['recording']}")
        assert (acts[-1].act, acts[-1].detail["outcome"]) == ("reviewed", "late_or_short")
        left = store_review.queue(conn, ALL, None, now=one["due_at"] + timedelta(days=1), state="overdue")
        done = store_review.queue(conn, ALL, None, now=MONDAY, state="done")
    assert one["id"] not in {row["id"] for row in left}
    assert left
    assert [row["id"] for row in done] == [one["id"]]


def test_risk_weighs_more_than_none() -> None:
    assert draws.weight_of("Use of force", has_finding=True) == 32
    assert draws.weight_of("Patrol", has_finding=False) == 1
    assert draws.weight_of(None, has_finding=False) == 2


def test_a_period_is_followed_by_one_as_long_and_a_month_by_a_month() -> None:
    assert draws.last_month(date(2027, 1, 9)) == Period(date(2026, 12, 1), date(2027, 1, 1))
    assert draws.last_month(date(2027, 1, 9)).next_ends_on == date(2027, 2, 1)
    assert Period(date(2026, 2, 3), date(2026, 2, 10)).next_ends_on == date(2026, 2, 17)
    assert [draws.size_for(n, OCTOBER) for n in (0, 1, 12, 60)] == [0, 2, 3, 11]
