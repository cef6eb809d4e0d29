"""What are roles, reasons and restrictions called on pages?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lapel.access.actor import Role

ROLES: Final[Mapping[Role, str]] = {
    "officer": "See, play and describe your own recordings.",
    "supervisor": "See, play and describe the recordings of your unit, and correct who wore the camera.",
    "custodian": "Keep the agency’s footage: see, play, download, describe and restrict it.",
    "records": "Prepare footage for those who ask for it: see, play, download and describe it.",
    "investigator": "Find what there is, and look at it for a case that you name.",
    "outside": "See what was shared with you, as the share says.",
    "inspector": "Look into everything, the custody log included; change nothing but restrictions.",
    "policy": "Write the agency’s policy and prove it. It shows no footage.",
    "administrator": "Give and take roles. It shows no footage.",
}
