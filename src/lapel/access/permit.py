"""May they? One table from act to the grant it needs; every refusal names its rule and who can decide.

The table is for two grants. Callers ask one question and pass plain facts, so that a policy engine can take its place.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from lapel.access.actor import Actor, Permission
from lapel.base.errors import Refused

Act = Literal[
    "footage.list",
    "footage.view",
    "footage.play",
    "footage.download",
    "footage.categorise",
    "footage.note",
    "footage.bookmark",
    "footage.correct_wearer",
    "footage.resolve_gap",
    "activation.view",
    "activation.except",
    "activation.decide",
    "activation.review",
    "activation.forbidden",
    "custody.prove",
    "redaction.view",
    "redaction.edit",
    "redaction.accept",
]

_NEEDS: Final[dict[Act, Permission]] = dict.fromkeys(get_args(Act), "custodian")


def permit(actor: Actor, act: Act, agency: str) -> None:
    """Return when `actor` may do `act` to a thing of `agency`; otherwise raise `Refused` with the rule that says no."""
    needed = _NEEDS[act]
    if actor.may(needed, agency):
        return
    raise Refused(
        f"Your account is not a {needed} of {agency}, and {act.split('.')[1].replace('_', ' ')} needs that.",
        rules=(f"access/{act}-needs-{needed}",),
        next_step=f"An administrator of {agency} can give the grant.",
    )


def permit_lists(actor: Actor) -> None:
    """Return when `actor` keeps footage of any agency; otherwise raise `Refused`. Rows are limited by their agency anyway."""
    if not actor.custodian_of:
        raise Refused(
            "Your account keeps footage of no agency. An administrator does not see footage by being one.",
            rules=("access/footage.list-needs-custodian",),
            next_step="An administrator of an agency can give the custodian grant.",
        )
