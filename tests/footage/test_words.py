"""Are stored facts said in plain words?"""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.base import clock
from lapel.custody.log import LoggedAct
from lapel.footage import history, model, words


def test_every_flag_is_explained() -> None:
    flags = {value for name, value in inspect.getmembers(model) if name.isupper() and isinstance(value, str)}
    assert len(flags) > 8
    for flag in flags:
        assert not words.flag(flag).startswith("Flagged:"), flag


def test_a_flag_of_a_later_version_is_shown_as_it_is() -> None:
    assert words.flag("melted") == "Flagged: melted."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (220, "3 min 40 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (172800, "2 days"),
        (None, "unknown"),
    ],
)
def test_a_length_is_said_as_people_say_it(seconds: float | None, said: str) -> None:
    assert words.length(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (588804, "589 kB"),
        (999_999, "1 MB"),
        (10**13, "10 TB"),
    ],
)
def test_a_size_is_said_as_people_say_it(count: int, said: str) -> None:
    assert words.size(count) == said


def test_a_signature_that_was_read_is_not_called_verified() -> None:
    inspection = {
        "signed": [
            {
                "scheme": "signed-video",
                "signatures": 9,
                "manufacturer": "Axis",
                "hardware": "W120",
                "serial": "ACC8E0A1B2",
            }
        ]
    }
    assert (
        words.signed(inspection)
        == "9 Signed Video signatures by Axis W120, serial number ACC8E0A1B2. They were read, not verified."
    )
    assert words.signed({}) == "No signature of a camera was found in it."
    assert words.signed(None) == "Not looked into yet."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from([*history._SAYS, "an_act_of_a_later_version"]),
    st.dictionaries(
        st.sampled_from(
            [
                "bytes",
                "name",
                "originals",
                "wearer",
                "category",
                "sha256",
                "media_root",
                "attempted",
                "state",
                "reason",
            ]
        ),
        JSON,
        max_size=6,
    ),
)
def test_every_act_can_be_said_whatever_is_left_of_its_fields(act: str, detail: dict[str, object]) -> None:
    logged = LoggedAct("0" * 32, clock.now(), None, "cbp", act, detail, 3, True)  # type: ignore[arg-type]
    line = history.line(logged, history.Names({}, {}))
    assert line.says
    assert line.who == history.FORGOTTEN
