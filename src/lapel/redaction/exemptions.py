"""Under which exemption may something be withheld? Codes as data, with the text they stand on."""

from __future__ import annotations

from dataclasses import dataclass

from lapel.base.errors import Invalid


@dataclass(frozen=True, slots=True)
class Exemption:
    """One ground to withhold. `code` is written on the mask's record, `source` is where the law has it."""

    code: str
    protects: str
    source: str


EXEMPTIONS: tuple[Exemption, ...] = (
    Exemption("b(1)", "what is classified in the interest of national defense or foreign policy", "5 U.S.C. 552(b)(1)"),
    Exemption("b(2)", "an agency's internal personnel rules and practices", "5 U.S.C. 552(b)(2)"),
    Exemption("b(3)", "what another statute exempts", "5 U.S.C. 552(b)(3)"),
    Exemption("b(4)", "trade secrets and confidential commercial information", "5 U.S.C. 552(b)(4)"),
    Exemption("b(5)", "deliberation and advice inside or between agencies", "5 U.S.C. 552(b)(5)"),
    Exemption("b(6)", "personal privacy in personnel, medical and similar files", "5 U.S.C. 552(b)(6)"),
    Exemption("b(7)(A)", "an enforcement proceeding", "5 U.S.C. 552(b)(7)(A)"),
    Exemption("b(7)(B)", "a fair trial or an impartial adjudication", "5 U.S.C. 552(b)(7)(B)"),
    Exemption("b(7)(C)", "personal privacy in law enforcement records", "5 U.S.C. 552(b)(7)(C)"),
    Exemption("b(7)(D)", "a confidential source", "5 U.S.C. 552(b)(7)(D)"),
    Exemption("b(7)(E)", "techniques, procedures and guidelines of law enforcement", "5 U.S.C. 552(b)(7)(E)"),
    Exemption("b(7)(F)", "the life or physical safety of a person", "5 U.S.C. 552(b)(7)(F)"),
    Exemption("b(8)", "the supervision of financial institutions", "5 U.S.C. 552(b)(8)"),
    Exemption("b(9)", "geological information about wells", "5 U.S.C. 552(b)(9)"),
    Exemption("(j)(2)", "a criminal law enforcement system of records", "5 U.S.C. 552a(j)(2)"),
    Exemption("(k)(2)", "investigatory material outside criminal law enforcement", "5 U.S.C. 552a(k)(2)"),
)  # fmt: skip
CODES = frozenset(exemption.code for exemption in EXEMPTIONS)
# Proposed for every face, plate and voice that a detector finds; the reviewer may choose another.
PROPOSED = "b(7)(C)"


def exemption(code: str) -> Exemption:
    """The exemption with this code. Raises `Invalid` with the codes there are."""
    for one in EXEMPTIONS:
        if one.code == code:
            return one
    raise Invalid(
        f"There is no exemption {code[:40]!r}.",
        next_step=f"Use one of: {', '.join(e.code for e in EXEMPTIONS)}.",
    )
