"""Does the agency's policy honour the department's, and are its openings really granted?"""

from __future__ import annotations

from functools import partial

from lapel.policy.book import Rule
from lapel.policy.case import Asked, Case, Finding
from lapel.policy.directive import Grant
from lapel.policy.outcome import Outcome
from lapel.policy.sentences import answer, named, outcome, scene, who
from lapel.policy.smt import both, either, negate
from lapel.policy.vocabulary import Question, Situation


def binds(question: Question, rule: Rule) -> bool:
    """Does a department clause bind the agencies? What silence says anyway binds only where it says `exactly: yes`."""
    said = rule.outcome
    if said is None:
        return False
    if question.conform == "binding":
        return said.word != question.otherwise or rule.clause.exactly
    return not (said.word and question.conform == "at most")


def meets(case: Case, question: Question, floor: Outcome) -> str:
    """The agency answers at least as strictly as this answer of the department."""
    voice, name = case.voice, question.name
    if question.answers:
        said = voice.says(name, lambda o: o.word == floor.word)
        return either([said, voice.silent(name)]) if floor.word == question.otherwise else said
    events = ("", *question.extends_on)
    if question.conform == "at most":
        return both(voice.says(name, partial(_within, floor, event)) for event in dict.fromkeys(events))
    endless = either([voice.says(name, lambda o: bool(o.word)), voice.silent(name)])
    if floor.word:
        return endless
    return either([endless, both(voice.says(name, partial(_reaches, floor, event)) for event in events)])


def _within(floor: Outcome, event: str, said: Outcome) -> bool:
    return not said.word and said.kind == floor.kind and said.at(event) <= floor.at(event)


def _reaches(floor: Outcome, event: str, said: Outcome) -> bool:
    return not said.word and said.kind == floor.kind and said.at(event) >= floor.at(event)


def conforms(case: Case) -> list[Asked]:
    """One claim for each department clause that binds: it speaks, the agency answers less strictly, nothing granted covers it."""
    if case.floor is None or case.floor_voice is None:
        return []
    found = []
    for index, rule in enumerate(case.floor.rules):
        if rule.policy != case.floor.policy or not rule.question or rule.outcome is None:
            continue
        question = case.library.vocabulary.questions[rule.question]
        if binds(question, rule):
            excused = case.script.name(excuse(case, question), "g")
            parts = [
                case.floor_voice.speaks[index],
                negate(meets(case, question, rule.outcome)),
                negate(excused),
            ]
            claim = case.script.claim(f"conforms {rule.key}", both(parts))
            found.append(Asked("conforms", claim, (rule.key,), partial(_breach, case, rule)))
    return found


def _breach(case: Case, rule: Rule, situation: Situation) -> str:
    question = case.library.vocabulary.questions[rule.question]
    assert rule.outcome is not None
    spoken = case.engine.decide(situation)[question.name]
    kinds = {clock.kind for clock in spoken.joined.clocks}
    odd = ", which is not comparable" if kinds and rule.outcome.kind not in kinds else ""
    return (
        f"{who(case.policy)}: {scene(case.frame, situation)}. {named(rule.key)} {outcome(question, rule.outcome)}; "
        f"{who(case.policy)} {answer(question, spoken, case.policy)}{odd}."
    )


def listed(question: Question, grant: Grant, said: Outcome) -> bool:
    """Does the grant list this answer? A clock is listed when it is at least as strict as one that is."""
    for allowed in grant.lists.get(question.name, ()):
        if question.answers or allowed.word or said.word:
            if allowed.word == said.word or (
                allowed.word and not question.answers and question.conform == "at most"
            ):
                return True
            if said.word and not question.answers and question.conform == "at least":
                return True
        elif (question.conform == "at most" and _within(allowed, "", said)) or (
            question.conform == "at least" and _reaches(allowed, "", said)
        ):
            return True
    return False


def _unlisted(question: Question, grant: Grant, said: Outcome) -> bool:
    return not listed(question, grant, said)


def excuse(case: Case, question: Question) -> str:
    """The situation is granted as to this question: a speaking clause relies on a grant that lists the question.

    Where that clause answers another question, what the agency says of this one has to be listed as well.
    """
    questions = case.library.vocabulary.questions
    ways = []
    for index, rule, grant in relying(case):
        if (
            question.name not in grant.lists
            or rule.outcome is None
            or not listed(questions[rule.question], grant, rule.outcome)
        ):
            continue
        parts = [case.voice.speaks[index], case.script.formula(case.defined(grant.when))]
        if rule.question != question.name:
            parts.append(negate(case.voice.says(question.name, partial(_unlisted, question, grant))))
        ways.append(both(parts))
    return either(ways)


def relying(case: Case) -> list[tuple[int, Rule, Grant]]:
    """The agency's clauses that stand under a grant made to it and in force."""
    grants = {grant.id: grant for grant in case.library.grants(case.on)}
    found = []
    for index, rule in enumerate(case.own.rules):
        grant = grants.get(rule.clause.under)
        if grant and case.agency and rule.policy == case.agency and grant.reaches(case.agency):
            found.append((index, rule, grant))
    return found


def misplaced(case: Case) -> list[Finding]:
    """Clauses under a grant that is another agency's, or not in force that day."""
    live = {grant.id: grant for grant in case.library.grants(case.on)}
    found = []
    for rule in case.own.rules:
        grant = (
            case.library.grant(rule.clause.under)
            if rule.clause.under and rule.policy == case.agency
            else None
        )
        if grant is None or case.agency is None:
            continue
        if not live.get(grant.id, grant).reaches(case.agency):
            found.append(
                Finding(
                    "granted",
                    (rule.key,),
                    f"{named(rule.key)} stands under {grant.id}, which is not made to {who(case.agency)}.",
                )
            )
        elif grant.id not in live:
            found.append(
                Finding(
                    "granted",
                    (rule.key,),
                    f"{named(rule.key)} stands under {grant.id}, which is not in force on {case.on}.",
                )
            )
    return found


def outside(case: Case) -> list[Asked]:
    """One claim for each clause under a grant: it speaks where the grant does not reach."""
    found = []
    for index, rule, grant in relying(case):
        where = case.script.formula(case.defined(grant.when))
        claim = case.script.claim(f"granted {rule.key}", both([case.voice.speaks[index], negate(where)]))

        def tell(situation: Situation, rule: Rule = rule, grant: Grant = grant) -> str:
            return (
                f"{named(rule.key)} speaks where {grant.id} does not reach: {scene(case.frame, situation)}."
            )

        found.append(Asked("granted", claim, (rule.key,), tell))
    return found


def grant_notes(case: Case) -> list[str]:
    """Grants to this agency that no clause uses, and clauses whose answer the grant does not list."""
    if case.agency is None:
        return []
    using = relying(case)
    used = {grant.id for _, _, grant in using}
    notes = [
        f"{g.id} is not used."
        for g in case.library.grants(case.on)
        if g.reaches(case.agency) and g.id not in used
    ]
    questions = case.library.vocabulary.questions
    for _, rule, grant in using:
        if rule.outcome is None or not listed(questions[rule.question], grant, rule.outcome):
            notes.append(
                f"{named(rule.key)} answers what {grant.id} does not list, so the grant excuses nothing."
            )
    return notes
