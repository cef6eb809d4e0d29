"""Do two agencies, each in a browser of its own, see a share given, used and taken back; and two administrators a role?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from test_pages_accessible import shoot
from windows import violations

from house import House
from lapel.base import clock
from lapel.custody import log
from staffed import PASSWORD, Staffed, serving, staffed

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def desk(house: House) -> Staffed:
    return staffed(house)


@pytest.fixture
def site(desk: Staffed) -> Iterator[str]:
    with serving(desk.app()) as url:
        yield url


def window_of(browser: Any, site: str, token: str | None = None) -> Any:
    """A browser of somebody's own: its cookies are nobody else's."""
    context = browser.new_context()
    if token:
        context.add_cookies([{"name": "lapel", "value": token, "url": site}])
    window = context.new_page()
    window.on("pageerror", lambda error: pytest.fail(str(error)))
    return window


def test_a_share_is_given_used_and_taken_back_between_two_browsers(
    browser: Any, desk: Staffed, site: str
) -> None:
    recording = desk.recording(wearer=desk.officer("4471"))
    desk.inspect(recording)
    giver = desk.account(("cbp",), "Custodian 12")
    desk.say_why(giver, recording)
    ours = window_of(browser, site, giver.token)
    theirs = window_of(browser, site, desk.account(("ice",), "Custodian 31").token)
    target = f"{site}/recordings/{recording.number}"

    assert theirs.goto(target).status == 404
    ours.goto(f"{site}/shares/new?recording={recording.number}")
    ours.select_option("#to", label="Immigration and Customs Enforcement")
    ours.fill("#purpose", "A joint investigation")
    ours.fill("#last", str((clock.now() + timedelta(days=3)).date()))
    ours.get_by_role("button", name="Share", exact=True).click()
    ours.get_by_role("heading", name="Take it back").wait_for()
    share = ours.url

    theirs.goto(f"{site}/work")
    theirs.get_by_role("link", name=recording.number).first.click()
    assert "for: A joint investigation" in theirs.locator(".lead").inner_text()
    assert violations(theirs) == []
    shoot(theirs, "share-had")
    theirs.locator("ul.plain a.number").first.click()
    theirs.locator("video").wait_for()
    with theirs.expect_response(lambda answer: "/clips/" in answer.url or answer.status == 206):
        theirs.evaluate("document.querySelector('video').play()")
    assert theirs.goto(f"{target}/export.zip").status == 403

    # The giver's history names who looked, from the other agency, while it lasts.
    ours.goto(f"{target}#history")
    assert "Custodian 31" in ours.locator("main").inner_text()
    ours.goto(share)
    ours.fill("#reason", "Sent by mistake")
    ours.get_by_role("button", name="Take the share back").click()
    ours.get_by_text("taken back: Sent by mistake").wait_for()
    assert theirs.goto(target).status == 403
    assert "took it back" in theirs.locator("main").inner_text()
    shoot(theirs, "share-taken-back")
    with desk.archive.db.tx(desk.house.scope()) as conn:
        acts = [act.act for act in log.history(conn, f"recording:{recording.id}")]
    assert {"shared", "viewed", "played", "share_revoked"} <= set(acts)
    for window in (ours, theirs):
        window.context.close()


def test_one_administrator_asks_another_approves_and_the_newcomer_is_in(
    browser: Any, desk: Staffed, site: str
) -> None:
    first = window_of(browser, site, desk.account(("cbp",), "Administrator 1").token)
    second = window_of(browser, site, desk.account(("cbp",), "Administrator 2").token)
    new = window_of(browser, site)
    first.goto(f"{site}/accounts")
    first.fill("#a-name", "Custodian 90")
    first.get_by_role("button", name="Make the account").click()
    link = first.locator(".secret").inner_text()
    shoot(first, "account-link")
    new.goto(link.replace("http://127.0.0.1", "http://127.0.0.1"))
    for field in ("#password", "#again"):
        new.fill(field, PASSWORD)
    new.get_by_role("button", name="Set the password").click()
    new.get_by_text("holds no role yet").wait_for()
    first.get_by_role("link", name="To the account").click()
    first.select_option("#r-role", value="custodian")
    first.get_by_role("button", name="Give it").click()
    assert first.get_by_role("button", name="Approve custodian for Custodian 90").count() == 0
    second.goto(f"{site}/work")
    second.get_by_role("link", name="custodian in CBP", exact=True).first.click()
    second.get_by_role("button", name="Approve custodian for Custodian 90").click()
    second.get_by_role("heading", name="0 roles wait").wait_for()
    new.goto(f"{site}/recordings")
    assert "No recording" in new.locator("h1").inner_text()
    new.goto(f"{site}/account#tokens")
    new.get_by_text("Make a token").click()
    new.fill("#token-name", "Nightly report")
    new.locator("label[for=act-1]").click()
    new.get_by_role("button", name="Make the token").click()
    text = new.locator(".secret").inner_text()
    assert violations(new) == []
    shoot(new, "token-made")
    answer = new.context.request.get(
        f"{site}/recordings.json", headers={"authorization": f"Bearer {text}", "cookie": ""}
    )
    assert answer.status == 200
    second.goto(f"{site}/accounts/programs")
    second.get_by_role("button", name="Revoke Nightly report of Custodian 90").click()
    second.get_by_text("0 tokens of programs are good").wait_for()
    for window in (first, second, new):
        window.context.close()
