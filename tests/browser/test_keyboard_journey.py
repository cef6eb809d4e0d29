"""Can a custodian do the day's work without a mouse? Sign in, find a recording, play, bookmark, categorise, prove."""

from __future__ import annotations

from typing import Any

import pytest
from windows import WIDE, Served

from staffed import NAME, PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def tab_to(window: Any, selector: str, most: int = 120) -> None:
    """Press Tab until the focus is on the element, as a person does; where it is must be seen."""
    for _ in range(most):
        window.keyboard.press("Tab")
        here = window.evaluate(
            """wanted => { const at = document.activeElement; const s = getComputedStyle(at);
               return [at.matches(wanted), s.outlineStyle !== 'none' || s.boxShadow !== 'none' || at.matches('video')]; }""",
            selector,
        )
        if here[0]:
            assert here[1], f"the focus on {selector} cannot be seen"
            return
    raise AssertionError(f"{selector} cannot be reached with Tab")


def player(window: Any) -> dict[str, Any]:
    state: dict[str, Any] = window.evaluate(
        "() => { const p = document.querySelector('lapel-player'); return {now: p.now, paused: p.video.paused, index: p.index, rate: p.video.playbackRate}; }"
    )
    return state


def until(window: Any, condition: str) -> None:
    window.wait_for_function(
        f"() => {{ const p = document.querySelector('lapel-player'), v = p.video; return {condition}; }}"
    )


def test_the_whole_way_by_keyboard(browser: Any, served: Served) -> None:
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    window, keys = context.new_page(), None
    keys = window.keyboard
    complaints: list[str] = []
    window.on("pageerror", lambda error: complaints.append(str(error)))

    # In: the work list is where it leads.
    window.goto(served.url)
    window.wait_for_url("**/sign-in**")
    keys.type(NAME)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    window.wait_for_url("**/work")
    keys.press("Tab")
    assert window.evaluate("document.activeElement.textContent") == "Skip to the main content"

    # Found: a number typed into the search field. It is somebody else's, and this session has not said for what it looks.
    keys.press("/")
    keys.type(served.scene.watched.lower())
    keys.press("Enter")
    window.wait_for_url(f"**/recordings/{served.scene.watched}/purpose**")
    tab_to(window, "input[name=reason]")
    keys.press("Space")
    tab_to(window, "form:has(fieldset) button")
    keys.press("Enter")
    window.wait_for_url(f"**/recordings/{served.scene.watched}")

    # Played: two clips as one line, with a gap between.
    window.locator("[data-act=toggle]").wait_for()
    keys.press("k")
    until(window, "!v.paused && v.currentTime > 0.2")
    keys.press("k")
    until(window, "v.paused")
    before = player(window)["now"]
    keys.press("ArrowRight")
    until(window, f"p.now > {before} + 4.5")
    keys.press(".")
    until(window, f"Math.abs(p.now - {before} - 5.04) < 0.01")
    keys.press("ArrowLeft")
    keys.press("ArrowLeft")
    until(window, "p.now < 1")
    keys.press("Shift+ArrowRight")  # beyond the gap, into the second clip
    until(window, "p.index === 1 && v.readyState > 0")
    keys.press("Home") if window.evaluate("document.activeElement.matches('[data-line]')") else None
    keys.press("Shift+ArrowLeft")
    until(window, "p.index === 0 && v.readyState > 0 && p.now < 0.5")
    keys.press("l")
    keys.press("l")
    until(window, "v.playbackRate === 2 && !v.paused")
    keys.press("j")
    until(window, "v.paused")
    keys.press("k")

    # Help, and back.
    keys.press("?")
    assert window.locator("dialog#keys").is_visible()
    keys.press("Escape")

    # Bookmarked where it stands.
    keys.press("b")
    assert window.evaluate("document.activeElement.id") == "b-words"
    assert float(window.input_value("#b-at")) >= 0
    keys.type("The first rider")
    keys.press("Enter")
    window.wait_for_url("**#bookmarks")
    assert window.locator("#bookmarks li", has_text="The first rider").count() == 1

    # Categorised.
    keys.press("c")
    assert window.evaluate("document.activeElement.id") == "category-field"
    keys.type("Search")
    tab_to(window, "#category button")
    keys.press("Enter")
    window.wait_for_url("**#category")
    assert window.locator("#category strong").inner_text() == "Search warrant"

    # Proved, in place, and on paper to take away.
    tab_to(window, ".acts-proof a")
    keys.press("Enter")
    window.locator(".panel .proof").wait_for()
    assert "holds" in window.locator(".panel .verdict").inner_text()
    assert window.url.endswith("#category")
    tab_to(window, ".proof a[download]")
    with window.expect_download() as download:
        keys.press("Enter")
    assert download.value.suggested_filename.endswith("-receipt.json")

    # Out.
    window.goto(f"{served.url}/work")
    tab_to(window, ".quiet")
    keys.press("Enter")
    window.wait_for_url("**/sign-in")
    assert complaints == []
    context.close()


def test_one_play_is_one_entry_however_much_is_sought(browser: Any, served: Served) -> None:
    from lapel.custody import log

    context = browser.new_context()
    context.add_cookies([{"name": "lapel", "value": served.scene.token, "url": served.url}])
    window = context.new_page()
    window.goto(f"{served.url}/recordings/{served.scene.watched}")
    window.keyboard.press("k")
    until(window, "!v.paused")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft", "ArrowRight"):
        window.keyboard.press(key)
        until(window, "v.readyState > 1")
    with served.here.archive.db.tx(served.here.house.scope("cbp")) as conn:
        row = conn.execute("SELECT id FROM recording WHERE number = %s", (served.scene.watched,)).fetchone()
        assert row is not None
        acts = [act.act for act in log.history(conn, f"recording:{row['id']}")]
    assert acts.count("played") == 1
    context.close()


def test_opening_a_page_is_not_playing(browser: Any, served: Served) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "lapel", "value": served.scene.token, "url": served.url}])
    window = context.new_page()
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.goto(f"{served.url}/recordings/{served.scene.watched}")
    window.wait_for_load_state("networkidle")
    assert asked
    assert not [url for url in asked if url.endswith("/play")]
    assert not [url for url in asked if not url.startswith((served.url, "blob:", "data:"))], (
        "something came from elsewhere"
    )
    context.close()


def test_ticks_are_counted_and_set_together(browser: Any, served: Served) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "lapel", "value": served.scene.token, "url": served.url}])
    window = context.new_page()
    window.goto(f"{served.url}/recordings")
    tab_to(window, "th.tick button")
    window.keyboard.press("Enter")
    rows = window.locator("input[name=number]").count()
    assert rows > 2
    assert window.locator("[data-ticked]").inner_text() == f"{rows} of {rows} ticked"
    tab_to(window, "input[name=number]")
    window.keyboard.press("Space")
    assert window.locator("[data-ticked]").inner_text() == f"{rows - 1} of {rows} ticked"
    context.close()
