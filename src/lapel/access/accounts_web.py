"""Who may come in, and as what? The administrator's pages: accounts, roles, sessions, the tokens of programs."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from lapel.access import accounts, grants, sessions, store, store_accounts, store_ways
from lapel.access import shown_accounts as shown
from lapel.access.account_web import Linked, Session
from lapel.access.account_web import shown as session_shown
from lapel.access.actor import Actor
from lapel.access.cookies_web import doors_of
from lapel.access.guard_web import cookie_name
from lapel.access.page_web import actor_of, archive_of, done, draw, page, wants_json
from lapel.access.permit import Facts, permit
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.storage.postgres import Connection, Scope

router = APIRouter()
TAG = "Access"
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Words = Annotated[str, Query(max_length=100, description="part of a name, or a badge number")]


def administered(actor: Actor) -> Scope:
    """What an administrator's transaction sees. Raises `Refused` for who is none."""
    agencies = actor.agencies_as("administrator")
    if not agencies:
        permit(actor, "access.accounts", actor.agency)
    return actor.scope_in(*agencies)


@page(router, "/accounts", "accounts.html", summary="Accounts and roles", tag=TAG)
def account_list(request: Request, words: Words = "") -> shown.Accounts:
    """The accounts of the agencies you administer, and the roles that wait for a second person."""
    actor, at = actor_of(request), clock.now()
    scope = administered(actor)
    with archive_of(request).db.tx(scope) as conn:
        rows = store_accounts.accounts(conn, at, words.replace("\0", "").strip())
        held = roles_shown(conn, actor, store_accounts.grants(conn, at))
    return shown.Accounts(
        agencies=list(scope.agencies),
        words=words,
        waiting=[role for role in held if role.waiting],
        rows=[_row(row, held) for row in rows],
    )


@page(router, "/accounts/sessions", "accounts-sessions.html", summary="Who is signed in", tag=TAG)
def session_list(request: Request) -> shown.Sessions:
    """Every session of the agencies you administer, the last used first."""
    actor, at, db = actor_of(request), clock.now(), archive_of(request).db
    here = sessions.named(db, request.cookies.get(cookie_name(request)))
    with db.tx(administered(actor)) as conn:
        rows = store_ways.sessions(conn, at)
    return shown.Sessions(
        rows=[
            shown.SessionOf(**row, locked=row["seen_at"] <= at - sessions.IDLE, this=row["id"] == here)
            for row in rows
        ]
    )


@page(router, "/accounts/{account}", "accounts-one.html", summary="An account", tag=TAG)
def one_account(request: Request, account: Id) -> shown.AccountShown:
    """What it may do, where it is signed in, and by what it is opened."""
    actor, at = actor_of(request), clock.now()
    scope = administered(actor)
    with archive_of(request).db.tx(scope) as conn:
        there = store_accounts.account(conn, account, at)
        if there is None:
            raise NotFound("There is no such account in your agencies.")
        return _account(request, conn, actor, scope, there, at)


def _account(
    request: Request, conn: Connection, actor: Actor, scope: Scope, there: dict[str, Any], at: datetime
) -> shown.AccountShown:
    roles = roles_shown(conn, actor, store_accounts.grants(conn, at, account=there["id"]))
    offices = store_accounts.offices(conn)
    provider = doors_of(request).provider
    open_now: list[Session] = [
        session_shown(row, at, "") for row in store_ways.sessions(conn, at, [there["id"]])
    ]
    return shown.AccountShown(
        account=_row(there, roles),
        home=there["agency"] in scope.agencies,
        own=there["id"] == actor.account,
        roles=roles,
        choices=list(grants.ROLES),
        alone=list(grants.ALONE),
        agencies=list(scope.agencies),
        offices=[shown.OfficeChoice(**office) for office in offices if office["agency"] in scope.agencies],
        sessions=open_now,
        tokens=[shown.TokenShown(**token) for token in store_ways.tokens(conn, [there["id"]])],
        identities=[Linked(**one) for one in store_ways.identities(conn, [there["id"]])],
        provider=provider.issuer if provider else "",
    )


def roles_shown(conn: Connection, actor: Actor, rows: list[dict[str, Any]]) -> list[shown.RoleShown]:
    """Roles as pages show them, with the names of who gave and approved them, as far as they are in view."""
    people = {who for row in rows for who in (row["given_by"], row["approved_by"]) if who}
    ids = [who.removeprefix("account:") for who in people if who.startswith("account:")]
    names = {f"account:{account}": name for account, name in store.account_names(conn, ids).items()}
    return [
        shown.RoleShown(
            **{
                **row,
                "given_by": names.get(row["given_by"], row["given_by"]),
                "approved_by": names.get(row["approved_by"], row["approved_by"]),
            },
            url=f"/accounts/{row['account']}",
            mine=row["given_by"] == actor.id,
        )
        for row in rows
    ]


def _row(row: dict[str, Any], roles: list[shown.RoleShown]) -> shown.AccountRow:
    held = [role for role in roles if role.account == row["id"]]
    said = [
        f"{role.role} in {role.agency}{f', {role.office_name}' if role.office_name else ''}"
        f"{' (waits)' if role.waiting else ''}"
        for role in held
    ]
    return shown.AccountRow(**row, url=f"/accounts/{row['id']}", roles=said)


@router.post("/accounts", summary="Make an account", tags=[TAG])
def make(
    request: Request,
    agency: Annotated[str, Form(max_length=16)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    badge: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """An account without a role, and the link, shown once, by which its holder sets the password."""
    actor = actor_of(request)
    permit(actor, "access.accounts", agency)
    return _link(request, accounts.make(archive_of(request).db, actor.scope_in(agency), agency, name, badge))


@router.post("/accounts/{account}/link", summary="Make a new link for an account", tags=[TAG])
def new_link(request: Request, account: Id) -> Response:
    """Who has it can set the password; so the account's roles wait for a second person again."""
    scope = _may_change(request, account)
    return _link(request, accounts.offer_link(archive_of(request).db, scope, account))


def _link(request: Request, offered: accounts.Offered) -> Response:
    base = doors_of(request).url or str(request.base_url).rstrip("/")
    made = shown.LinkShown(
        account=offered.account,
        name=offered.name,
        link=f"{base}/begin/{offered.token}",
        hours=int(accounts.LINK_LENGTH.total_seconds() // 3600),
        waiting=list(offered.waiting),
    )
    if wants_json(request):
        return JSONResponse(made.model_dump(), status_code=201)
    return draw(request, "accounts-link.html", made, status=201)


@router.post("/accounts/{account}/officer", summary="Say which officer an account is", tags=[TAG])
def tie(
    request: Request, account: Id, badge: Annotated[str, Form(max_length=40, description="or empty")] = ""
) -> Response:
    """By badge number of its home agency; empty for none."""
    accounts.tie(archive_of(request).db, _may_change(request, account), account, badge)
    return done(request, "It is said who this is.", f"/accounts/{account}")


@router.post("/accounts/{account}/close", summary="Close an account", tags=[TAG])
def close(request: Request, account: Id) -> Response:
    """Nobody gets in by it; its sessions end and its tokens are revoked."""
    accounts.close(archive_of(request).db, _may_change(request, account), account)
    return done(request, "The account is closed.", f"/accounts/{account}")


@router.post("/accounts/{account}/reopen", summary="Open a closed account", tags=[TAG])
def reopen(request: Request, account: Id) -> Response:
    """With the roles it holds; its tokens stay revoked."""
    accounts.reopen(archive_of(request).db, _may_change(request, account), account)
    return done(request, "The account is open.", f"/accounts/{account}")


@router.post("/accounts/{account}/unlock", summary="Unlock an account", tags=[TAG])
def unlock(request: Request, account: Id) -> Response:
    """After five failed attempts, before the fifteen minutes are over."""
    accounts.unlock(archive_of(request).db, _may_change(request, account), account)
    return done(request, "The account is unlocked.", f"/accounts/{account}")


@router.post("/accounts/{account}/roles", summary="Give a role, or ask for it", tags=[TAG])
def give(
    request: Request,
    account: Id,
    agency: Annotated[str, Form(max_length=16)] = "",
    role: Annotated[str, Form(max_length=20)] = "",
    office: Annotated[str, Form(max_length=32, description="an office's id, or empty")] = "",
    last_day: Annotated[str, Form(max_length=20, description="YYYY-MM-DD (UTC), or empty")] = "",
) -> Response:
    """What shows footage or gives roles waits for a second person."""
    actor = actor_of(request)
    permit(actor, "access.grant", agency, Facts(own=account == actor.account))
    waits = grants.ask(
        archive_of(request).db, actor.scope_in(*actor.agencies_as("administrator")), account, agency, role,
        office=office or None, until=_last(last_day),
    )  # fmt: skip
    says = "It is asked for; a second person approves it." if waits else "The role is given."
    return done(request, says, f"/accounts/{account}#roles")


@router.post("/accounts/roles/{grant}/approve", summary="Approve a role", tags=[TAG])
def approve(request: Request, grant: Id) -> Response:
    """It counts from now on. Who asked for it does not approve it."""
    there = grants.approve(archive_of(request).db, _may_grant(request, grant), grant)
    return done(request, f"{there['of']} is {there['role']} in {there['agency']}.", "/accounts")


@router.post("/accounts/roles/{grant}/end", summary="Take a role away, or do not give it", tags=[TAG])
def end_role(request: Request, grant: Id) -> Response:
    """At once. It only ever shows less, so one person may."""
    there = grants.end(archive_of(request).db, _may_grant(request, grant), grant)
    return done(request, "The role is taken away.", f"/accounts/{there['account']}#roles")


@router.post("/accounts/{account}/sessions/{session}/end", summary="End somebody’s session", tags=[TAG])
def end_session(request: Request, account: Id, session: Id) -> Response:
    """Whoever is in it is out."""
    actor, db = actor_of(request), archive_of(request).db
    scope = administered(actor)
    with db.tx(scope) as conn:
        there = store_accounts.account(conn, account, clock.now())
    if there is None or there["agency"] not in scope.agencies:
        raise NotFound("There is no such account in your agencies.")
    sessions.end_of(db, actor, scope, account, there["agency"], session)
    return done(request, "The session is ended.", "/accounts/sessions")


def _may_change(request: Request, account: str) -> Scope:
    """The scope in which an account's own facts change: its home agency's administrator's. Raises `Refused`, `NotFound`."""
    actor = actor_of(request)
    scope = administered(actor)
    with archive_of(request).db.tx(scope) as conn:
        there = grants.someone(conn, scope, account)
    permit(actor, "access.accounts", there["agency"], Facts(own=account == actor.account))
    return scope


def _may_grant(request: Request, grant: str) -> Scope:
    actor = actor_of(request)
    scope = administered(actor)
    with archive_of(request).db.tx(scope) as conn:
        there = grants.found(conn, scope, grant)
    permit(actor, "access.grant", there["agency"], Facts(own=there["account"] == actor.account))
    return scope


def _last(day: str) -> datetime | None:
    if not day.strip():
        return None
    try:
        return datetime.combine(datetime.fromisoformat(day.strip()).date(), time(23, 59, 59), ZoneInfo("UTC"))
    except ValueError:
        raise Invalid("This is not a day.", next_step="Write it like 2026-12-31.") from None
