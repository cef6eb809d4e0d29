"""Does a supervisor decide what an officer entered, does a commander find the reason behind a number, and does everybody see it?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "activation"))
from test_pages_accessible import settle, shoot
from watched import NOON, Watched
from windows import NARROW, WIDE, violations

from house import House
from lapel.activation import draws
from lapel.activation.findings import duty_number
from staffed import serving, staffed

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Unit:
    """The pages of a unit answer at `url`; two people can be signed in."""

    url: str
    watched: Watched
    officer: str
    supervisor: str
    missed: str

    def pages(self) -> dict[str, str]:
        return {
            "duties": "/activation", "duties-by-month": "/activation?by=month", "duties-public": "/activation/public",
            "duty": f"/activation/duties/{self.missed}", "officer": "/activation/officers/fps/7001", "gaps": "/activation/gaps",
            "exceptions": "/activation/exceptions", "forbidden": "/activation/forbidden", "reviews": "/activation/reviews",
            "plan": "/activation/plan", "missing": "/recordings/missing", "work-with-duties": "/work",
        }  # fmt: skip


@pytest.fixture
def unit(house: House) -> Iterator[Unit]:
    watched = Watched(staffed(house))
    watched.sign("fps")
    for outcome in (
        "recorded",
        "recorded",
        "missing",
        "no camera",
        "not in plan",
        "untrained",
        "undetermined",
        "recorded",
    ):
        watched.finding(outcome, at=NOON + timedelta(minutes=45 * len(watched.duties)))
    watched.finding("late", badge="7002", covered=12)
    watched.finding("recorded though forbidden", badge="7003", kind="forbidden", covered=5, clause="fps:F4")
    for badge in ("7002", "7003"):
        watched.staffed.recording("fps", salt=badge.encode(), wearer=watched.officers[badge], started_at=NOON)
    scope = watched.scope("cli:clerk")
    period = draws.Period(NOON.date().replace(day=1), NOON.date().replace(month=11, day=1))
    draws.log_populations(watched.staffed.archive, scope, "fps", period)
    watched.staffed.publish()
    draws.draw_waiting(watched.staffed.archive, scope, ["fps"])
    officer = watched.staffed.account(("fps",), name="Officer").token
    supervisor = watched.staffed.account(("fps",), name="Supervisor").token
    with serving(watched.staffed.app()) as url:
        yield Unit(url, watched, officer, supervisor, duty_number(watched.duties[2]))


def window_of(
    browser: Any, unit: Unit, token: str, scheme: str = "light", size: tuple[int, int] = WIDE
) -> Any:
    context = browser.new_context(color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    context.add_cookies([{"name": "lapel", "value": token, "url": unit.url}])
    return context.new_page()


def test_every_page_of_duties_is_accessible_in_both_schemes_and_on_a_phone(browser: Any, unit: Unit) -> None:
    wrong, complaints = [], []
    for scheme, size in (("light", WIDE), ("dark", NARROW)):
        window = window_of(browser, unit, unit.supervisor, scheme, size)
        window.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        for name, path in unit.pages().items():
            window.goto(unit.url + path)
            settle(window)
            shoot(window, f"{name}-{scheme}-{size[0]}")
            window.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            found = violations(window)
            wrong += [
                f"{name} {scheme}: {one['id']} {[n['target'] for n in one['nodes']][:3]}" for one in found
            ]
            if window.evaluate("document.documentElement.scrollWidth") > size[0]:
                wrong.append(f"{name}: wider than the window")
        window.context.close()
    assert wrong == []
    assert complaints == []


def test_a_supervisor_decides_what_an_officer_entered(browser: Any, unit: Unit) -> None:
    officer = window_of(browser, unit, unit.officer)
    officer.goto(f"{unit.url}/activation/duties/{unit.missed}")
    officer.select_option("#x-clause", "safety/fps:F7")
    officer.fill("#x-words", "Shots were fired; I took cover.")
    officer.click("text=Enter the exception")
    officer.locator("h1", has_text="Waits for a decision").wait_for()
    assert officer.locator("text=somebody else decides it").count()
    assert officer.get_by_role("button", name="Grant").count() == 0
    supervisor = window_of(browser, unit, unit.supervisor)
    supervisor.goto(f"{unit.url}/work")
    supervisor.locator("section[aria-labelledby=exceptions] a.usa-button").first.click()
    supervisor.fill("#dec-words", "Seen on the other camera.")
    supervisor.get_by_role("button", name="Grant").click()
    supervisor.locator("h1", has_text="Granted").wait_for()
    shoot(supervisor, "exception-granted")
    supervisor.goto(f"{unit.url}/activation/duties/{unit.missed}")
    assert "excused" in supervisor.locator("h1").inner_text()
    for window in (officer, supervisor):
        window.context.close()


def test_a_commander_drills_from_a_number_to_the_clause_that_made_the_duty(browser: Any, unit: Unit) -> None:
    window = window_of(browser, unit, unit.supervisor)
    window.goto(f"{unit.url}/activation")
    assert (
        window.locator("h1").inner_text()
        == "3 of 5 duties owed were recorded in full; 1 has no recording at all"
    )
    window.locator(".outcomes li", has_text="missing").locator("a").first.click()
    window.locator("table a.number").first.click()
    assert "Nothing was recorded" in window.locator("h1").inner_text()
    assert window.locator(".clause-id a").first.inner_text() == "FPS F3"
    window.locator(".clause-id a").first.click()
    assert "/policy/read/fps" in window.url
    window.context.close()
