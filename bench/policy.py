"""How fast are policies answered and proved, beside other engines given the same clauses in the same run?

    python bench/policy.py [--rows 10000000] [--large]

Peers for one situation: cedarpy, common-expression-language (CEL in Rust), zen-engine. They are asked
which of the 40 clauses are met, in one call with parsed handles, and a few lines of Python then find which of these speak
(cedarpy names the clauses itself and is spared that). Peers for many: Polars and DuckDB, one thread each, on the same
columns: our codes and bit masks, which no user of theirs has, and sets as the lists that users have (a twentieth of the rows).

All times are CPU seconds of this process, all its threads together, the best of several runs: everything here is one
thread, so on a quiet machine they are seconds, and on a busy one they still compare.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import time
from itertools import pairwise
from pathlib import Path

from lapel.policy.book import lone_book
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.proof import prove
from lapel.policy.shelf import library_at, vocabulary_at
from lapel.policy.vocabulary import Vocabulary
from policy_clauses import clauses, condition, random_columns, text
from policy_many import many_situations
from policy_one import one_situation

DIRECTIVES = Path(__file__).resolve().parents[1] / "directives"
NOT_EQUAL = """Not equal: the peers know no exceptions, so they are asked for the met clauses, and Python finds those that speak; cedarpy is
spared even that. Their sets are lists, made before the clock starts; ours are frozensets. Ours remembers the words of an answer
for each set of speaking clauses; the line below it is without. Polars and DuckDB get our codes and bit masks and give one
number a row; ours gives it and the planes of all speaking clauses, and checks what is always so."""


def library_of(words: Vocabulary, floor: int, own: int, agencies: tuple[str, ...]) -> Library:
    """A department and agencies that keep its clauses and add duties of their own under the same exceptions."""
    rng = random.Random(1)
    base = clauses(rng, words, floor, clocks=floor // 8)
    directives = [
        read_directive(text("policy: department\nversion: 2024-01-01\n", base), "department.yaml", words)
    ]
    over = ", ".join(name for name, _ in base if name[0] in "BX")
    for agency in agencies:
        more = [
            (f"M{i}", f"record: required\n  when: {condition(rng, words)}\n  subject to: [{over}]")
            for i in range(own - floor)
        ]
        head = (
            f"policy: {agency}\nversion: 2024-02-01\nfollows: {{policy: department, version: 2024-01-01}}\n"
        )
        directives.append(read_directive(text(head, base + more), f"{agency}.yaml", words))
    return assemble(words, directives)


def proofs(words: Vocabulary, large: bool) -> None:
    began = time.process_time()
    library = library_at(DIRECTIVES)
    read = time.process_time() - began
    found = prove(library)
    print(
        f"the nine policies under directives/: {len(found)} intervals, {time.process_time() - began - read:.2f} s, read in {read:.2f} s"
    )
    each: list[tuple[int, float]] = []
    for floor, own, goal in (
        (20, 30, None),
        (40, 60, 3),
        (80, 120, None),
        *(((300, 500, 30),) if large else ()),
    ):
        agencies = words.agencies if own < 300 else words.agencies[:1]
        library = library_of(words, floor, own, agencies)
        began = time.process_time()
        found = prove(library)
        taken = time.process_time() - began
        each.append((own, taken / len(agencies)))
        conform = all(proof.check("conforms").holds for proof in found)
        aim = f" (goal: {goal} s)" if goal else ""
        print(
            f"{len(agencies)} agencies of {own} clauses under {floor}: {taken:.2f} s{aim}, conforms: {conform}"
        )
    grows = (
        f"{a} to {b}: {math.log(slow / quick) / math.log(b / a):.1f}"
        for (a, quick), (b, slow) in pairwise(each)
    )
    print(f"  cost of one agency grows with the number of its clauses to the power of ({', '.join(grows)})")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--large", action="store_true", help="also 300 x 500 clauses")
    given = options.parse_args()
    words = vocabulary_at(DIRECTIVES / "vocabulary.yaml")
    rng = random.Random(40)
    book = lone_book(
        words,
        read_directive(
            text("policy: forty\nversion: 2024-01-01\n", clauses(rng, words, 40)), "forty.yaml", words
        ),
    )
    columns = random_columns(book, 500)
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors")
    one_situation(book, [columns.stated(row) for row in range(500)])
    many_situations(book, given.rows)
    proofs(words, given.large)
    print(f"load after: {os.getloadavg()[0]:.2f}")
    print(NOT_EQUAL)


if __name__ == "__main__":
    main()
