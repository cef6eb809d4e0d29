"""Do ids, instants, canonical JSON and spans keep their promises?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.base.clock import read_stamp, stamp
from lapel.base.digest import MAX_INTEGER, canonical
from lapel.base.errors import EvidenceFault, Invalid, LapelError, Refused
from lapel.base.ids import new_id, read_number, recording_number
from lapel.base.span import Span, minus, union

DAY = datetime(2026, 11, 24, tzinfo=UTC)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=12,
)
SPANS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 40)).map(
        lambda t: Span(DAY + timedelta(seconds=t[0]), DAY + timedelta(seconds=t[0] + t[1]))
    )
)


def seconds_of(spans: list[Span]) -> set[int]:
    return {
        int((s.start - DAY).total_seconds()) + k for s in spans for k in range(int(s.length.total_seconds()))
    }


@given(VALUES)
def test_canonical_json_reads_back_to_the_same_value(value: object) -> None:
    assert json.loads(canonical(value)) == value


def test_canonical_json_orders_members_by_utf16_and_escapes_as_rfc_8785_shows() -> None:
    # RFC 8785 §3.2.3 gives this order: the emoji's first surrogate sorts before U+FB33.
    members = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical(members))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]
    assert canonical('\u0000\b\u001f\u007f"\\/') == b'"\\u0000\\b\\u001f\x7f\\"\\\\/"'


@pytest.mark.parametrize("value", [1.5, MAX_INTEGER + 1, -MAX_INTEGER - 1, "\ud800", b"bytes", {"a": [0.0]}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        canonical(value)  # type: ignore[arg-type]


@given(st.binary(min_size=16, max_size=16))
def test_a_recording_number_survives_being_read_out_loud(raw: bytes) -> None:
    number = recording_number(raw.hex())
    spoken = number.lower().replace("0", "o").replace("1", "l").replace("-", " ")
    assert read_number(spoken) == number
    assert read_number(spoken[2:]) == number  # without its R, whatever digit it begins with


def test_a_number_that_begins_with_an_r_is_read_without_its_prefix() -> None:
    assert read_number("RER1Z-7NJD4") == "R-RER1Z-7NJD4" == read_number("rrer1z 7njd4")


def test_ids_do_not_repeat_and_a_wrong_number_is_none() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
    assert read_number("R-12345") is None
    assert read_number("R-UUUUU-UUUUU") is None


def test_an_instant_is_written_in_utc_and_one_without_zone_is_refused() -> None:
    eastern = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=timezone(timedelta(hours=-5)))
    assert stamp(eastern) == "2026-01-02T08:04:05.678Z"
    assert read_stamp("2026-01-02T03:04:05-05:00") == datetime(2026, 1, 2, 8, 4, 5, tzinfo=UTC)
    for text in ("2026-01-02T03:04:05", "yesterday", ""):
        with pytest.raises(Invalid):
            read_stamp(text)


@given(SPANS)
def test_union_keeps_every_second_once(spans: list[Span]) -> None:
    joined = union(spans)
    assert seconds_of(joined) == seconds_of(spans)
    assert all(a.end < b.start for a, b in pairwise(joined))


@given(SPANS)
def test_what_is_taken_and_what_is_left_make_the_whole(taken: list[Span]) -> None:
    whole = Span(DAY, DAY + timedelta(seconds=240))
    assert seconds_of(minus(whole, taken)) == seconds_of([whole]) - seconds_of(taken)


def test_each_error_has_its_own_code_and_says_what_to_do() -> None:
    tree = LapelError.__subclasses__()
    assert len({e.code for e in tree}) == len(tree) == 6
    assert len({e.exit_status for e in tree}) == 6
    refused = Refused("You may not.", rules=("P1",), next_step="Ask the custodian.", status=401)
    assert refused.problem()["status"] == 401
    assert refused.problem()["rules"] == ["P1"]
    assert "Ask the custodian." in str(refused)
    assert not EvidenceFault.retryable
