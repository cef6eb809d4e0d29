"""Does any route, or any job, tell one agency of another's things? Every one is walked; a new one cannot be forgotten."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import psycopg
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from structlog.testing import capture_logs

from foreign import FOREIGN, MARK, NO_NUMBER, NUMBER, OURS, PUBLIC, THEIRS, UNKNOWN, Foreign, foreign
from house import Cluster, House
from lapel.access import guard_web, permit, sessions
from lapel.activation.findings import duty_number
from lapel.app import auditing, worker
from lapel.base.ids import new_id
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope
from staffed import Person, Staffed, staffed

EVERY_ROLE = (
    "officer",
    "supervisor",
    "custodian",
    "records",
    "investigator",
    "inspector",
    "policy",
    "administrator",
)
# (another agency's, nobody's): of the same length, so that even the length of an answer is compared.
VALUES: dict[str, tuple[str, str]] = {
    "agency": (THEIRS, THEIRS), "joint": (THEIRS, THEIRS), "policy": (THEIRS, THEIRS),
    "badge": (f"{MARK}-badge", "zebro-badge"), "name": ("clip-1.mp4", "clip-2.mp4"),
}  # fmt: skip
# No agency is behind these: a secret that is its own key, and objects that are everybody's.
NOT_BY_ID = ("/begin/", "/log/")


@dataclass(slots=True)
class Walk:
    """Somebody with every role in our agency, in an app whose database holds nothing but another agency's things."""

    there: Foreign
    here: Staffed
    app: FastAPI
    person: Person
    form_token: str
    description: dict[str, Any]

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and text, with the path's own values taken out of it."""
        headers = {
            "x-form-token": self.form_token,
            "accept": "application/json" if path.endswith(".json") else "text/html",
        }
        kind, content = body if body else ("data", {})
        given: dict[str, Any] = {kind: content} if method == "post" else {}
        answer = self.person.request(method.upper(), path, headers=headers, **given)
        return answer.status_code, answer.text

    def routes(self, *, with_ids: bool) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, acts in self.description["paths"].items():
            if ("{" in path) == with_ids and not path.startswith(NOT_BY_ID):
                for method, act in acts.items():
                    yield method, path, act


@pytest.fixture(scope="module")
def walk(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with foreign(cluster) as there:
        with psycopg.connect(there.superuser) as conn:
            for table in PUBLIC:
                conn.execute(f"DELETE FROM lapel.{table}".encode())
        house = House(urls=there.urls, place=tmp_path_factory.mktemp("walk"), superuser_url=cluster.url)
        here = staffed(house)
        opened = here.account((OURS,), "Somebody of ours")
        here.give(opened.account, *EVERY_ROLE, agency=OURS)
        app = here.app()
        person = Person(app, opened.token)
        person.raise_server_exceptions = False
        person._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
        yield Walk(there, here, app, person, person.form_token("/account"), app.openapi())
        house.end()


def every_route(app: FastAPI) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def into(some: Any) -> None:
        for route in some:
            if isinstance(route, APIRoute):
                path = route.path.replace("{name:path}", "{name}")
                found.update((method.lower(), path) for method in route.methods)
            elif hasattr(route, "original_router"):
                into(route.original_router.routes)

    into(app.routes)
    return found


def test_what_is_walked_is_every_route_that_there_is(walk: Walk) -> None:
    described = {(method, path) for path, acts in walk.description["paths"].items() for method in acts}
    assert every_route(walk.app) == described
    assert len(described) > 120


def addresses(path: str) -> tuple[str, str]:
    """The address of another agency's thing, and of nobody's."""
    theirs, nobodys = path, path
    for name in [part.split("}")[0] for part in path.split("{")[1:]]:
        if name == "number":
            duty = path.startswith("/activation/duties")
            pair = (duty_number(FOREIGN), duty_number(UNKNOWN)) if duty else (NUMBER, NO_NUMBER)
        else:
            pair = VALUES.get(name, (FOREIGN, UNKNOWN))
        theirs, nobodys = theirs.replace(f"{{{name}}}", pair[0]), nobodys.replace(f"{{{name}}}", pair[1])
    return theirs, nobodys


def body_of(walk: Walk, act: dict[str, Any]) -> Any:
    """A body that fits, as far as the description tells."""
    content = act.get("requestBody", {}).get("content", {})
    for media, told in content.items():
        schema = told["schema"]
        if "$ref" in schema:
            schema = walk.description["components"]["schemas"][schema["$ref"].split("/")[-1]]
        values = {name: _fitting(name, one) for name, one in schema.get("properties", {}).items()}
        return ("json" if "json" in media else "data", values)
    return None


def _fitting(name: str, schema: dict[str, Any]) -> Any:
    for one in schema.get("anyOf", [schema]):
        if "enum" in one:
            return one["enum"][0]
        if one.get("type") == "integer":
            return 1
        if one.get("type") == "array":
            return [UNKNOWN]
        if "pattern" in one and "0-9a-f" in one["pattern"]:
            return UNKNOWN
    if "agency" in name:
        return OURS
    return {
        "at": "2026-11-24T00:00:00Z",
        "version": "1",
        "until": "2027-01-01",
        "expires_on": "2027-01-01",
    }.get(name, "words")


def leak_of(text: str, *said: str) -> str:
    """What of another agency stands in an answer besides what was asked."""
    for one in said:
        for part in {one, *one.strip("/").split("/")}:
            text = text.replace(part.removesuffix(".json"), "") if part else text
    return next((word for word in (MARK, FOREIGN, NUMBER) if word in text), "")


def walked(walk: Walk) -> list[str]:
    """Everything that is wrong: an answer that tells more of another agency's thing than of nobody's, a fault, a leak."""
    wrong = []
    with capture_logs():
        for method, path, act in walk.routes(with_ids=True):
            theirs, nobodys = addresses(path)
            body = body_of(walk, act)
            status, text = walk.send(method, theirs, body)
            other, expected = walk.send(method, nobodys, body)
            for a, b in zip(theirs.split("/"), nobodys.split("/"), strict=True):
                if a != b:
                    text, expected = text.replace(a, b), expected.replace(a, b)
                    text = text.replace(a.removesuffix(".json"), b.removesuffix(".json"))
            if status >= 500 or (status, text) != (other, expected):
                wrong.append(f"{method} {path}: {status} for another agency's, {other} for nobody's")
            elif word := leak_of(text, theirs):
                wrong.append(f"{method} {path} tells {word}")
        for method, path, act in walk.routes(with_ids=False):
            if method == "get":
                takes = {p["name"] for p in act.get("parameters", [])}
                for query in ("", f"?agency={THEIRS}") if "agency" in takes else ("",):
                    status, text = walk.send(method, path + query)
                    # Our own log says what we asked for: there the entries themselves must be ours.
                    word = (
                        f'"agency":"{THEIRS}"' * (f'"agency":"{THEIRS}"' in text)
                        if path.startswith("/audit")
                        else leak_of(text)
                    )
                    if status >= 500 or word:
                        wrong.append(f"{method} {path}{query}: {status} {'' if status >= 500 else word}")
    return wrong


def test_another_agencys_thing_is_answered_byte_for_byte_as_nobodys(walk: Walk) -> None:
    assert walked(walk) == []


def test_most_walks_reach_the_thing_they_ask_for(walk: Walk) -> None:
    """A form that does not fit is refused before the thing is looked for: then nothing was tried."""
    reached, unfit = 0, []
    with capture_logs():
        for method, path, act in walk.routes(with_ids=True):
            status, _ = walk.send(method, addresses(path)[1], body_of(walk, act))
            if status == 404:
                reached += 1
            else:
                unfit.append((status, method, path))
    assert reached > 55, unfit
    assert reached > 3 * len([one for one in unfit if one[0] == 422]), unfit


@pytest.fixture
def always_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's check is gone: whoever asks may."""
    yes: Callable[..., Any] = lambda *_, **__: permit.Decision(True, ())  # noqa: E731
    replaced = {
        permit.decide: yes,
        permit.permit: lambda *_, **__: None,
        permit.permit_lists: lambda *_, **__: None,
    }
    for name, module in list(sys.modules.items()):
        if name.startswith("lapel."):
            for known, value in list(vars(module).items()):
                if isinstance(value, FunctionType) and value in replaced:
                    monkeypatch.setattr(module, known, replaced[value])


@pytest.mark.usefixtures("always_yes")
def test_with_the_applications_check_gone_row_level_security_still_shows_nothing(walk: Walk) -> None:
    assert auditing.decide(walk, "footage.play", THEIRS).allowed  # type: ignore[arg-type]
    assert walked(walk) == []


class Listening:
    """A database that notes which agencies each transaction was opened for."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.seen: set[str] = set()

    @contextmanager
    def tx(self, scope: Scope) -> Iterator[Any]:
        self.seen.update(scope.agencies)
        with self.db.tx(scope) as conn:
            yield conn

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


# What each job is asked with, by the names of its arguments.
JOBS: dict[str, list[dict[str, str]]] = {
    "footage.inspect": [{"original": "{id}"}],
    "redaction.propose": [{"redaction": "{id}"}],
    "redaction.render": [{"redaction": "{id}"}],
    "activation.match": [{"recording": "{id}"}, {"event_import": "{id}", "month": "2026-11"}],
    "activation.review": [{"agency": THEIRS, "begins_on": "2026-10-01", "ends_on": "2026-10-31"}],
    "policy.prove": [{"since": ""}],
}


def test_a_job_opens_nothing_but_the_agency_of_the_thing_it_names(walk: Walk) -> None:
    house = walk.here.house
    db = Listening(house.db("worker"))
    archive = Archive(db, house.stores, house.keys("worker"))  # type: ignore[arg-type]
    jobs = worker.jobs(archive)
    assert set(jobs) == set(JOBS), "a new job: how is it asked, and whose is what it names?"
    for name, ways in JOBS.items():
        for way in ways:
            for which, agencies in ((FOREIGN, {THEIRS}), (UNKNOWN, set())):
                db.seen.clear()
                # The thing is made of marks, and most jobs stumble over them: what counts is what was opened.
                with capture_logs(), contextlib.suppress(Exception):
                    jobs[name](**{key: value.replace("{id}", which) for key, value in way.items()})
                assert db.seen <= (agencies | {THEIRS} if "agency" in way else agencies), (name, way, db.seen)


def test_a_route_that_nobody_must_sign_in_for_is_one_of_few(walk: Walk) -> None:
    stranger = Person(walk.app)
    open_to_all = []
    for method, path in sorted(every_route(walk.app)):
        address = addresses(path)[1]
        with capture_logs():
            answer = stranger.request(method.upper(), address, headers={"accept": "application/json"})
        if answer.status_code != 401:
            open_to_all.append(address)
    assert all(a in guard_web.OPEN_PATHS or a.startswith(guard_web.OPEN_FOLDERS) for a in open_to_all), (
        open_to_all
    )


def test_every_answer_of_every_route_is_closed_to_other_sites(walk: Walk) -> None:
    """HSTS, no frames, nothing inline, no guessing of types: on pages, JSON, files, refusals and faults alike."""
    secure = Person(walk.here.app(secure=True))
    for method, path in sorted(every_route(walk.app)):
        with capture_logs():
            headers = secure.request(method.upper(), addresses(path)[1]).headers
        assert headers["strict-transport-security"].startswith("max-age=63072000"), path
        assert "unsafe" not in headers["content-security-policy"], path
        assert re.search("frame-ancestors 'none'|sandbox", headers["content-security-policy"]), path
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY"), path


EXAMPLES = int(os.environ.get("LAPEL_HOSTILE", "1"))
OF_EACH_ROLE = (
    "officer",
    "supervisor",
    "custodian",
    "records",
    "investigator",
    "inspector",
    "policy",
    "administrator",
    "outside",
)


def cases_of(description: dict[str, Any], count: int) -> Iterator[Any]:
    """Requests that schemathesis makes up from the description: the same ones each time."""
    for one in schemathesis.openapi.from_dict(description).get_all_operations():
        yield from drawn(one.ok().as_strategy(), count)


def drawn(strategy: Any, count: int) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(case: Any) -> None:
        found.append(case)

    draw()
    return found[:count]


def test_whatever_fits_the_description_breaks_nothing_and_tells_nothing_as_whichever_role(walk: Walk) -> None:
    """LAPEL_HOSTILE=20 makes up twenty requests an operation and sends each as every role."""
    here, wrong, sent = walk.here, [], 0
    people: dict[str, tuple[Person, str]] = {}

    def person_of(role: str) -> tuple[Person, str]:
        if role not in people:
            opened = here.account((OURS,), f"A {role} {new_id()[:8]}")
            here.give(opened.account, role, agency=OURS)
            person = Person(walk.app, opened.token)
            person._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
            people[role] = person, sessions.form_token(opened.token)
        return people[role]

    with capture_logs():
        for number, case in enumerate(cases_of(walk.description, EXAMPLES)):
            for role in OF_EACH_ROLE if EXAMPLES > 1 else (OF_EACH_ROLE[number % len(OF_EACH_ROLE)],):
                person, token = person_of(role)
                body = case.body if isinstance(case.body, dict | list) else None
                kind = "json" if case.media_type and "json" in case.media_type else "data"
                answer = person.request(
                    case.method,
                    case.formatted_path,
                    params=dict(case.query or {}),
                    headers={"x-form-token": token},
                    **({kind: body} if body is not None else {}),
                )
                sent += 1
                if answer.status_code >= 500 and answer.status_code != 503:
                    wrong.append(
                        f"{role}: {case.method} {case.formatted_path} {case.query} {body}: {answer.status_code}"
                    )
                elif not case.path.startswith("/audit") and leak_of(
                    answer.text, case.formatted_path, *map(str, (body or {}, case.query or {}))
                ):
                    wrong.append(f"{role}: {case.method} {case.formatted_path} tells")
                if (
                    answer.status_code in (303, 401)
                    and sessions.read(here.archive.db, person.cookies.get("lapel")) is None
                ):
                    del people[role]  # it signed itself out
    assert wrong == []
    assert sent > 120
