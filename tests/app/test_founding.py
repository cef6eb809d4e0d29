"""Does a department begin whole or not at all, wherever it lies, and can what is there already not be harmed?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import drop
from lapel.app import founding
from lapel.app.department import MODEL_AGENCIES, Agency, department, running_database
from lapel.app.running import key_agent
from lapel.app.settings import Settings
from lapel.base.errors import Conflict, Invalid, NotFound, Unavailable
from lapel.storage.embedded import EmbeddedPostgres
from lapel.storage.postgres import connect
from lapel.storage.roles import LOGIN_ROLES, bootstrap

ORIGIN = "police.example.gov/lapel"
TWO = (Agency("north", "North Division"), Agency("south", "South Division", "America/Denver"))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty data folder; the embedded database, whatever server the other tests use."""
    monkeypatch.delenv("LAPEL_DATABASE_URL", raising=False)
    return Settings(data=tmp_path / "data")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that is a department's alone; quick to die, for nothing here is about its durability."""
    place = tmp_path_factory.mktemp("server")
    with EmbeddedPostgres(place, settings={"fsync": "off", "full_page_writes": "off"}) as running:
        yield running.url


@pytest.fixture
def server(own_server: str) -> Iterator[str]:
    """Its administrator's address; it has no department before the test, and none after it."""
    yield own_server
    drop(own_server, "lapel")


def found(settings: Settings, agencies: tuple[Agency, ...] = TWO) -> list[str]:
    said: list[str] = []
    founding.found(settings, "Example Department", ORIGIN, agencies, told=said.append)
    return said


def is_whole(settings: Settings, agencies: tuple[Agency, ...] = TWO) -> None:
    """It can be opened, has its agencies and categories, and its first checkpoint is public."""
    with running_database(settings) as admin_url, key_agent(settings):
        here = department(settings, admin_url)
        assert here.origin == ORIGIN
        assert set(here.agencies) == set(agencies)
        archive, scope = here.operator()
        with archive.db.tx(scope) as conn:
            row = conn.execute("SELECT count(DISTINCT agency) AS n FROM category").fetchone()
        archive.db.close()
        assert row == {"n": len(agencies)}
        assert archive.stores.public.read("log/checkpoint").startswith(f"{ORIGIN}\n0\n".encode())


def files(folder: Path) -> set[str]:
    """What a founding makes, and neither an embedded server nor a key agent does."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not name.startswith(("postgres/", "sockets/", "database-address"))}


def test_a_department_in_a_folder_with_spaces_and_letters_from_everywhere(tmp_path: Path):
    settings = Settings(data=tmp_path / "Ünïcode folder 世界 with  spaces" / "data", database_url="")
    said = " ".join(found(settings))
    assert "Whoever loses that file loses every recording" in said
    is_whole(settings)
    for secret in (settings.secrets, settings.keyring):
        assert secret.stat().st_mode & 0o077 == 0


def test_a_path_too_long_for_a_socket(tmp_path: Path):
    settings = Settings(data=tmp_path / ("long-name-" * 10) / ("another-" * 8), database_url="")
    assert not settings.sockets.is_relative_to(settings.data)
    found(settings)
    is_whole(settings)


@pytest.mark.parametrize(
    "step",
    ["create_keyring", "department", "_describe", "_first_checkpoint", "_first_categories", "keep_secrets"],
)
def test_a_founding_that_fails_leaves_nothing_that_stops_a_second_one(
    settings: Settings, server: str, monkeypatch: pytest.MonkeyPatch, step: str
):
    settings = settings.model_copy(update={"database_url": server})
    whole = getattr(founding, step)

    with monkeypatch.context() as patched:
        patched.setattr(founding, step, lambda *args: fails(whole(*args)))
        with pytest.raises(Unavailable):
            found(settings)
    assert files(settings.data) == set()
    found(settings)
    is_whole(settings)


def test_a_founding_that_was_killed_is_begun_anew(settings: Settings):
    code = (
        "import os, signal; from lapel.app import cli, founding;"
        "founding.keep_secrets = lambda *_: os.kill(os.getpid(), signal.SIGKILL); cli.main()"
    )
    assert init(settings, code).wait(120) == -signal.SIGKILL
    assert settings.keyring.exists()
    with pytest.raises(NotFound), running_database(settings) as admin_url:
        department(settings, admin_url)
    found(settings)
    is_whole(settings)


def init(settings: Settings, code: str = "from lapel.app.cli import main; main()") -> subprocess.Popen[str]:
    """`lapel init` in a process of its own."""
    command = [sys.executable, "-c", code, "init", "--name", "D", "--origin", ORIGIN]
    environment = {**os.environ, "LAPEL_DATA": str(settings.data)}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_second_department_in_the_same_folder_is_refused_and_changes_nothing(
    settings: Settings, server: str
):
    settings = settings.model_copy(update={"database_url": server})
    found(settings)
    before = {name: (settings.data / name).read_bytes() for name in files(settings.data)}
    with pytest.raises(Conflict, match=r"a department in .* already"):
        found(settings, MODEL_AGENCIES)
    assert {name: (settings.data / name).read_bytes() for name in files(settings.data)} == before


def test_a_keyring_without_its_secrets_is_never_touched(settings: Settings, server: str):
    settings = settings.model_copy(update={"database_url": server})
    found(settings)
    keyring = settings.keyring.read_bytes()
    settings.secrets.unlink()
    with pytest.raises(Conflict, match=r"keyring\.json"):
        found(settings)
    assert settings.keyring.read_bytes() == keyring
    assert any(settings.objects.rglob("department.json"))


def test_a_server_with_another_department_is_refused_before_its_passwords_change(
    settings: Settings, server: str, tmp_path: Path
):
    first = settings.model_copy(update={"database_url": server})
    found(first)
    for name, says in (("lapel", "holds a department already"), ("second", "would lock it out")):
        another = first.model_copy(update={"data": tmp_path / name, "database_name": name})
        with pytest.raises(Conflict, match=says):
            found(another)
        assert files(another.data) == set()
    is_whole(first)
    assert "second" not in databases(server)


def test_a_database_that_was_made_beforehand_is_used_and_stays_when_founding_fails(
    settings: Settings, server: str, monkeypatch: pytest.MonkeyPatch
):
    settings = settings.model_copy(update={"database_url": server})
    bootstrap(server, "lapel", dict.fromkeys(LOGIN_ROLES, "from before"))
    with monkeypatch.context() as patched:
        patched.setattr(founding, "_describe", fails)
        with pytest.raises(Unavailable):
            found(settings)
    assert "lapel" in databases(server)
    found(settings)
    is_whole(settings)


def fails(*_: object) -> None:
    raise Unavailable("The disk went away.")


def databases(server: str) -> set[str]:
    with connect(server) as conn:
        return {row["datname"] for row in conn.execute("SELECT datname FROM pg_database")}


def test_two_foundings_at_once_make_one_department(settings: Settings):
    running = [init(settings), init(settings)]
    said = [process.communicate(timeout=120)[1] for process in running]
    ended = sorted(zip((process.returncode for process in running), said, strict=True))
    assert [status for status, _ in ended] == [0, Conflict.exit_status], ended
    assert "Traceback" not in ended[1][1]
    is_whole(settings, MODEL_AGENCIES)


@pytest.mark.parametrize(
    "agencies",
    [
        (),
        (TWO[0], TWO[0]),
        (Agency("department", "The department"),),
        (Agency("North", "Upper case"),),
        (Agency("n", ""),),
    ],
    ids=["none", "one twice", "the department itself", "upper case", "no name"],
)
def test_agencies_that_cannot_be_are_refused_before_anything_is_made(
    settings: Settings, agencies: tuple[Agency, ...]
):
    with pytest.raises(Invalid):
        found(settings, agencies)
    assert not settings.data.exists()


def test_an_origin_that_cannot_be(settings: Settings):
    with pytest.raises(Invalid):
        founding.found(settings, "D", "two words", TWO)
    with pytest.raises(Invalid):
        founding.found(settings, " ", ORIGIN, TWO)
    assert not settings.data.exists()


def test_own_agencies_from_a_spreadsheet(tmp_path: Path):
    listed = tmp_path / "agencies.csv"
    listed.write_bytes(
        "\ufeffid,name,zone\r\nnorth,North Division,\r\nsouth,“South” 世界,America/Denver\r\n".encode()
    )
    assert founding.read_agencies(listed) == [
        Agency("north", "North Division"),
        Agency("south", "“South” 世界", "America/Denver"),
    ]


BAD_LISTS = {
    "no header": (b"north,North\n", 1),
    "a line without a name": (b"id,name\nnorth,North\nsouth\n", 3),
    "a zone that is none": (b"id,name,zone\nnorth,North,Mars/Olympus\n", 2),
    "a zone that is a folder": (b"id,name,zone\nnorth,North,America\n", 2),
    "a zone that climbs out": (b"id,name,zone\nnorth,North,../../etc/passwd\n", 2),
    "an id in upper case": (b"id,name\nNORTH,North\n", 2),
    "the department itself": (b"id,name\nsouth,South\ndepartment,All of it\n", 3),
    "not UTF-8": (b"id,name\nnorth,N\xf6rth\n", 1),
    "a NUL": (b"id,name\nnorth,No\0rth\n", 2),
}


@pytest.mark.parametrize(("content", "line"), BAD_LISTS.values(), ids=BAD_LISTS.keys())
def test_a_bad_list_of_agencies_says_which_line(tmp_path: Path, content: bytes, line: int):
    listed = tmp_path / "agencies.csv"
    listed.write_bytes(content)
    with pytest.raises(Invalid, match=rf"Line {line} "):
        founding.read_agencies(listed)


def test_a_list_of_agencies_that_is_not_there(tmp_path: Path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(NotFound, match="cannot be read"):
            founding.read_agencies(path)
