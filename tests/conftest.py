"""The fixtures every room's tests share."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from house import Cluster, House, drop, make_template
from lapel.base.ids import new_id


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL for this pytest process: the one of LAPEL_DATABASE_URL, or one started in /tmp.

    LAPEL_TEST_POSTGRES names the folder of another version's binaries to start, e.g. Debian's.
    """
    template = f"lapel_template_{new_id()[:12]}"
    url = os.environ.get("LAPEL_DATABASE_URL")
    if url:
        make_template(url, template)
        yield Cluster(url, template)
        drop(url, template)
        return
    from lapel.storage.embedded import EmbeddedPostgres

    place = Path(tempfile.mkdtemp(prefix="lapel-pg-"))
    place.chmod(0o711)  # the server may run as another user
    # Tests of durability start a server of their own; here nothing outlives the process.
    binaries = Path(os.environ["LAPEL_TEST_POSTGRES"]) if "LAPEL_TEST_POSTGRES" in os.environ else None
    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
    try:
        with EmbeddedPostgres(place, binaries=binaries, settings=quick) as server:
            make_template(server.url, template)
            yield Cluster(server.url, template)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def house(cluster: Cluster, tmp_path: Path) -> Iterator[House]:
    """A fresh database with nine agencies, empty stores and a key agent (tests/house.py)."""
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path, superuser_url=cluster.url)
        yield house
        house.end()


@pytest.fixture(scope="module")
def shared_house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all tests of a module: each makes its own people and things in it, and leaves the rest alone."""
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path_factory.mktemp("house"), superuser_url=cluster.url)
        yield house
        house.end()
