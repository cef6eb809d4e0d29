"""What came of each stretch, in the words of `findings`? Columns in, columns out; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lapel.activation.duties import DUTY, FORBIDDEN, LACKING, OWED, UNDETERMINED, Owed
from lapel.activation.findings import LACKING as LACKS
from lapel.activation.findings import OUTCOMES
from lapel.activation.match import WORDS, Measured
from lapel.base.digest import sha256_hex

NOTHING: Final = -1  # a ban that was kept: there is nothing to tell
NO_TIME: Final = "The file gives a day and no time, so nothing can be measured."
_MEASURED = np.array([OUTCOMES.index(word) for word in WORDS], np.int8)


def outcomes(owed: Owed, measured: Measured) -> NDArray[np.int8]:
    """For each stretch a place in OUTCOMES, or NOTHING. A duty without a recording is never better than missing."""
    found = _MEASURED[measured.outcome]
    lacking = np.array([_lacking(why.lacking) for why in owed.whys] or [0], np.int8)
    found = np.where(owed.status == LACKING, lacking[owed.why] if len(owed) else found, found)
    found = np.where(owed.status == UNDETERMINED, OUTCOMES.index("undetermined"), found)
    banned = (owed.kind != DUTY) & (owed.status == OWED)
    forbidden = np.where(
        owed.kind == FORBIDDEN,
        OUTCOMES.index("recorded though forbidden"),
        OUTCOMES.index("recorded past the stop"),
    )
    found = np.where(banned, np.where(measured.covered > 0, forbidden, NOTHING), found)
    return found.astype(np.int8)


def _lacking(false: Sequence[str]) -> int:
    """The first of the camera facts that is not so gives the name; all of them are named in the reason."""
    return next(
        (OUTCOMES.index(word) for name, word in LACKS.items() if name in false),
        OUTCOMES.index("undetermined"),
    )


def duty_id(event: str, badge: str, kind: int, place: int) -> str:
    """The id of one stretch of one officer in one event: the same in every run."""
    return sha256_hex(f"{event}\n{badge}\n{kind}\n{place}".encode())[:32]
