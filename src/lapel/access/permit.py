"""May they? Asks the Cedar policies beside this file; every refusal names the rules that say no, and who can decide.

Callers pass plain facts. A decision depends on the act, the roles and the facts and on nothing else, so it can be made
again later with the same answer, and is made once for all that are alike: a list of ten thousand recordings has few kinds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args

from lapel.access.actor import Actor, Role
from lapel.base.errors import LapelError, Refused

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
    "footage.report_given",
    "footage.mark",
    "footage.investigate",
    "footage.restrict",
    "footage.unrestrict",
    "footage.break_glass",
    "footage.prove",
    "custody.prove",
    "redaction.view",
    "redaction.edit",
    "redaction.accept",
    "fleet.view",
    "fleet.check",
    "fleet.keep",
    "access.audit",
    "access.accounts",
    "access.grant",
]
ACTS: Final[tuple[Act, ...]] = get_args(Act)
Report = Literal["", "may", "may_not", "unknown"]
Purpose = Literal["", "case", "reason"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision turns on besides the roles; the meaning of each stands in policies.cedarschema.

    `office`: of the thing; a role held for one office counts there alone. `shared`: the acts a share in force allows.
    """

    own: bool = False
    own_unit: bool = False
    restricted: bool = False
    restricted_to_me: bool = False
    under_investigation: bool = False
    own_before_report: Report = ""
    shared: frozenset[Act] = frozenset()
    purpose: Purpose = ""
    broken_glass: bool = False
    office: str | None = None


NO_FACTS: Final = Facts()


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy: what it is called, whether it permits or forbids, why, and (of one that forbids) who can decide, what to do."""

    id: str
    permits: bool
    says: str
    next: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `rules`: those that decided; when nothing permits, those that could have."""

    allowed: bool
    rules: tuple[Rule, ...]


# Not a policy of roles: a token does at most what its holder said when it was made.
TOKEN_SCOPE: Final = Rule(
    "token-scope", False, "the token was not made for it", "Make a token with this act in its scope."
)


def permit(actor: Actor, act: Act, agency: str, facts: Facts = NO_FACTS) -> None:
    """Return when `actor` may do `act` to a thing of `agency`; otherwise raise `Refused` with the rules that say no."""
    decision = decide(actor, act, agency, facts)
    if not decision.allowed:
        raise refusal(actor, act, agency, decision)


def may_each(actor: Actor, act: Act, things: Iterable[tuple[str, Facts]]) -> list[bool]:
    """For each (agency, facts) of a list: may `actor` do `act` to it?"""
    return [decide(actor, act, agency, facts).allowed for agency, facts in things]


def permit_lists(actor: Actor, agency: str | None = None) -> None:
    """Return when `actor` sees any footage (of `agency`); otherwise raise `Refused`. Which rows, says `Actor.reach`."""
    if actor.acts is not None and "footage.list" not in actor.acts:
        raise refusal(actor, "footage.list", agency or actor.agency, Decision(False, (TOKEN_SCOPE,)))
    if agency in actor.footage_of if agency else actor.footage_of:
        return
    where = f"of {agency}" if agency else "of any agency"
    raise Refused(
        f"Your roles show you no footage {where}. An administrator does not see footage by being one.",
        rules=tuple(f"access/{rule.id}" for rule in _could_permit("footage.list")),
        next_step=f"An administrator of {agency or 'an agency'} can give a role.",
    )


def decide(actor: Actor, act: Act, agency: str, facts: Facts = NO_FACTS) -> Decision:
    """The answer of the policies, with the rules it rests on. By a token, first, whether it was made for the act."""
    if actor.acts is not None and act not in actor.acts:
        return Decision(False, (TOKEN_SCOPE,))
    return _decide(act, actor.roles_in(agency, facts.office), facts)


def refusal(actor: Actor, act: Act, agency: str, decision: Decision) -> Refused:
    """A refusal in words: which rules, and who can decide."""
    doing = act.split(".")[1].replace("_", " ")
    forbidden = [rule for rule in decision.rules if not rule.permits]
    if forbidden:
        says = "; ".join(rule.says for rule in forbidden)
        text = f"You may not {doing} this: {says}."
        ways = dict.fromkeys(rule.next.format(agency=agency) for rule in forbidden)
    else:
        held = ", ".join(sorted(actor.roles_in(agency))) or "none"
        text = f"Your roles in {agency} ({held}) do not let you {doing} this."
        ways = {f"An administrator of {agency} can give a role that does.": None}
    return Refused(
        text,
        rules=tuple(f"access/{rule.id}" for rule in decision.rules),
        next_step=" ".join(ways),
        act=act,
        agency=agency,
    )


def rules() -> tuple[Rule, ...]:
    """Every policy, in the order of the file."""
    return tuple(_book().rules.values())


@dataclass(frozen=True, slots=True)
class _Book:
    """The policies, parsed once. `speaking`: for each act the rules whose action scope holds it, permits first."""

    policies: Any
    entities: Any
    rules: Mapping[str, Rule]
    speaking: Mapping[Act, tuple[Rule, ...]]


@cache
def _book() -> _Book:
    import cedarpy

    text, schema = policy_text(), schema_text()
    rules: dict[str, Rule] = {}
    scopes: dict[str, frozenset[str]] = {}
    for policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
        notes, scope = policy["annotations"], policy["action"]
        rule = Rule(notes["id"], policy["effect"] == "permit", notes["says"], notes.get("next", ""))
        rules[rule.id] = rule
        named = scope.get("entities") or ([scope["entity"]] if "entity" in scope else [])
        scopes[rule.id] = frozenset(entity["id"] for entity in named)
    entities = cedarpy.Entities.from_json_str("[]", schema)
    groups = {
        entity["uid"]["id"]: {entity["uid"]["id"], *(parent["id"] for parent in entity["parents"])}
        for entity in json.loads(str(entities))
    }
    ordered = sorted(rules.values(), key=lambda rule: not rule.permits)
    speaking = {
        act: tuple(
            rule for rule in ordered if not scopes[rule.id] or scopes[rule.id] & groups.get(act, set())
        )
        for act in ACTS
    }
    return _Book(cedarpy.PolicySet.from_str(text), entities, rules, speaking)


def policy_text() -> str:
    """The policies as they are written."""
    return files("lapel.access").joinpath("policies.cedar").read_text("utf-8")


def schema_text() -> str:
    """What the policies may speak of, as it is written."""
    return files("lapel.access").joinpath("policies.cedarschema").read_text("utf-8")


def speaking_of(act: Act) -> tuple[Rule, ...]:
    """The rules that have something to say of an act, those that permit first."""
    return _book().speaking[act]


def _could_permit(act: Act) -> tuple[Rule, ...]:
    return tuple(rule for rule in speaking_of(act) if rule.permits and rule.id != "shared")


@lru_cache(maxsize=8192)
def _decide(act: Act, roles: frozenset[Role], facts: Facts) -> Decision:
    import cedarpy

    book = _book()
    answer = cedarpy.is_authorized(_request(act, roles, facts), book.policies, book.entities)
    if answer.diagnostics.errors:
        raise LapelError(f"The access policies cannot be asked: {answer.diagnostics.errors[0]}")
    if not answer.allowed and not answer.diagnostics.reasons:
        return Decision(False, _could_permit(act))
    ids = set(answer.diagnostics.id_annotations_by_reason.values())
    if ids == {"purpose"}:
        # Nobody is asked why they want to do what no reason would let them do.
        with_case = _decide(act, roles, replace(facts, purpose="case"))
        if not with_case.allowed:
            return with_case
    return Decision(answer.allowed, tuple(rule for rule in book.rules.values() if rule.id in ids))


def _request(act: Act, roles: frozenset[Role], facts: Facts) -> dict[str, Any]:
    context = asdict(facts)
    del context["office"]
    context["roles"] = sorted(roles)
    context["named"] = context.pop("restricted_to_me")
    context["investigated"] = context.pop("under_investigation")
    context["report"] = context.pop("own_before_report")
    context["glass"] = context.pop("broken_glass")
    context["shared"] = act in facts.shared
    return {
        "principal": 'Account::"somebody"',
        "action": f'Action::"{act}"',
        "resource": 'Agency::"an agency"',
        "context": context,
    }
