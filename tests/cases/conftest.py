"""What every test of cases shares: a house with people and recordings (tests/staffed.py)."""

from __future__ import annotations

import pytest

from house import House
from staffed import Staffed, staffed


@pytest.fixture
def here(house: House) -> Staffed:
    """See tests/staffed.py."""
    return staffed(house)
