"""What waits for an administrator? Roles that a second person approves, accounts that are locked, tokens that end."""

from __future__ import annotations

from datetime import datetime, timedelta

from lapel.access import store_accounts, store_ways
from lapel.access.actor import Actor
from lapel.access.work import Group, Item, group
from lapel.storage.postgres import Database

SOON = timedelta(days=7)


def work(db: Database, actor: Actor, now: datetime) -> list[Group]:
    """What waits in the agencies that this person administers, whichever is in view; nothing for who administers none."""
    agencies = actor.agencies_as("administrator")
    if not agencies:
        return []
    with db.tx(actor.scope_in(*agencies)) as conn:
        waiting = [grant for grant in store_accounts.grants(conn, now) if grant["waiting"]]
        locked = store_accounts.locked(conn, now)
        ending = [token for token in store_ways.tokens(conn) if token["ends_at"] < now + SOON]
    return [
        group(
            "roles", "Roles to approve", "Decide",
            "Somebody asked for a role that shows footage or gives roles. A second administrator, neither who asked nor who"
            " gets it, approves it or does not give it.",
            "/accounts",
            [
                Item(
                    f"{grant['role']} in {grant['agency'].upper()}", f"/accounts/{grant['account']}#roles", grant["given_at"],
                    None, grant["of"], grant["office_name"] or "the whole agency",
                )
                for grant in waiting if actor.id not in (grant["given_by"], f"account:{grant['account']}")
            ],
        ),
        group(
            "locked", "Accounts that are locked", "See the account",
            "Five attempts to sign in failed within fifteen minutes. It opens again by itself after fifteen; unlock it when its"
            " holder says that it was them, and ask who it was when not.",
            "/accounts",
            [
                Item(
                    row["name"], f"/accounts/{row['id']}", row["locked_until"] - timedelta(minutes=15), None,
                    row["agency"].upper(), "Too many attempts failed",
                )
                for row in locked
            ],
        ),
        group(
            "tokens", "Tokens that end within a week", "See the tokens",
            "The program stops when its token ends. Its holder makes a new one, or lets it end.",
            "/accounts/programs",
            [
                Item(
                    token["name"], "/accounts/programs", token["made_at"], token["ends_at"], token["of"],
                    ", ".join(token["acts"]),
                )
                for token in sorted(ending, key=lambda token: token["ends_at"])
            ],
        ),
    ]  # fmt: skip
