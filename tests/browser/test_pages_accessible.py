"""Can everybody read and use each page? axe-core, narrow and zoomed windows, print, light and dark, and no word on the console."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from windows import NARROW, WIDE, Served, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A person looks at these: LAPEL_SCREENSHOTS names the folder they are written to.
SHOTS = os.environ.get("LAPEL_SCREENSHOTS")
# A map that is drawn by the browser's own graphics reports how slow software is; that is not a fault of the page.
_NO_FAULT = ("GL Driver Message", "status of 404", "status of 401")

COMES_LATER = (
    "[...document.querySelectorAll('*')].some(e => e.localName.includes('-') || e.localName === 'video')"
)


def opened(
    browser: Any, served: Served, scheme: str, size: tuple[int, int], *, signed_in: bool = True
) -> Any:
    """A window; what its pages complain of is collected in `window.complaints`."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    if signed_in:
        context.add_cookies([{"name": "lapel", "value": served.scene.token, "url": served.url}])
    window = context.new_page()
    window.complaints = []

    def heard(message: Any) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in _NO_FAULT):
            window.complaints.append(message.text)

    window.on("console", heard)
    window.on("pageerror", lambda error: window.complaints.append(str(error)))
    return window


def settle(window: Any) -> None:
    """The page with everything that comes after it. Half a second of silence is waited for only where something may come."""
    if window.evaluate(COMES_LATER):
        window.wait_for_load_state("networkidle")
    if window.locator("lapel-trail").count():
        window.locator("lapel-trail[data-map=ready]").wait_for(state="attached")


def shoot(window: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        window.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


# Colours hang on the scheme and the layout on the width, so two windows see all four.
@pytest.mark.parametrize(
    ("scheme", "size"), [("light", WIDE), ("dark", NARROW)], ids=["wide-light", "320px-dark"]
)
def test_axe_finds_nothing_on_any_page(
    browser: Any, served: Served, scheme: str, size: tuple[int, int]
) -> None:
    window = opened(browser, served, scheme, size)
    wrong = []
    for name, path in served.pages().items():
        window.goto(served.url + path)
        settle(window)
        shoot(window, f"{name}-{scheme}-{size[0]}")
        window.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found = violations(window)
        wrong += [f"{name}: {one['id']} {[node['target'] for node in one['nodes']]}" for one in found]
        if window.evaluate("document.documentElement.scrollWidth") > size[0]:
            wrong.append(f"{name}: wider than the window")
    assert wrong == []
    assert window.complaints == []
    window.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_before_signing_in(browser: Any, served: Served, scheme: str) -> None:
    from lapel.access import signin

    link = signin.make_link(served.here.house.db("owner"), ("cbp", "ice"), made_by="cli:test")
    window = opened(browser, served, scheme, NARROW, signed_in=False)
    wrong = []
    for name, path in {
        "sign-in": "/sign-in",
        "begin": f"/begin/{link}",
        "begin-used": "/begin/unknown",
    }.items():
        window.goto(served.url + path)
        settle(window)
        wrong += [f"{name}: {one['id']}" for one in violations(window)]
        shoot(window, f"{name}-{scheme}")
    window.goto(served.url + "/sign-in")
    window.fill("#name", "Nobody")
    window.fill("#password", "not a password")
    window.keyboard.press("Enter")
    window.locator("[role=alert]").wait_for()
    wrong += [f"sign-in-failed: {one['id']}" for one in violations(window)]
    shoot(window, f"sign-in-failed-{scheme}")
    assert wrong == []
    assert window.complaints == []
    window.context.close()


def test_at_twice_the_size_nothing_is_cut_off(browser: Any, served: Served) -> None:
    # 200 % zoom of a 1280 px window is a 640 px window of twice the density (WCAG 1.4.4).
    context = browser.new_context(viewport={"width": 640, "height": 450}, device_scale_factor=2)
    context.add_cookies([{"name": "lapel", "value": served.scene.token, "url": served.url}])
    window = context.new_page()
    for name, path in served.pages().items():
        window.goto(served.url + path)
        assert window.evaluate("document.documentElement.scrollWidth") <= 640, name
        shoot(window, f"{name}-zoom")
    context.close()


def test_paper_names_the_agency_and_shows_no_buttons(browser: Any, served: Served) -> None:
    window = opened(browser, served, "light", WIDE)
    window.emulate_media(media="print")
    for name in ("work", "recording", "recordings"):
        window.goto(served.url + served.pages()[name])
        assert window.locator(".printed").is_visible()
        assert "Customs and Border Protection" in window.locator(".printed").inner_text()
        for hidden in (".top", ".side", "main form .usa-button"):
            assert not any(one.is_visible() for one in window.locator(hidden).all()), (name, hidden)
        shoot(window, f"{name}-print")
    window.context.close()


def test_without_scripts_everything_can_still_be_done(browser: Any, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "lapel", "value": served.scene.token, "url": served.url}])
    window = context.new_page()
    window.goto(f"{served.url}/recordings/{served.scene.watched}")
    assert window.locator("video[controls]").is_visible()
    assert window.locator(".map svg polyline").is_visible()
    window.select_option("#category-field", label="Arrest")
    window.click("#category button")
    assert window.locator("#category strong").inner_text() == "Arrest"
    window.locator(".acts a").first.click()
    assert window.locator(".proof").is_visible()
    window.goto(f"{served.url}/recordings?category=none")
    window.locator("label.usa-checkbox__label").first.click()
    window.select_option("#several", index=1)
    window.click(".bar button")
    assert "/recordings" in window.url
    context.close()
