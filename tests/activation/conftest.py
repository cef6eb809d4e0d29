"""The fixtures of the activation's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from watched import Watched

from house import House
from staffed import staffed


@pytest.fixture
def watched(house: House) -> Watched:
    """A unit with one policy on record and no duties yet."""
    there = Watched(staffed(house))
    there.sign("fps")
    return there
