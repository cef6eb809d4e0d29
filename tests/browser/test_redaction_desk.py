"""Can a records officer decide a whole clip by keyboard and pointer, and see what is hidden where it is?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from windows import NARROW, WIDE, violations

from desked import proposed
from house import House
from lapel.custody.trust import first_trust
from lapel.redaction import making
from lapel.redaction.verify_folder import verify_folder
from lapel.storage.archive import Archive
from staffed import Staffed, serving, staffed

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOTS = os.environ.get("LAPEL_SCREENSHOTS")


@pytest.fixture
def s(house: House) -> Staffed:
    return staffed(house)


def window_of(browser: Any, url: str, token: str, size: tuple[int, int] = WIDE, scheme: str = "light") -> Any:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    context.add_cookies([{"name": "lapel", "value": token, "url": url}])
    window = context.new_page()
    window.complaints = []
    window.on("pageerror", lambda error: window.complaints.append(str(error)))
    window.on("console", lambda m: window.complaints.append(m.text) if m.type == "error" else None)
    return window


def left(window: Any) -> str:
    return str(window.locator("[data-left]").inner_text())


def saved(window: Any, revision: int) -> None:
    window.wait_for_function(f"() => document.querySelector('lapel-desk').revision === {revision}")


def shoot(window: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        window.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_a_clip_is_decided_by_keyboard_and_read_by_a_second_person(browser: Any, s: Staffed) -> None:
    recording = s.recording()
    s.inspect(recording)
    redaction = proposed(s, recording)
    first, second = s.account(("cbp",), "Records 7"), s.account(("cbp",), "Records 8")
    for reader in (first, second):
        s.say_why(reader, recording)
    with serving(s.app()) as url:
        window = window_of(browser, url, first.token)
        window.goto(f"{url}/redactions/{redaction}")
        window.wait_for_function("() => document.querySelector('lapel-desk')?.video?.readyState >= 2")
        assert left(window) == "2 tracks, 1 suspect left to decide"
        assert window.locator("svg[data-picture] .mask").count() == 1, "the second track begins later"
        shoot(window, "desk-begun-light")

        # A accepts the chosen track and goes on to the next; R asks for a reason.
        window.keyboard.press("a")
        saved(window, 2)
        window.wait_for_function("() => document.querySelector('lapel-desk').chosen === 'f2'")
        window.wait_for_function(
            "() => Math.abs(document.querySelector('lapel-desk').video.currentTime - 0.5) < 0.1"
        )
        window.keyboard.press("r")
        window.get_by_role("dialog").get_by_role("button", name="Leave visible").click()
        saved(window, 3)
        # The last suspect hides something: a track is drawn there, moved by keys, and accepted.
        window.get_by_role("button", name="Hide suspect s1").click()
        saved(window, 4)
        assert left(window) == "1 track left to decide"
        window.wait_for_function(
            "() => Math.abs(document.querySelector('lapel-desk').video.currentTime - 0.1) < 0.01 && !document.querySelector('lapel-desk').video.seeking"
        )
        window.keyboard.press("Alt+ArrowRight")
        saved(window, 5)
        window.keyboard.press("a")
        saved(window, 6)
        assert left(window) == "Nothing is left to decide"
        window.keyboard.press("z")
        saved(window, 7)
        assert left(window) == "1 track left to decide"
        window.keyboard.press("a")
        saved(window, 8)

        # By pointer: a screen is drawn over the picture.
        window.locator("[data-new-kind]").select_option("screen")
        window.locator("h1").click()
        window.keyboard.press("d")
        box = window.locator("svg[data-picture]").bounding_box()
        window.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
        window.mouse.down()
        window.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.7, steps=4)
        window.mouse.up()
        saved(window, 9)
        drawn = window.evaluate("() => document.querySelector('lapel-desk').plan.tracks.at(-1)")
        assert (drawn["kind"], drawn["state"]) == ("screen", "accepted")
        assert drawn["keyframes"][0]["w"] > 10
        shoot(window, "desk-decided-light")

        # Watched in sight: the share rises, and is kept.
        window.evaluate(
            "() => { const v = document.querySelector('lapel-desk').video; v.currentTime = 0; v.muted = true; return v.play(); }"
        )
        window.wait_for_function("() => document.querySelector('lapel-desk').video.currentTime > 0.7")
        window.keyboard.press("k")
        window.evaluate("() => document.querySelector('lapel-desk').sendSeen()")
        window.wait_for_function(
            "() => !document.querySelector('[data-watched]').textContent.startsWith('0 %')"
        )

        window.get_by_role("button", name="Accept the plan").click()
        window.get_by_role("heading", name="Second reading").wait_for()
        assert window.locator("h1").inner_text() == "Waits for a second reader"
        window.get_by_role("button", name="I have read it and agree").click()
        assert "somebody else reads it" in window.locator("main").inner_text()

        other = window_of(browser, url, second.token)
        other.goto(f"{url}/redactions")
        assert other.locator("h1").inner_text() == "0 redactions to decide, 1 second reading for you"
        shoot(other, "redactions-light")
        other.get_by_role("link", name="Read it").click()
        other.wait_for_function("() => document.querySelector('lapel-desk')?.plan")
        other.get_by_role("button", name="I have read it and agree").click()
        other.locator("h1", has_text="Agreed by two people").wait_for()
        assert [c for c in window.complaints + other.complaints if "403" not in c] == []


def test_an_agreed_plan_is_rendered_taken_and_verified_outside(
    browser: Any, s: Staffed, tmp_path: Path
) -> None:
    recording = s.recording()
    s.inspect(recording)
    redaction = proposed(s, recording)
    first, second = s.account(("cbp",), "Records 7"), s.account(("cbp",), "Records 8")
    for reader in (first, second):
        s.say_why(reader, recording)
    trust = tmp_path / "trust.json"
    key = s.house.keys("sequencer").public_key("log")
    trust.write_text(json.dumps(first_trust("example.gov/lapel", key).to_json()))
    worker = Archive(s.house.db("worker"), s.house.stores, s.house.keys("worker"))
    with serving(s.app(trust=trust)) as url:
        window = window_of(browser, url, first.token)
        window.goto(f"{url}/redactions/{redaction}")
        window.wait_for_function("() => document.querySelector('lapel-desk')?.plan")
        assert "has heard the sound" in window.locator("main").inner_text()
        window.keyboard.press("a")
        saved(window, 2)
        window.keyboard.press("a")
        saved(window, 3)
        window.get_by_role("button", name="Nothing to hide at suspect s1").click()
        saved(window, 4)
        window.get_by_role("button", name="Accept the plan").click()
        other = window_of(browser, url, second.token)
        other.goto(f"{url}/redactions/{redaction}")
        other.get_by_role("button", name="I have read it and agree").click()
        other.get_by_role("button", name="Render the copy").click()
        other.get_by_role("heading", name="Making the redacted copy").wait_for()
        shoot(other, "desk-rendering-light")

        making.render_copy(worker, redaction, look=lambda _render, _plan, _auto: ())
        s.publish()
        other.get_by_role("link", name="Open the copy").click()
        assert other.locator("h1").inner_text() == "2 tracks hidden in 1 of 1 clip"
        other.wait_for_function("() => document.querySelector('video').readyState >= 1")
        shoot(other, "copy-light")
        assert violations(other) == []
        with other.expect_download() as taken:
            other.get_by_role("link", name="Download the copy").click()
        taken.value.save_as(tmp_path / "copy.zip")
        for size, scheme in ((NARROW, "light"), (WIDE, "dark"), (NARROW, "dark")):
            third = window_of(browser, url, second.token, size, scheme)
            third.goto(other.url)
            third.wait_for_load_state("networkidle")
            shoot(third, f"copy-{scheme}-{size[0]}")
            assert violations(third) == []
            assert third.evaluate("() => document.documentElement.scrollWidth") <= size[0]
            assert third.complaints == []
        assert window.complaints + other.complaints == []
    with zipfile.ZipFile(tmp_path / "copy.zip") as box:
        box.extractall(tmp_path)
    out = tmp_path / f"{recording.number}-redacted"
    verdict = verify_folder(out, trust.read_bytes())
    assert verdict.status == 0, str(verdict)
    said = [sys.executable, "-I", "lapel-verify.py", ".", "--trust", str(trust)]
    assert subprocess.run(said, cwd=out, check=False, capture_output=True).returncode == 0


def test_two_people_at_one_desk_do_not_overwrite_each_other(browser: Any, s: Staffed) -> None:
    recording = s.recording()
    s.inspect(recording)
    redaction = proposed(s, recording)
    people = [s.account(("cbp",), name) for name in ("Records 7", "Records 8")]
    for reader in people:
        s.say_why(reader, recording)
    with serving(s.app()) as url:
        one, two = (window_of(browser, url, reader.token) for reader in people)
        for window in (one, two):
            window.goto(f"{url}/redactions/{redaction}")
            window.wait_for_function("() => document.querySelector('lapel-desk')?.plan")
        one.keyboard.press("a")
        saved(one, 2)
        two.keyboard.press("a")
        two.wait_for_function(
            "() => document.querySelector('[data-says]').textContent.includes('newest plan')"
        )
        saved(two, 2)
        assert left(two) == "1 track, 1 suspect left to decide"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_the_desk(browser: Any, s: Staffed, scheme: str) -> None:
    recording = s.recording()
    s.inspect(recording)
    redaction, reader = proposed(s, recording), s.account(("cbp",), "Records 7")
    s.say_why(reader, recording)
    with serving(s.app()) as url:
        for size in (WIDE, NARROW):
            window = window_of(browser, url, reader.token, size, scheme)
            for path in (f"/redactions/{redaction}", "/redactions"):
                window.goto(url + path)
                window.wait_for_load_state("networkidle")
                shoot(window, f"desk{path.count('/')}-{scheme}-{size[0]}")
                found = violations(window)
                assert [f"{one['id']} {[n['target'] for n in one['nodes']]}" for one in found] == []
                assert window.evaluate("() => document.documentElement.scrollWidth") <= size[0], path
            assert window.complaints == []
            window.context.close()
