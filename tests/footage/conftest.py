"""Fixtures of the footage room's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from door import Door, archive_of, connected, serving

from house import House


@pytest.fixture
def door(house: House) -> Iterator[Door]:
    """The intake at a free port, with the rights of the intake role only, and a camera system connected to it."""
    archive = archive_of(house)
    with serving(archive) as port:
        yield Door(house, archive, connected(house, port))
