"""What condition does this text state?

A condition is a Python expression restricted to a white list. `has any`, `has all` and `has` are replaced, at the same
width, by operators that the list does not know otherwise; then the standard library parses, and everything that is
not on the list is refused with its column. Length and depth are capped before the parser sees the text.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lapel.base.errors import Invalid
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes
from lapel.policy.document import Text, clip, nearest
from lapel.policy.vocabulary import Fact

MAX_LENGTH = 4000
MAX_BRACKETS = 24
_STRANGE = re.compile(r"[^A-Za-z0-9_\s()\[\]{},<>=]")
_NOTS = re.compile(r"(?:\bnot\b[\s(]*){12}")
_HAS = re.compile(r"\bhas\s+any\b(?=\s*[\[{])|\bhas\s+all\b(?=\s*[\[{])|\bhas\b")
_OPERATORS = {"any": "@", "all": "%", "has": "|"}


@dataclass(frozen=True, slots=True)
class _Reader:
    """One condition being read: its text, the facts and the words it may use."""

    source: Text
    facts: Mapping[str, Fact]
    terms: Collection[str]

    def fault(self, column: int, says: str, next_step: str = "") -> Invalid:
        place = self.source.place
        if self.source.offset is None:
            return place.fault(f"column {column + 1} of the condition: {says}", next_step)
        at = type(place)(place.file, place.line, place.column + self.source.offset + column, place.clause)
        return at.fault(says, next_step)

    def tree(self, node: ast.expr) -> Condition:
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.tree(value) for value in node.values)
            return And(parts) if isinstance(node.op, ast.And) else Or(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.tree(node.operand))
        if isinstance(node, ast.Compare):
            return self.compare(node)
        if isinstance(node, ast.BinOp):
            return self.has(node)
        if isinstance(node, ast.Name):
            return self.bare(node)
        raise self.refused(node)

    def refused(self, node: ast.AST) -> Invalid:
        what = {
            ast.Call: "a call",
            ast.Attribute: "an attribute",
            ast.Subscript: "a subscript",
            ast.Constant: "a bare value",
        }
        column = getattr(node, "col_offset", 0)
        return self.fault(
            column,
            f"{what.get(type(node), 'this')} is not allowed in a condition.",
            "Use facts, and, or, not, is, in, has, < <= > >=.",
        )

    def bare(self, node: ast.Name) -> Condition:
        if node.id in self.terms:
            return Term(node.id)
        fact = self.fact(node)
        if fact.kind != "yes/no":
            example = {
                "one of": f"{fact.name} is …",
                "some of": f"{fact.name} has …",
                "number": f"{fact.name} >= …",
            }
            raise self.fault(
                node.col_offset, f"{fact.name} is not yes or no.", f"Write {example[fact.kind]}."
            )
        return Yes(fact.name)

    def fact(self, node: ast.expr) -> Fact:
        if not isinstance(node, ast.Name):
            raise self.refused(node)
        if node.id in self.facts:
            return self.facts[node.id]
        if node.id in self.terms:
            raise self.fault(
                node.col_offset, f"“{node.id}” is a defined word: it stands alone.", f"Write {node.id}."
            )
        if node.id in {"yes", "no", "True", "False"}:
            raise self.fault(node.col_offset, f"“{node.id}” is no condition.", "Leave `when` out for always.")
        known = [*self.facts, *self.terms]
        raise self.fault(
            node.col_offset, f"“{clip(node.id)}” is no fact and no defined word.", nearest(node.id, known)
        )

    def words(self, node: ast.expr, fact: Fact) -> tuple[str, ...]:
        """The named values, in the vocabulary's order, each once."""
        listed = node.elts if isinstance(node, ast.List | ast.Set) else [node]
        if not listed:
            raise self.fault(node.col_offset, "an empty list names nothing.", "Name a value.")
        found = set()
        for item in listed:
            if not isinstance(item, ast.Name) or item.id not in fact.words:
                shown = clip(ast.unparse(item))
                raise self.fault(
                    item.col_offset, f"“{shown}” is no value of {fact.name}.", nearest(shown, fact.words)
                )
            found.add(item.id)
        return tuple(word for word in fact.words if word in found)

    def has(self, node: ast.BinOp) -> Condition:
        if not isinstance(node.op, ast.MatMult | ast.Mod | ast.BitOr):
            raise self.refused(node)
        fact = self.fact(node.left)
        if fact.kind != "some of":
            right = "is or in" if fact.kind == "one of" else "something else"
            raise self.fault(
                node.col_offset, f"`has` is for sets, and {fact.name} is {fact.kind}.", f"Use {right}."
            )
        if isinstance(node.op, ast.BitOr) and isinstance(node.right, ast.List | ast.Set):
            raise self.fault(
                node.right.col_offset, "`has` takes one word.", "Write has any [..] or has all [..]."
            )
        members = self.words(node.right, fact)
        return Has(fact.name, members, every=isinstance(node.op, ast.Mod) and len(members) > 1)

    def compare(self, node: ast.Compare) -> Condition:
        left, parts = node.left, list[Condition]()
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                parts.append(self.bound(left, op, right))
            elif len(node.ops) == 1:
                return self.member(left, op, right)
            else:
                raise self.fault(left.col_offset, "only < <= > >= can be chained.", "Join the two with and.")
            left = right
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def member(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(op, ast.Eq | ast.NotEq):
            raise self.fault(
                left.col_offset, "== is not part of the language.", "Write is, in, or 3 <= x <= 3."
            )
        fact = self.fact(left)
        if fact.kind != "one of":
            fix = {"some of": "has", "number": "< <= > >=", "yes/no": f"{fact.name} or not {fact.name}"}
            raise self.fault(
                left.col_offset,
                f"`is` and `in` are not for {fact.name} ({fact.kind}).",
                f"Use {fix[fact.kind]}.",
            )
        several = isinstance(op, ast.In | ast.NotIn)
        if several != isinstance(right, ast.List | ast.Set):
            step = (
                "`in` takes a list: [a, b]." if several else "`is` takes one word; for several use in [..]."
            )
            raise self.fault(right.col_offset, "one word or a list?", step)
        found = In(fact.name, self.words(right, fact))
        return Not(found) if isinstance(op, ast.NotIn | ast.IsNot) else found

    def bound(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        """One comparison of a number fact with a number, in terms of at-least."""
        swapped = isinstance(left, ast.Constant)
        fact, limit = self.fact(right if swapped else left), (left if swapped else right)
        if fact.kind != "number":
            raise self.fault(left.col_offset, f"{fact.name} is no number.", "Use is, in or has.")
        number = self.number(limit, fact)
        greater = isinstance(op, ast.Gt | ast.GtE) != swapped
        strict = isinstance(op, ast.Gt | ast.Lt)
        least = number + (strict if greater else not strict)
        if not fact.low < least <= fact.high:
            raise self.fault(
                left.col_offset,
                f"{fact.name} goes from {fact.low} to {fact.high}: this says nothing.",
                "Change the number.",
            )
        return AtLeast(fact.name, least) if greater else Not(AtLeast(fact.name, least))

    def number(self, node: ast.expr, fact: Fact) -> int:
        if not isinstance(node, ast.Constant) or type(node.value) is not int:
            raise self.fault(
                node.col_offset, f"{fact.name} is compared with whole numbers only.", "Write a number."
            )
        if not fact.low <= node.value <= fact.high:
            raise self.fault(
                node.col_offset, f"{node.value} is outside {fact.name} ({fact.low} to {fact.high})."
            )
        return node.value


def read_condition(source: Text, facts: Mapping[str, Fact], terms: Collection[str] = ()) -> Condition:
    """The tree of a condition. Raises `Invalid` naming file, clause, column and the nearest word."""
    reader = _Reader(source, facts, terms)
    text = re.sub(r"\s", " ", source.value)
    if len(text) > MAX_LENGTH:
        raise source.place.fault(
            f"a condition of {len(text)} characters is longer than {MAX_LENGTH}.",
            "Define a word, or write two clauses.",
        )
    if not text.strip():
        raise source.place.fault("the condition is empty.", "Leave `when` out for always.")
    if strange := _STRANGE.search(text):
        raise reader.fault(
            strange.start(),
            f"“{clip(strange.group())}” has no place in a condition.",
            "Use facts and words only.",
        )
    _depth(text, reader)
    replaced = _HAS.sub(lambda m: _OPERATORS[m.group()[-3:]].ljust(len(m.group())), text)
    lead = len(replaced) - len(replaced.lstrip())
    try:
        tree = ast.parse("(" + replaced[lead:] + "\n)", mode="eval").body
    except SyntaxError as error:
        # The closing bracket stands on a line of its own: a fault there is at the end of the text.
        column = len(text) if (error.lineno or 1) > 1 else max(0, (error.offset or 2) - 2 + lead)
        raise reader.fault(
            min(column, len(text)), "the condition breaks off or is not one here.", _syntax_hint(text)
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise reader.fault(0, "the condition cannot be read.", "Make it simpler.") from None
    _shift(tree, lead - 1)
    return reader.tree(tree)


def _depth(text: str, reader: _Reader) -> None:
    """Refuses brackets and chains of `not` that nest too deep, before anything recursive sees them."""
    depth = 0
    for column, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth > MAX_BRACKETS:
            raise reader.fault(
                column, f"brackets nest deeper than {MAX_BRACKETS}.", "Define a word, or write two clauses."
            )
        if depth < 0:
            raise reader.fault(column, "a bracket closes that never opened.", "Remove it.")
    if chain := _NOTS.search(text):
        raise reader.fault(chain.start(), "a chain of `not` this long says nothing.", "Remove the pairs.")


def _shift(tree: ast.expr, by: int) -> None:
    for node in ast.walk(tree):
        if hasattr(node, "col_offset"):
            node.col_offset += by


def _syntax_hint(text: str) -> str:
    reserved = [
        w
        for w in re.findall(r"[A-Za-z_]+", text)
        if keyword.iskeyword(w) and w not in {"and", "or", "not", "is", "in"}
    ]
    return (
        f"“{reserved[0]}” is no word of the language."
        if reserved
        else "Look for a missing and, or, word or bracket."
    )
