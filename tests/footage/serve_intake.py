"""The intake as it runs in a department, served as there: `serve_intake.py URL OBJECTS SOCKET PORT PIDFILE`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fastapi import FastAPI

from lapel.app import logs
from lapel.app.intake import make
from lapel.app.serving import serve
from lapel.storage.archive import Archive
from lapel.storage.keys import AgentKeys
from lapel.storage.localstore import local_stores
from lapel.storage.postgres import Database


def app() -> FastAPI:
    """Made in the serving process, whose id it leaves for the test to look at."""
    url, objects, socket, _, pid = sys.argv[1:]
    logs.begin("intake", "debug")
    Path(pid).write_text(str(os.getpid()))
    return make(Archive(Database(url), local_stores(Path(objects)), AgentKeys(Path(socket))))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    serve("serve_intake:app", f"127.0.0.1:{sys.argv[4]}")
