"""What can go wrong, and what should the person who meets it do next?

LapelError
├── Refused         a policy or a permission says no                403 (401 unauthenticated)   exit 3
├── NotFound        there is no such thing, or not for you          404                         exit 4
├── Invalid         the sender can fix it                           422 (413 too large)         exit 5
├── Conflict        the state moved; read again                     409                         exit 6
├── Unavailable     try later; the only error worth retrying        503 (429, 507)              exit 7
└── EvidenceFault   a digest, a signature or the log disagrees;     500                         exit 90
                    never retried, stops the worker, raises an alarm

Outcomes that are no errors: exit 1 (a proof or a check does not hold), exit 8 (consistent, but not anchored).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class LapelError(Exception):
    """Base of the tree. `says`: what happened, to which thing. `next_step`: what to do. `facts`: for machines."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 70
    retryable: ClassVar[bool] = False

    def __init__(self, says: str, *, next_step: str = "", status: int | None = None, **facts: object) -> None:
        super().__init__(says)
        self.says = says
        self.next_step = next_step
        self.status = status or self.http_status
        self.facts: Mapping[str, object] = facts

    def __str__(self) -> str:
        return f"{self.says} {self.next_step}".strip()

    def problem(self) -> dict[str, object]:
        """The RFC 9457 problem+json members."""
        return {
            "type": f"urn:lapel:error:{self.code}",
            "title": self.code,
            "status": self.status,
            "detail": self.says,
            "next_step": self.next_step,
            **self.facts,
        }


class Refused(LapelError):
    """A policy or a permission says no; `rules` are the ids of the clauses or policies that said so."""

    code = "refused"
    http_status = 403
    exit_status = 3

    def __init__(
        self,
        says: str,
        *,
        rules: tuple[str, ...] = (),
        next_step: str = "",
        status: int | None = None,
        **facts: object,
    ) -> None:
        super().__init__(says, next_step=next_step, status=status, rules=list(rules), **facts)
        self.rules = rules


class NotFound(LapelError):
    """There is no such thing, or it is not visible to the asker; the two are never told apart."""

    code = "not-found"
    http_status = 404
    exit_status = 4


class Invalid(LapelError):
    """What was sent cannot be accepted as it is; the sender can fix it."""

    code = "invalid"
    http_status = 422
    exit_status = 5


class Conflict(LapelError):
    """The state moved under the asker; read again and decide again."""

    code = "conflict"
    http_status = 409
    exit_status = 6


class Unavailable(LapelError):
    """Not now: a part is down, busy or full. The only error that is worth retrying."""

    code = "unavailable"
    http_status = 503
    exit_status = 7
    retryable = True


class EvidenceFault(LapelError):
    """A digest, a signature or the log does not agree. Never retried; a person must look."""

    code = "evidence-fault"
    http_status = 500
    exit_status = 90


CHECK_DOES_NOT_HOLD = 1
NOT_ANCHORED = 8
