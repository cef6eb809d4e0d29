"""Parsers that misbehave, for tests of the cell: `python -m cellmates` is started like the real one."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time

from lapel.storage import lockdown
from lapel.storage.lockdown import limit_resources, lock_down
from lapel.storage.ranges import RANGE, Line


def _try(act: str) -> object:
    if act == "read a file":
        return open("/etc/hostname").read()
    if act == "write a file":
        return open("/tmp/lapel-cellmate", "w").write("x")
    if act == "open a socket":
        return socket.socket(socket.AF_INET).connect_ex(("127.0.0.1", 9))
    if act == "open a local socket":
        return socket.socket(socket.AF_UNIX).fileno()
    if act == "start a process":
        return os.fork() or os._exit(0)
    if act == "start a program":
        return os.execv(sys.executable, [sys.executable, "-c", ""])
    if act == "start a thread":
        return threading.Thread(target=print).start()
    if act == "signal its keeper":
        return os.kill(os.getppid(), 0)
    if act == "signal a thread of its keeper":
        import ctypes

        number = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
        if ctypes.CDLL(None, use_errno=True).syscall(number, os.getppid(), os.getppid(), 0) == 0:
            return "it could"
        raise OSError(ctypes.get_errno(), "tgkill")
    if act == "list a folder":
        return os.listdir("/")
    if act == "become root":
        return os.setuid(0)
    raise AssertionError(act)


def main() -> None:
    line = Line(0)
    _, body = line.receive()
    request = json.loads(body)
    act = request["act"]
    if act == "fail before it begins":
        sys.exit(3)
    limit_resources(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    if request.get("unfiltered"):
        lockdown._ALLOWED.clear()
    line.send(b"S", json.dumps(lock_down()).encode())
    if act == "tell":
        line.send(b"J", json.dumps({"environment": dict(os.environ)}).encode())
    elif act == "sum":
        total, at = 0, 0
        while at < request["size"]:
            length = min(1 << 20, request["size"] - at)
            line.send(b"R", RANGE.pack(at, length))
            total += sum(line.receive()[1])
            at += length
        line.send(b"J", json.dumps({"sum": total}).encode())
    elif act == "eat memory":
        eaten = []
        try:
            while True:
                eaten.append(bytearray(16 << 20))
        except MemoryError:
            held = len(eaten)
            del eaten
            line.send(b"J", json.dumps({"mib": held * 16}).encode())
    elif act == "spin":
        while True:
            pass
    elif act == "sleep":
        time.sleep(600)
    elif act == "crash":
        import ctypes

        ctypes.string_at(0)
    elif act == "talk without end":
        while True:
            line.send(b"B", bytes(1 << 19))
    elif act == "say too much":
        line.send(b"J", b'{"x":"' + b"x" * (64 << 20) + b'"}')
    elif act == "say nonsense":
        line.send(b"J", b"\xff\xfe")
    elif act == "ask beyond the end":
        line.send(b"R", RANGE.pack(request["size"], 1))
        line.receive()
    elif act == "leave":
        sys.exit(0)
    else:
        try:
            outcome = repr(_try(act))
        except BaseException as error:
            outcome = type(error).__name__
        line.send(b"J", json.dumps({"outcome": outcome}).encode())


if __name__ == "__main__":
    main()
