"""Where do the key agent's sockets lie, and can nobody else put a false agent there?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from lapel.app.settings import Settings
from lapel.base.errors import Refused


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder whose path is too long for a socket, with a temporary folder of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Settings(data=tmp_path / ("d" * 90))


def test_sockets_lie_in_the_data_folder_where_its_path_is_short() -> None:
    assert Settings(data=Path("/srv/lapel")).sockets == Path("/srv/lapel/sockets")


def test_a_long_path_gets_a_short_folder_that_only_its_owner_writes_to(deep: Settings) -> None:
    folder = deep.sockets
    assert folder == deep.sockets
    assert folder.parent == Path(tempfile.gettempdir())
    assert len(folder.name) < 40
    assert folder.stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("defect", ["writable by others", "a link", "a file"])
def test_a_folder_that_somebody_else_may_have_made_is_refused(deep: Settings, defect: str) -> None:
    folder = deep.sockets
    if defect == "writable by others":
        folder.chmod(0o777)
    else:
        folder.rmdir()
        if defect == "a link":
            (folder.parent / "elsewhere").mkdir()
            folder.symlink_to(folder.parent / "elsewhere")
        else:
            folder.write_text("")
    with pytest.raises(Refused, match="not a folder that only its owner"):
        deep.sockets  # noqa: B018
