"""Does a passkey open the account it was made for, in a real browser, and nothing else?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_pages_accessible import shoot
from windows import violations

from house import House
from lapel.access import sessions
from lapel.custody import log
from staffed import NAME, Staffed, serving, staffed

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def desk(house: House) -> Staffed:
    return staffed(house)


@pytest.fixture
def site(desk: Staffed) -> Iterator[str]:
    """The app by its name: a passkey is bound to a name, never to an address."""
    with serving(desk.app()) as url:
        yield url.replace("127.0.0.1", "localhost")


def authenticator(window: Any, *, verifies: bool = True) -> tuple[Any, str]:
    """A virtual authenticator with its holder's finger on it."""
    tools = window.context.new_cdp_session(window)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    made = tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return tools, made["authenticatorId"]


def signed_in(browser: Any, site: str, token: str) -> Any:
    context = browser.new_context()
    context.add_cookies([{"name": "lapel", "value": token, "url": site}])
    window = context.new_page()
    window.on("pageerror", lambda error: pytest.fail(str(error)))
    return window


def add(window: Any, site: str, name: str) -> None:
    window.goto(f"{site}/account")
    window.fill("#passkey-name", name)
    window.get_by_role("button", name="Add a passkey").click()
    window.get_by_role("button", name=f"Remove {name}").wait_for()


def test_a_passkey_is_added_and_opens_the_account_after_signing_out(
    browser: Any, desk: Staffed, site: str
) -> None:
    opened = desk.account()
    window = signed_in(browser, site, opened.token)
    authenticator(window)
    add(window, site, "Property room laptop")
    shoot(window, "account-passkey")
    assert [one["id"] for one in violations(window)] == []
    window.get_by_role("button", name="Sign out").click()
    window.wait_for_url("**/sign-in")
    assert sessions.read(desk.archive.db, opened.token) is None
    window.goto(f"{site}/sign-in?next=/recordings")
    window.get_by_role("button", name="Sign in with a passkey").click()
    window.wait_for_url("**/recordings")
    assert window.locator(".me").inner_text() == NAME
    with desk.archive.db.tx(desk.house.scope()) as conn:
        acts = log.history(conn, f"account:{opened.account}")
    assert {act.act for act in acts} == {"account_made", "passkey_added", "signed_in", "signed_out"}
    assert [act.detail["method"] for act in acts if act.act == "signed_in"] == ["link", "passkey"]
    window.context.close()


def test_a_device_that_does_not_verify_its_holder_opens_nothing(
    browser: Any, desk: Staffed, site: str
) -> None:
    window = signed_in(browser, site, desk.account().token)
    tools, device = authenticator(window)
    add(window, site, "Card")
    window.context.clear_cookies()
    tools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    window.goto(f"{site}/sign-in")
    window.get_by_role("button", name="Sign in with a passkey").click()
    window.get_by_text("Nothing was done").wait_for()
    window.context.close()


def test_a_removed_passkey_opens_nothing(browser: Any, desk: Staffed, site: str) -> None:
    window = signed_in(browser, site, desk.account().token)
    authenticator(window)
    add(window, site, "Old phone")
    window.get_by_role("button", name="Remove Old phone").click()
    window.get_by_text("You have none").wait_for()
    window.context.clear_cookies()
    window.goto(f"{site}/sign-in")
    window.get_by_role("button", name="Sign in with a passkey").click()
    window.get_by_text("opens no account here").wait_for()
    window.context.close()


def test_a_passkey_whose_counter_went_back_may_be_a_copy_and_is_refused(
    browser: Any, desk: Staffed, site: str
) -> None:
    opened = desk.account()
    window = signed_in(browser, site, opened.token)
    authenticator(window)
    add(window, site, "Card")
    with desk.house.db("owner").tx(desk.house.scope()) as conn:
        conn.execute("UPDATE passkey SET sign_count = 1000")
    window.context.clear_cookies()
    window.goto(f"{site}/sign-in")
    window.get_by_role("button", name="Sign in with a passkey").click()
    window.get_by_text("may have been copied").wait_for()
    with desk.archive.db.tx(desk.house.scope()) as conn:
        refused = [a for a in log.history(conn, f"account:{opened.account}") if a.act == "refused"]
    assert [act.detail["rules"] for act in refused] == [["access/passkey"]]
    window.context.close()
