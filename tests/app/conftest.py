"""What every test of an app shares: a house with people and recordings (tests/staffed.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_department import remove_clusters

from house import House
from staffed import Staffed, staffed


@pytest.fixture
def here(house: House) -> Staffed:
    """See tests/staffed.py."""
    return staffed(house)


@pytest.fixture(autouse=True)
def no_cluster_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test's own folder goes by itself; a cluster that lies elsewhere for its sake does not."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        remove_clusters(folder)


@pytest.fixture(autouse=True, scope="session")
def none_of_a_module_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same for what a module's tests share."""
    base: Path = tmp_path_factory.getbasetemp()
    yield
    remove_clusters(base)
