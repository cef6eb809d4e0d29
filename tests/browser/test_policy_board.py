"""Can somebody of the policy office find out, from the board, why a draft breaks the department's policy?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_pages_accessible import opened, shoot
from windows import NARROW, WIDE, Served, violations

from house import House
from lapel.app.demo_policy import papers
from lapel.policy import adoption, drafts
from scene import Scene
from staffed import serving, staffed

sys.path.insert(0, str(Path(__file__).parents[1] / "policy"))
from signed import office, paper, work

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = {
    "policy": "/policy",
    "policy-proof": "/policy/proofs/cbp",
    "policy-proof-draft": "/policy/proofs/tsa?draft=true",
    "policy-read": "/policy/read/department",
    "policy-read-agency": "/policy/read/tsa",
    "policy-read-order": "/policy/read/ndil_2025",
    "policy-beside": "/policy/beside/usss",
    "policy-ask": "/policy/ask",
    "policy-ask-answered": "/policy/ask?agency=fps&on=2024-06-01&activity=emergency_call&with_public=yes&phase=active"
    "&in_plan=yes&equipped=yes",
    "policy-ask-impossible": "/policy/ask?agency=fps&technique=undercover_buy&undercover_or_informant=no",
    "policy-due": "/policy/due",
    "policy-changes": "/policy/changes/ice",
    "policy-changes-none": "/policy/changes/department",
}


@pytest.fixture
def governed(house: House) -> Iterator[Served]:
    """Nine agencies under one policy, proved, and one draft that breaks it."""
    archive, scope = office(house)
    adoption.adopt(archive, scope, papers())
    draft = paper("tsa_no_emergency_calls")
    drafts.hand_in(archive, scope, draft.body, draft.file, "Policy office")
    work(house)
    here = staffed(house)
    token = here.account(("tsa", "cbp")).token
    with serving(here.app()) as url:
        yield Served(url, Scene("", "", "", "", token, "", "", ""), here)


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", WIDE), ("dark", NARROW)], ids=["wide-light", "320px-dark"]
)
def test_axe_finds_nothing_on_the_policys_pages(
    browser: Any, governed: Served, scheme: str, size: tuple[int, int]
) -> None:
    window = opened(browser, governed, scheme, size)
    wrong = []
    for name, path in PAGES.items():
        answer = window.goto(governed.url + path)
        assert answer.status == 200, path
        shoot(window, f"{name}-{scheme}-{size[0]}")
        window.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found = violations(window)
        wrong += [f"{name}: {one['id']} {[node['target'] for node in one['nodes']][:4]}" for one in found]
        if window.evaluate("document.documentElement.scrollWidth") > size[0]:
            wrong.append(f"{name}: wider than the window")
    assert wrong == []
    assert window.complaints == []
    window.context.close()


def test_the_counterexample_of_a_broken_draft_is_read_and_asked_again_by_keyboard(
    browser: Any, governed: Served
) -> None:
    window = opened(browser, governed, "light", WIDE)
    window.goto(f"{governed.url}/policy")
    assert window.locator("h1").inner_text() == "All nine agencies keep to the department's policy"
    draft = window.locator("#draft-tsa")
    assert "fails" in draft.inner_text()
    says = draft.locator(".counter-says a").inner_text()
    for words in (
        "an ordinary situation except",
        "emergency call",
        "engaged with the public",
        "Department D1 requires recording",
    ):
        assert words in says
    left, right = draft.locator(".two > div").all()
    assert "As defined by Agency policy" in left.inner_text()
    assert "an emergency call may go unrecorded" in right.inner_text().lower()
    draft.locator(".counter-says a").focus()
    window.keyboard.press("Enter")
    window.wait_for_url("**/policy/ask?**")
    shoot(window, "policy-ask-counterexample")
    assert window.locator("h1").inner_text().endswith("the camera may record, and need not")
    record = window.locator("section[aria-labelledby=q-record]")
    own, department = record.locator(".two > div").all()
    assert "TSA T17" in own.inner_text()
    assert "The camera must record" in department.inner_text()
    assert "Department D1" in department.inner_text()
    window.context.close()


def test_a_form_asks_and_explains_without_scripts(browser: Any, governed: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "lapel", "value": governed.scene.token, "url": governed.url}])
    window = context.new_page()
    window.goto(f"{governed.url}/policy/ask?agency=cbp")
    window.fill("#on", "2024-06-01")
    window.get_by_text("planned arrest", exact=True).click()
    window.select_option("#f-phase", "active")
    for fact in ("in_plan", "equipped", "trained"):
        window.select_option(f"#f-{fact}", "yes")
    window.get_by_role("button", name="Ask").click()
    assert window.locator("h1").inner_text() == "CBP, 2024-06-01: the camera must record"
    assert "CBP C2" in window.locator("section[aria-labelledby=q-record]").inner_text()
    context.close()


def test_paper_shows_the_board_and_no_buttons(browser: Any, governed: Served) -> None:
    window = opened(browser, governed, "light", WIDE)
    window.emulate_media(media="print")
    for name in ("policy", "policy-read", "policy-due", "policy-beside"):
        window.goto(governed.url + PAGES[name])
        for hidden in (".top", ".side", ".tabs", "main form .usa-button"):
            assert not any(one.is_visible() for one in window.locator(hidden).all()), (name, hidden)
        assert window.locator("h1").is_visible()
        shoot(window, f"{name}-print")
    window.context.close()
