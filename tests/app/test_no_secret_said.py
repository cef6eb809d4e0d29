"""Does a department that runs say a secret? Everything its processes write is searched for every password, token and key there was."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from running_department import Dock, eventually, found, running, settings_in

from lapel.app import founding
from lapel.app import running as lapel_running
from lapel.app.department import Department
from staffed import PASSWORD

WRONG, BEARER, IN_ADDRESS = (
    f"{name}-{secrets.token_urlsafe(24)}" for name in ("wrong", "lapel_bearer", "address")
)


def strings(value: Any) -> set[str]:
    """Every text of a JSON value that is long enough to be a secret."""
    if isinstance(value, dict):
        return set().union(*(strings(one) for one in value.values()), set())
    if isinstance(value, list):
        return set().union(*(strings(one) for one in value), set())
    return {value} if isinstance(value, str) and len(value) >= 24 else set()


def come_and_go(here: Department) -> set[str]:
    """A person's day at the doors, mistakes included; the secrets that crossed the wire."""
    link = founding.sign_in_link(here)
    said = {link.rsplit("/", 1)[1], PASSWORD, WRONG, BEARER, IN_ADDRESS}
    with httpx.Client(base_url=f"http://{here.settings.staff_bind}", timeout=60) as client:

        def answers() -> bool:
            try:
                return client.get("/health").status_code == 200
            except httpx.TransportError:
                return False

        eventually("the pages answer", answers)

        def fill(page: str, target: str, fields: dict[str, str]) -> Any:
            token = re.search(r'name="form_token" value="([0-9a-f]{64})"', client.get(page).text)
            assert token, page
            said.add(token[1])
            answer = client.post(target, data={"form_token": token[1], **fields})
            said.update(str(value) for value in client.cookies.values() if value)
            return answer

        page = "/begin/" + link.rsplit("/", 1)[1]
        assert (
            fill(page, page, {"name": "Custodian 1", "password": PASSWORD, "again": PASSWORD}).status_code
            == 303
        )
        assert client.get("/work").status_code == 200
        fill("/account", "/sign-out", {})
        assert fill("/sign-in", "/sign-in", {"name": "Custodian 1", "password": WRONG}).status_code == 401
        assert fill("/sign-in", "/sign-in", {"name": "Custodian 1", "password": PASSWORD}).status_code == 303
        client.get("/recordings", params={"token": IN_ADDRESS, "next": f"//{IN_ADDRESS}"})
        client.get(f"/begin/{IN_ADDRESS}")
        client.get("/work.json", headers={"authorization": f"Bearer {BEARER}"})
        client.post("/view", data={"form_token": WRONG, "agency": IN_ADDRESS})
    return said


def test_no_process_writes_a_secret_down(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = settings_in(tmp_path / "data", log_level="debug")
    found(settings)
    with running(settings, lapel_running.PROCESSES) as (_, here):
        said = come_and_go(here)
        archive, scope = here.operator()
        dock = Dock.connected(archive, scope, settings, tmp_path, "dock")
        dock.deliver(1)
        said |= {str(dock.controller.connection["BlobAPIKey"]), dock.controller._token}
        with pytest.raises(Exception):
            type(dock.controller)({**dock.controller.connection, "BlobAPIKey": WRONG}).sign_in()
    written = "".join(capfd.readouterr())
    assert written.count("answered") > 8, "the processes wrote nothing: then nothing was searched"
    assert "request" in written
    keyring = json.loads(settings.keyring.read_text())
    said |= (
        strings(json.loads(settings.secrets.read_text()))
        | strings(keyring["owners"])
        | strings(keyring["signing"])
    )
    assert len(said) > 20
    assert [secret[:6] for secret in said if secret in written] == []
    # Nor does any other file of the department but those that are there to hold it.
    own = {settings.keyring, settings.secrets, settings.data / "database-address"}
    for path in settings.data.rglob("*"):
        if path.is_file() and path not in own and "postgres" not in path.parts:
            content = path.read_bytes()
            assert [s[:6] for s in said if s.encode() in content] == [], path.relative_to(settings.data)
